#include "labctl/plan/difference.hpp"

#include <algorithm>
#include <set>

namespace lab::plan {

bool Difference::empty() const {
  return networks_gone.empty() && networks_new.empty() && networks_changed.empty() && nodes_gone.empty() &&
         nodes_new.empty() && nodes_changed.empty() && stop.empty() && start.empty() && reload.empty() &&
         certificates.empty();
}

namespace {

template <class T, class Key>
const T* find_by(const std::vector<T>& items, const std::string& name, Key key) {
  const auto found = std::ranges::find(items, name, key);
  return found == items.end() ? nullptr : &*found;
}

enum class Fate { Keep, Reload, Restart };

/// What a changed set of files asks of the process that reads them.
Fate fate_of(const std::vector<File>& before, const std::vector<File>& after) {
  if (before.size() != after.size()) return Fate::Restart;
  auto fate = Fate::Keep;
  for (const auto& file : after) {
    const auto* old = find_by(before, file.path, &File::path);
    if (!old || old->mode != file.mode) return Fate::Restart;
    if (old->content == file.content || file.on_change == File::Change::Keep) continue;
    if (file.on_change == File::Change::Restart) return Fate::Restart;
    fate = Fate::Reload;
  }
  return fate;
}

// What orders and describes a process (`after`, `listens`, deadlines) may change without touching it.
Fate fate_of(const Service& before, const Service& after) {
  if (before.node != after.node || before.argv != after.argv || before.ready != after.ready ||
      before.certificates != after.certificates || before.state_folders != after.state_folders ||
      before.runtime_folders != after.runtime_folders)
    return Fate::Restart;
  return fate_of(before.files, after.files);
}

Fate fate_of(const Client& before, const Client& after) {
  if (before.node != after.node || before.interface != after.interface || before.network != after.network ||
      before.argv != after.argv || before.ready != after.ready ||
      before.state_folders != after.state_folders || before.lease_file != after.lease_file)
    return Fate::Restart;
  // A client reads its files only as it starts.
  return fate_of(before.files, after.files) == Fate::Keep ? Fate::Keep : Fate::Restart;
}

}  // namespace

Difference difference(const Plan& running, const Plan& wanted) {
  Difference d;
  std::set<std::string> renumbered;  // networks whose addresses changed: leases there are worth nothing
  for (const auto& bridge : running.networks)
    if (!wanted.network(bridge.network)) d.networks_gone.push_back(bridge.network);
  for (const auto& bridge : wanted.networks) {
    const auto* before = running.network(bridge.network);
    if (!before)
      d.networks_new.push_back(bridge.network);
    else if (*before != bridge)
      d.networks_changed.push_back(bridge.network);
    if (before && (before->subnet != bridge.subnet || before->gateway != bridge.gateway))
      renumbered.insert(bridge.network);
  }

  std::set<std::string> rebuilt;  // nodes that lose their processes
  for (const auto& node : running.nodes) {
    const auto* after = wanted.node(node.name);
    if (after && after->interfaces == node.interfaces && after->trust_ca == node.trust_ca) continue;
    d.nodes_gone.push_back(node.name);
    rebuilt.insert(node.name);
  }
  for (const auto& node : wanted.nodes) {
    const auto* before = running.node(node.name);
    if (!before || rebuilt.contains(node.name))
      d.nodes_new.push_back(node.name);
    else if (*before != node)
      d.nodes_changed.push_back(node.name);
  }

  std::set<std::string> reissued;
  for (const auto& request : wanted.certificates) {
    const auto* before = find_by(running.certificates, request.id, &CertificateRequest::id);
    if (before && *before == request) continue;
    d.certificates.push_back(request.id);
    reissued.insert(request.id);
  }

  const auto consider = [&](const auto& before, const auto& after, bool anew) {
    const auto fate = anew ? Fate::Restart : fate_of(before, after);
    if (fate == Fate::Restart) d.stop.push_back(before.id);
    if (fate == Fate::Restart) d.start.push_back(after.id);
    if (fate == Fate::Reload) d.reload.push_back(after.id);
  };
  for (const auto& service : running.services)
    if (!wanted.service(service.id)) d.stop.push_back(service.id);
  for (const auto& service : wanted.services) {
    const auto* before = running.service(service.id);
    const bool anew =
        rebuilt.contains(service.node) ||
        std::ranges::any_of(service.certificates, [&](const auto& id) { return reissued.contains(id); });
    if (before)
      consider(*before, service, anew);
    else
      d.start.push_back(service.id);
  }
  for (const auto& client : running.clients)
    if (!find_by(wanted.clients, client.id, &Client::id)) d.stop.push_back(client.id);
  for (const auto& client : wanted.clients) {
    const auto* before = find_by(running.clients, client.id, &Client::id);
    if (before)
      consider(*before, client, rebuilt.contains(client.node) || renumbered.contains(client.network));
    else
      d.start.push_back(client.id);
  }
  // Clients before services, and each service before what it builds on.
  std::vector<std::string> order;
  for (const auto& service : running.services) order.push_back(service.id);
  for (const auto& client : running.clients) order.push_back(client.id);
  std::ranges::sort(d.stop, std::greater<>(),
                    [&](const std::string& id) { return std::ranges::find(order, id) - order.begin(); });
  return d;
}

}  // namespace lab::plan
