#include "dhcp/message.hpp"

#include <algorithm>

namespace lab::dhcp {
namespace {

constexpr std::array<std::uint8_t, kCookieSize> kCookie = {99, 130, 83, 99};  // RFC 2131 3
constexpr std::size_t kSnameAt = 44, kSnameSize = 64, kFileAt = 108, kFileSize = 128;
constexpr std::uint8_t kFileHoldsOptions = 1, kSnameHoldsOptions = 2;  // RFC 2132 9.3
constexpr std::size_t kLongestPart = 255;

std::string fixed_text(std::span<const std::uint8_t> field) {
  return {field.begin(), std::ranges::find(field, 0)};
}

void append_fixed(Bytes& out, std::string_view text, std::size_t size) {
  text = text.substr(0, size - 1);  // the field ends with a NUL (RFC 2131 2)
  out.insert(out.end(), text.begin(), text.end());
  out.insert(out.end(), size - text.size(), 0);
}

/// How many bytes of a route list fit into one part without cutting a route (RFC 3442: width, prefix bytes,
/// router).
std::size_t whole_routes(std::span<const std::uint8_t> data) {
  std::size_t at = 0;
  while (at < data.size()) {
    const std::size_t next = at + 1 + (data[at] + 7U) / 8U + 4;
    if (next > kLongestPart || next > data.size()) break;
    at = next;
  }
  return at == 0 ? std::min(data.size(), kLongestPart) : at;
}

/// The option as it stands on the wire, in one part or several.
Bytes wire_form(const Option& o) {
  Bytes out;
  std::span<const std::uint8_t> rest(o.data);
  const bool routes = o.code == option::kClasslessRoutes || o.code == option::kMicrosoftRoutes;
  do {
    std::size_t part = std::min(rest.size(), kLongestPart);
    if (routes && rest.size() > kLongestPart) part = whole_routes(rest);
    out.push_back(o.code);
    out.push_back(static_cast<std::uint8_t>(part));
    append(out, rest.first(part));
    rest = rest.subspan(part);
  } while (!rest.empty());
  return out;
}

/// Puts options into the option field and, where allowed, into `file` and `sname`. One byte of each field is
/// kept for END.
class Packer {
 public:
  Packer(std::size_t options_room, std::size_t file_room, std::size_t sname_room)
      : rooms_{options_room, file_room, sname_room} {
    fields[0].reserve(kUsualOptions);
  }

  bool put(const Option& o) {
    if (o.data.size() > kLongestPart) return put(wire_form(o));
    Bytes* field = field_with_room(2 + o.data.size());
    if (field == nullptr) return false;
    field->push_back(o.code);
    field->push_back(static_cast<std::uint8_t>(o.data.size()));
    append(*field, o.data);
    return true;
  }
  bool put(const Bytes& wire) {
    Bytes* field = field_with_room(wire.size());
    if (field != nullptr) append(*field, wire);
    return field != nullptr;
  }
  std::array<Bytes, 3> fields;  ///< options, file, sname

 private:
  static constexpr std::size_t kUsualOptions = 128;
  Bytes* field_with_room(std::size_t size) {
    for (std::size_t i = 0; i < fields.size(); ++i)
      if (fields[i].size() + size + 1 <= rooms_[i]) return &fields[i];
    return nullptr;
  }
  std::array<std::size_t, 3> rooms_;
};

}  // namespace

const char* name(MessageType type) {
  switch (type) {
    case MessageType::Discover: return "DHCPDISCOVER";
    case MessageType::Offer: return "DHCPOFFER";
    case MessageType::Request: return "DHCPREQUEST";
    case MessageType::Decline: return "DHCPDECLINE";
    case MessageType::Ack: return "DHCPACK";
    case MessageType::Nak: return "DHCPNAK";
    case MessageType::Release: return "DHCPRELEASE";
    case MessageType::Inform: return "DHCPINFORM";
    case MessageType::LeaseQuery: return "DHCPLEASEQUERY";
    case MessageType::LeaseUnassigned: return "DHCPLEASEUNASSIGNED";
    case MessageType::LeaseUnknown: return "DHCPLEASEUNKNOWN";
    case MessageType::LeaseActive: return "DHCPLEASEACTIVE";
  }
  return "unknown";
}

std::optional<MessageType> Message::type() const {
  auto value = options.uint8(option::kMessageType);
  constexpr std::uint8_t kForceRenew = 9;  // nobody here sends or takes it
  if (!value || *value < 1 || *value == kForceRenew || *value > static_cast<std::uint8_t>(MessageType::LeaseActive))
    return std::nullopt;
  return static_cast<MessageType>(*value);
}

std::string Message::hardware_text() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const auto byte : hardware()) {
    if (!text.empty()) text += ':';
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

Result<Message> Message::parse(std::span<const std::uint8_t> in) {
  if (in.size() < kFixedSize + kCookieSize) return fail("too short for a DHCP message");
  if (!std::ranges::equal(in.subspan(kFixedSize, kCookieSize), kCookie))
    return fail("not DHCP: no magic cookie (BOOTP?)");
  Message m;
  m.op = in[0];
  if (m.op != kBootRequest && m.op != kBootReply) return fail("neither a request nor a reply");
  m.htype = in[1];
  m.hlen = in[2];
  if (m.hlen > m.chaddr.size()) return fail("hardware address longer than 16 bytes");
  m.hops = in[3];
  m.xid = read32(in.subspan(4));
  m.secs = read16(in.subspan(8));
  m.flags = read16(in.subspan(10));
  m.ciaddr = IpAddress::v4(read32(in.subspan(12)));
  m.yiaddr = IpAddress::v4(read32(in.subspan(16)));
  m.siaddr = IpAddress::v4(read32(in.subspan(20)));
  m.giaddr = IpAddress::v4(read32(in.subspan(24)));
  std::ranges::copy(in.subspan(28, m.chaddr.size()), m.chaddr.begin());
  const auto sname = in.subspan(kSnameAt, kSnameSize);
  const auto file = in.subspan(kFileAt, kFileSize);

  m.options.parse(in.subspan(kFixedSize + kCookieSize));
  // RFC 2131 4.1: the option field first, then `file`, then `sname`. Overload is asked before, so that it
  // cannot nest.
  const std::uint8_t overload = m.options.uint8(option::kOverload).value_or(0);
  if ((overload & kFileHoldsOptions) != 0) {
    m.options.parse(file);
  } else {
    m.file = fixed_text(file);
  }
  if ((overload & kSnameHoldsOptions) != 0) {
    m.options.parse(sname);
  } else {
    m.sname = fixed_text(sname);
  }
  m.options.erase(option::kOverload);
  return m;
}

Encoded encode(const Message& m, const EncodeOptions& how) {
  Encoded result;
  constexpr std::size_t kOverloadOption = 3;
  const bool overload = how.overload && m.file.empty() && m.sname.empty();
  const std::size_t room = std::max(how.max_size, kMessageLimits.smallest) - kFixedSize - kCookieSize;

  // Relay information is echoed whole or the relay cannot deliver: its room is set aside first.
  const Bytes* relay = m.options.find(option::kRelayInformation);
  const Bytes last = relay == nullptr ? Bytes{} : wire_form({option::kRelayInformation, *relay});
  const std::size_t kept = last.size() + (overload ? kOverloadOption : 0);
  Packer packer(room > kept ? room - kept : 1, overload ? kFileSize : 0, overload ? kSnameSize : 0);
  for (const auto& o : m.options.list()) {
    if (o.code == option::kRelayInformation || o.code == option::kOverload) continue;
    if (!packer.put(o)) result.left_out.push_back(o.code);
  }
  auto& [options, in_file, in_sname] = packer.fields;
  const auto used = static_cast<std::uint8_t>((in_file.empty() ? 0 : kFileHoldsOptions) |
                                              (in_sname.empty() ? 0 : kSnameHoldsOptions));
  if (used != 0) append(options, Bytes{option::kOverload, 1, used});
  append(options, last);
  options.push_back(option::kEnd);
  if (!in_file.empty()) in_file.push_back(option::kEnd);
  if (!in_sname.empty()) in_sname.push_back(option::kEnd);
  in_file.resize(kFileSize);
  in_sname.resize(kSnameSize);

  Bytes& out = result.payload;
  out.reserve(std::max(kFixedSize + kCookieSize + options.size(), kMessageLimits.smallest));
  out = {m.op, m.htype, m.hlen, m.hops};
  append32(out, m.xid);
  append16(out, m.secs);
  append16(out, m.flags);
  for (const auto* address : {&m.ciaddr, &m.yiaddr, &m.siaddr, &m.giaddr}) append32(out, address->v4_value());
  append(out, m.chaddr);
  if ((used & kSnameHoldsOptions) != 0)
    append(out, in_sname);
  else
    append_fixed(out, m.sname, kSnameSize);
  if ((used & kFileHoldsOptions) != 0)
    append(out, in_file);
  else
    append_fixed(out, m.file, kFileSize);
  append(out, kCookie);
  append(out, options);
  if (out.size() < kMessageLimits.smallest) out.resize(kMessageLimits.smallest);
  return result;
}

}  // namespace lab::dhcp
