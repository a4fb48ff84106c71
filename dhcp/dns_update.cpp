#include "dhcp/dns_update.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <array>

#include "dhcp/domain_list.hpp"

namespace lab::dhcp {
namespace {

constexpr std::uint16_t kA = 1, kSoa = 6, kPtr = 12, kAaaa = 28, kDhcid = 49, kAnyType = 255;
constexpr std::uint16_t kIn = 1, kNone = 254, kAnyClass = 255;
constexpr std::uint16_t kUpdateOpcode = 5 << 11;
constexpr std::size_t kHeader = 12;

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

std::string without_dot(std::string name) {
  if (name.ends_with('.')) name.pop_back();
  return name;
}

}  // namespace

const char* name(Rcode code) {
  switch (code) {
    case Rcode::NoError: return "NOERROR";
    case Rcode::FormErr: return "FORMERR";
    case Rcode::ServFail: return "SERVFAIL";
    case Rcode::NxDomain: return "NXDOMAIN";
    case Rcode::NotImp: return "NOTIMP";
    case Rcode::Refused: return "REFUSED";
    case Rcode::YxDomain: return "YXDOMAIN";
    case Rcode::YxRrset: return "YXRRSET";
    case Rcode::NxRrset: return "NXRRSET";
    case Rcode::NotAuth: return "NOTAUTH";
    case Rcode::NotZone: return "NOTZONE";
  }
  return "an unknown code";
}

Result<Bytes> encode_update(const DnsUpdate& update, std::uint16_t id) {
  Bytes out;
  append16(out, id);
  append16(out, kUpdateOpcode);
  for (const std::size_t count :
       {std::size_t{1}, update.prerequisites.size(), update.updates.size(), std::size_t{0}})
    append16(out, static_cast<std::uint16_t>(count));
  auto zone = name_to_wire(update.zone);
  if (!zone) return zone;
  append(out, *zone);
  append16(out, kSoa);
  append16(out, kIn);
  for (const auto* section : {&update.prerequisites, &update.updates})
    for (const auto& record : *section) {
      auto owner = name_to_wire(record.name);
      if (!owner) return owner;
      append(out, *owner);
      append16(out, record.type);
      append16(out, record.record_class);
      append32(out, record.ttl);
      append16(out, static_cast<std::uint16_t>(record.data.size()));
      append(out, record.data);
    }
  return out;
}

std::optional<Rcode> decode_update_answer(std::span<const std::uint8_t> message, std::uint16_t id) {
  if (message.size() < kHeader || read16(message) != id) return std::nullopt;
  const std::uint16_t flags = read16(message.subspan(2));
  constexpr std::uint16_t kResponse = 0x8000, kOpcodeMask = 0x7800;
  if ((flags & kResponse) == 0 || (flags & kOpcodeMask) != kUpdateOpcode) return std::nullopt;
  const auto code = static_cast<std::uint8_t>(flags & 15);
  return code > static_cast<std::uint8_t>(Rcode::NotZone) ? Rcode::ServFail : static_cast<Rcode>(code);
}

Bytes dhcid(std::string_view client, std::string_view hardware, std::string_view fqdn) {
  constexpr std::uint16_t kHardware = 0, kClientId = 1, kDuid = 2;  // RFC 4701 3.3
  constexpr std::uint8_t kSha256 = 1;
  constexpr char kIaidAndDuid = '\xFF';  // RFC 4361 6.1: then four bytes of IAID, then the DUID
  std::uint16_t type = client == hardware ? kHardware : kClientId;
  if (type == kClientId && client.size() > 5 && client.front() == kIaidAndDuid) {
    type = kDuid;
    client.remove_prefix(5);
  }
  Bytes input(client.begin(), client.end());
  append(input, name_to_wire(lower(fqdn)).value_or(Bytes{0}));
  Bytes data;
  append16(data, type);
  data.push_back(kSha256);
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
  SHA256(input.data(), input.size(), digest.data());
  append(data, digest);
  return data;
}

std::string reverse_zone(const Network& network) {
  std::string zone = without_dot(network.address().reverse_name());
  const unsigned step = network.address().is_v4() ? 8 : 4;  // bits of a label
  for (unsigned labels = network.address().bits() / step; labels > network.prefix() / step; --labels)
    zone.erase(0, zone.find('.') + 1);
  return zone;
}

std::optional<std::string> classless_name(const std::string& zone, const IpAddress& address) {
  const auto dot = zone.find('.');
  const std::string label = zone.substr(0, dot),
                    octet = address.is_v4() ? without_dot(address.reverse_name()) : "";
  unsigned first = 0, prefix = 0;
  int read = 0;
  if (octet.empty() || dot == std::string::npos ||
      std::sscanf(label.c_str(), "%3u/%2u%n", &first, &prefix, &read) != 2 ||
      static_cast<std::size_t>(read) != label.size() || prefix < 25 || prefix > 32 || first > 255)
    return std::nullopt;
  const std::string host = octet.substr(0, octet.find('.'));
  const unsigned number = address.v4_value() & 0xffU, size = 1U << (32 - prefix);
  if (octet.substr(host.size()) != zone.substr(dot) || number < first || number >= first + size)
    return std::nullopt;
  return host + "." + zone;
}

NameTask::NameTask(Kind kind, NameTarget target) : target_(std::move(target)) {
  dhcid_ = dhcid(target_.client, target_.hardware, target_.fqdn);
  append(address_, target_.address.bytes());
  pointer_ = name_to_wire(target_.fqdn).value_or(Bytes{});
  reverse_name_ =
      target_.reverse_name.empty() ? without_dot(target_.address.reverse_name()) : target_.reverse_name;
  if (pointer_.empty()) {
    refusal_ = "'" + target_.fqdn + "' is no domain name";
    return;
  }
  go_on(kind == Kind::Add ? Step::AddForward : Step::RemoveForward);
}

/// Enters the step, or the next one where its zone is not ours to update.
void NameTask::go_on(Step step) {
  if (step == Step::AddForward && target_.forward_zone.empty()) step = Step::AddReverse;
  if (step == Step::RemoveForward && target_.forward_zone.empty()) step = Step::RemoveReverse;
  if ((step == Step::AddReverse || step == Step::RemoveReverse) && target_.reverse_zone.empty())
    step = Step::End;
  step_ = step;
}

std::uint16_t NameTask::address_type() const { return target_.address.is_v4() ? kA : kAaaa; }

DnsRecord NameTask::forward(std::uint16_t type, std::uint16_t record_class, Bytes data) const {
  return {target_.fqdn, type, record_class, record_class == kIn ? target_.ttl : 0, std::move(data)};
}

DnsRecord NameTask::reverse(std::uint16_t type, std::uint16_t record_class, Bytes data) const {
  return {reverse_name_, type, record_class, record_class == kIn ? target_.ttl : 0, std::move(data)};
}

std::optional<DnsUpdate> NameTask::next() const {
  // Prerequisites, RFC 2136 2.4: class NONE type ANY = the name is not in use; class IN = exactly this RRset
  // exists (TTL 0); class ANY = such an RRset exists; class NONE with a type = no such RRset. Updates, RFC
  // 2136 2.5: class IN adds, class ANY deletes an RRset, class NONE deletes one record.
  auto exactly = [](DnsRecord r) {
    r.ttl = 0;
    return r;
  };
  switch (step_) {
    case Step::AddForward:  // RFC 4703 5.3.1: a name nobody uses
      return DnsUpdate{target_.forward_zone,
                       {forward(kAnyType, kNone)},
                       {forward(address_type(), kIn, address_), forward(kDhcid, kIn, dhcid_)}};
    case Step::ReplaceForward:  // RFC 4703 5.3.2: a name that this very client registered before
      return DnsUpdate{target_.forward_zone,
                       {exactly(forward(kDhcid, kIn, dhcid_))},
                       {forward(address_type(), kAnyClass), forward(address_type(), kIn, address_)}};
    case Step::AddReverse:
      return DnsUpdate{target_.reverse_zone,
                       {reverse(kAnyType, kNone)},
                       {reverse(kPtr, kIn, pointer_), reverse(kDhcid, kIn, dhcid_)}};
    case Step::ReplaceReverse:  // the address was another client's: that a DHCID is there says that DHCP made
                                // the record
      return DnsUpdate{target_.reverse_zone,
                       {reverse(kDhcid, kAnyClass)},
                       {reverse(kPtr, kAnyClass), reverse(kDhcid, kAnyClass), reverse(kPtr, kIn, pointer_),
                        reverse(kDhcid, kIn, dhcid_)}};
    case Step::RemoveForward:  // RFC 4703 5.5: the address first …
      return DnsUpdate{target_.forward_zone,
                       {exactly(forward(kDhcid, kIn, dhcid_))},
                       {forward(address_type(), kNone, address_)}};
    case Step::RemoveMark:  // … then the mark, once no address is left
      return DnsUpdate{target_.forward_zone,
                       {exactly(forward(kDhcid, kIn, dhcid_)), forward(kA, kNone), forward(kAaaa, kNone)},
                       {forward(kDhcid, kAnyClass)}};
    case Step::RemoveReverse:
      return DnsUpdate{target_.reverse_zone,
                       {exactly(reverse(kDhcid, kIn, dhcid_))},
                       {reverse(kPtr, kAnyClass), reverse(kDhcid, kAnyClass)}};
    case Step::End: break;
  }
  return std::nullopt;
}

void NameTask::answered(Rcode rcode) {
  const auto refuse = [&](Step after, std::string why) {
    refusal_ += (refusal_.empty() ? "" : "; ") + std::move(why);
    go_on(after);
  };
  const bool done = rcode == Rcode::NoError;
  const bool absent = rcode == Rcode::NxRrset || rcode == Rcode::NxDomain || rcode == Rcode::YxRrset;
  if (rcode == Rcode::ServFail || rcode == Rcode::FormErr) {
    try_again_ = true;
    step_ = Step::End;
    return;
  }
  const bool forbidden =
      rcode == Rcode::Refused || rcode == Rcode::NotAuth || rcode == Rcode::NotZone || rcode == Rcode::NotImp;
  const auto answer = [&](const std::string& zone) { return zone + ": the server answers " + name(rcode); };
  switch (step_) {
    case Step::AddForward:
      if (done) return go_on(Step::AddReverse);
      if (forbidden) return refuse(Step::AddReverse, answer(target_.forward_zone));
      return go_on(Step::ReplaceForward);
    case Step::ReplaceForward:
      if (done) return go_on(Step::AddReverse);
      return refuse(Step::End, target_.fqdn + " belongs to another client or was written by hand");
    case Step::AddReverse:
      if (done) return go_on(Step::End);
      if (forbidden) return refuse(Step::End, answer(target_.reverse_zone));
      return go_on(Step::ReplaceReverse);
    case Step::ReplaceReverse:
      if (done) return go_on(Step::End);
      return refuse(Step::End, "the PTR record of " + target_.address.text() + " was written by hand");
    case Step::RemoveForward:
      if (done) return go_on(Step::RemoveMark);
      if (!absent) return refuse(Step::RemoveReverse, answer(target_.forward_zone));
      return go_on(Step::RemoveReverse);  // not ours any more: nothing to remove
    case Step::RemoveMark: return go_on(Step::RemoveReverse);
    case Step::RemoveReverse:
      if (!done && !absent) return refuse(Step::End, answer(target_.reverse_zone));
      return go_on(Step::End);
    case Step::End: break;
  }
}

}  // namespace lab::dhcp
