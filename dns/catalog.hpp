/// catalog -- zones that list zones (RFC 9432): a primary makes one of the zones it serves, a secondary
/// copies every zone its primary's catalog lists, and gives up those that have left it.
#pragma once
#include <functional>
#include <vector>

#include "common/error.hpp"
#include "dns/config.hpp"
#include "dns/zone.hpp"

namespace lab::dns {

struct CatalogLimits {
  static constexpr std::size_t kMembers = 10'000;  // a primary gone mad must not fill our memory
};

/// A catalog of these zones, version 2 of the format.
ZonePtr make_catalog(const Name& apex, const std::vector<Name>& members, std::uint32_t serial);

/// The zones a catalog lists. An error when it is broken: then nothing in it counts (RFC 9432 5.1).
Result<std::vector<Name>> catalog_members(const Zone& catalog);

/// The configuration with a secondary zone for each member of the catalogs it follows, as far as those have
/// been fetched. A zone that is configured by itself stays as it is. Broken catalogs change nothing: `before`
/// is what they stood for until now.
Config with_members(const Config& config, const Config& before,
                    const std::function<ZonePtr(const Name& apex)>& zone);

}  // namespace lab::dns
