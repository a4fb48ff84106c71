/// transfer -- what Content-Transfer-Encoding did, undone (RFC 2045 6). Damaged input gives what can be read
/// of it.
#pragma once
#include <string>
#include <string_view>

namespace lab::message {

/// Lenient, as RFC 2045 6.8 wants it of a body; log-ins use the strict one of sasl.hpp.
std::string decode_base64(std::string_view text);
std::string decode_quoted_printable(std::string_view text);
/// By the name in the header; an unknown encoding leaves the bytes as they are.
std::string decode_transfer(std::string_view encoding, std::string_view body);

}  // namespace lab::message
