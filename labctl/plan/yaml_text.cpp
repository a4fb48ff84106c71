#include "labctl/plan/yaml_text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lab::plan {

namespace {

bool is_plain(std::string_view text) {
  static constexpr std::string_view kWords[] = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"};
  if (text.empty() || text.back() == ':') return false;
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (std::ranges::find(kWords, lower) != std::end(kWords)) return false;
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  // ':' is plain inside a word (an address and its port), never before a space.
  return (letter(text.front()) || text.front() == '/') && std::ranges::all_of(text, [&](char c) {
           return letter(c) || std::string_view("._-/@:%+").contains(c);
         });
}

}  // namespace

std::string yaml_scalar(std::string_view text) {
  if (is_plain(text)) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
          out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        else
          out += c;
    }
  }
  return out + "\"";
}

std::string yaml_list(const std::vector<std::string>& items) {
  std::string out;
  for (const auto& item : items) out += (out.empty() ? "" : ", ") + yaml_scalar(item);
  return "[" + out + "]";
}

YamlText& YamlText::line(std::string_view key, std::string_view rest) {
  out_ += std::string(opened_.size() * 2, ' ') + yaml_scalar(key) + ":";
  if (!rest.empty()) out_ += " " + std::string(rest);
  out_ += '\n';
  return *this;
}

YamlText& YamlText::comment(std::string_view text) {
  out_ += fmt::format("{}# {}\n", std::string(opened_.size() * 2, ' '), text);
  return *this;
}
YamlText& YamlText::value(std::string_view key, std::string_view text) {
  return line(key, yaml_scalar(text));
}
YamlText& YamlText::number(std::string_view key, std::int64_t number) {
  return line(key, std::to_string(number));
}
YamlText& YamlText::flag(std::string_view key, bool flag) { return line(key, flag ? "true" : "false"); }
YamlText& YamlText::list(std::string_view key, const std::vector<std::string>& items) {
  return line(key, yaml_list(items));
}
YamlText& YamlText::raw(std::string_view key, std::string_view yaml) { return line(key, yaml); }

YamlText& YamlText::open(std::string_view key) {
  line(key, {});
  opened_.push_back(out_.size());
  return *this;
}

YamlText& YamlText::close() {
  if (opened_.back() == out_.size()) out_.insert(out_.size() - 1, " {}");
  opened_.pop_back();
  return *this;
}

std::string YamlText::text() && { return std::move(out_); }

}  // namespace lab::plan
