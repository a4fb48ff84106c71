/// limits -- every bound of a POP3 dialogue, with its reason.
#pragma once
#include <chrono>
#include <cstddef>

namespace lab::mail::pop3 {

struct Limits {
  /// RFC 2449 4: a command has at most 255 octets; RFC 5034 asks for more where a SASL response is in it.
  std::size_t line = 12288;
  int errors = 20;
  int failed_logins = 3;
  /// What is gathered before it is sent.
  std::size_t block = 65536;
  std::chrono::seconds before_login{120};
  std::chrono::seconds idle{600};  ///< RFC 1939 3: at least 10 minutes
  std::chrono::seconds transfer{300};
  std::chrono::seconds handshake{30};
};

}  // namespace lab::mail::pop3
