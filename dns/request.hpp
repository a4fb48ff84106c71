/// request -- a message from the wire, checked once: header, the one question, where the sections are, EDNS
/// (RFC 6891) and TSIG (RFC 8945) if there. What passes here is safe to walk without further checks of
/// bounds.
#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "dns/edns.hpp"
#include "dns/name.hpp"
#include "dns/wire.hpp"

namespace lab::dns {

struct Request {
  std::span<const std::uint8_t> message;
  std::uint16_t id = 0;
  Opcode opcode = Opcode::Query;
  bool recursion_desired = false;
  bool checking_disabled = false;
  std::span<const std::uint8_t> qname;  ///< uncompressed; empty when there is no valid question
  Type qtype = 0;
  std::uint16_t qclass = 0;
  std::size_t question_end = 0;  ///< behind the question, where the answer section begins
  std::uint16_t answers = 0, authorities = 0, additionals = 0;
  std::size_t authorities_at = 0, additionals_at = 0;
  Edns edns;
  std::size_t tsig_at = 0;  ///< where the TSIG record stands; 0 without one
};

enum class Verdict {
  Good,
  NoQuestion,  ///< asks for nothing but a server cookie (RFC 7873 5.4)
  Ignore,      ///< a response, or no DNS message at all: an answer could start a loop (RFC 1035 7.3)
  FormErr,     ///< answer FORMERR; `request` holds what could be read
};

/// Never throws, never allocates.
Verdict parse_request(std::span<const std::uint8_t> message, Request& request);

/// A record inside a message.
struct WireRecord {
  std::size_t owner_at = 0, rdata_at = 0, rdata_size = 0, end = 0;
  Type type = 0;
  std::uint16_t rrclass = 0;
  std::uint32_t ttl = 0;
};
/// The record at `at`; nullopt when it does not fit into the message.
std::optional<WireRecord> read_record(std::span<const std::uint8_t> message, std::size_t at);

}  // namespace lab::dns
