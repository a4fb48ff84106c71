/// envelope -- what SMTP says about a message besides the message: from whom, to whom, how it came.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "mail/accounts.hpp"
#include "mail/address.hpp"

namespace lab::mail::smtp {

struct Recipient {
  Address address;          ///< as the client gave it
  Destination destination;  ///< where it leads
};

struct Envelope {
  std::optional<Address> sender;  ///< none: the null reverse-path `<>`
  std::vector<Recipient> recipients;
  bool body_8bit = false;  ///< BODY=8BITMIME was declared
  bool smtputf8 = false;   ///< RFC 6531: addresses or headers are UTF-8

  /// The reverse-path as it is written between angle brackets.
  std::string return_path() const { return sender ? sender->text() : std::string(); }
};

}  // namespace lab::mail::smtp
