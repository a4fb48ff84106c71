/// names -- names of mailboxes as the store keeps them: UTF-8, levels parted by '/', INBOX in capitals.
#pragma once
#include <string>
#include <string_view>

namespace lab::mail {

/// RFC 3501 5.1: INBOX is the same in any case, and so is its name as the parent of others.
std::string canonical_mailbox(std::string_view name);
/// At most `longest` bytes of UTF-8, no empty level, no control characters, no wildcards.
bool valid_mailbox(std::string_view name, std::size_t longest = 255);

}  // namespace lab::mail
