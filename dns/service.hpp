/// service -- what all transports of the server share: the zones, who may do what, and the dialogue told to
/// whoever listens.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dns/config.hpp"
#include "dns/responder.hpp"
#include "dns/snapshot.hpp"
#include "dns/zone_store.hpp"

namespace lab::dns {

class Service {
 public:
  Service(const Config& config, ZoneStore& store);

  Snapshot<ZoneSet>& zones() { return store_.zones(); }
  const ResponderOptions& options() const { return options_; }

  /// Deals with what `respond` did not answer by itself. `send` gets the whole reply, once, on any thread.
  using Send = std::function<void(std::vector<std::uint8_t> reply)>;
  void handle(Action action, const Request& request, const Endpoint& peer, Send send);

  /// Says what came and went, if someone listens; ask `events::listening()` first.
  void tell(const Request& request, std::span<const std::uint8_t> reply, const Endpoint& peer,
            Transport transport);

  /// Takes over what may change while the server runs (not addresses, not threads).
  void configure(const Config& config);

 private:
  bool may_update(const IpAddress& peer) const;

  ZoneStore& store_;
  ResponderOptions options_;
  Snapshot<std::vector<Network>> updaters_;
  std::atomic<std::uint64_t> dialogues_{0};
};

}  // namespace lab::dns
