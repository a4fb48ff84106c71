#include "dns/responder.hpp"

#include <algorithm>

namespace lab::dns {
namespace {

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

}  // namespace

std::size_t size_limit(const ResponderOptions& options, Transport transport, const Request& q,
                       std::size_t room) {
  if (transport == Transport::Tcp) return std::min(room, kMaxMessage);
  if (!q.edns.present) return std::min(room, kPlainUdp);
  // RFC 6891 6.2.5: values below 512 are taken as 512.
  return std::min<std::size_t>(room,
                               std::clamp<std::size_t>(q.edns.udp_size, kPlainUdp,
                                                       std::max<std::size_t>(options.udp_size, kPlainUdp)));
}

std::size_t plain_reply(const ResponderOptions& options, const Request& q, Rcode code,
                        std::span<std::uint8_t> out) {
  Response response(q, out, out.size(), 0);
  response.set_rcode(code);
  return response.finish(q.edns, options.udp_size);
}

Outcome respond(const ZoneSet& zones, const ResponderOptions& options, const Asker& asker,
                std::span<const std::uint8_t> message, std::span<std::uint8_t> out, Request& q) {
  const Verdict verdict = parse_request(message, q);
  if (verdict == Verdict::Ignore) return {Action::Drop, 0};
  auto error = [&](Rcode code) { return Outcome{Action::Reply, plain_reply(options, q, code, out)}; };
  switch (q.opcode) {
    case Opcode::Query:
    case Opcode::Notify:
    case Opcode::Update: break;
    default:
      return error(
          Rcode::NotImp);  // RFC 1035 4.1.1; a message of unknown kind is not judged by its questions
  }
  if (verdict == Verdict::FormErr) return error(Rcode::FormErr);
  if (q.edns.present && q.edns.version != 0) return error(Rcode::BadVers);  // RFC 6891 6.1.3
  if (q.tsig_at != 0) return {Action::Signed, 0};
  if (q.opcode == Opcode::Update) return {Action::Update, 0};
  if (q.opcode == Opcode::Notify) return {Action::Notify, 0};
  if (const Rcode fault = question_fault(q); fault != Rcode::NoError) return error(fault);
  if (q.qtype == type::AXFR || q.qtype == type::IXFR) {
    if (q.qtype == type::AXFR && asker.transport == Transport::Udp)
      return error(Rcode::FormErr);  // RFC 5936 4.2
    return {Action::Transfer, 0};
  }
  Response response(q, out, size_limit(options, asker.transport, q, out.size()),
                    asker.reserve + (q.edns.present ? Response::kOptSize : 0));
  const Reach reach = answer(zones, q, asker.transport, response, options.answer);
  if (asker.may_recurse) response.set_recursion_available();
  const bool recurse = reach == Reach::Beyond && asker.may_recurse && q.recursion_desired;
  return {recurse ? Action::Recurse : Action::Reply, response.finish(q.edns, options.udp_size)};
}

}  // namespace lab::dns
