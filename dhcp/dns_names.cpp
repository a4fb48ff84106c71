#include "dhcp/dns_names.hpp"

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

void DnsNames::for_each(const std::function<void(const DnsName&)>& visit) const {
  for (const auto& [key, name] : names_) visit(name);
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
