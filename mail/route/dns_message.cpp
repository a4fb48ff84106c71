#include "mail/route/dns_message.hpp"

#include <algorithm>

#include "mail/address.hpp"

namespace lab::mail::route {
namespace {

constexpr std::uint16_t kClassIn = 1;
constexpr std::uint16_t kTypeOpt = 41;
constexpr std::uint16_t kUdpPayload = 1232;  // fits every path without fragments (DNS flag day 2020)
constexpr int kMostPointers = 32;            // of one compressed name: more is a circle
constexpr int kMostAliases = 16;             // CNAMEs in a row
constexpr std::size_t kMostRecords = 512;

void put16(std::vector<std::uint8_t>& out, unsigned value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value & 0xff));
}

/// Walks over a packet; once something is missing everything reads as 0 and `ok` stays false.
struct Reader {
  std::span<const std::uint8_t> packet;
  std::size_t at = 0;
  bool ok = true;

  unsigned u8() {
    if (at >= packet.size()) ok = false;
    return ok ? packet[at++] : 0U;
  }
  unsigned u16() {
    auto high = u8();
    return high << 8 | u8();
  }
  void skip(std::size_t n) {
    if (n > packet.size() - std::min(at, packet.size())) ok = false;
    at += n;
  }
  /// RFC 1035 4.1.4, in lower case, without the last dot.
  std::string name() {
    std::string text;
    std::size_t next = at;
    bool jumped = false;
    for (int pointers = 0; ok;) {
      if (next >= packet.size()) ok = false;
      if (!ok) break;
      unsigned length = packet[next];
      if ((length & 0xc0) == 0xc0) {
        if (next + 1 >= packet.size() || ++pointers > kMostPointers) {
          ok = false;
          break;
        }
        if (!jumped) at = next + 2;
        jumped = true;
        next = (length & 0x3fU) << 8 | packet[next + 1];
        continue;
      }
      if (length > 63 || next + 1 + length > packet.size() || text.size() + length > 255) {
        ok = false;
        break;
      }
      if (length == 0) {
        if (!jumped) at = next + 1;
        break;
      }
      if (!text.empty()) text += '.';
      for (std::size_t i = 1; i <= length; ++i) text += ascii_lower(static_cast<char>(packet[next + i]));
      next += 1 + length;
    }
    return text;
  }
};

struct Record {
  std::string owner;
  unsigned type = 0;
  std::string target;  // of CNAME and MX
  unsigned preference = 0;
  std::optional<IpAddress> address;
};

std::optional<IpAddress> read_address(Reader& reader, std::size_t size) {
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(reader.u8());
  if (!reader.ok) return std::nullopt;
  if (size == 16) return IpAddress::v6(bytes);
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | bytes[i];
  return IpAddress::v4(value);
}

Record read_record(Reader& reader) {
  Record record;
  record.owner = reader.name();
  record.type = reader.u16();
  auto cls = reader.u16();
  reader.skip(4);
  auto size = reader.u16();
  auto start = reader.at;
  if (!reader.ok || size > reader.packet.size() - start) {
    reader.ok = false;
    return record;
  }
  if (cls != kClassIn) record.type = 0;
  switch (record.type) {
    case static_cast<unsigned>(Type::Cname): record.target = reader.name(); break;
    case static_cast<unsigned>(Type::Mx):
      record.preference = reader.u16();
      record.target = reader.name();
      break;
    case static_cast<unsigned>(Type::A):
      if (size == 4) record.address = read_address(reader, 4);
      break;
    case static_cast<unsigned>(Type::Aaaa):
      if (size == 16) record.address = read_address(reader, 16);
      break;
    default: break;
  }
  reader.at = start + size;
  return record;
}

}  // namespace

std::optional<std::vector<std::uint8_t>> make_query(std::uint16_t id, std::string_view name, Type type) {
  std::vector<std::uint8_t> out;
  put16(out, id);
  put16(out, 0x0100);  // RD
  for (unsigned count : {1U, 0U, 0U, 1U}) put16(out, count);
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > 253) return std::nullopt;
  while (!name.empty()) {
    auto dot = name.find('.');
    auto label = name.substr(0, dot);
    if (label.empty() || label.size() > 63) return std::nullopt;
    out.push_back(static_cast<std::uint8_t>(label.size()));
    out.insert(out.end(), label.begin(), label.end());
    name = dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
  }
  out.push_back(0);
  put16(out, static_cast<unsigned>(type));
  put16(out, kClassIn);
  out.push_back(0);  // RFC 6891 6.1.2: OPT
  put16(out, kTypeOpt);
  put16(out, kUdpPayload);
  for (int i = 0; i < 6; ++i) out.push_back(0);
  return out;
}

std::optional<DnsAnswer> parse_answer(std::span<const std::uint8_t> packet, std::uint16_t id,
                                      std::string_view name, Type type) {
  Reader reader{packet};
  auto got_id = reader.u16();
  auto flags = reader.u16();
  auto questions = reader.u16(), answers = reader.u16();
  reader.skip(4);
  auto wanted = lower(name.ends_with('.') ? name.substr(0, name.size() - 1) : name);
  if (!reader.ok || got_id != id || (flags & 0x8000) == 0 || questions != 1) return std::nullopt;
  auto question = reader.name();
  if (reader.u16() != static_cast<unsigned>(type) || reader.u16() != kClassIn || !reader.ok ||
      question != wanted)
    return std::nullopt;
  DnsAnswer result;
  auto rcode = flags & 0xf;
  if ((flags & 0x0200) != 0) {
    result.outcome = DnsAnswer::Outcome::Truncated;
    return result;
  }
  if (rcode != 0 && rcode != 3) return result;
  if (answers > kMostRecords) return result;
  std::vector<Record> records;
  for (unsigned i = 0; i < answers; ++i) {
    records.push_back(read_record(reader));
    if (!reader.ok) return std::nullopt;
  }
  // RFC 1034 3.6.2: the answer may lead through aliases.
  for (int aliases = 0; aliases <= kMostAliases; ++aliases) {
    for (auto& record : records) {
      if (record.owner != wanted || record.type != static_cast<unsigned>(type)) continue;
      if (type == Type::Mx)
        result.mx.push_back({static_cast<std::uint16_t>(record.preference), record.target});
      if (record.address) result.addresses.push_back(*record.address);
    }
    auto alias = std::find_if(records.begin(), records.end(), [&](const Record& r) {
      return r.owner == wanted && r.type == static_cast<unsigned>(Type::Cname);
    });
    if (!result.mx.empty() || !result.addresses.empty() || alias == records.end()) break;
    wanted = alias->target;
  }
  bool found = !result.mx.empty() || !result.addresses.empty();
  result.outcome = found        ? DnsAnswer::Outcome::Found
                   : rcode == 3 ? DnsAnswer::Outcome::NoName
                                : DnsAnswer::Outcome::NoData;
  return result;
}

}  // namespace lab::mail::route
