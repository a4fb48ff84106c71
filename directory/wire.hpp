/// wire -- LDAP messages as bytes (RFC 4511), written and read by libldap, which here never sees a socket:
/// what it would send is collected, what arrives is fed to it. So connecting, TLS, waiting and deadlines are
/// ours and asynchronous, and none of libldap's traps applies (a handshake that ignores its time limit, TLS
/// options that need a new context, a descriptor that is -1 while connecting).
///
///   Wire wire;
///   int id = *wire.bind("uid=ali,ou=people,dc=helper,dc=bac", password);
///   send(wire.take_output()); …  wire.feed(received);
///   while (auto reply = wire.next()) if (reply->id == id) …
#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.hpp"
#include "directory/ldif.hpp"

namespace lab::directory {

enum class Scope { Base, One, Subtree };

struct Search {
  std::string base;
  Scope scope = Scope::Subtree;
  std::string filter = "(objectClass=*)";  ///< RFC 4515; values made safe by escape_filter
  std::vector<std::string> attributes;     ///< empty: all user attributes
  int size_limit = 0;                      ///< 0: the server's
  int page = 0;  ///< entries of one answer (RFC 2696); the rest is asked for with its `page_cookie`
  std::string page_cookie = {};  ///< of the answer before
  /// Never ends, but goes on with what changes after this mark (a cookie of RFC 4533). Needs `deliver_each`.
  std::optional<std::string> follow_from = {};
};

/// One attribute of an entry changed (RFC 4511 4.6).
struct Modification {
  enum class Kind { Add, Delete, Replace };
  Kind kind = Kind::Replace;
  std::string attribute;
  std::vector<std::string> values;  ///< none: the whole attribute, for Delete and Replace
};

/// What the password policy control of a bind's answer says (draft-behera-ldap-password-policy).
enum class PolicyError { None, PasswordExpired, AccountLocked, ChangeAfterReset, Other };

/// A whole answer: the result, and for a search the entries before it.
struct Reply {
  int id = 0;
  int code = 0;            ///< resultCode (RFC 4511 4.1.9); 0 success, 49 invalidCredentials, …
  std::string diagnostic;  ///< the server's words
  std::vector<Entry> entries;
  std::vector<std::string> referrals;   ///< whom to ask instead (RFC 4511 4.1.10)
  std::vector<std::string> references;  ///< whom to ask as well, for the rest of a search (RFC 4511 4.5.3)
  std::string page_cookie;              ///< not empty: there are more pages
  /// Of a search that is followed: a change, or the news that all before it have been told; not the end.
  enum class Part { Whole, Change, UpToDate, Other } part = Part::Whole;
  PolicyError policy = PolicyError::None;

  bool ok() const { return code == 0; }
  /// "49 invalid credentials (no such user)", for logs.
  std::string text() const;
};

struct WireLimits {
  std::size_t message =
      8U << 20U;  ///< a message longer than this is not read: a photo is 100 KiB, an entry less
};

class Wire {
 public:
  explicit Wire(WireLimits limits = {});
  ~Wire();
  Wire(Wire&&) noexcept;
  Wire& operator=(Wire&&) noexcept;

  // Requests: each returns its message id, by which the reply is known.
  Result<int> bind(const std::string& dn,
                   std::string_view password);  ///< simple; an empty password is refused here
  Result<int> bind_external();                  ///< SASL EXTERNAL (RFC 4513 5.2.3)
  Result<int> start_tls();                      ///< RFC 4511 4.14
  Result<int> search(const Search& search);
  Result<int> add(const Entry& entry);
  Result<int> modify(const std::string& dn, const std::vector<Modification>& changes);
  Result<int> remove(const std::string& dn);
  /// RFC 3062. `old`: as proof, where the server asks for one; empty: none.
  Result<int> change_password(const std::string& dn, std::string_view fresh, std::string_view old = {});
  void abandon(int id);
  void unbind();  ///< says good-bye; nothing more can be asked

  /// Bytes to send, given away.
  std::string take_output();
  /// Bytes that arrived.
  void feed(std::span<const char> bytes);
  /// From here on next() gives each message of a search by itself (Reply::part): for one that never ends.
  void deliver_each();
  /// The next complete answer. Unsolicited notices (RFC 4511 4.4: the server is about to close) have id 0.
  std::optional<Reply> next();
  /// Set once the other end has said what is not LDAP; nothing more will come.
  const std::optional<Error>& broken() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lab::directory
