/// utf7 -- names of mailboxes beyond ASCII as IMAP4rev1 writes them: modified UTF-7 (RFC 3501 5.1.3),
/// "&AOk-t&AOk-" for été.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace lab::mail::imap {

std::string encode_utf7(std::string_view utf8);
/// nullopt where the text is no modified UTF-7.
std::optional<std::string> decode_utf7(std::string_view text);

}  // namespace lab::mail::imap
