#include "directory/rule_options.hpp"

#include <algorithm>

#include "common/yaml.hpp"
#include "directory/policy.hpp"

namespace lab::directory {
namespace {

constexpr const char* kDefault = "default";

Result<std::string> size_of(const std::string& option, const std::string& text) {
  yaml::Diagnostics mistakes(option, text);
  const auto value = yaml::parse(mistakes, text);
  const auto bytes = value ? value->bytes() : std::nullopt;
  if (!bytes || *bytes == 0) return fail("'" + text + "' is not a size", option, "write 200M, 1G, or default");
  return std::to_string(*bytes);
}

Result<std::vector<std::string>> protocols_of(const std::string& text) {
  if (text == kNoProtocol) return std::vector<std::string>{kNoProtocol};
  std::vector<std::string> out;
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find(',', at), text.size());
    auto name = text.substr(at, end - at);
    if (name != "imap" && name != "pop3" && name != "smtp")
      return fail("'" + name + "' is not a protocol", "--protocols", "name some of imap,pop3,smtp, or none");
    if (std::find(out.begin(), out.end(), name) == out.end()) out.push_back(std::move(name));
    at = end + 1;
  }
  return out;
}

}  // namespace

Result<std::vector<Modification>> modifications_of(const RuleOptions& o) {
  std::vector<Modification> out;
  auto replace = [&](const char* attribute, std::vector<std::string> values) {
    out.push_back({Modification::Kind::Replace, attribute, std::move(values)});
  };
  for (auto& [option, text, attribute] :
       {std::tuple{"--quota", &o.quota, "labMailQuota"},
        std::tuple{"--max-message", &o.max_message, "labMaxMessage"}}) {
    if (text->empty()) continue;
    if (*text == kDefault) {
      replace(attribute, {});
      continue;
    }
    auto size = size_of(option, *text);
    if (!size) return std::unexpected(size.error());
    replace(attribute, {*size});
  }
  if (o.send_outside == kDefault)
    replace("labSendOutside", {});
  else if (o.send_outside == "yes" || o.send_outside == "no")
    replace("labSendOutside", {o.send_outside == "yes" ? "TRUE" : "FALSE"});
  else if (!o.send_outside.empty())
    return fail("'" + o.send_outside + "' is neither yes nor no", "--send-outside", "or write default");
  if (o.protocols == kDefault) {
    replace("labProtocol", {});
  } else if (!o.protocols.empty()) {
    auto names = protocols_of(o.protocols);
    if (!names) return std::unexpected(names.error());
    replace("labProtocol", *names);
  }
  return out;
}

}  // namespace lab::directory
