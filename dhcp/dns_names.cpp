#include "dhcp/dns_names.hpp"

#include <algorithm>

namespace lab::dhcp {

void DnsNames::set(const DnsName& name) {
  if (name.state == NameState::ToAdd || name.state == NameState::ToRemove) {
    pending_[key(name)] = name.state;
  } else {
    pending_.erase(key(name));
  }
  names_[key(name)] = name;
}

void DnsNames::restore(const DnsName& name) { set(name); }

void DnsNames::take(const DnsName& name) {
  if (!name.forget) return set(name);
  pending_.erase(key(name));
  names_.erase(key(name));
}

std::vector<DnsName> DnsNames::of(const IpAddress& address) const {
  std::vector<DnsName> rows;
  for (auto at = names_.lower_bound(Key{address, {}, {}});
       at != names_.end() && at->second.address == address; ++at)
    rows.push_back(at->second);
  return rows;
}

std::vector<DnsName> DnsNames::agree(const Lease& lease, const std::string& fqdn,
                                     const std::vector<DnsName>& partners, Later later) {
  const bool active = lease.state == LeaseState::Active && !fqdn.empty();
  const Key wanted{lease.address, fqdn, lease.client};
  const auto theirs = std::ranges::find(partners, wanted, key);
  if (active && theirs != partners.end()) {
    const auto found = names_.find(wanted);
    const auto own = found == names_.end() ? std::nullopt : std::optional(found->second.state);
    DnsName row = *theirs;
    switch (later) {
      case Later::Ours: row.state = own.value_or(NameState::ToAdd); break;
      case Later::Same:  // one of the two has gone on with the work
        if (own == NameState::Present) row.state = NameState::Present;
        break;
      case Later::PartnersOfOurClient:  // we may have had it taken out while the partner believed it there
        if (!own) row.state = NameState::ToAdd;
        break;
      case Later::Partners: break;
    }
    if (own == NameState::ToRemove || row.state == NameState::ToRemove) row.state = NameState::ToAdd;
    set(row);
  }
  // Every other name goes, whoever registered it. Asked for twice, that does no harm: an update takes away
  // nothing but what this client and address had.
  for (const auto& row : partners)
    if (!active || key(row) != wanted) names_.try_emplace(key(row), row);
  auto rows = of(lease.address);
  for (auto& row : rows) {
    if (active && key(row) == wanted) continue;
    row.state = NameState::ToRemove;
    set(row);
  }
  return rows;
}

std::vector<DnsName> DnsNames::follow(const Lease& lease, const std::string& fqdn) {
  std::vector<DnsName> changed;
  const bool active = lease.state == LeaseState::Active && !fqdn.empty();
  const DnsName wanted{
      .address = lease.address, .fqdn = fqdn, .client = lease.client, .hardware = lease.hardware};
  for (auto at = names_.lower_bound(Key{lease.address, {}, {}});
       at != names_.end() && at->second.address == lease.address; ++at) {
    DnsName& name = at->second;
    if ((active && at->first == key(wanted)) || name.state == NameState::ToRemove) continue;
    name.state = NameState::ToRemove;
    changed.push_back(name);
    pending_[at->first] = NameState::ToRemove;
  }
  if (!active) return changed;
  // A name refused before is asked for again at each renewal: the obstacle may be gone.
  const auto known = names_.find(key(wanted));
  if (known != names_.end() && known->second.state == NameState::Present) return changed;
  changed.push_back(wanted);
  set(wanted);
  return changed;
}

std::optional<DnsName> DnsNames::next() const {
  for (const auto state : {NameState::ToRemove, NameState::ToAdd})
    for (const auto& [key, pending] : pending_)
      if (pending == state) return names_.at(key);
  return std::nullopt;
}

std::optional<DnsName> DnsNames::finished(const DnsName& done, bool refused) {
  const auto at = names_.find(key(done));
  if (at == names_.end() || at->second.state != done.state) return std::nullopt;
  DnsName row = at->second;
  if (done.state == NameState::ToRemove) {
    row.forget = true;
    pending_.erase(at->first);
    names_.erase(at);
  } else {
    row.state = refused ? NameState::Refused : NameState::Present;
    set(row);
  }
  return row;
}

}  // namespace lab::dhcp
