#include "labctl/command/results.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>

#include "labctl/command/terminal.hpp"
#include "labctl/runtime/namespaces.hpp"

namespace lab::command {

namespace json = boost::json;

namespace {

constexpr std::size_t kMostTitle = 90;

std::string xml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&quot;"; break;
      default: out += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? ' ' : c;
    }
  }
  return out;
}

}  // namespace

ResultPrinter::ResultPrinter(const plan::Plan& plan, Options options) : plan_(plan), options_(options) {
  for (const auto& check : plan.checks) {
    node_width_ = std::max(node_width_, display_width(check.node));
    group_width_ = std::max(group_width_, display_width(check.group));
    title_width_ = std::max(title_width_, std::min(kMostTitle, display_width(check.title)));
  }
}

void ResultPrinter::show(const CheckResults& results) {
  if (options_.quiet) return;
  for (; next_ < plan_.checks.size(); ++next_) {
    const auto& check = plan_.checks[next_];
    const auto found = results.find(check.id);
    if (found == results.end()) return;
    const auto& result = found->second;
    if (result.ok && options_.failures_only) continue;
    fmt::print("{}  {}  {}  {}  {:>4.0f} ms\n", padded(check.node, node_width_),
               padded(check.group, group_width_), padded(check.title, title_width_),
               result.ok ? styled(Style::Good, "✓") : styled(Style::Bad, "✗"), result.ms);
    if (!result.ok) {
      const auto indent = std::string(node_width_ + 2, ' ');
      if (!result.expected.empty()) fmt::print("{}expected  {}\n", indent, result.expected);
      fmt::print("{}got       {}\n", indent, result.got);
      if (!result.remedy.empty()) fmt::print("{}do        {}\n", indent, result.remedy);
    }
    std::fflush(stdout);
  }
}

std::string results_json(const plan::Plan& plan, const CheckResults& results, double seconds) {
  json::array checks;
  std::size_t broken = 0;
  for (const auto& check : plan.checks) {
    const auto& result = results.at(check.id);
    broken += result.ok ? 0 : 1;
    json::object line{{"id", check.id},  {"node", check.node}, {"group", check.group}, {"title", check.title},
                      {"ok", result.ok}, {"got", result.got},  {"ms", result.ms}};
    if (!result.ok) {
      line["expected"] = result.expected;
      line["remedy"] = result.remedy;
    }
    if (check.points > 0) line["points"] = check.points;
    checks.emplace_back(std::move(line));
  }
  return json::serialize(json::object{{"lab", plan.lab},
                                      {"ok", broken == 0},
                                      {"checks", checks},
                                      {"broken", broken},
                                      {"of", plan.checks.size()},
                                      {"seconds", seconds}});
}

Result<void> write_junit(const std::string& path, const plan::Plan& plan, const CheckResults& results,
                         double seconds) {
  std::vector<std::string> nodes;
  for (const auto& check : plan.checks)
    if (std::ranges::find(nodes, check.node) == nodes.end()) nodes.push_back(check.node);
  std::string suites;
  std::size_t all_failures = 0;
  for (const auto& node : nodes) {
    std::string cases;
    std::size_t tests = 0;
    std::size_t failures = 0;
    for (const auto& check : plan.checks) {
      if (check.node != node) continue;
      const auto& result = results.at(check.id);
      ++tests;
      cases += fmt::format("    <testcase classname=\"{}.{}\" name=\"{}\" time=\"{:.3f}\"", xml(node),
                           xml(check.group), xml(check.title), result.ms / 1000);
      if (result.ok) {
        cases += "/>\n";
        continue;
      }
      ++failures;
      cases += fmt::format(
          ">\n      <failure message=\"{}\">expected: {}\ngot: {}\ndo: {}</failure>\n    </testcase>\n",
          xml(result.got), xml(result.expected), xml(result.got), xml(result.remedy));
    }
    all_failures += failures;
    suites += fmt::format("  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\">\n{}  </testsuite>\n",
                          xml(node), tests, failures, cases);
  }
  return runtime::write_file(
      path,
      fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{}\" tests=\"{}\" "
                  "failures=\"{}\" time=\"{:.3f}\">\n{}</testsuites>\n",
                  xml(plan.lab), plan.checks.size(), all_failures, seconds, suites),
      0644);
}

std::string grade_text(const plan::Plan& plan, const CheckResults& results) {
  double reached = 0;
  double total = 0;
  Columns columns;
  for (const auto& check : plan.checks) {
    if (check.points <= 0) continue;
    const bool ok = results.at(check.id).ok;
    total += check.points;
    reached += ok ? check.points : 0;
    columns.add({fmt::format("{:g} of {:g}", ok ? check.points : 0.0, check.points), check.title});
  }
  if (total <= 0) return "No check carries points; give some under 'points:'.\n";
  return fmt::format("{}Points: {:g} of {:g}\n", columns.text("  "), reached, total);
}

}  // namespace lab::command
