#include "common/yaml_syntax.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lab::yaml {

namespace {

/// The text of a line, from 1.
std::string_view line_of(std::string_view text, int line) {
  for (; line > 1; --line) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

/// Where a line's indentation holds a tab, counted from 1; 0 = nowhere.
int tab_in_indentation(std::string_view line) {
  const auto end = line.find_first_not_of(" \t");
  const auto tab = line.find('\t');
  return tab < end && tab != std::string_view::npos ? static_cast<int>(tab) + 1 : 0;
}

struct Saying {
  std::string_view said, what, remedy;
};
constexpr Saying kSayings[] = {
    {"end of map flow not found", "a '{' is not closed", "add the missing '}', or a comma before this"},
    {"end of sequence flow not found", "a '[' is not closed", "add the missing ']', or a comma before this"},
    {"end of map not found", "this line fits under none of the lines above",
     "indent it like the keys it belongs with; mind the ':' after a key"},
    {"end of sequence not found", "this line fits under none of the lines above",
     "indent it like the '-' lines it belongs with"},
    {"illegal map value", "a ':' where no value can be",
     "indent a key like those beside it; put text that holds ': ' in quotes"},
    {"illegal map key", "a key where none can be", "indent a key like those beside it"},
    {"illegal block entry", "a '-' where no list can be",
     "a list begins on a line of its own, or is written [a, b]"},
    {"illegal EOF in scalar", "a quote is not closed", "add the missing quote"},
    {"illegal flow end", "a ']' or '}' that nothing opened", "remove it, or add what opens it"},
    {"unknown escape character", "a '\\' before something that has no such form",
     "in single quotes a '\\' is only itself"},
    {"the referenced anchor is not defined", "an '*' refers to an anchor that is not above",
     "put text that begins with '*' in quotes"},
    {"alias not found after *", "an '*' with no name after it", "put text that begins with '*' in quotes"},
    {"anchor not found after &", "an '&' with no name after it", "put text that begins with '&' in quotes"},
    {"unknown token", "a character that can begin nothing",
     "put text that begins with '@', '`' or '%' in quotes"},
};

}  // namespace

Mistake explain_syntax(std::string_view text, Position at, std::string_view said) {
  // yaml-cpp notices a tab one line late, or takes it for something else.
  for (const int line : {at.line, at.line - 1})
    if (line > 0)
      if (const int tab = tab_in_indentation(line_of(text, line)))
        return {{line, tab}, "a tab in the indentation", "YAML is indented with spaces", 1};
  for (const auto& saying : kSayings)
    if (said.starts_with(saying.said))
      return {at, fmt::format("this is not valid YAML: {}", saying.what), std::string(saying.remedy), 1};
  return {at, fmt::format("this is not valid YAML: {}", said),
          "look at the indentation, the ':' and the quotes here and in the line above", 1};
}

}  // namespace lab::yaml
