#include "mail/smtp/machine.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "mail/cursor.hpp"

namespace lab::mail::smtp {

struct Machine::Command {
  std::string_view verb;
  Step (Machine::*handler)(Cursor&);
  unsigned states;  // where it is allowed
};

// RFC 5321 4.1.4 says which command may follow which; the rest belongs to the extension named in the header.
const Machine::Command Machine::kCommands[] = {
    {"HELO", &Machine::helo, Connected | Greeted | HasSender | HasRecipient},
    {"EHLO", &Machine::ehlo, Connected | Greeted | HasSender | HasRecipient},
    {"MAIL", &Machine::mail, Greeted},
    {"RCPT", &Machine::rcpt, HasSender | HasRecipient},
    {"DATA", &Machine::data, HasRecipient},
    {"BDAT", &Machine::bdat, Greeted | HasSender | HasRecipient | Chunks},
    {"RSET", &Machine::rset, Connected | Greeted | HasSender | HasRecipient | Chunks},
    {"NOOP", &Machine::noop, Connected | Greeted | HasSender | HasRecipient | Chunks},
    {"QUIT", &Machine::quit, Connected | Greeted | HasSender | HasRecipient | Chunks},
    {"VRFY", &Machine::vrfy, Connected | Greeted | HasSender | HasRecipient},
    {"EXPN", &Machine::expn, Connected | Greeted | HasSender | HasRecipient},
    {"HELP", &Machine::help, Connected | Greeted | HasSender | HasRecipient},
    {"STARTTLS", &Machine::starttls, Greeted},
    {"AUTH", &Machine::auth, Greeted},
    {"GET", &Machine::web_browser, Connected},
    {"POST", &Machine::web_browser, Connected},
};

Machine::Machine(Settings settings) : settings_(std::move(settings)) {}

Reply Machine::greeting() const { return {220, "", settings_.hostname + " ESMTP labctl"}; }

Step Machine::refuse(int code, std::string enhanced, std::string text) {
  if (code >= 500 && ++errors_ >= settings_.limits.errors)
    return {Reply{421, "4.7.0", "too many errors; goodbye"}, Close{}};
  return {Reply{code, std::move(enhanced), std::move(text)}};
}

Step Machine::on_line_too_long() {
  sasl_.reset();
  return refuse(500, "5.5.2", fmt::format("line longer than {} bytes", settings_.limits.command_line));
}

Step Machine::on_line(std::string_view line, bool crlf) {
  if (!crlf) {
    sasl_.reset();
    return refuse(500, "5.5.2", "end each line with CR LF (nc -C, openssl s_client -crlf)");
  }
  if (sasl_) return sasl_step(sasl_->feed(line));
  if (line.find('\0') != std::string_view::npos || line.find('\r') != std::string_view::npos)
    return refuse(500, "5.5.2", "a command holds neither NUL nor a lone CR");
  Cursor cursor(line);
  auto verb = cursor.take_while([](char c) { return c != ' '; });
  for (auto& command : kCommands) {
    if (!equals_ignoring_case(verb, command.verb)) continue;
    if ((command.states & state_) == 0) return wrong_order(command.states);
    cursor.skip_spaces();
    return (this->*command.handler)(cursor);
  }
  return refuse(500, "5.5.1", "unknown command; HELP lists those I know");
}

Step Machine::wrong_order(unsigned allowed) {
  switch (state_) {
    case Connected: return refuse(503, "5.5.1", "say EHLO first");
    case Greeted:
      return refuse(
          503, "5.5.1",
          (allowed & HasSender) != 0 ? "MAIL FROM comes first" : "MAIL FROM and RCPT TO come first");
    case HasSender:
      return refuse(503, "5.5.1",
                    (allowed & HasRecipient) != 0 ? "RCPT TO comes first" : "not within a mail transaction");
    case HasRecipient: return refuse(503, "5.5.1", "not within a mail transaction");
    case Chunks: return refuse(503, "5.5.1", "after BDAT only BDAT goes on");  // RFC 3030 2
  }
  return {};
}

void Machine::reset() {
  envelope_ = {};
  declared_size_ = 0;
  if (state_ != Connected) state_ = Greeted;
}

Step Machine::helo(Cursor& argument) { return greet(argument, false); }
Step Machine::ehlo(Cursor& argument) { return greet(argument, true); }

Step Machine::greet(Cursor& argument, bool extended) {
  auto name = argument.take_while([](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7f; });
  argument.skip_spaces();
  // What the name says is not checked: RFC 5321 4.1.4 forbids to refuse mail for it, and clients at home have
  // none.
  if (name.empty() || !argument.at_end() || name.size() > AddressLimits::domain)
    return refuse(501, "5.5.4", "say who you are: EHLO pc1.helper.bac");
  helo_ = name;
  extended_ = extended;
  state_ = Greeted;
  reset();
  if (!extended) return {Reply{250, "", settings_.hostname}};
  std::string text = settings_.hostname + fmt::format("\nPIPELINING\nSIZE {}", message_limit());
  if (settings_.tls_available && !secure_) text += "\nSTARTTLS";
  if (may_auth() && user_.empty()) text += settings_.gssapi ? "\nAUTH PLAIN LOGIN GSSAPI" : "\nAUTH PLAIN LOGIN";
  text += "\n8BITMIME\nSMTPUTF8\nENHANCEDSTATUSCODES\nCHUNKING";
  return {Reply{250, "", std::move(text)}};
}

std::optional<Step> Machine::apply_mail_parameters(const std::vector<Parameter>& parameters) {
  for (auto& [name, value] : parameters) {
    if (name == "SIZE") {  // RFC 1870
      auto size = parse_number(value);
      if (!size) return refuse(501, "5.5.4", "SIZE wants a number of bytes");
      if (*size > message_limit()) return refuse(552, "5.3.4", too_large());
      declared_size_ = *size;
    } else if (name == "BODY") {  // RFC 6152
      if (!equals_ignoring_case(value, "7BIT") && !equals_ignoring_case(value, "8BITMIME"))
        return refuse(501, "5.5.4", "BODY is 7BIT or 8BITMIME");
      envelope_.body_8bit = equals_ignoring_case(value, "8BITMIME");
    } else if (name == "SMTPUTF8" && value.empty()) {
      envelope_.smtputf8 = true;
    } else if (name == "AUTH" && may_auth()) {
      // RFC 4954 5: taken, and trusted from nobody.
    } else {
      return refuse(555, "5.5.4", fmt::format("parameter {} is not known here", name));
    }
  }
  return std::nullopt;
}

Step Machine::mail(Cursor& argument) {
  if (settings_.submission && user_.empty())
    return refuse(530, "5.7.0",
                  may_auth() ? "log in first (AUTH)" : "encrypt and log in first (STARTTLS, AUTH)");
  auto given = parse_path(argument, "FROM:");
  switch (given.error) {
    case PathError::None: break;
    case PathError::NoBrackets:
      return refuse(501, "5.5.2", "the address stands in angle brackets: MAIL FROM:<ali@helper.bac>");
    case PathError::TooLong: return refuse(501, "5.1.7", "this path is longer than 256 bytes");
    case PathError::Syntax: return refuse(501, "5.1.7", "not an address: MAIL FROM:<ali@helper.bac>");
  }
  reset();
  if (auto refused = apply_mail_parameters(given.parameters)) {
    reset();
    return *refused;
  }
  if (given.path.postmaster) given.path.address = Address::parse("postmaster@" + settings_.domain);
  envelope_.sender = given.path.address;
  if (envelope_.sender && envelope_.sender->international() && !envelope_.smtputf8)
    return refuse(553, "5.6.7", "an address with letters beyond ASCII needs the SMTPUTF8 parameter");
  if (settings_.submission && envelope_.sender) {
    asked_ = envelope_.sender;
    return {std::nullopt, CheckSender{*asked_}};
  }
  state_ = HasSender;
  return {Reply{250, "2.1.0", "sender taken"}};
}

Step Machine::on_sender(const Destination& destination) {
  auto sender = asked_ ? asked_->text() : std::string();
  asked_.reset();
  if (destination.outcome == Destination::Outcome::Unavailable)
    return refuse(451, "4.4.3", "the directory does not answer; try again later");
  auto& users = destination.users;
  if (std::find(users.begin(), users.end(), user_) == users.end()) {
    envelope_ = {};
    return refuse(553, "5.7.1", fmt::format("{} is not an address of {}", sender, user_));
  }
  state_ = HasSender;
  return {Reply{250, "2.1.0", "sender taken"}};
}

Step Machine::rcpt(Cursor& argument) {
  auto given = parse_path(argument, "TO:");
  switch (given.error) {
    case PathError::None: break;
    case PathError::NoBrackets:
      return refuse(501, "5.5.2", "the address stands in angle brackets: RCPT TO:<awa@helper.bac>");
    case PathError::TooLong: return refuse(501, "5.1.3", "this path is longer than 256 bytes");
    case PathError::Syntax: return refuse(501, "5.1.3", "not an address: RCPT TO:<awa@helper.bac>");
  }
  if (given.path.postmaster) given.path.address = Address::parse("postmaster@" + settings_.domain);
  if (!given.path.address) return refuse(501, "5.1.3", "an empty path receives no mail");
  if (!given.parameters.empty())
    return refuse(555, "5.5.4", fmt::format("parameter {} is not known here", given.parameters.front().name));
  if (given.path.address->international() && !envelope_.smtputf8)
    return refuse(553, "5.6.7", "an address with letters beyond ASCII needs the SMTPUTF8 parameter of MAIL");
  if (envelope_.recipients.size() >= settings_.limits.recipients)
    return {Reply{452, "4.5.3",
                  fmt::format("{} recipients are enough for one message; send the rest in another",
                              settings_.limits.recipients)}};
  asked_ = given.path.address;
  return {std::nullopt, CheckRecipient{*asked_}};
}

Step Machine::on_recipient(Destination destination, bool mailbox_full) {
  auto address = *asked_;
  asked_.reset();
  switch (destination.outcome) {
    case Destination::Outcome::Unavailable:
      return refuse(451, "4.4.3", "the directory does not answer; try again later");
    case Destination::Outcome::Unknown:
      return refuse(550, "5.1.1", fmt::format("nobody here is called {}", address.text()));
    case Destination::Outcome::NotOurs:
      // The one place that keeps this server from being an open relay.
      if (!may_relay())
        return refuse(550, "5.7.1",
                      fmt::format("{} is not of this server; to send there, log in on port 587 or 465",
                                  address.text()));
      destination.users.clear();
      destination.elsewhere = {address};
      break;
    case Destination::Outcome::Known: break;
  }
  if (!destination.elsewhere.empty() && !user_.empty() && !rules_.send_outside)
    return refuse(550, "5.7.1",
                  fmt::format("{} may not send outside, and {} is outside (policy of {})", user_,
                              destination.elsewhere.front().text(), rules_.send_outside_from));
  if (destination.max_message != 0 && declared_size_ > destination.max_message)
    return refuse(552, "5.3.4",
                  fmt::format("{} takes at most {} bytes", address.text(), destination.max_message));
  if (mailbox_full) return refuse(452, "4.2.2", fmt::format("the mailbox of {} is full", address.text()));
  envelope_.recipients.push_back({std::move(address), std::move(destination)});
  state_ = HasRecipient;
  return {Reply{250, "2.1.5", "recipient taken"}};
}

Step Machine::data(Cursor& argument) {
  if (!argument.at_end()) return refuse(501, "5.5.4", "DATA stands alone");
  return {Reply{354, "", "the message, then a line with a single dot"}, ReadMessage{}};
}

Step Machine::bdat(Cursor& argument) {
  auto size = parse_number(argument.take_while(is_digit));
  bool last = argument.skip_spaces() > 0 && argument.take("LAST");
  argument.skip_spaces();
  // Without a size nobody knows where the next command begins.
  if (!size || !argument.at_end() || *size > settings_.limits.drained)
    return {Reply{501, "5.5.4", "BDAT wants a size, and LAST with the last one"}, Close{}};
  // RFC 3030 2: whatever is wrong, the chunk follows the command and has to be read.
  bool discard = state_ == Greeted || state_ == HasSender;
  if (!discard) state_ = Chunks;
  return {std::nullopt, ReadChunk{*size, last, discard}};
}

Step Machine::on_chunk(std::uint64_t size, bool discarded) {
  if (discarded) return refuse(503, "5.5.1", "MAIL FROM and RCPT TO come first");
  return {Reply{250, "2.0.0", fmt::format("{} bytes taken", size)}};
}

Step Machine::on_message(Taken taken, std::string_view id) {
  const auto larger = too_large();
  reset();
  switch (taken) {
    case Taken::Stored: return {Reply{250, "2.0.0", fmt::format("message {} is on disk", id)}};
    case Taken::TooLarge: return refuse(552, "5.3.4", larger);
    case Taken::MailboxFull:
      return refuse(552, "5.2.2", fmt::format("the mailbox of {} has no room for this message", full_));
    case Taken::BareLineEnd:
      return refuse(554, "5.6.0", "the message holds a lone CR or LF; its lines must end with CR LF");
    case Taken::Loop: return refuse(554, "5.4.6", "too many hops: this message goes in circles");
    case Taken::NoMemory: return refuse(452, "4.3.1", "too many messages at once; try again later");
    case Taken::NotStored: return refuse(451, "4.3.0", "could not be stored; try again later");
  }
  return {};
}

Step Machine::rset(Cursor&) {
  reset();
  return {Reply{250, "2.0.0", "forgotten"}};
}

Step Machine::noop(Cursor&) { return {Reply{250, "2.0.0", "here I am"}}; }

Step Machine::quit(Cursor&) { return {Reply{221, "2.0.0", settings_.hostname + " says goodbye"}, Close{}}; }

// RFC 5321 7.3: names are not handed out; 252 says that mail will tell.
Step Machine::vrfy(Cursor&) { return {Reply{252, "2.1.5", "send a message and see"}}; }

Step Machine::expn(Cursor&) { return refuse(502, "5.5.1", "lists are not shown here"); }

Step Machine::help(Cursor&) {
  return {
      Reply{214, "2.0.0",
            "EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY STARTTLS AUTH QUIT\nRFC 5321 tells what they do"}};
}

// A web page must not be able to make a browser speak SMTP.
Step Machine::web_browser(Cursor&) {
  return {Reply{500, "5.5.1", "this is a mail server, not a web server"}, Close{}};
}

Step Machine::starttls(Cursor& argument) {
  if (!argument.at_end()) return refuse(501, "5.5.4", "STARTTLS stands alone");
  if (secure_) return refuse(503, "5.5.1", "this dialogue is encrypted already");
  if (!settings_.tls_available) return refuse(502, "5.5.1", "no certificate is set up here");
  return {Reply{220, "2.0.0", "begin the handshake"}, StartTls{}};
}

void Machine::on_tls() {
  // RFC 3207 4.2: everything learnt before the handshake is forgotten, the client's name included.
  secure_ = true;
  extended_ = false;
  helo_.clear();
  user_.clear();
  rules_ = {};
  state_ = Connected;
  reset();
}

Step Machine::auth(Cursor& argument) {
  if (!extended_) return refuse(503, "5.5.1", "say EHLO first");
  if (!user_.empty()) return refuse(503, "5.5.1", fmt::format("you are logged in as {}", user_));
  if (!may_auth())
    return refuse(538, "5.7.11", "encrypt first (STARTTLS, or port 465): a password is not sent in clear");
  auto mechanism = argument.take_while([](char c) { return c != ' '; });
  sasl_ = SaslExchange::start(mechanism, settings_.gssapi);
  if (!sasl_)
    return refuse(504, "5.5.4",
                  settings_.gssapi ? "the mechanisms spoken here are PLAIN, LOGIN and GSSAPI"
                                   : "the mechanisms spoken here are PLAIN and LOGIN");
  std::optional<std::string_view> initial;
  if (argument.skip_spaces() > 0 && !argument.at_end()) initial = argument.rest();
  return sasl_step(sasl_->begin(initial));
}

Step Machine::sasl_step(SaslExchange::Outcome outcome) {
  switch (outcome) {
    case SaslExchange::Outcome::Challenge: return {Reply{334, "", sasl_->challenge()}};
    case SaslExchange::Outcome::Done: {
      CheckLogin ask{sasl_->credentials()};
      sasl_.reset();
      return {std::nullopt, std::move(ask)};
    }
    case SaslExchange::Outcome::Cancelled:
      sasl_.reset();
      return refuse(501, "5.7.0", "cancelled as you wish");
    case SaslExchange::Outcome::Malformed:
      sasl_.reset();
      return refuse(501, "5.5.2", "this is not the base64 the mechanism asks for");
    case SaslExchange::Outcome::Refused: {
      Account account;
      account.outcome = Account::Outcome::Refused;
      account.why = "Kerberos does not vouch for you: " + sasl_->why();
      sasl_.reset();
      return on_login(account);
    }
  }
  return {};
}

Step Machine::on_login(const Account& account) {
  switch (account.outcome) {
    case Account::Outcome::Ok:
      user_ = account.user;
      rules_ = account.rules;
      return {Reply{235, "2.7.0", fmt::format("welcome, {}", account.user)}};
    case Account::Outcome::Unavailable:
      return refuse(454, "4.7.0", "the directory does not answer; try again later");
    case Account::Outcome::Denied:
    case Account::Outcome::Refused: break;
  }
  if (++failed_logins_ >= settings_.limits.failed_logins)
    return {Reply{421, "4.7.0", "too many wrong passwords; goodbye"}, Close{}};
  if (account.outcome == Account::Outcome::Refused) return refuse(535, "5.7.13", account.why);
  return refuse(535, "5.7.8", "name or password is wrong");
}

std::uint64_t Machine::message_limit() const {
  auto limit = settings_.max_message;
  if (rules_.max_message != 0) limit = std::min(limit, rules_.max_message);
  for (auto& recipient : envelope_.recipients)
    if (recipient.destination.max_message != 0) limit = std::min(limit, recipient.destination.max_message);
  return limit;
}

std::string Machine::too_large() const {
  const auto limit = message_limit();
  if (rules_.max_message == limit)
    return fmt::format("{} may send at most {} bytes (policy of {})", user_, limit, rules_.max_message_from);
  return fmt::format("at most {} bytes are taken here", limit);
}

std::string Machine::protocol() const {
  if (!extended_) return "SMTP";
  return fmt::format("{}{}{}", envelope_.smtputf8 ? "UTF8SMTP" : "ESMTP", secure_ ? "S" : "",
                     user_.empty() ? "" : "A");
}

std::string Machine::shown(std::string_view line) const {
  if (sasl_) return "(secret)";
  Cursor cursor(line);
  if (!cursor.take("AUTH ")) return std::string(line);
  cursor.skip_spaces();
  auto mechanism = cursor.take_while([](char c) { return c != ' '; });
  return fmt::format("AUTH {}{}", mechanism, cursor.at_end() ? "" : " (secret)");
}

}  // namespace lab::mail::smtp
