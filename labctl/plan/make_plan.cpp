#include <algorithm>

#include "labctl/plan/build.hpp"

namespace lab::plan {

namespace {
template <class T, class Key>
const T* find_by(const std::vector<T>& items, const std::string& name, Key key) {
  const auto found = std::ranges::find(items, name, key);
  return found == items.end() ? nullptr : &*found;
}
}  // namespace

const Node* Plan::node(const std::string& name) const { return find_by(nodes, name, &Node::name); }
const Service* Plan::service(const std::string& id) const { return find_by(services, id, &Service::id); }
const Bridge* Plan::network(const std::string& name) const {
  return find_by(networks, name, &Bridge::network);
}

Plan make_plan(const topology::Topology& topology, const PlanInputs& inputs) {
  Plan plan;
  plan.lab = topology.lab;
  plan.paths = inputs.paths;
  plan.memory = inputs.memory;
  plan.ca_name = "labctl CA of " + topology.lab;
  plan.ca_certificate = inputs.paths.state + "/ca/ca.crt";
  plan.ca_key = inputs.paths.state + "/ca/ca.key";

  Build build{topology, inputs, plan};
  add_networks(build);
  add_nodes(build);
  add_credentials(build);
  add_domains(build);
  add_kerberos(build);
  add_directory(build);
  add_dns(build);
  add_dhcp(build);
  add_relays(build);
  add_advertisers(build);
  add_mail(build);
  add_clients(build);
  add_checks(build);
  add_hints(build);
  add_notices(build);
  return plan;
}

}  // namespace lab::plan
