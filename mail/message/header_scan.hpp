/// header_scan -- the few facts of a message's header that transport needs (RFC 5322 3.6), in one pass over
/// the header alone.
#pragma once
#include <string>
#include <string_view>

namespace lab::message {

struct HeaderScan {
  int received = 0;  ///< Received lines: how many hops lie behind it
  bool date = false, from = false;
  std::string id;       ///< of the Message-ID line, with its angle brackets; empty without one
  std::string subject;  ///< as written, unfolded
};

/// `message`: CR LF lines. A message that is all header, or none, is fine.
HeaderScan scan_header(std::string_view message);

}  // namespace lab::message
