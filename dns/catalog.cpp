#include "dns/catalog.hpp"

#include <fmt/format.h>

#include <set>

#include "common/log.hpp"
#include "dns/rdata.hpp"
#include "dns/zone_builder.hpp"

namespace lab::dns {
namespace {

constexpr std::uint32_t kTtl = 0;  // nobody is to cache a catalog
constexpr std::string_view kVersion = "2";

// A label that is the member's own and stays: it is what tells a zone apart from its successor of the same
// name (RFC 9432 4.1).
std::string label_of(const Name& member) {
  const Name key = member.lower();
  return fmt::format("{:016x}", LookupName(key).hash());
}

std::string one_string(std::string_view text) { return static_cast<char>(text.size()) + std::string(text); }

}  // namespace

ZonePtr make_catalog(const Name& apex, const std::vector<Name>& members, std::uint32_t serial) {
  ZoneBuilder builder(apex);
  const Name nobody = Name::parse("invalid.").value();  // RFC 9432 4: a catalog needs no name server
  const Soa soa{nobody, nobody, serial, 3600, 600, 2'147'483'646, 0};
  auto add = [&](const Name& owner, Type type, std::string_view rdata) {
    builder.add(owner, type, kTtl, as_bytes(rdata));
  };
  add(apex, type::SOA, soa.rdata());
  add(apex, type::NS, nobody.wire());
  add(apex.child("version").value(), type::TXT, one_string(kVersion));
  const Name zones = apex.child("zones").value();
  for (const Name& member : members) add(zones.child(label_of(member)).value(), type::PTR, member.wire());
  std::vector<ZoneBuilder::Problem> problems, remarks;
  return builder.build(problems, remarks);
}

Result<std::vector<Name>> catalog_members(const Zone& catalog) {
  const Name& apex = catalog.apex();
  const auto version_name = apex.child("version"), zones = apex.child("zones");
  if (!version_name || !zones) return fail("its name is too long for a catalog");
  const Node* version = catalog.find(*version_name);
  const RRsetView text = version ? version->find(type::TXT) : RRsetView{};
  // RFC 9432 4.2.1: exactly one, and a version we know.
  if (text.count != 1) return fail("it has no version record, or several");
  if (as_text(*text.begin()) != one_string(kVersion))
    return fail("it is of a version that is not known here", {}, "known is version 2");
  std::vector<Name> members;
  std::set<Name> seen;
  std::optional<Error> broken;
  const unsigned depth = zones->labels() + 1;
  catalog.for_each([&](const Node& node) {
    const Name owner = Name::trusted(node.name().data(), node.name().size());
    if (broken || owner.labels() != depth || !owner.is_within(*zones)) return;
    const RRsetView pointer = node.find(type::PTR);
    if (!pointer) return;
    if (pointer.count != 1) {
      broken = Error{owner.text() + " lists several zones", {}, {}};  // RFC 9432 4.1
      return;
    }
    auto member = Name::from_wire(*pointer.begin());
    if (!seen.insert(*member).second) broken = Error{member->text() + " is listed twice", {}, {}};
    members.push_back(std::move(*member));
  });
  if (broken) return std::unexpected(*broken);
  if (members.size() > CatalogLimits::kMembers)
    return fail(
        fmt::format("it lists {} zones; {} are followed at most", members.size(), CatalogLimits::kMembers));
  std::sort(members.begin(), members.end());
  return members;
}

Config with_members(const Config& config, const Config& before,
                    const std::function<ZonePtr(const Name& apex)>& zone) {
  Config out = config;
  for (const auto& [name, catalog] : config.zones) {
    if (catalog.catalog != CatalogRole::Consume) continue;
    const ZonePtr copy = zone(Name::parse(name).value());
    const auto members = copy && copy->available() ? catalog_members(*copy) : fail("");
    if (!members) {
      if (!members.error().what.empty())
        log::error("the catalog {} is not followed: {}", name, members.error().text());
      for (const auto& [old, zone_before] : before.zones)
        if (zone_before.listed_in == name) out.zones.try_emplace(old, zone_before);
      continue;
    }
    for (const Name& member : *members) {
      std::string text = member.text();
      if (text.size() > 1) text.pop_back();
      ZoneConfig secondary;
      secondary.primaries = catalog.primaries;
      secondary.primaries_tls = catalog.primaries_tls;
      secondary.key = catalog.key;
      secondary.listed_in = name;
      const auto [at, fresh] = out.zones.try_emplace(text, std::move(secondary));
      // RFC 9432 5.2: who is configured otherwise, or listed before, is not taken over.
      if (!fresh && at->second.listed_in != name)
        log::warning("the catalog {} lists {}, which is configured here otherwise and stays so", name, text);
    }
  }
  return out;
}

}  // namespace lab::dns
