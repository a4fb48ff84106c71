#include "labctl/command/summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "common/address.hpp"
#include "labctl/command/context.hpp"
#include "labctl/command/terminal.hpp"

namespace lab::command {

namespace json = boost::json;

namespace {

std::string text_of(const json::value& value, std::string_view key) {
  const auto* object = value.if_object();
  const auto* found = object == nullptr ? nullptr : object->if_contains(key);
  return found != nullptr && found->is_string() ? std::string(found->as_string()) : std::string();
}

/// ".10" in a /24, the whole address elsewhere and of a further subnet on the wire.
std::string short_address(const std::string& address, const std::optional<Network>& network) {
  const auto bare = address.substr(0, address.find('/'));
  const auto dot = bare.rfind('.');
  const auto parsed = IpAddress::parse(bare);
  const bool inside = network && parsed && network->contains(*parsed);
  return inside && network->prefix() == 24 && dot != std::string::npos ? bare.substr(dot) : bare;
}

std::string lease_time(double seconds) {
  const auto whole = static_cast<long>(seconds);
  if (whole % 86400 == 0) return fmt::format("{} d", whole / 86400);
  if (whole % 3600 == 0) return fmt::format("{} h", whole / 3600);
  return whole % 60 == 0 ? fmt::format("{} min", whole / 60) : fmt::format("{} s", whole);
}

std::string service_mark(const json::object& service) {
  const auto& state = service.at("state").as_string();
  const std::string kind(service.at("kind").as_string());
  if (state == "ready") return kind + " " + styled(Style::Good, "✓");
  if (state == "failed") return kind + " " + styled(Style::Bad, "✗");
  return fmt::format("{} ({})", kind, std::string_view(state));
}

/// What a lease has by IPv6, leased or of the machine's own making.
std::vector<std::string> ipv6_addresses(const json::value& lease) {
  std::vector<std::string> out;
  const auto* object = lease.if_object();
  const auto* ipv6 = object == nullptr ? nullptr : object->if_contains("ipv6");
  if (ipv6 == nullptr || !ipv6->is_object()) return out;
  const auto* addresses = ipv6->as_object().if_contains("addresses");
  if (addresses != nullptr && addresses->is_array())
    for (const auto& address : addresses->as_array())
      if (address.is_string()) out.emplace_back(address.as_string());
  return out;
}

/// The row of a node on one network, or nothing when it is not there.
std::optional<std::vector<std::string>> row(const json::object& node, const std::string& network_name,
                                            const std::optional<Network>& network) {
  std::string services;
  for (const auto& service : node.at("services").as_array())
    if (service.at("kind").as_string() != "dhcp-client")
      services += (services.empty() ? "" : "  ") + service_mark(service.as_object());
  const std::string name(node.at("name").as_string());
  std::string own;
  for (const auto& address : node.at("addresses").as_array())
    if (text_of(address, "network") == network_name)
      own += (own.empty() ? "" : " ") + short_address(text_of(address, "address"), network);
  if (!own.empty()) return std::vector{name, own, services};
  for (const auto& client : node.at("leases").as_array()) {
    const auto& lease = client.at("lease");
    const auto address = text_of(lease, "address");
    if (address.empty() || text_of(client, "network") != network_name) continue;
    std::string words = "leased";
    if (const auto server = text_of(lease, "server"); !server.empty()) words += " from " + server;
    if (const auto* seconds = lease.as_object().if_contains("lease");
        seconds != nullptr && seconds->is_number())
      words += " for " + lease_time(seconds->to_number<double>());
    auto shown = short_address(address, network);
    for (const auto& by_ipv6 : ipv6_addresses(lease)) shown += " " + by_ipv6;
    return std::vector{name, shown, words + (services.empty() ? "" : "  " + services)};
  }
  return std::nullopt;
}

/// "pc-17" -> "pc"; nodes made by `count` end in a number.
std::string family(const std::string& name) {
  const auto dash = name.rfind('-');
  const bool numbered = dash != std::string::npos && dash + 1 < name.size() &&
                        name.find_first_not_of("0123456789", dash + 1) == std::string::npos;
  return numbered ? name.substr(0, dash) : "";
}

}  // namespace

std::string summary_text(const json::object& status) {
  constexpr std::size_t kShownOfFamily = 4;
  std::string out;
  std::map<std::string, std::string> server_names;  // who has which address: leases name their server
  for (const auto& node : status.at("nodes").as_array())
    for (const auto& address : node.at("addresses").as_array()) {
      const auto text = text_of(address, "address");
      server_names[text.substr(0, text.find('/'))] = text_of(node, "name");
    }
  for (const auto& network : status.at("networks").as_array()) {
    const auto name = text_of(network, "name");
    const auto subnet = Network::parse(text_of(network, "subnet"));
    const auto subnet6 = text_of(network, "subnet6");
    out += fmt::format("  {}  {}{}\n", styled(Style::Bold, name), text_of(network, "subnet"),
                       subnet6.empty() ? "" : "  " + subnet6);
    Columns columns;
    std::map<std::string, std::size_t> shown;
    std::map<std::string, std::size_t> hidden;
    for (const auto& node : status.at("nodes").as_array()) {
      auto cells = row(node.as_object(), name, subnet);
      if (!cells) continue;
      for (const auto& [address, server] : server_names) {
        const auto at = cells->back().find("from " + address + " ");
        if (at != std::string::npos) cells->back().replace(at + 5, address.size(), server);
      }
      const auto group = family(cells->front());
      if (!group.empty() && ++shown[group] > kShownOfFamily) {
        ++hidden[group];
        continue;
      }
      columns.add(std::move(*cells));
    }
    for (const auto& [group, count] : hidden)
      columns.add({fmt::format("{}-…", group), "", fmt::format("and {} more", count)});
    out += columns.text("    ");
  }
  return out;
}

std::string next_steps(const plan::Plan& plan) {
  const auto program = program_name();
  Columns columns;
  std::string node;
  std::string commands;
  for (const auto& hint : plan.hints) {
    if (node.empty()) node = hint.node;
    if (hint.node == node) commands += (commands.empty() ? "" : " · ") + hint.command;
  }
  if (!node.empty())
    columns.add(
        {fmt::format("{} shell {}", program, node), fmt::format("a shell on {}. Try: {}", node, commands)});
  if (!plan.credentials.empty()) {
    const auto& user = plan.credentials.front();
    columns.add({program + " users", fmt::format("names and passwords ({} / {})", user.user, user.password)});
  }
  columns.add({program + " check", "every promise, one line each"});
  columns.add({program + " demo", "the whole story, step by step, for the projector"});
  columns.add({program + " graph --output lab.svg", "a picture of it, for a browser"});
  columns.add({program + " down", "stop it; mail and leases stay for the next `up`"});
  return "Next:\n" + columns.text("  ");
}

}  // namespace lab::command
