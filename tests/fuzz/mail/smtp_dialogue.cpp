// Any lines at all in an SMTP dialogue: it answers each with a well-formed reply, and nobody relays without
// logging in.
#include <cstdint>
#include <cstdlib>

#include "mail/smtp/machine.hpp"

using namespace lab::mail;
using namespace lab::mail::smtp;

namespace {

Destination find(const Address& address) {
  Destination d;
  d.outcome = address.domain() == "helper.bac" ? Destination::Outcome::Known : Destination::Outcome::NotOurs;
  if (d.outcome == Destination::Outcome::Known) d.users = {address.key_without_tag()};
  return d;
}

void require(bool holds) {
  if (!holds) std::abort();
}

void check_reply(const Reply& reply) {
  require(reply.code >= 200 && reply.code < 600);
  ReplyReader reader;
  auto outcome = ReplyReader::Outcome::More;
  std::string wire = reply.wire();
  for (std::size_t at = 0; at < wire.size();) {
    require(outcome == ReplyReader::Outcome::More);
    auto end = wire.find("\r\n", at);
    require(end != std::string::npos);
    outcome = reader.feed(std::string_view(wire).substr(at, end - at));
    at = end + 2;
  }
  require(outcome == ReplyReader::Outcome::Complete);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  if (rest.empty()) return 0;
  Settings settings;
  settings.hostname = "mail.helper.bac";
  settings.domain = "helper.bac";
  settings.tls_available = (rest[0] & 1) != 0;
  settings.auth_without_tls = (rest[0] & 2) != 0;
  settings.submission = (rest[0] & 4) != 0;
  Machine machine(settings);
  while (!rest.empty()) {
    auto end = rest.find('\n');
    auto step = machine.on_line(rest.substr(0, end), true);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    for (;;) {
      if (step.reply) check_reply(*step.reply);
      if (std::holds_alternative<Close>(step.ask)) return 0;
      if (std::holds_alternative<StartTls>(step.ask)) machine.on_tls();
      if (std::holds_alternative<Nothing>(step.ask) || std::holds_alternative<StartTls>(step.ask)) break;
      if (auto* login = std::get_if<CheckLogin>(&step.ask)) {
        Account account;
        account.outcome =
            login->credentials.password == "x" ? Account::Outcome::Ok : Account::Outcome::Denied;
        account.user = "ali@helper.bac";
        step = machine.on_login(account);
      } else if (auto* sender = std::get_if<CheckSender>(&step.ask)) {
        step = machine.on_sender(find(sender->address));
      } else if (auto* recipient = std::get_if<CheckRecipient>(&step.ask)) {
        step = machine.on_recipient(find(recipient->address), false);
      } else if (auto* chunk = std::get_if<ReadChunk>(&step.ask)) {
        step = chunk->discard || !chunk->last ? machine.on_chunk(chunk->size, chunk->discard)
                                              : machine.on_message(Taken::Stored, "1");
      } else {
        step = machine.on_message(Taken::Stored, "1");
      }
      for (auto& r : machine.envelope().recipients)
        require(r.destination.elsewhere.empty() || !machine.user().empty());
    }
  }
  return 0;
}
