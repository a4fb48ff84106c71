/// terminal -- how output looks: colour and progress on a terminal, plain text when piped or with NO_COLOR.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace lab::command {

bool is_terminal(int fd);
/// Whether standard output may be coloured (https://no-color.org).
bool coloured();

enum class Style { Good, Bad, Warn, Dim, Bold };
/// `text` in the style, or unchanged where colour is not wanted.
std::string styled(Style style, std::string_view text);
/// How many columns the text takes on a terminal; UTF-8, colour codes not counted.
std::size_t display_width(std::string_view text);
/// `text` filled with spaces up to `width` columns.
std::string padded(std::string_view text, std::size_t width);
/// "0.29 s", "12 ms", "3 min 10 s"
std::string duration_text(double seconds);
/// "1 error", "3 errors"
std::string counted(std::size_t n, std::string_view noun);
/// Whether the person's locale is French.
bool french();

/// Rows of cells printed in aligned columns, two spaces between them; the last column is not filled.
class Columns {
 public:
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  std::string text(std::string_view indent = "") const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace lab::command
