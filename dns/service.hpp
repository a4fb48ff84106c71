/// service -- what all transports of the server share: the zones, who may do what, and the dialogue told to
/// whoever listens.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dns/config.hpp"
#include "dns/recursor.hpp"
#include "dns/responder.hpp"
#include "dns/snapshot.hpp"
#include "dns/zone_store.hpp"

namespace lab::dns {

/// Who may do what, by address; replaced as a whole by a reload.
struct Access {
  std::vector<Network> update, recursion;
  explicit Access(const Config& config);
};

class Service {
 public:
  /// Starts libunbound where the configuration asks for recursion. Throws what Recursor throws.
  Service(const Config& config, ZoneStore& store, boost::asio::any_io_executor executor);

  Snapshot<ZoneSet>& zones() { return store_.zones(); }
  const ResponderOptions& options() const { return options_; }
  Asker asker(Transport transport, const IpAddress& peer) const;
  /// Whether `asker` says the same for every address: then it need not be asked.
  bool treats_all_alike() const { return !recursor_; }

  /// Deals with what `respond` did not finish by itself. `known`: its reply so far. `send` gets the whole
  /// reply, once, on any thread.
  using Send = std::function<void(std::vector<std::uint8_t> reply)>;
  void handle(Action action, const Request& request, std::span<const std::uint8_t> known,
              const Endpoint& peer, Transport transport, Send send);

  /// Says what came and went, if someone listens; ask `events::listening()` first.
  void tell(const Request& request, std::span<const std::uint8_t> reply, const Endpoint& peer,
            Transport transport);

  /// Takes over what may change while the server runs (not addresses, threads, or how recursion is done).
  void configure(const Config& config);

 private:
  std::vector<std::uint8_t> reply(const Request& request, Rcode code) const;
  void update(const Request& request, const Endpoint& peer, Send send);
  void recurse(const Request& request, std::span<const std::uint8_t> known, Transport transport, Send send);

  ZoneStore& store_;
  ResponderOptions options_;
  Snapshot<Access> access_;
  std::unique_ptr<Recursor> recursor_;
  std::atomic<std::uint64_t> dialogues_{0};
};

}  // namespace lab::dns
