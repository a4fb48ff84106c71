#include "dhcp/v6/client_name.hpp"

#include "dhcp/domain_list.hpp"
#include "dhcp/host_name.hpp"

namespace lab::dhcp::v6 {

namespace {

// RFC 4704 4.1
constexpr std::uint8_t kServerUpdates = 0x01, kOverridden = 0x02, kNoUpdate = 0x04;

/// RFC 4704 4.2: labels, perhaps without the final root; else plain text, which some clients send.
std::string name_in(const Bytes& data) {
  const auto name = std::span(data).subspan(1);
  if (!name.empty() && name[0] < name.size()) return {name.begin() + 1, name.begin() + 1 + name[0]};
  return {name.begin(), name.end()};
}

}  // namespace

std::string client_host_name(const Message& m) {
  const Bytes* fqdn = m.options.find(option::kClientFqdn);
  return fqdn == nullptr || fqdn->size() < 2 ? std::string() : host_label(name_in(*fqdn));
}

std::optional<Bytes> answer_fqdn(const Bytes& asked, std::string_view fqdn) {
  if (asked.empty()) return std::nullopt;
  // RFC 4704 6: as with DHCPv4, the names are ours to register, or the zone would hold some machines only.
  if (fqdn.empty()) {
    Bytes as_sent = asked;  // the name too: a partial one stays partial
    as_sent[0] = kNoUpdate;
    return as_sent;
  }
  auto wire = name_to_wire(fqdn);
  if (!wire) return std::nullopt;
  Bytes data{
      static_cast<std::uint8_t>(kServerUpdates | ((asked[0] & kServerUpdates) == 0 ? kOverridden : 0))};
  append(data, *wire);
  return data;
}

Bytes ask_fqdn(std::string_view host_name) {
  Bytes data{kServerUpdates};
  if (auto wire = name_to_wire(host_name)) {
    // RFC 4704 4.2: a partial name ends without the root.
    if (host_name.find('.') == std::string_view::npos) wire->pop_back();
    append(data, *wire);
  }
  return data;
}

}  // namespace lab::dhcp::v6
