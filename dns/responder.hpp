/// responder -- what the server says to any message at all: answers, errors, and which messages must go
/// another way (updates, transfers). The one place where a request becomes a reply; no sockets, no allocation
/// on the way of a query.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "dns/answer.hpp"
#include "dns/request.hpp"
#include "dns/zone.hpp"

namespace lab::dns {

struct ResponderOptions {
  /// The largest UDP answer, and what we say we can take: fits any path without fragments (RFC 9715, DNS Flag
  /// Day 2020).
  std::uint16_t udp_size = 1232;
  AnswerLimits answer;
  /// Which server this is, told to those who ask (NSID, RFC 5001); empty: not told.
  std::string nsid;
  /// How long a TCP connection may be silent, told to those who ask (RFC 7828), in tenths of a second.
  std::uint16_t keepalive = 100;
  Cookies cookies{Cookies::Secret{}};
  /// How many seconds a zone is good for yet, told to secondaries that ask (RFC 7314); by itself as long as
  /// its SOA says, which of a copy is true only when it is fresh.
  std::function<std::uint32_t(const Zone&)> good_for = [](const Zone& zone) { return zone.soa().expire; };
};

enum class Action : std::uint8_t {
  Reply,     ///< send `size` bytes
  Drop,      ///< say nothing: what came is no question
  Update,    ///< RFC 2136: must be on disk before it is answered
  Transfer,  ///< AXFR or IXFR: more than one message
  Signed,    ///< TSIG (RFC 8945): the signature is checked before anything else
  Notify,    ///< RFC 1996
  Recurse,   ///< ask other servers; the reply holds what we know by ourselves
};

/// Who asks: what the transport allows, and what the address may.
struct Asker {
  Transport transport = Transport::Udp;
  bool may_recurse = false;
  bool recursion_offered = false;              ///< to others, at least
  std::span<const std::uint8_t> address = {};  ///< 4 or 16 bytes
  std::uint32_t now = 0;                       ///< seconds since 1970
  std::size_t reserve = 0;                     ///< bytes of the reply kept free for a signature
};

struct Outcome {
  Action action = Action::Drop;
  std::size_t size = 0;
  Rcode rcode = Rcode::NoError;  ///< of the reply
  bool cookie_good = false;      ///< the asker has shown that its address is its own
};

/// Handles one message. `out` holds the reply; over TCP it should have 64 KiB. `request` is filled in for the
/// other actions, and for whoever wants to tell what was asked.
Outcome respond(const ZoneSet& zones, const ResponderOptions& options, const Asker& asker,
                std::span<const std::uint8_t> message, std::span<std::uint8_t> out, Request& request);

/// The most bytes a reply to this request may have.
std::size_t size_limit(const ResponderOptions& options, Transport transport, const Request& request,
                       std::size_t room);

/// Adds EXPIRE for those who ask for it: with an answer about the whole of `zone`, SOA, AXFR or IXFR.
void add_expire(const ResponderOptions& options, const Request& request, const Zone& zone,
                ReplyOptions& extra);

/// The options of any reply to this request: NSID, cookie, keepalive, padding, each to those who ask for it.
ReplyOptions reply_options(const ResponderOptions& options, const Asker& asker, const Request& request);

/// A reply that says no more than: ask again over TCP.
std::size_t truncated_reply(const ResponderOptions& options, const Asker& asker, const Request& request,
                            std::span<std::uint8_t> out);

/// A reply of header and question with a code: what an error, or the end of an update, looks like.
std::size_t plain_reply(const ResponderOptions& options, const Asker& asker, const Request& request,
                        Rcode code, std::span<std::uint8_t> out);

}  // namespace lab::dns
