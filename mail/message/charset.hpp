/// charset -- text of any charset as UTF-8, and UTF-8 made comparable: one case, single blanks. Searching and
/// sorting compare folded text (RFC 5255 4.2 asks for no more of a server without its i18n levels).
#pragma once
#include <string>
#include <string_view>

namespace lab::message {

bool is_ascii(std::string_view text);
bool is_utf8(std::string_view text);

/// UTF-8 of `bytes`. Unknown charsets and invalid bytes: taken as UTF-8 where they are, else as Windows-1252,
/// the commonest truth behind a wrong label.
std::string to_utf8(std::string_view charset, std::string_view bytes);
/// Whether `to_utf8` can keep its word for this charset (SEARCH CHARSET must refuse others).
bool knows_charset(std::string_view charset);

/// Lower case, runs of blanks and line ends as one space. UTF-8 in, UTF-8 out.
std::string fold(std::string_view utf8);
void fold_onto(std::string& out, std::string_view utf8);

}  // namespace lab::message
