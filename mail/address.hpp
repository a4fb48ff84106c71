/// address -- a mailbox's address, `local@domain` (RFC 5321 4.1.2, with UTF-8 as RFC 6531 allows). Checked
/// once, where it comes in; a value of this type is always well-formed. The local part is kept as written,
/// unquoted; the domain in lower case.
#pragma once
#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "mail/cursor.hpp"

namespace lab::mail {

/// Sizes of RFC 5321 4.5.3.1, in octets.
struct AddressLimits {
  static constexpr std::size_t local = 64, domain = 255, path = 256, label = 63;
};

class Address {
 public:
  /// The whole of `text` must be one address, without angle brackets.
  static std::optional<Address> parse(std::string_view text);
  /// Takes an address off the cursor; leaves it anywhere when there is none.
  static std::optional<Address> take(Cursor& cursor);

  const std::string& local() const { return local_; }
  const std::string& domain() const { return domain_; }
  /// The domain is an address literal, `[192.168.56.10]`.
  bool literal() const { return domain_.front() == '['; }
  /// Some octet is not ASCII: to be sent on only where SMTPUTF8 is spoken (RFC 6531).
  bool international() const;
  /// As it is written in SMTP, the local part quoted where it must be.
  std::string text() const;
  /// The one form to look it up by: lower case. (The local part's case is the mailbox owner's business, RFC
  /// 5321 2.4, and ours does not distinguish it.) Without a tag: `ali+lists@helper.bac` is Ali's address too
  /// (RFC 5233).
  std::string key() const;
  std::string key_without_tag() const;

  friend bool operator==(const Address&, const Address&) = default;

 private:
  std::string local_, domain_;
};

/// A host's name (RFC 5321 2.3.5), or a UTF-8 one (RFC 6531): labels of at most 63 octets, in lower case.
/// Takes it off the cursor; nullopt when there is none.
std::optional<std::string> take_domain(Cursor& cursor);
/// `[192.168.56.10]` or `[IPv6:fd00::1]` (RFC 5321 4.1.3).
std::optional<std::string> take_address_literal(Cursor& cursor);

std::string lower(std::string_view text);

}  // namespace lab::mail
