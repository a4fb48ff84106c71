#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstring>

#include "common/address.hpp"
#include "common/yaml.hpp"
#include "labctl/probe/lease.hpp"
#include "labctl/probe/verdict.hpp"

namespace lab::probe {

namespace json = boost::json;

namespace {

/// The addresses the interface really carries: the lease file alone would only be the client's word.
std::vector<std::string> addresses_of(const std::string& interface) {
  std::vector<std::string> out;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return out;
  for (const auto* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || interface != entry->ifa_name) continue;
    if (entry->ifa_addr->sa_family == AF_INET) {
      sockaddr_in address;
      std::memcpy(&address, entry->ifa_addr, sizeof address);
      out.push_back(IpAddress::v4(ntohl(address.sin_addr.s_addr)).text());
    } else if (entry->ifa_addr->sa_family == AF_INET6) {
      sockaddr_in6 address;
      std::memcpy(&address, entry->ifa_addr, sizeof address);
      std::array<std::uint8_t, 16> bytes{};
      std::memcpy(bytes.data(), &address.sin6_addr, bytes.size());
      out.push_back(IpAddress::v6(bytes).text());
    }
  }
  freeifaddrs(list);
  return out;
}

std::string text(const json::object& lease, std::string_view key) {
  const auto* value = lease.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

std::vector<std::string> texts(const json::object& lease, std::string_view key) {
  std::vector<std::string> out;
  const auto* value = lease.if_contains(key);
  if (value != nullptr && value->is_array())
    for (const auto& item : value->as_array())
      if (item.is_string()) out.emplace_back(item.as_string());
  return out;
}

}  // namespace

Result<Lease> read_lease(const std::string& file) {
  const auto content = yaml::read_file(file);
  if (!content) return std::unexpected(content.error());
  boost::system::error_code error;
  const auto parsed = json::parse(*content, error);
  if (error || !parsed.is_object()) return fail("this is no lease", file);
  const auto& lease = parsed.as_object();
  Lease out{text(lease, "address"),
            text(lease, "server"),
            text(lease, "router"),
            text(lease, "domain"),
            texts(lease, "dns"),
            texts(lease, "search"),
            {},
            {},
            {}};
  if (const auto* found = lease.if_contains("ipv6"); found != nullptr && found->is_object()) {
    const auto& ipv6 = found->as_object();
    out.addresses6 = texts(ipv6, "addresses");
    out.dns6 = texts(ipv6, "dns");
    out.router6 = text(ipv6, "router");
  }
  return out;
}

namespace {

bool in_ranges(const std::string& address, const std::vector<std::string>& ranges) {
  const auto parsed = IpAddress::parse(address);
  return parsed && std::ranges::any_of(ranges, [&](const std::string& text_range) {
           const auto range = AddressRange::parse(text_range);
           return range && range->contains(*parsed);
         });
}

}  // namespace

Verdict verify(const plan::LeaseCheck& check, const Surroundings&) {
  const auto wanted = fmt::format("an address in {}", fmt::join(check.ranges, ", "));
  const auto carried = addresses_of(check.interface);
  const auto lease = read_lease(check.lease_file);
  if (!lease)
    return broken(carried.empty()
                      ? fmt::format("{} has no address and no lease", check.interface)
                      : fmt::format("{} has {}, but no lease is recorded", check.interface, carried.front()),
                  wanted);
  const auto& address = lease->address;
  if (std::ranges::find(carried, address) == carried.end())
    return broken(fmt::format("leased {}, but {} carries {}", address, check.interface,
                              carried.empty() ? "no address" : fmt::format("{}", fmt::join(carried, ", "))),
                  wanted, "restart its DHCP client: labctl restart NODE/" + check.interface);
  if (!in_ranges(address, check.ranges)) return broken(address, wanted);
  std::string by_ipv6;
  if (!check.ranges6.empty()) {
    const auto wanted6 = fmt::format("an IPv6 address in {}", fmt::join(check.ranges6, ", "));
    const auto right = std::ranges::find_if(
        lease->addresses6, [&](const std::string& a) { return in_ranges(a, check.ranges6); });
    if (right == lease->addresses6.end())
      return broken(lease->addresses6.empty() ? fmt::format("{} has no IPv6 address", check.interface)
                                              : fmt::format("{}", fmt::join(lease->addresses6, ", ")),
                    wanted6, "is the router's service ra running? labctl status");
    if (std::ranges::find(carried, *right) == carried.end())
      return broken(fmt::format("leased {}, but {} does not carry it", *right, check.interface), wanted6);
    if (check.router6 && lease->router6.empty())
      return broken(fmt::format("{}, and no IPv6 router is known", *right), "a router that advertises itself",
                    "is the router's service ra running? labctl status");
    for (const auto& server : check.dns6)
      if (std::ranges::find(lease->dns6, server) == lease->dns6.end())
        return broken(fmt::format("{} with name servers {}", *right, fmt::join(lease->dns6, " ")),
                      fmt::format("the name server {}", server));
    by_ipv6 = " and " + *right;
  }
  std::string wrong;
  auto compare = [&](std::string_view what, const std::string& expected, const std::string& got) {
    if (!expected.empty() && expected != got)
      wrong += fmt::format("{}{} {} instead of {}", wrong.empty() ? "" : ", ", what,
                           got.empty() ? "none" : got, expected);
  };
  if (std::ranges::find(check.routers, lease->router) == check.routers.end())
    compare("router", fmt::format("{}", fmt::join(check.routers, " or ")), lease->router);
  compare("dns", fmt::format("{}", fmt::join(check.dns, " ")), fmt::format("{}", fmt::join(lease->dns, " ")));
  compare("domain", check.domain, lease->domain);
  compare("search", fmt::format("{}", fmt::join(check.search, " ")),
          fmt::format("{}", fmt::join(lease->search, " ")));
  if (!wrong.empty())
    return broken(fmt::format("{} with {}", address, wrong), "the options the topology promises");
  return holds(fmt::format("{}{} from {}", address, by_ipv6, lease->server));
}

}  // namespace lab::probe
