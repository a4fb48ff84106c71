#include "dns/responder.hpp"

#include <algorithm>

namespace lab::dns {
namespace {

// EDNS options of a reply.
class ReplyOptions {
 public:
  static constexpr std::size_t kMost = 4 + 128;  // a name of 128 bytes is long for a server

  void add(std::uint16_t code, std::span<const std::uint8_t> data) {
    put16(bytes_ + size_, code);
    put16(bytes_ + size_ + 2, static_cast<std::uint16_t>(data.size()));
    std::copy(data.begin(), data.end(), bytes_ + size_ + 4);
    size_ += 4 + data.size();
  }
  void add_nsid(const std::string& nsid) {
    add(kNsid, as_bytes(std::string_view(nsid).substr(0, kMost - 4)));
  }
  // RFC 8914: why the answer is an error, for people who look at it with dig.
  void add_error(std::uint16_t info) {
    std::uint8_t data[2];
    put16(data, info);
    add(kExtendedError, data);
  }
  std::span<const std::uint8_t> bytes() const { return {bytes_, size_}; }

  static constexpr std::uint16_t kNsid = 3, kExtendedError = 15;
  static constexpr std::uint16_t kNotReady = 14, kNotAuthoritative = 20;  // RFC 8914 4.15, 4.21

 private:
  std::uint8_t bytes_[kMost + 6];
  std::size_t size_ = 0;
};

bool asks_for(const Edns& edns, std::uint16_t code) {
  for (std::size_t at = 0; at < edns.options.size(); at += std::size_t{4} + get16(&edns.options[at + 2]))
    if (get16(&edns.options[at]) == code) return true;
  return false;
}

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
  ReplyOptions extra;
  if (!options.nsid.empty() && asks_for(q.edns, ReplyOptions::kNsid)) extra.add_nsid(options.nsid);
  const std::size_t reserve =
      asker.reserve + (q.edns.present ? Response::kOptSize + extra.bytes().size() : 0);
  Response response(q, out, size_limit(options, asker.transport, q, out.size()), reserve);
  const Reach reach = answer(zones, q, asker.transport, response, options.answer);
  if (asker.may_recurse) response.set_recursion_available();
  const bool recurse = reach == Reach::Beyond && asker.may_recurse && q.recursion_desired;
  // These answers hold the question alone: there is room.
  if (q.edns.present && response.rcode() == Rcode::Refused) extra.add_error(ReplyOptions::kNotAuthoritative);
  if (q.edns.present && response.rcode() == Rcode::ServFail) extra.add_error(ReplyOptions::kNotReady);
  return {recurse ? Action::Recurse : Action::Reply,
          response.finish(q.edns, options.udp_size, extra.bytes())};
}

}  // namespace lab::dns
