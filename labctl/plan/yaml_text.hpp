/// yaml_text -- writes the daemons' configuration files as YAML a student can read: block maps, short lists
/// in one line, quotes only where a value needs them. What the YAML reader reads back is what was put in.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace lab::plan {

/// A scalar as YAML: plain where that is unmistakable, else in double quotes.
std::string yaml_scalar(std::string_view text);
/// `[a, b]`
std::string yaml_list(const std::vector<std::string>& items);

class YamlText {
 public:
  YamlText& comment(std::string_view text);
  YamlText& value(std::string_view key, std::string_view text);
  YamlText& number(std::string_view key, std::int64_t number);
  YamlText& flag(std::string_view key, bool flag);
  YamlText& list(std::string_view key, const std::vector<std::string>& items);
  /// A value that is YAML already: `{a: 1}`.
  YamlText& raw(std::string_view key, std::string_view yaml);
  /// A map: what comes until `close` is inside it. An empty one is written `{}`.
  YamlText& open(std::string_view key);
  YamlText& close();
  std::string text() &&;

 private:
  YamlText& line(std::string_view key, std::string_view rest);
  std::string out_;
  std::vector<std::size_t> opened_;  // where each open map's own line ends, to see whether anything followed
};

}  // namespace lab::plan
