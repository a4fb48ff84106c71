/// machine -- the rules of an SMTP dialogue, the server's side (RFC 5321; submission RFC 6409, AUTH RFC 4954,
/// STARTTLS RFC 3207, CHUNKING RFC 3030). A line in, a reply out, and sometimes a question that only the
/// outside can answer: is the password right, where does this address lead, take the message now. No socket,
/// clock or directory here.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "mail/sasl.hpp"
#include "mail/smtp/envelope.hpp"
#include "mail/smtp/limits.hpp"
#include "mail/smtp/path.hpp"
#include "mail/smtp/reply.hpp"

namespace lab::mail::smtp {

struct Settings {
  std::string hostname;
  std::string domain;  ///< whose postmaster `<Postmaster>` is
  std::uint64_t max_message = 25 << 20;
  bool submission = false;  ///< ports 587 and 465: log in first, and send as yourself (RFC 6409 4.3, 6.1)
  bool tls_available = false;
  bool auth_without_tls = false;
  bool trusted_network = false;  ///< the client's address may relay without logging in
  TokenMechanism gssapi = {};    ///< Kerberos; empty: not offered
  Limits limits = {};
};

// What the session is to do after sending the reply, if any, and before reading on.
struct Nothing {};
struct Close {};     ///< end the dialogue
struct StartTls {};  ///< shake hands, then `on_tls`
struct CheckLogin {
  Credentials credentials;
};  ///< then `on_login`
struct CheckSender {
  Address address;
};  ///< does it lead to `user()`? then `on_sender`
struct CheckRecipient {
  Address address;
};                      ///< where does it lead? then `on_recipient`
struct ReadMessage {};  ///< up to CR LF . CR LF, then `on_message`
struct ReadChunk {
  std::uint64_t size;
  bool last;
  bool discard;  ///< out of order: read and forget it, then `on_chunk`
};               ///< exactly that many bytes; then `on_chunk`, or `on_message` after the last
using Ask =
    std::variant<Nothing, Close, StartTls, CheckLogin, CheckSender, CheckRecipient, ReadMessage, ReadChunk>;

struct Step {
  std::optional<Reply> reply;
  Ask ask = Nothing{};
};

/// How taking a message ended.
enum class Taken {
  Stored,  ///< on disk
  TooLarge,
  BareLineEnd,  ///< a CR or LF stood alone
  Loop,         ///< too many Received lines
  MailboxFull,  ///< now that its size is known, it does not fit
  NoMemory,
  NotStored,  ///< the disk or the database failed
};

class Machine {
 public:
  explicit Machine(Settings settings);

  Reply greeting() const;
  /// `line` without its end; `crlf`: it ended as it must.
  Step on_line(std::string_view line, bool crlf);
  Step on_line_too_long();
  void on_tls();
  Step on_login(const Account& account);
  Step on_sender(const Destination& destination);
  /// `mailbox_full`: known, but no room (RFC 5321 4.2.2).
  Step on_recipient(Destination destination, bool mailbox_full);
  Step on_chunk(std::uint64_t size, bool discarded);
  /// Ends the transaction. `id` is told to the client of a stored message.
  Step on_message(Taken taken, std::string_view id);
  /// Whose mailbox has no room for the message, for `Taken::MailboxFull`.
  void set_full(std::string user) { full_ = std::move(user); }

  const Envelope& envelope() const { return envelope_; }
  const std::string& helo() const { return helo_; }
  const std::string& user() const { return user_; }  ///< who has logged in; empty: nobody
  std::uint64_t declared_size() const { return declared_size_; }
  /// Bytes the message may have: what the server takes, or the strictest of its sender's policy and its
  /// recipients' domains.
  std::uint64_t message_limit() const;
  /// Why a message beyond that is refused.
  std::string too_large() const;
  bool secure() const { return secure_; }
  /// "ESMTPSA": for the Received line (RFC 3848, RFC 6531 4.3).
  std::string protocol() const;
  /// `line` as logs and the dialogue may show it: no password, no initial response.
  std::string shown(std::string_view line) const;

 private:
  enum State : unsigned { Connected = 1, Greeted = 2, HasSender = 4, HasRecipient = 8, Chunks = 16 };
  struct Command;
  static const Command kCommands[];

  Step helo(Cursor& argument);
  Step ehlo(Cursor& argument);
  Step mail(Cursor& argument);
  Step rcpt(Cursor& argument);
  Step data(Cursor& argument);
  Step bdat(Cursor& argument);
  Step rset(Cursor& argument);
  Step noop(Cursor& argument);
  Step quit(Cursor& argument);
  Step vrfy(Cursor& argument);
  Step expn(Cursor& argument);
  Step help(Cursor& argument);
  Step starttls(Cursor& argument);
  Step auth(Cursor& argument);
  Step web_browser(Cursor& argument);

  Step greet(Cursor& argument, bool extended);
  Step sasl_step(SaslExchange::Outcome outcome);
  Step refuse(int code, std::string enhanced, std::string text);
  Step wrong_order(unsigned allowed);
  std::optional<Step> apply_mail_parameters(const std::vector<Parameter>& parameters);
  void reset();
  bool may_auth() const { return secure_ || settings_.auth_without_tls; }
  bool may_relay() const { return !user_.empty() || settings_.trusted_network; }

  Settings settings_;
  State state_ = Connected;
  bool extended_ = false;  // greeted with EHLO
  bool secure_ = false;
  int errors_ = 0, failed_logins_ = 0;
  std::string helo_, user_;
  MailRules rules_;  // of who has logged in
  std::optional<SaslExchange> sasl_;
  std::string full_;
  std::optional<Address> asked_;  // the sender or recipient the session is asking about
  Envelope envelope_;
  std::uint64_t declared_size_ = 0;
};

}  // namespace lab::mail::smtp
