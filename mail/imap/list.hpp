/// list -- which names LIST and LSUB show (RFC 3501 6.3.8, 6.3.9, RFC 5258, RFC 6154), and how they are
/// written.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "mail/imap/command.hpp"
#include "mail/store/reader.hpp"

namespace lab::mail::imap {

/// `*` is anything, `%` anything up to the next '/'. Linear in the product of the lengths at worst.
bool matches_pattern(std::string_view pattern, std::string_view name);

/// A mailbox name as an answer writes it: modified UTF-7, always quoted (old Thunderbirds fell over bare
/// `Test*`).
std::string written_name(std::string_view name);

/// One line of an answer.
struct Listed {
  std::string name;
  std::string attributes;  ///< `\HasNoChildren \Sent`
  bool selectable = false;
  bool child_subscribed = false;  ///< RFC 5258 3.5: CHILDINFO
};

std::vector<Listed> list(const List& request, const std::vector<MailboxName>& mailboxes,
                         const std::vector<std::string>& subscriptions);

}  // namespace lab::mail::imap
