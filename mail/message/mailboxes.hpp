/// mailboxes -- the address lists of From, To, Cc and their kin (RFC 5322 3.4): names, groups, comments and
/// all the obsolete forms. Reads what it can and never fails: these headers come from strangers. (What is
/// delivered to is decided by the envelope and mail::Address, never by these.)
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace lab::message {

/// One entry as IMAP's ENVELOPE wants it (RFC 3501 7.4.2). A group is told by its edges: an entry with
/// `mailbox` but no `host` opens it (the name is in `mailbox`), one with neither closes it.
struct Mailbox {
  enum class Kind { Address, GroupStart, GroupEnd };
  Kind kind = Kind::Address;
  std::string name{};     ///< display name or comment, encoded words still encoded
  std::string route{};    ///< obsolete source route, "@a,@b"
  std::string mailbox{};  ///< local part, unquoted
  std::string host{};
};

/// At most `limit` entries: a header of a hundred thousand addresses must not cost more than a column.
std::vector<Mailbox> parse_mailboxes(std::string_view unfolded, std::size_t limit = 1000);

}  // namespace lab::message
