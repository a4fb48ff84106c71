#include "dns/describe.hpp"

#include <fmt/format.h>

#include "dns/rdata.hpp"
#include "dns/record_text.hpp"

namespace lab::dns {
namespace {

constexpr std::size_t kMostRecords = 12;  // of one answer; a line is read by people

std::string count(unsigned n, const char* one, const char* many) {
  return fmt::format("{} {}", n, n == 1 ? one : many);
}

}  // namespace

std::string describe_request(const Request& q) {
  if (q.qname.empty()) return "a message without a readable question";
  const std::string name = Name::trusted(q.qname.data(), q.qname.size()).text();
  if (q.opcode == Opcode::Update)
    return fmt::format("update of {}: {}, {}", name, count(q.authorities, "change", "changes"),
                       count(q.answers, "condition", "conditions"));
  if (q.opcode == Opcode::Notify) return fmt::format("notify: {} has changed", name);
  if (q.opcode != Opcode::Query) return fmt::format("opcode {}", static_cast<unsigned>(q.opcode));
  std::string text = fmt::format("{} {}", name, type_text(q.qtype));
  if (q.edns.present)
    text += fmt::format(" (EDNS, {} bytes{})", q.edns.udp_size, q.edns.dnssec_ok ? ", DNSSEC wanted" : "");
  return text;
}

std::string describe_response(std::span<const std::uint8_t> m) {
  if (m.size() < kHeaderSize) return "no message";
  unsigned rcode = m[3] & 15U;
  std::string text;
  std::size_t at = kHeaderSize;
  for (unsigned i = get16(&m[4]); i > 0; --i) {
    at = skip_name(m, at);
    if (at == 0 || m.size() - at < 4) return "a malformed question";
    at += 4;
  }
  const char* const titles[] = {"", "authority", "additional"};
  for (std::size_t s = 0; s < 3; ++s) {
    std::string section;
    std::size_t shown = 0;
    for (unsigned i = get16(&m[6 + 2 * s]); i > 0; --i) {
      const auto r = read_record(m, at);
      if (!r) return "a malformed record";
      at = r->end;
      if (r->type == type::OPT) {
        rcode |= r->ttl >> 24 << 4;
        continue;
      }
      if (++shown > kMostRecords) continue;
      std::size_t owner_at = r->owner_at;
      const auto owner = Name::from_message(m, owner_at);
      const auto rdata = rdata_from_message(r->type, m, r->rdata_at, r->rdata_size);
      if (!owner || !rdata) return "a malformed record";
      section += (section.empty() ? "" : "; ") + record_text(*owner, r->type, r->ttl, as_bytes(*rdata));
    }
    if (shown > kMostRecords) section += fmt::format("; and {} more", shown - kMostRecords);
    if (!section.empty())
      text +=
          fmt::format("{}{}{}", s == 0 ? ": " : " | ", s == 0 ? "" : fmt::format("{}: ", titles[s]), section);
  }
  std::string head = rcode_text(static_cast<Rcode>(rcode));
  if ((m[2] & 4U) != 0) head += ", authoritative";
  if ((m[2] & 2U) != 0) head += ", truncated: ask again over TCP";
  return head + text;
}

}  // namespace lab::dns
