// Who is there (RFC 3501 6.1, 6.2; RFC 4959; RFC 5161; RFC 2971).
#include <fmt/format.h>

#include "common/log.hpp"
#include "mail/imap/session.hpp"
#include "mail/login.hpp"

namespace lab::mail::imap {

std::string Session::capabilities() const {
  std::string out = "IMAP4rev1 LITERAL+ SASL-IR ID ENABLE";
  if (!user_.empty())
    return out + fmt::format(
                     " IDLE NAMESPACE CHILDREN LIST-EXTENDED LIST-STATUS SPECIAL-USE CREATE-SPECIAL-USE "
                     "UIDPLUS UNSELECT MOVE "
                     "SORT THREAD=ORDEREDSUBJECT THREAD=REFERENCES ESEARCH WITHIN CONDSTORE QRESYNC QUOTA "
                     "QUOTA=RES-STORAGE "
                     "STATUS=SIZE APPENDLIMIT={}",
                     limits_.message);
  if (!stream_.secure() && context_.tls) out += " STARTTLS";
  return out + (!context_.may_log_in(stream_.secure()) ? " LOGINDISABLED"
                : context_.gssapi                      ? " AUTH=PLAIN AUTH=LOGIN AUTH=GSSAPI"
                                                       : " AUTH=PLAIN AUTH=LOGIN");
}

awaitable<Session::Result> Session::on(Capability&) {
  say("* CAPABILITY " + capabilities() + "\r\n");
  co_return ok("these it can do");
}

awaitable<Session::Result> Session::on(Noop&) { co_return ok("nothing done"); }

awaitable<Session::Result> Session::on(Logout&) {
  say("* BYE until next time\r\n");
  over_ = true;
  co_return ok("logged out");
}

awaitable<Session::Result> Session::on(Id&) {
  say("* ID (\"name\" \"labctl\" \"vendor\" \"labctl\")\r\n");
  co_return ok("that is me");
}

awaitable<Session::Result> Session::on(StartTls&) {
  if (stream_.secure()) co_return bad("the connection is encrypted already");
  if (!context_.tls) co_return no("this server has no certificate");
  finish(tag_, ok("begin the handshake now"));
  stream_.expires_after(limits_.handshake);
  auto done = co_await stream_.accept_tls(context_.tls);
  if (!done) {
    log::info("imap: {}: no TLS: {}", stream_.peer(),
              done.error() == StreamError::Broken ? stream_.failure() : describe(done.error()));
    over_ = true;
  } else {
    note(stream_.tls_version() + " " + stream_.tls_cipher());
  }
  co_return Result{"OK", {}, true};
}

awaitable<Session::Result> Session::on(LogIn& request) {
  // RFC 3501 6.2.3: LOGINDISABLED means what it says, whatever the password.
  if (!context_.may_log_in(stream_.secure()))
    co_return no("[PRIVACYREQUIRED] say STARTTLS first: no password in the clear");
  Credentials credentials{
      .name = std::move(request.user), .password = std::move(request.password), .act_as = {}, .principal = {}};
  co_return co_await log_in(std::move(credentials));
}

awaitable<Session::Result> Session::on(Authenticate& request) {
  if (!context_.may_log_in(stream_.secure()))
    co_return no("[PRIVACYREQUIRED] say STARTTLS first: no password in the clear");
  auto exchange = SaslExchange::start(request.mechanism, context_.kerberos_for("imap"));
  if (!exchange)
    co_return no(context_.gssapi ? "[CANNOT] PLAIN, LOGIN and GSSAPI are spoken here"
                                 : "[CANNOT] PLAIN and LOGIN are spoken here");
  const std::string tag(tag_);
  auto outcome =
      exchange->begin(request.initial ? std::optional<std::string_view>(*request.initial) : std::nullopt);
  while (outcome == SaslExchange::Outcome::Challenge) {
    say("+ " + exchange->challenge() + "\r\n");
    stream_.expires_after(limits_.before_login);
    auto line = co_await stream_.read_line(limits_.line_before_login);
    if (!line) {
      end(line.error());
      co_return gone();
    }
    outcome = exchange->feed(line->text);
  }
  if (outcome == SaslExchange::Outcome::Cancelled) co_return bad("cancelled");
  if (outcome == SaslExchange::Outcome::Malformed) co_return bad("not what the mechanism says");
  if (outcome == SaslExchange::Outcome::Refused) {
    log::warning("imap: log-in from {} refused: {}", stream_.peer(), exchange->why());
    co_return refused_login("[AUTHENTICATIONFAILED] Kerberos does not vouch for you: " + exchange->why());
  }
  auto credentials = exchange->credentials();
  co_return co_await log_in(std::move(credentials));
}

awaitable<Session::Result> Session::log_in(Credentials credentials) {
  const auto account = co_await context_.login.attempt(std::move(credentials), "imap", stream_.peer());
  switch (account.outcome) {
    case Account::Outcome::Ok:
      user_ = account.user;
      note("logged in as " + user_);
      co_return ok(fmt::format("[CAPABILITY {}] logged in as {}", capabilities(), user_));
    case Account::Outcome::Unavailable:
      co_return no("[UNAVAILABLE] cannot ask the directory now; try again in a moment");
    case Account::Outcome::Denied:
    case Account::Outcome::Refused: break;
  }
  co_return refused_login(account.outcome == Account::Outcome::Refused
                              ? "[CONTACTADMIN] " + account.why
                              : "[AUTHENTICATIONFAILED] wrong name or password");
}

Session::Result Session::refused_login(std::string why) {
  if (++failed_logins_ < limits_.failed_logins) return no(std::move(why));
  finish(tag_, no(std::move(why)));
  say("* BYE too many wrong passwords\r\n");
  over_ = true;
  return Result{"NO", {}, true};
}

awaitable<Session::Result> Session::on(Enable& request) {
  std::string done;
  for (const auto& word : request.capabilities) {
    if (equals_ignoring_case(word, "CONDSTORE")) enabled_.condstore = true, done += " CONDSTORE";
    if (equals_ignoring_case(word, "QRESYNC"))
      enabled_.condstore = enabled_.qresync = true, done += " QRESYNC";
  }
  say("* ENABLED" + done + "\r\n");
  co_return ok("enabled what is known");
}

}  // namespace lab::mail::imap
