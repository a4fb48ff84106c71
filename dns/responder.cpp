#include "dns/responder.hpp"

#include <algorithm>

namespace lab::dns {
namespace {

constexpr std::uint16_t kPadding = 468;  // RFC 8467 4.1: replies over TLS, where the question was padded
constexpr std::size_t kLongestNsid = 128;

// Types that ask for something other than records of a zone.
Rcode question_fault(const Request& q) {
  switch (q.qtype) {
    case 0:
    case type::OPT:
    case type::TSIG: return Rcode::FormErr;
    case type::TKEY:
    case type::MAILA:
    case type::MAILB: return Rcode::NotImp;
    default: return q.qclass == rrclass::IN || q.qclass == rrclass::ANY ? Rcode::NoError : Rcode::Refused;
  }
}

// Extended errors (RFC 8914): why the code, for people who look at the reply with dig. Such replies hold the
// question alone: there is room.
void explain(Rcode code, const Asker& asker, const Request& q, ReplyOptions& extra) {
  if (code == Rcode::Refused && q.recursion_desired && asker.recursion_offered && !asker.may_recurse)
    extra.add_error(ErrorInfo::Prohibited, "recursion is not for your network");
  else if (code == Rcode::Refused)
    extra.add_error(ErrorInfo::NotAuthoritative);
  else if (code == Rcode::ServFail)
    extra.add_error(ErrorInfo::NotReady, "no valid copy of the zone yet, or it has expired");
}

}  // namespace

std::size_t size_limit(const ResponderOptions& options, Transport transport, const Request& q,
                       std::size_t room) {
  if (transport != Transport::Udp) return std::min(room, kMaxMessage);
  if (!q.edns.present) return std::min(room, kPlainUdp);
  // RFC 6891 6.2.5: values below 512 are taken as 512.
  return std::min<std::size_t>(room,
                               std::clamp<std::size_t>(q.edns.udp_size, kPlainUdp,
                                                       std::max<std::size_t>(options.udp_size, kPlainUdp)));
}

ReplyOptions reply_options(const ResponderOptions& options, const Asker& asker, const Request& q) {
  ReplyOptions extra;
  if (!q.edns.present || q.edns.version != 0) return extra;
  if (!q.edns.cookie.empty())
    extra.add(option::COOKIE, options.cookies.reply(q.edns.cookie, asker.address, asker.now));
  if (q.edns.wants_nsid && !options.nsid.empty())
    extra.add(option::NSID, as_bytes(std::string_view(options.nsid).substr(0, kLongestNsid)));
  // RFC 7828 3.2.1: over UDP the option is passed over.
  if (q.edns.wants_keepalive && (asker.transport == Transport::Tcp || asker.transport == Transport::Tls)) {
    std::uint8_t timeout[2];
    put16(timeout, options.keepalive);
    extra.add(option::KEEPALIVE, timeout);
  }
  // RFC 7830 4: where others cannot read the message, its length should tell them nothing either.
  if (q.edns.padded && is_encrypted(asker.transport)) extra.pad_to = kPadding;
  return extra;
}

void add_expire(const ResponderOptions& options, const Request& q, const Zone& zone, ReplyOptions& extra) {
  if (!q.edns.wants_expire || !zone.available()) return;
  std::uint8_t seconds[4];
  put32(seconds, options.good_for(zone));
  extra.add(option::EXPIRE, seconds);
}

std::size_t plain_reply(const ResponderOptions& options, const Asker& asker, const Request& q, Rcode code,
                        std::span<std::uint8_t> out) {
  ReplyOptions extra = reply_options(options, asker, q);
  if (code == Rcode::NotImp) extra.add_error(ErrorInfo::NotSupported);
  Response response(q, out, out.size(), 0);
  response.set_rcode(code);
  return response.finish(q.edns, options.udp_size, extra);
}

std::size_t truncated_reply(const ResponderOptions& options, const Asker& asker, const Request& q,
                            std::span<std::uint8_t> out) {
  Response response(q, out, out.size(), 0);
  response.set_truncated();
  return response.finish(q.edns, options.udp_size, reply_options(options, asker, q));
}

Outcome respond(const ZoneSet& zones, const ResponderOptions& options, const Asker& asker,
                std::span<const std::uint8_t> message, std::span<std::uint8_t> out, Request& q) {
  const Verdict verdict = parse_request(message, q);
  if (verdict == Verdict::Ignore) return {Action::Drop, 0};
  const auto plain = [&](Rcode code) {
    return Outcome{Action::Reply, plain_reply(options, asker, q, code, out), code};
  };
  switch (q.opcode) {
    case Opcode::Query:
    case Opcode::Notify:
    case Opcode::Update: break;
    default:
      return plain(
          Rcode::NotImp);  // RFC 1035 4.1.1; a message of unknown kind is not judged by its questions
  }
  if (verdict == Verdict::FormErr) return plain(Rcode::FormErr);
  if (q.edns.present && q.edns.version != 0) return plain(Rcode::BadVers);  // RFC 6891 6.1.3
  // RFC 7873 5.2.4: a wrong server cookie is an old one, or somebody else's: the reply has the right one, and
  // whoever gets it asks again. Over TCP the address is known to be true.
  const auto cookie = options.cookies.check(q.edns.cookie, asker.address, asker.now);
  if (cookie == Cookies::State::Bad && asker.transport == Transport::Udp) return plain(Rcode::BadCookie);
  if (verdict == Verdict::NoQuestion) return plain(Rcode::NoError);
  if (q.tsig_at != 0) return {Action::Signed, 0};
  if (q.opcode == Opcode::Update) return {Action::Update, 0};
  if (q.opcode == Opcode::Notify) return {Action::Notify, 0};
  if (const Rcode fault = question_fault(q); fault != Rcode::NoError) return plain(fault);
  if (q.qtype == type::AXFR || q.qtype == type::IXFR) {
    if (q.qtype == type::AXFR && !has_stream(asker.transport)) return plain(Rcode::FormErr);  // RFC 5936 4.2
    return {Action::Transfer, 0};
  }
  ReplyOptions extra = reply_options(options, asker, q);
  if (q.edns.wants_expire && q.qtype == type::SOA) {
    LookupName name;
    name.assign(q.qname.data(), q.qname.size());
    if (const Zone* zone = zones.find(name); zone && zone->apex_labels() == name.labels())
      add_expire(options, q, *zone, extra);
  }
  const std::size_t reserve =
      asker.reserve + (q.edns.present ? Response::kOptSize + extra.bytes().size() : 0);
  Response response(q, out, size_limit(options, asker.transport, q, out.size()), reserve);
  const Reach reach = answer(zones, q, asker.transport, response, options.answer);
  if (asker.may_recurse) response.set_recursion_available();
  const bool recurse = reach == Reach::Beyond && asker.may_recurse && q.recursion_desired;
  if (q.edns.present && response.rcode() != Rcode::NoError) explain(response.rcode(), asker, q, extra);
  return {recurse ? Action::Recurse : Action::Reply, response.finish(q.edns, options.udp_size, extra),
          response.rcode(), cookie == Cookies::State::Good};
}

}  // namespace lab::dns
