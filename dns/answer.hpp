/// answer -- answers one question from immutable zones (RFC 1034 4.3.2, with RFC 2308 for what is not there,
/// RFC 4592 for wildcards, RFC 6672 for DNAME). Never allocates; safe from any thread.
#pragma once
#include "dns/request.hpp"
#include "dns/response.hpp"
#include "dns/zone.hpp"

namespace lab::dns {

struct AnswerLimits {
  /// CNAMEs and DNAMEs followed for one question; NSD stops after 18, resolvers after about as many.
  unsigned chain = 16;
  /// Names looked up for the additional section.
  unsigned additional_names = 20;
};

/// How a message came: over UDP, over TCP (RFC 7766), TLS (RFC 7858) or HTTPS (RFC 8484).
enum class Transport : std::uint8_t { Udp, Tcp, Tls, Https };
inline constexpr std::size_t kTransports = 4;
/// `udp`, `tcp`, `tls`, `https`.
constexpr const char* transport_text(Transport t) {
  constexpr const char* kNames[kTransports] = {"udp", "tcp", "tls", "https"};
  return kNames[static_cast<std::size_t>(t)];
}
/// Whether an answer may be several messages: a zone.
constexpr bool has_stream(Transport t) { return t == Transport::Tcp || t == Transport::Tls; }
constexpr bool is_encrypted(Transport t) { return t == Transport::Tls || t == Transport::Https; }

/// Whether all of the answer is ours to give.
enum class Reach : std::uint8_t {
  Ours,
  Beyond,  ///< the name is in no zone of ours, below a delegation, or an alias leads there, or the DS of a
           ///< zone whose parent is not ours is asked for: a resolver could say more
};

/// Fills `response`: records, RCODE, AA, TC. REFUSED when no zone of ours holds the name.
Reach answer(const ZoneSet& zones, const Request& request, Transport transport, Response& response,
             const AnswerLimits& limits = {});

}  // namespace lab::dns
