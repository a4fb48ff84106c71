/// words -- encoded words in headers, =?charset?Q?text?= (RFC 2047): read for searching and sorting, written
/// where text beyond ASCII must pass through a reader that was promised ASCII.
#pragma once
#include <string>
#include <string_view>

namespace lab::message {

/// Every encoded word replaced by its text, the rest taken as UTF-8 (RFC 6532) or, failing that,
/// Windows-1252.
std::string decode_words(std::string_view unfolded);

/// ASCII text as it is; anything else as encoded words of at most 75 characters (RFC 2047 2).
std::string encode_words(std::string_view utf8);

}  // namespace lab::message
