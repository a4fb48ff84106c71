#include "dns/request.hpp"

namespace lab::dns {
namespace {

// RFC 6891 6.1.2: the class is the payload size, the TTL holds extended RCODE, version and flags.
bool read_opt(std::span<const std::uint8_t> message, const WireRecord& r, Edns& edns) {
  if (edns.present || message[r.owner_at] != 0) return false;  // RFC 6891 6.1.1: one OPT, its owner the root
  edns.present = true;
  edns.udp_size = r.rrclass;
  edns.version = static_cast<std::uint8_t>(r.ttl >> 16);
  edns.dnssec_ok = (r.ttl & 0x8000U) != 0;
  if (edns.version != 0) return true;  // what its options mean is unknown; the answer will be BADVERS
  return read_options(message.subspan(r.rdata_at, r.rdata_size), edns);
}

}  // namespace

std::optional<WireRecord> read_record(std::span<const std::uint8_t> message, std::size_t at) {
  WireRecord r;
  r.owner_at = at;
  at = skip_name(message, at);
  if (at == 0 || message.size() - at < 10) return std::nullopt;
  r.type = get16(&message[at]);
  r.rrclass = get16(&message[at + 2]);
  r.ttl = get32(&message[at + 4]);
  r.rdata_size = get16(&message[at + 8]);
  r.rdata_at = at + 10;
  if (message.size() - r.rdata_at < r.rdata_size) return std::nullopt;
  r.end = r.rdata_at + r.rdata_size;
  return r;
}

Verdict parse_request(std::span<const std::uint8_t> message, Request& q) {
  q = Request{};
  q.message = message;
  if (message.size() < kHeaderSize) return Verdict::Ignore;
  const std::uint8_t* h = message.data();
  if ((h[2] & 0x80U) != 0) return Verdict::Ignore;
  q.id = get16(h);
  q.opcode = static_cast<Opcode>(h[2] >> 3 & 15U);
  q.recursion_desired = (h[2] & 1U) != 0;
  q.checking_disabled = (h[3] & 0x10U) != 0;
  q.question_end = kHeaderSize;
  q.answers = get16(h + 6);
  q.authorities = get16(h + 8);
  q.additionals = get16(h + 10);
  // RFC 9619: exactly one question, or none where only a cookie is asked for.
  const unsigned questions = get16(h + 4);
  if (questions > 1 || (questions == 0 && q.opcode != Opcode::Query)) return Verdict::FormErr;
  if (questions == 1) {
    const std::size_t size = name_size(message.subspan(kHeaderSize));
    if (size == 0 || message.size() - kHeaderSize - size < 4) return Verdict::FormErr;
    q.qname = message.subspan(kHeaderSize, size);
    const std::uint8_t* p = h + kHeaderSize + size;
    q.qtype = get16(p);
    q.qclass = get16(p + 2);
    q.question_end = kHeaderSize + size + 4;
  }
  std::size_t at = q.question_end;
  auto skip = [&](unsigned count) {
    for (; count > 0; --count) {
      const auto r = read_record(message, at);
      if (!r || r->type == type::OPT || r->type == type::TSIG)
        return false;  // they belong into the additional section
      at = r->end;
    }
    return true;
  };
  if (!skip(q.answers)) return Verdict::FormErr;
  q.authorities_at = at;
  if (!skip(q.authorities)) return Verdict::FormErr;
  q.additionals_at = at;
  for (unsigned i = 0; i < q.additionals; ++i) {
    const auto r = read_record(message, at);
    if (!r) return Verdict::FormErr;
    if (r->type == type::OPT && !read_opt(message, *r, q.edns)) return Verdict::FormErr;
    if (r->type == type::TSIG) {
      if (i + 1U != q.additionals) return Verdict::FormErr;  // RFC 8945 5.1: the last record, and one only
      q.tsig_at = at;
    }
    at = r->end;
  }
  if (at != message.size()) return Verdict::FormErr;  // nothing may follow the last record
  if (questions == 1) return Verdict::Good;
  return q.edns.cookie.empty() || q.answers + q.authorities > 0 ? Verdict::FormErr : Verdict::NoQuestion;
}

}  // namespace lab::dns
