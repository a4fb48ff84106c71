/// graph_model -- what a picture of a lab shows, the same for every format: copies made by `count` gathered
/// into one box, addresses and services as short texts.
#pragma once
#include <string>
#include <vector>

#include "labctl/teaching/graph.hpp"

namespace lab::teaching {

struct GraphBox {
  std::string id;         ///< of the first node in it: safe as an identifier once '-' is replaced
  std::string title;      ///< "srv", "pc-1 … pc-30"
  std::size_t nodes = 1;  ///< how many nodes it stands for
  bool router = false;
  std::vector<std::string> networks;   ///< by name
  std::vector<std::string> addresses;  ///< beside each network: ".10", "by DHCP", ".100 (leased)"
  std::vector<std::string> services;   ///< "dns", "mail ✗"
  bool ill = false;                    ///< a service of it is not well
};

struct GraphModel {
  struct Line {
    std::string name, label;  ///< "lan", "lan  192.168.56.0/24"
  };
  std::string title;  ///< "helper-bac: helper.bac"
  std::vector<Line> networks;
  std::vector<GraphBox> boxes;
};

GraphModel graph_model(const plan::Plan& plan, const LiveState& live);
std::string graph_svg(const GraphModel& model);

}  // namespace lab::teaching
