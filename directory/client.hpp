/// client -- asks a directory (LDAP, RFC 4511) who somebody is, without ever blocking a thread: connections
/// are pooled, watched by Asio, bounded by deadlines from name to TLS to bind, made again with backoff, and
/// spread over several servers in order of preference.
///
///   Client directory(io.get_executor(), {.urls = {"ldapi:///run/ldapi"}, .base = "dc=helper,dc=bac"});
///   auto answer = co_await directory.authenticate("ali", password);  // or with a callback
///   if (answer) welcome(answer.user);
///
/// The outcome of a login is remembered for a moment, as long as the server tells of changes
/// (login_cache.hpp): a password that is changed counts at once.
///
/// A password is checked by binding as the user on a connection kept for that (RFC 4513 5.1.3), look-ups go
/// over connections bound as the service account. `ldap://` always becomes TLS by StartTLS before anything is
/// said (RFC 4511 4.14); `ldaps://` begins with TLS; both verify the server's chain and name. `ldapi://` is a
/// Unix socket.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>

#include "common/error.hpp"
#include "directory/client_settings.hpp"
#include "directory/user.hpp"

namespace lab::directory {

/// Safe from any thread. Callbacks run on the executor given, never inside the call that asked.
class Client {
 public:
  Client(boost::asio::any_io_executor executor, ClientSettings settings);
  /// Open questions are answered Unavailable.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Whether `settings` could work: urls well-formed, a CA where TLS is used. Opens nothing.
  static Result<void> check(const ClientSettings& settings);

  /// `user`: a login name ("ali"), one of the user's mail addresses ("ali@helper.bac"), or a login name after
  /// its domain ("HELPER\\ali"), in any case. `password`: UTF-8 as the person typed it. Empty or with a NUL
  /// byte is WrongPassword without asking (RFC 4513 5.1.2: an empty one would be an anonymous bind that
  /// always succeeds).
  void authenticate(std::string user, std::string password, std::function<void(Authentication)> done);
  boost::asio::awaitable<Authentication> authenticate(std::string user, std::string password);

  /// `address`: "local@domain", in any case. People by their mail addresses, then aliases.
  void find_recipient(std::string address, std::function<void(Recipient)> done);
  boost::asio::awaitable<Recipient> find_recipient(std::string address);

  /// `login`: a login name somebody else has vouched for (Kerberos). Never an Alias.
  boost::asio::awaitable<Recipient> find_user(std::string login);

  /// Who says `old` gets `fresh`: by the password modify operation (RFC 3062), on Active Directory by
  /// unicodePwd. What was remembered of them is forgotten.
  void change_password(std::string user, std::string old, std::string fresh,
                       std::function<void(PasswordChange)> done);
  boost::asio::awaitable<PasswordChange> change_password(std::string user, std::string old,
                                                         std::string fresh);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace lab::directory
