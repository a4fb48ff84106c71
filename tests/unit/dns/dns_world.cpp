#include "tests/unit/dns/dns_world.hpp"

#include "dns/rdata.hpp"
#include "dns/record_text.hpp"

namespace lab::dns::test {

ZonePtr zone(std::string_view apex, std::string_view text) {
  const ZoneLoad load = load_zone_text(name(apex), "test.zone", text);
  for (const Error& e : load.problems) ADD_FAILURE() << e.text();
  return load.zone;
}

std::string refusal(std::string_view apex, std::string_view text) {
  const ZoneLoad load = load_zone_text(name(apex), "test.zone", text);
  EXPECT_EQ(load.zone, nullptr) << "the zone was accepted";
  return load.problems.empty() ? "" : load.problems[0].text();
}

Bytes encode(const Question& q) {
  Bytes m{0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(q.edns ? 1 : 0)};
  const Name n = name(q.name);
  m.insert(m.end(), n.data(), n.data() + n.size());
  auto add16 = [&](unsigned v) {
    m.push_back(static_cast<std::uint8_t>(v >> 8));
    m.push_back(static_cast<std::uint8_t>(v));
  };
  add16(type_of(q.type));
  add16(q.qclass);
  if (q.edns) {
    m.push_back(0);
    add16(type::OPT);
    add16(q.udp_size);
    m.push_back(0);
    m.push_back(q.version);
    add16(q.dnssec_ok ? 0x8000 : 0);
    add16(0);
  }
  return m;
}

Reply decode(std::span<const std::uint8_t> m) {
  Reply reply;
  reply.sent = true;
  reply.size = m.size();
  reply.bytes.assign(m.begin(), m.end());
  if (m.size() < kHeaderSize || (m[2] & 0x80) == 0) {
    ADD_FAILURE() << "not a response";
    return reply;
  }
  unsigned rcode = m[3] & 15U;
  reply.aa = m[2] & 4;
  reply.tc = m[2] & 2;
  reply.rd = m[2] & 1;
  reply.ra = m[3] & 0x80;
  std::size_t at = kHeaderSize;
  if (get16(&m[4]) == 1) {
    const auto n = Name::from_message(m, at);
    EXPECT_TRUE(n);
    reply.question = n->text() + " " + type_text(get16(&m[at]));
    at += 4;
  }
  std::vector<std::string>* sections[] = {&reply.answer, &reply.authority, &reply.additional};
  for (std::size_t s = 0; s < 3; ++s)
    for (unsigned i = get16(&m[6 + 2 * s]); i > 0; --i) {
      const auto r = read_record(m, at);
      if (!r) {
        ADD_FAILURE() << "a record does not fit";
        return reply;
      }
      at = r->end;
      if (r->type == type::OPT) {
        reply.has_opt = true;
        reply.opt_size = r->rrclass;
        reply.dnssec_ok = r->ttl & 0x8000;
        rcode |= r->ttl >> 24 << 4;
        reply.options = as_text(m.subspan(r->rdata_at, r->rdata_size));
        EXPECT_EQ(r->ttl >> 16 & 255, 0U) << "EDNS version";
        continue;
      }
      std::size_t owner_at = r->owner_at;
      const auto owner = Name::from_message(m, owner_at);
      const auto rdata = rdata_from_message(r->type, m, r->rdata_at, r->rdata_size);
      if (!owner || !rdata) {
        ADD_FAILURE() << "a record is malformed: " << type_text(r->type);
        return reply;
      }
      sections[s]->push_back(record_text(*owner, r->type, r->ttl, as_bytes(*rdata)));
    }
  EXPECT_EQ(at, m.size()) << "bytes behind the last record";
  reply.rcode = rcode_text(static_cast<Rcode>(rcode));
  return reply;
}

World& World::serve(std::string_view apex, std::string_view text) { return serve(zone(apex, text)); }

World& World::serve(ZonePtr zone) {
  zones_ = *zones_.with(zone->apex(), zone);
  return *this;
}

Reply World::send(const Bytes& message, Transport transport) const {
  Bytes out(kMaxMessage);
  Request request;
  const Outcome outcome = respond(zones_, options, {.transport = transport}, message, out, request);
  if (outcome.action == Action::Drop) return {};
  EXPECT_EQ(outcome.action, Action::Reply);
  return decode(std::span(out).first(outcome.size));
}

}  // namespace lab::dns::test
