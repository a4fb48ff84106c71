#include "mail/pop3/maildrop.hpp"

#include <fmt/format.h>

#include <iterator>

namespace lab::mail::pop3 {

Maildrop::Maildrop(Reader& reader, const MailboxState& inbox)
    : mailbox_(inbox.id), uidvalidity_(inbox.uidvalidity) {
  messages_.reserve(inbox.messages);
  const auto each = [&](const MessageRow& row) {
    messages_.push_back({row.uid(), false, row.size()});
    return true;
  };
  reader.messages(inbox.id, 1, UINT32_MAX, each, 0);
}

const Maildrop::Message* Maildrop::find(std::uint32_t number) const {
  if (number < 1 || number > messages_.size() || messages_[number - 1].deleted) return nullptr;
  return &messages_[number - 1];
}

void Maildrop::mark(std::uint32_t number) { messages_[number - 1].deleted = true; }

void Maildrop::reset() {
  for (auto& message : messages_) message.deleted = false;
}

UidSet Maildrop::marked() const {
  UidSet out;
  for (const auto& message : messages_)
    if (message.deleted) out.add(message.uid);
  return out;
}

std::uint32_t Maildrop::count() const {
  std::uint32_t n = 0;
  for (const auto& message : messages_) n += message.deleted ? 0 : 1;
  return n;
}

std::uint64_t Maildrop::bytes() const {
  std::uint64_t n = 0;
  for (const auto& message : messages_) n += message.deleted ? 0 : message.size;
  return n;
}

void Maildrop::write_size(std::string& out, std::uint32_t number) const {
  fmt::format_to(std::back_inserter(out), "{} {}\r\n", number, messages_[number - 1].size);
}

void Maildrop::write_uidl(std::string& out, std::uint32_t number) const {
  fmt::format_to(std::back_inserter(out), "{} {}-{}\r\n", number, uidvalidity_, messages_[number - 1].uid);
}

}  // namespace lab::mail::pop3
