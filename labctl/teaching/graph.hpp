/// graph -- a picture of a lab: its networks as lines, its nodes as boxes on them, with addresses and
/// services; and what is known of it while it runs. Text in, text out: SVG for a browser, Mermaid for a web
/// page, DOT for Graphviz.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "labctl/plan/plan.hpp"

namespace lab::teaching {

enum class GraphFormat { Svg, Mermaid, Dot };
std::optional<GraphFormat> graph_format(std::string_view name);  ///< "svg", "mermaid", "dot"

/// What a running lab adds to the picture.
struct LiveState {
  std::map<std::string, std::string> leases;  ///< by client id "pc1/eth0": the address held
  std::map<std::string, bool> services;       ///< by service id "srv/dns": whether it is well
};

std::string graph(const plan::Plan& plan, GraphFormat format, const LiveState& live = {});

}  // namespace lab::teaching
