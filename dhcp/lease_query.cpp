#include "dhcp/lease_query.hpp"

#include <algorithm>

#include "dhcp/host_name.hpp"

namespace lab::dhcp {
namespace {

constexpr std::size_t kMostAddresses = 60;  // of option 92, so that a query cannot make an answer that does not fit

const Scope* scope_with(const Settings& settings, const IpAddress& address) {
  const auto found =
      std::ranges::find_if(settings.scopes, [&](const Scope& s) { return s.network.contains(address); });
  return found == settings.scopes.end() ? nullptr : &*found;
}

/// The leases that run of who is asked for, the latest client first (RFC 4388 6.4.2).
std::vector<const Lease*> running(const Message& query, const LeaseTable& leases, ServerTime now) {
  std::vector<const Lease*> found;
  const auto add = [&](const Lease& lease) {
    if (lease.state == LeaseState::Active && lease.holds(now)) found.push_back(&lease);
  };
  if (query.ciaddr != IpAddress{}) {
    if (const Lease* lease = leases.find(query.ciaddr)) add(*lease);
  } else if (const Bytes* id = query.options.find(option::kClientId)) {
    for (const auto* lease : leases.of_client({reinterpret_cast<const char*>(id->data()), id->size()})) add(*lease);
  } else {
    std::string hardware(1, static_cast<char>(query.htype));
    hardware.append(query.hardware().begin(), query.hardware().end());
    leases.for_each([&](const Lease& lease) {
      if (lease.hardware == hardware) add(lease);
    });
  }
  std::ranges::sort(found, std::greater<>(), &Lease::touched);
  return found;
}

void describe(Message& m, const std::vector<const Lease*>& found, const Message& query, ServerTime now) {
  const Lease& lease = *found.front();
  m.ciaddr = lease.address;
  m.htype = static_cast<std::uint8_t>(lease.hardware.empty() ? 1 : lease.hardware[0]);
  const auto hardware = std::string_view(lease.hardware).substr(std::min<std::size_t>(1, lease.hardware.size()));
  m.hlen = static_cast<std::uint8_t>(std::min(hardware.size(), m.chaddr.size()));
  m.chaddr = {};
  std::copy_n(hardware.begin(), m.hlen, m.chaddr.begin());
  // RFC 4388 6.4.2: what is left of the times, not what was granted.
  const auto left = static_cast<std::uint32_t>(std::clamp<std::int64_t>((lease.expires - now).count(), 0, 0xFFFFFFFF));
  m.options.set_uint32(option::kLeaseTime, left);
  const auto total = (lease.expires - lease.touched).count();
  const auto gone = (now - lease.touched).count();
  if (total / 2 > gone) m.options.set_uint32(option::kRenewalTime, static_cast<std::uint32_t>(total / 2 - gone));
  if (total / 8 * 7 > gone) m.options.set_uint32(option::kRebindingTime, static_cast<std::uint32_t>(total / 8 * 7 - gone));
  m.options.set_uint32(option::kLastTransaction, static_cast<std::uint32_t>(std::clamp<std::int64_t>(gone, 0, 0xFFFFFFFF)));
  const Bytes* wishes = query.options.find(option::kParameterList);
  const auto wanted = [&](std::uint8_t code) {
    return wishes != nullptr && std::ranges::find(*wishes, code) != wishes->end();
  };
  if (wanted(option::kClientId) && lease.client != lease.hardware)
    m.options.set(option::kClientId, Bytes(lease.client.begin(), lease.client.end()));
  if (wanted(option::kHostName) && !lease.hostname.empty()) m.options.set_text(option::kHostName, lease.hostname);
  if (found.size() > 1 && query.ciaddr == IpAddress{}) {
    Bytes addresses;
    for (std::size_t i = 0; i < std::min(found.size(), kMostAddresses); ++i) append32(addresses, found[i]->address.v4_value());
    m.options.set(option::kAssociatedAddresses, std::move(addresses));
  }
}

}  // namespace

Reply answer_lease_query(const Message& query, const Arrival& arrival, const Settings& settings, const LeaseTable& leases,
                         const IpAddress& server_id, ServerTime now) {
  Message m;
  m.op = Message::kBootReply;
  m.htype = query.htype;
  m.hlen = query.hlen;
  m.xid = query.xid;
  m.flags = query.flags & Message::kBroadcastFlag;
  m.ciaddr = query.ciaddr;
  m.giaddr = query.giaddr;
  m.chaddr = query.chaddr;
  const auto found = running(query, leases, now);
  const bool by_address = query.ciaddr != IpAddress{};
  // RFC 4388 6.4.1: UNASSIGNED is for an address that is ours to lend; of anything else we know nothing.
  m.set_type(!found.empty()                                              ? MessageType::LeaseActive
             : by_address && scope_with(settings, query.ciaddr) != nullptr ? MessageType::LeaseUnassigned
                                                                           : MessageType::LeaseUnknown);
  m.options.set_address(option::kServerId, server_id);
  if (!found.empty()) describe(m, found, query, now);
  for (const auto code : {option::kRelayInformation})
    if (const Bytes* data = query.options.find(code)) m.options.set(code, *data);
  return {.message = std::move(m),
          .delivery = Delivery::Relay,
          .to = {query.giaddr == IpAddress{} ? arrival.source : query.giaddr, kServerPort},
          .from = server_id,
          .encoding = {}};
}

}  // namespace lab::dhcp
