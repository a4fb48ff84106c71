#include "labctl/teaching/demo.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <optional>

#include "labctl/teaching/story.hpp"

namespace lab::teaching {

namespace {

constexpr std::size_t kMostLines = 60;  // a projector's page and a half; more hides the telling part

constexpr const char* kBold = "\x1b[1m";
constexpr const char* kDim = "\x1b[2m";
constexpr const char* kMarked = "\x1b[1;33m";
constexpr const char* kBad = "\x1b[1;31m";
constexpr const char* kPlain = "\x1b[0m";

/// What a program printed, safe on a terminal: control characters but tabs are shown as '?'.
std::vector<std::string> lines_of(const std::string& output) {
  std::vector<std::string> lines;
  std::string line;
  for (const char c : output) {
    if (c == '\n') {
      lines.push_back(std::move(line));
      line.clear();
    } else if (c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f)) {
      line += c;
    } else if (c != '\r') {
      line += '?';
    }
  }
  if (!line.empty()) lines.push_back(std::move(line));
  return lines;
}

/// The number that follows `after` in the output.
std::optional<std::string> number_after(const std::string& output, const std::string& after) {
  const auto at = output.find(after);
  if (after.empty() || at == std::string::npos) return std::nullopt;
  const auto start = at + after.size();
  const auto end = std::min(output.find_first_not_of("0123456789", start), output.size());
  return end == start ? std::nullopt : std::optional(output.substr(start, end - start));
}

class Telling {
 public:
  explicit Telling(const DemoSettings& settings)
      : settings_(settings), language_(language_of(settings.language)) {}

  int run(std::vector<Lesson> lessons) {
    const auto all = lessons;
    if (lessons.empty()) {
      print(say("demo.nothing") + "\n");
      return 2;
    }
    if (!settings_.lesson.empty()) {
      std::erase_if(lessons, [&](const Lesson& lesson) { return lesson.name != settings_.lesson; });
      // Reading needs the message that sending made and the count that opening the mailbox gave.
      if (settings_.lesson == "read")
        std::ranges::copy_if(all, std::inserter(lessons, lessons.begin()), [](const Lesson& lesson) {
          return lesson.name == "send" || lesson.name == "mailbox";
        });
    }
    if (lessons.empty()) {
      std::string names;
      for (const auto& lesson : all) names += (names.empty() ? "" : ", ") + lesson.name;
      print(say("demo.unknown", {{"lesson", settings_.lesson}, {"lessons", names}}) + "\n");
      return 2;
    }
    std::size_t number = 0, failed = 0;
    for (const auto& lesson : lessons) {
      print(fmt::format("\n{}{}/{}  {}{}\n{}\n", style(kBold), ++number, lessons.size(), lesson.title,
                        style(kPlain), lesson.says));
      bool good = true;
      for (const auto& step : lesson.steps) {
        if (!pause()) return failed ? 1 : 0;
        good = show(step) && good;
      }
      if (!good) ++failed;
    }
    print("\n" +
          (failed
               ? say("demo.failed", {{"failed", std::to_string(failed)}, {"count", std::to_string(number)}})
               : say("demo.done", {{"count", std::to_string(number)}})) +
          "\n");
    return failed ? 1 : 0;
  }

 private:
  std::string say(std::string_view key, const std::map<std::string, std::string>& values = {}) const {
    return text(language_, key, values);
  }
  const char* style(const char* code) const { return settings_.colour ? code : ""; }

  void print(std::string_view words) const {
    if (settings_.print) {
      settings_.print(words);
      return;
    }
    std::fwrite(words.data(), 1, words.size(), stdout);
    std::fflush(stdout);
  }

  bool pause() const {
    if (settings_.automatic) return true;
    print(fmt::format("{}{}{}", style(kDim), say("demo.enter"), style(kPlain)));
    if (settings_.wait) return settings_.wait();
    std::string line;
    return static_cast<bool>(std::getline(std::cin, line));
  }

  bool show(const Step& step) {
    auto argv = step.argv;
    for (auto& word : argv)
      if (const auto at = word.find("{n}"); at != std::string::npos) word.replace(at, 3, number_);
    print(fmt::format("\n  {}{}:~$ {}{}\n", style(kBold), step.node, command_line(argv), style(kPlain)));
    const auto result = settings_.exec(step.node, argv);
    if (const auto number = number_after(result.output, step.capture)) number_ = *number;
    show_output(step, result.output);
    const auto wrong = complaint(step, argv, result);
    if (wrong.empty()) {
      print(fmt::format("  {}\n", step.seen));
      return true;
    }
    print(fmt::format("  {}{}{} {}: {}\n", style(kBad), say("demo.broken"), style(kPlain),
                      say("demo.expected"), wrong));
    return false;
  }

  void show_output(const Step& step, const std::string& output) const {
    const auto lines = lines_of(output);
    std::size_t shown = 0;
    for (const auto& line : lines) {
      if (shown++ == kMostLines) {
        print("     " + say("demo.more", {{"count", std::to_string(lines.size() - kMostLines)}}) + "\n");
        break;
      }
      const auto telling = [&](const std::string& part) { return line.contains(part); };
      if (std::ranges::any_of(step.expect, telling) || std::ranges::any_of(step.mark, telling))
        print(fmt::format("  {}> {}{}\n", style(kMarked), line, style(kPlain)));
      else
        print(fmt::format("  | {}\n", line));
    }
  }

  /// What should have come, or nothing when it did.
  std::string complaint(const Step& step, const std::vector<std::string>& argv,
                        const ExecResult& result) const {
    constexpr int kNoSuchProgram = 127;
    if (result.status == kNoSuchProgram) return say("demo.missing", {{"program", argv.front()}});
    if (step.succeeds && result.status != 0)
      return say("demo.status", {{"status", std::to_string(result.status)}});
    if (!step.succeeds && result.status == 0) return say("demo.refusal");
    for (const auto& part : step.expect)
      if (!result.output.contains(part)) return fmt::format("'{}'", part);
    return {};
  }

  const DemoSettings& settings_;
  Language language_;
  std::string number_ = "1";  // the place of the message in the mailbox
};

/// "14:03:22", in UTC.
std::string time_of_day() {
  const auto seconds = std::chrono::system_clock::now().time_since_epoch() / std::chrono::seconds(1) % 86'400;
  return fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

}  // namespace

int run_demo(const plan::Plan& plan, const DemoSettings& settings) {
  return Telling(settings).run(story(plan, language_of(settings.language), time_of_day()));
}

std::vector<std::string> lesson_names() {
  return {"lease", "names", "mx", "directory", "send", "mailbox", "read", "certificate"};
}

}  // namespace lab::teaching
