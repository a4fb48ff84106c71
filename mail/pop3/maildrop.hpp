/// maildrop -- INBOX as one POP3 session counts it: numbers, sizes and UIDLs as they were at log-in, what is
/// marked to be deleted (RFC 1939 5). Others may read and change the mailbox meanwhile, over IMAP too: this
/// session's numbers stay. "Exclusive" (RFC 1939 4) is kept in its effect: nobody's deletions shift them, and
/// what is gone answers -ERR.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mail/store/reader.hpp"

namespace lab::mail::pop3 {

class Maildrop {
 public:
  struct Message {
    std::uint32_t uid = 0;
    bool deleted = false;
    std::uint64_t size = 0;
  };

  Maildrop(Reader& reader, const MailboxState& inbox);

  std::int64_t mailbox() const { return mailbox_; }
  /// By number from 1; nothing where there is none or it is marked as deleted.
  const Message* find(std::uint32_t number) const;
  void mark(std::uint32_t number);
  void reset();
  UidSet marked() const;
  std::uint32_t count() const;
  std::uint64_t bytes() const;

  /// `1 120` for LIST, `1 1732541-7` for UIDL: what identifies a message for ever is the mailbox's
  /// UIDVALIDITY and its UID.
  void write_size(std::string& out, std::uint32_t number) const;
  void write_uidl(std::string& out, std::uint32_t number) const;
  std::uint32_t last() const { return static_cast<std::uint32_t>(messages_.size()); }

 private:
  std::int64_t mailbox_;
  std::uint32_t uidvalidity_;
  std::vector<Message> messages_;
};

}  // namespace lab::mail::pop3
