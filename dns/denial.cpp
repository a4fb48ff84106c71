#include "dns/denial.hpp"

#include <algorithm>

namespace lab::dns {

std::string type_bitmap(std::vector<Type> types) {
  std::sort(types.begin(), types.end());
  types.erase(std::unique(types.begin(), types.end()), types.end());
  std::string out;
  for (std::size_t i = 0; i < types.size();) {
    const auto window = static_cast<std::uint8_t>(types[i] >> 8);
    std::uint8_t bits[32] = {};
    std::size_t used = 0;
    for (; i < types.size() && types[i] >> 8 == window; ++i) {
      const std::size_t low = types[i] & 0xffU;
      bits[low / 8] = static_cast<std::uint8_t>(bits[low / 8] | 0x80U >> low % 8);
      used = low / 8 + 1;
    }
    out += static_cast<char>(window);
    out += static_cast<char>(used);
    out.append(as_text(std::span(bits).first(used)));
  }
  return out;
}

std::vector<ZoneRecord> nsec_chain(const std::vector<SignedName>& names, std::uint32_t ttl) {
  std::vector<const SignedName*> linked;
  for (const SignedName& name : names)
    if (!name.types.empty()) linked.push_back(&name);
  std::vector<ZoneRecord> out;
  out.reserve(linked.size());
  for (std::size_t i = 0; i < linked.size(); ++i) {
    std::vector<Type> types = linked[i]->types;
    types.insert(types.end(), {type::NSEC, type::RRSIG});
    // The next name in lower case, though it need not be (RFC 6840 5.1): older validators compare bytes.
    std::string rdata(linked[(i + 1) % linked.size()]->owner.lower().wire());
    out.push_back({linked[i]->owner, type::NSEC, ttl, rdata + type_bitmap(std::move(types))});
  }
  return out;
}

std::vector<ZoneRecord> nsec3_chain(const std::vector<SignedName>& names, const Name& apex,
                                    const Nsec3Parameters& parameters, std::uint32_t ttl) {
  std::vector<std::pair<Nsec3Hash, const SignedName*>> hashed;
  hashed.reserve(names.size());
  for (const SignedName& name : names) {
    const Name key = name.owner.lower();
    hashed.emplace_back(nsec3_hash(parameters, {key.data(), key.size()}), &name);
  }
  std::sort(hashed.begin(), hashed.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<ZoneRecord> out;
  out.reserve(hashed.size());
  const std::string start = parameters.rdata();
  for (std::size_t i = 0; i < hashed.size(); ++i) {
    std::uint8_t label[kHashLabel];
    base32hex(hashed[i].first, label);
    auto owner = apex.child(as_text(label));
    if (!owner) continue;  // an apex of more than 222 bytes: such a zone cannot be signed this way
    std::vector<Type> types = hashed[i].second->types;
    // RFC 5155 7.1: RRSIG only where something is signed: not at a delegation without DS.
    const bool unsigned_cut = types == std::vector{type::NS} && !(hashed[i].second->owner == apex);
    if (!types.empty() && !unsigned_cut) types.push_back(type::RRSIG);
    const Nsec3Hash& next = hashed[(i + 1) % hashed.size()].first;
    std::string rdata = start;
    rdata += static_cast<char>(next.size());
    rdata.append(as_text(next)).append(type_bitmap(std::move(types)));
    out.push_back({std::move(*owner), type::NSEC3, ttl, std::move(rdata)});
  }
  return out;
}

}  // namespace lab::dns
