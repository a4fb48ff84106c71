#include "dhcp/lease_list.hpp"

#include <algorithm>
#include <charconv>

#include "common/config.hpp"
#include "dhcp/explain.hpp"
#include "dhcp/host_name.hpp"
#include "dhcp/option_types.hpp"

namespace lab::dhcp {
namespace {

using config::detail::json_string;

constexpr std::string_view kHeader = "address,mac,client_id,hostname,state,started,expires";
constexpr std::size_t kColumns = 7;
constexpr LeaseState kStored[] = {LeaseState::Active, LeaseState::Released, LeaseState::Expired,
                                  LeaseState::Declined};

std::string colons(std::string_view bytes) {
  std::string text;
  for (const char c : bytes)
    text += fmt::format("{}{:02x}", text.empty() ? "" : ":", static_cast<unsigned char>(c));
  return text;
}

/// Without the leading hardware type, which is Ethernet's everywhere but in museums.
std::string mac_text(const Lease& lease) {
  return lease.hardware.empty() ? "" : colons(std::string_view(lease.hardware).substr(1));
}

std::int64_t epoch(ServerTime t) { return t.time_since_epoch().count(); }

std::vector<std::string_view> split(std::string_view line, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = line.find(at);
    parts.push_back(line.substr(0, end));
    if (end == std::string_view::npos) return parts;
    line.remove_prefix(end + 1);
  }
}

std::optional<ServerTime> time_of(std::string_view text) {
  std::int64_t seconds = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  constexpr std::int64_t kLast =
      253'402'300'799;  // the year 9999: later is no time, and sums with it overflow
  if (error != std::errc() || end != text.data() + text.size() || seconds < 0 || seconds > kLast)
    return std::nullopt;
  return ServerTime(std::chrono::seconds(seconds));
}

std::optional<std::string> bytes_of(std::string_view text) {
  auto bytes = encode_option(OptionType::Hex, {std::string(text)});
  return bytes && !bytes->empty() ? std::optional(std::string(bytes->begin(), bytes->end())) : std::nullopt;
}

/// Nullopt when a column is not what it should be; none of them can hold a quote or a comma, so none is
/// quoted.
std::optional<Lease> parse_line(std::string_view line) {
  const auto columns = split(line, ',');
  if (columns.size() != kColumns) return std::nullopt;
  const auto address = IpAddress::parse(columns[0]);
  const auto mac = bytes_of(columns[1]), client = bytes_of(columns[2]);
  const auto started = time_of(columns[5]), expires = time_of(columns[6]);
  const auto state = std::ranges::find_if(kStored, [&](LeaseState s) { return columns[4] == name(s); });
  const std::string hostname(columns[3]);
  if (!hostname.empty() && host_label(hostname) != hostname) return std::nullopt;
  if (!address || !address->is_v4() || !mac || !client || !started || !expires || state == std::end(kStored))
    return std::nullopt;
  return Lease{.address = *address,
               .state = *state,
               .client = *client,
               .hardware = "\x01" + *mac,
               .hostname = hostname,
               .started = *started,
               .expires = *expires};
}

}  // namespace

std::string lease_json(const Lease& l) {
  return fmt::format(
      R"({{"address":"{}","mac":"{}","client_id":"{}","hostname":{},"state":"{}","started":{},"expires":{},"touched":{}}})",
      l.address.text(), mac_text(l), colons(l.client), json_string(l.hostname), name(l.state),
      epoch(l.started), epoch(l.expires), epoch(l.touched));
}

std::string leases_json(const std::vector<Lease>& leases) {
  std::string list;
  for (const auto& lease : leases) list += (list.empty() ? "" : ",\n") + lease_json(lease);
  return "{\"leases\":[" + list + "]}\n";
}

std::string pools_json(const std::vector<PoolStatus>& pools) {
  std::string list;
  for (const auto& p : pools)
    list += fmt::format(R"({}{{"scope":{},"network":"{}","addresses":{},"leased":{},"resting":{}}})",
                        list.empty() ? "" : ",", json_string(p.scope->name), p.scope->network.text(),
                        p.addresses, p.leased, p.resting);
  return "[" + list + "]";
}

std::string leases_csv(const std::vector<Lease>& leases) {
  std::string text = fmt::format("{}\r\n", kHeader);
  for (const auto& l : leases)
    text += fmt::format("{},{},{},{},{},{},{}\r\n", l.address.text(), mac_text(l), colons(l.client),
                        l.hostname, name(l.state), epoch(l.started), epoch(l.expires));
  return text;
}

Result<std::vector<Lease>> parse_leases_csv(std::string_view text) {
  std::vector<Lease> leases;
  int number = 0;
  for (auto line : split(text, '\n')) {
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    if (number == 1) {
      if (line != kHeader)
        return fail("the first line is not the header", "line 1", fmt::format("expected: {}", kHeader));
      continue;
    }
    auto lease = parse_line(line);
    if (!lease)
      return fail("not a lease", "line " + std::to_string(number), fmt::format("columns: {}", kHeader));
    leases.push_back(std::move(*lease));
  }
  return leases;
}

std::string leases_table(const std::vector<Lease>& leases, ServerTime now) {
  std::string text = fmt::format("{:<16}{:<20}{:<20}{:<10}{}\n", "address", "mac", "host", "state", "ends");
  for (const auto& l : leases) {
    const auto left = (l.expires - now).count();
    const auto ends = !l.holds(now) ? std::string("-")
                                    : "in " + duration_text(static_cast<std::uint32_t>(
                                                  std::clamp<std::int64_t>(left, 0, 0xFFFFFFFF)));
    text += fmt::format("{:<16}{:<20}{:<20}{:<10}{}\n", l.address.text(), mac_text(l),
                        l.hostname.empty() ? "-" : l.hostname, name(l.state), ends);
  }
  return text;
}

}  // namespace lab::dhcp
