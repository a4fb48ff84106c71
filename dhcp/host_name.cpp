#include "dhcp/host_name.hpp"

#include "dhcp/domain_list.hpp"

namespace lab::dhcp {
namespace {

// RFC 4702 2.1
constexpr std::uint8_t kServerUpdates = 0x01, kOverridden = 0x02, kWireForm = 0x04, kNoUpdate = 0x08;
constexpr std::size_t kFqdnHeader = 3;

/// RFC 4702 2.3: in wire form when E is set, perhaps without the final root; else, or when it is neither,
/// plain text.
std::string name_in_fqdn(const Bytes& data) {
  const auto name = std::span(data).subspan(kFqdnHeader);
  if ((data[0] & kWireForm) != 0 && !name.empty() && name[0] < name.size())
    return {name.begin() + 1, name.begin() + 1 + name[0]};
  return {name.begin(), name.end()};
}

}  // namespace

std::string host_label(std::string_view name) {
  std::string label;
  for (const char c : name.substr(0, name.find('.'))) {
    if (c >= 'A' && c <= 'Z') {
      label += static_cast<char>(c - 'A' + 'a');
    } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      label += c;
    } else if ((c == '-' || c == '_' || c == ' ') && !label.empty()) {
      label += '-';  // "Awa's PC" and pc_1 are common; a hyphen is what people would have typed
    }
    if (label.size() == kNameLimits.label) break;
  }
  label.erase(label.find_last_not_of('-') + 1);
  return label;
}

std::string client_host_name(const Message& m) {
  if (const Bytes* fqdn = m.options.find(option::kClientFqdn); fqdn != nullptr && fqdn->size() > kFqdnHeader)
    if (auto label = host_label(name_in_fqdn(*fqdn)); !label.empty()) return label;
  return host_label(m.options.text(option::kHostName).value_or(""));
}

std::optional<Bytes> answer_fqdn(const Message& request, std::string_view fqdn) {
  const Bytes* asked = request.options.find(option::kClientFqdn);
  if (asked == nullptr || asked->size() < kFqdnHeader) return std::nullopt;
  // RFC 4702 4: the server says who updates the A record. It is always us where names are registered at all,
  // or the teacher's zone would hold some of the class only; O tells a client that wanted otherwise. Clients
  // that set both S and N are taken to mean N = 0.
  const std::uint8_t flags = (*asked)[0];
  std::uint8_t ours = flags & kWireForm;
  if (fqdn.empty()) {
    ours |= kNoUpdate;
  } else {
    ours |= kServerUpdates;
    if ((flags & kServerUpdates) == 0) ours |= kOverridden;
  }
  Bytes data{ours, 255, 255};  // both RCODE fields: "ignore" (RFC 4702 2.2)
  const auto name = fqdn.empty() ? name_in_fqdn(*asked) : std::string(fqdn);
  if ((flags & kWireForm) != 0) {
    auto wire = name_to_wire(name);
    if (!wire) return std::nullopt;
    append(data, *wire);
  } else {
    data.insert(data.end(), name.begin(), name.end());
  }
  return data;
}

}  // namespace lab::dhcp
