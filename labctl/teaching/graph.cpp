#include "labctl/teaching/graph.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "labctl/teaching/graph_model.hpp"

namespace lab::teaching {

namespace {

/// ".10" in a /24, the whole address elsewhere.
std::string brief(const std::string& address, const plan::Bridge* network) {
  const auto parsed = IpAddress::parse(address);
  const bool octet = network && network->subnet.address().is_v4() && network->subnet.prefix() == 24 &&
                     parsed && network->subnet.contains(*parsed);
  return octet && !address.contains(':') ? address.substr(address.rfind('.')) : address;
}

std::string address_of(const plan::Plan& plan, const plan::Node& node, const plan::Interface& interface,
                       const LiveState& live) {
  const auto* network = plan.network(interface.network);
  if (!interface.addresses.empty()) return brief(interface.addresses.front().address.text(), network);
  const auto lease = live.leases.find(node.name + "/" + interface.name);
  return lease == live.leases.end() ? "by DHCP" : brief(lease->second, network) + " (leased)";
}

GraphBox box_of(const plan::Plan& plan, const plan::Node& node, const LiveState& live) {
  GraphBox box;
  box.id = node.name;
  box.title = node.name;
  box.router = node.router;
  for (const auto& interface : node.interfaces) {
    box.networks.push_back(interface.network);
    box.addresses.push_back(address_of(plan, node, interface, live));
  }
  for (const auto& service : plan.services) {
    if (service.node != node.name) continue;
    const auto state = live.services.find(service.id);
    const bool ill = state != live.services.end() && !state->second;
    box.services.push_back(service.kind + (ill ? " ✗" : state != live.services.end() ? " ✓" : ""));
    box.ill = box.ill || ill;
  }
  return box;
}

/// A name as both Mermaid and DOT take it: letters, digits, underscores.
std::string identifier(std::string_view kind, const std::string& name) {
  std::string out(kind);
  for (const char c : name) out += c == '-' || c == '.' ? '_' : c;
  return out;
}

std::string joined(const std::vector<std::string>& items, std::string_view between) {
  return fmt::format("{}", fmt::join(items, between));
}

std::string mermaid(const GraphModel& model) {
  auto out = fmt::format("---\ntitle: \"{}\"\n---\nflowchart TB\n", model.title);
  for (const auto& network : model.networks)
    out += fmt::format("  {}([\"{}\"])\n", identifier("net_", network.name), network.label);
  for (const auto& box : model.boxes) {
    auto label = "<b>" + box.title + "</b>";
    if (!box.services.empty()) label += "<br/>" + joined(box.services, " ");
    const auto id = identifier("node_", box.id);
    out += box.router ? fmt::format("  {}{{{{\"{}\"}}}}\n", id, label)
                      : fmt::format("  {}[\"{}\"]\n", id, label);
    for (std::size_t i = 0; i < box.networks.size(); ++i)
      out += fmt::format("  {} ---|\"{}\"| {}\n", identifier("net_", box.networks[i]), box.addresses[i], id);
  }
  return out;
}

std::string dot(const GraphModel& model) {
  auto out = fmt::format(
      "graph \"{0}\" {{\n  label=\"{0}\"; labelloc=t; fontname=\"sans-serif\";\n"
      "  node [fontname=\"sans-serif\", fontsize=11]; edge [fontname=\"sans-serif\", fontsize=9];\n",
      model.title);
  for (const auto& network : model.networks)
    out += fmt::format("  {} [label=\"{}\", shape=ellipse, style=filled, fillcolor=\"#dbe9ff\"];\n",
                       identifier("net_", network.name), network.label);
  for (const auto& box : model.boxes) {
    const auto id = identifier("node_", box.id);
    const auto services = box.services.empty() ? "" : "\\n" + joined(box.services, " ");
    out += fmt::format("  {} [label=\"{}{}\", shape={}{}];\n", id, box.title, services,
                       box.router      ? "hexagon"
                       : box.nodes > 1 ? "box3d"
                                       : "box",
                       box.ill ? ", color=red" : "");
    for (std::size_t i = 0; i < box.networks.size(); ++i)
      out += fmt::format("  {} -- {} [label=\"{}\"];\n", identifier("net_", box.networks[i]), id,
                         box.addresses[i]);
  }
  return out + "}\n";
}

}  // namespace

GraphModel graph_model(const plan::Plan& plan, const LiveState& live) {
  GraphModel model;
  std::vector<std::string> domains;
  for (const auto& domain : plan.domains) domains.push_back(domain.name);
  model.title = domains.empty() ? plan.lab : plan.lab + ": " + joined(domains, ", ");
  for (const auto& network : plan.networks) {
    auto label = network.network + "  " + network.subnet.text();
    if (network.subnet6) label += "  " + network.subnet6->text();
    model.networks.push_back({network.network, std::move(label)});
  }
  constexpr std::size_t kShown = 4;  // copies drawn one by one; more become one box
  for (const auto& node : plan.nodes) {
    const auto copies =
        static_cast<std::size_t>(std::ranges::count(plan.nodes, node.group, &plan::Node::group));
    if (copies <= kShown) {
      model.boxes.push_back(box_of(plan, node, live));
    } else if (std::ranges::find(plan.nodes, node.group, &plan::Node::group)->name == node.name) {
      auto box = box_of(plan, node, {});
      box.nodes = copies;
      box.title = fmt::format("{0}-1 … {0}-{1}", node.group, copies);
      model.boxes.push_back(std::move(box));
    }
  }
  return model;
}

std::optional<GraphFormat> graph_format(std::string_view name) {
  if (name == "svg") return GraphFormat::Svg;
  if (name == "mermaid") return GraphFormat::Mermaid;
  if (name == "dot") return GraphFormat::Dot;
  return std::nullopt;
}

std::string graph(const plan::Plan& plan, GraphFormat format, const LiveState& live) {
  const auto model = graph_model(plan, live);
  switch (format) {
    case GraphFormat::Svg: return graph_svg(model);
    case GraphFormat::Mermaid: return mermaid(model);
    case GraphFormat::Dot: break;
  }
  return dot(model);
}

}  // namespace lab::teaching
