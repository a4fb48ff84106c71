/// service -- what all transports of the server share: the zones, who may do what, and the dialogue told to
/// whoever listens.
#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "dns/config.hpp"
#include "dns/metrics.hpp"
#include "dns/rate_limit.hpp"
#include "dns/recursor.hpp"
#include "dns/responder.hpp"
#include "dns/snapshot.hpp"
#include "dns/transfer.hpp"
#include "dns/transfer_log.hpp"
#include "dns/tsig.hpp"
#include "dns/zone_store.hpp"

namespace lab::dns {

/// Who may do what; replaced as a whole by a reload.
struct Access {
  struct Zone {
    Permission transfer;
    std::vector<Endpoint> primaries;
    std::string key;
  };
  Permission update;
  std::vector<Network> recursion;
  TsigKeys keys;
  std::map<Name, Zone> zones;
  explicit Access(const Config& config);
};

/// How questions are answered; replaced as a whole by a reload.
struct Settings {
  ResponderOptions options;
  std::shared_ptr<RateLimiter> limiter;  ///< null: answers are not limited
};

/// Who asks for something that is not for everybody.
struct Caller {
  Endpoint peer;
  Transport transport = Transport::Udp;
  std::optional<Name> key;  ///< that signed the message
  ViewId view = kMainView;
  bool old_tls = false;  ///< older than 1.3
  /// For the log: `192.168.56.10:4711 (key dhcp.)`.
  std::string text() const;
};

/// The answer to AXFR or IXFR: one message, or a stream of them.
struct TransferAnswer {
  std::vector<std::uint8_t> reply;
  std::unique_ptr<OutgoingTransfer> stream;  ///< null: `reply` is all
  std::optional<Tsig> tsig;                  ///< signs each message of the stream
};

/// Counts a message and what came of it.
void count_outcome(Counters& counters, Transport transport, const Request& request, const Outcome& outcome,
                   std::span<const std::uint8_t> reply);

class Service {
 public:
  Service(const Config& config, ZoneStore& store, boost::asio::any_io_executor executor);

  /// What is seen at an address the server listens on.
  ViewId view_at(const Endpoint& listen) const;
  Snapshot<ZoneSet>& zones(ViewId view) { return store_.zones(view); }
  /// For threads that answer: each follows them.
  const Snapshot<Settings>& settings() const { return settings_; }
  /// `peer` must outlive what is returned.
  Asker asker(Transport transport, const IpAddress& peer, ViewId view) const;
  Asker asker(const Caller& caller) const {
    return asker(caller.transport, caller.peer.address, caller.view);
  }
  /// Whether `asker` says the same for every address: then it need not be asked.
  bool treats_all_alike(ViewId view) const { return !recursing_ || view != kMainView; }

  Metrics& metrics() { return metrics_; }
  TransferLog& transfers() { return transfers_; }

  /// Deals with what `respond` did not finish by itself. `known`: its reply so far. `send` gets the whole
  /// reply, once, on any thread.
  using Send = std::function<void(std::vector<std::uint8_t> reply)>;
  void handle(Action action, const Request& request, std::span<const std::uint8_t> known,
              const Caller& caller, Send send);
  /// Answers AXFR and IXFR, signed or not.
  TransferAnswer transfer(const Request& request, const Caller& caller);

  /// Called for each NOTIFY that a primary of ours sent, on any thread.
  void on_notify(std::function<void(const Name& apex)> call) { notified_ = std::move(call); }

  /// Says what came and went, if someone listens; ask `events::listening()` first.
  void tell(const Request& request, const std::string& reply, const Endpoint& peer, Transport transport);

  /// Takes over what may change while the server runs: all but addresses and threads.
  void configure(const Config& config);

 private:
  std::vector<std::uint8_t> reply(const Caller& caller, const Request& request, Rcode code,
                                  bool authoritative = false) const;
  void signed_message(const Request& request, const Caller& caller, Send send);
  void update(const Request& request, const Caller& caller, Send send);
  void recurse(const Request& request, std::span<const std::uint8_t> known, const Caller& caller, Send send);
  void notify(const Request& request, const Caller& caller, Send send);
  TransferAnswer unsigned_transfer(const Request& request, const Caller& caller);
  /// The signature of a request: checked, or the reply that says what is wrong with it.
  std::optional<std::vector<std::uint8_t>> refuse_signature(const Request& request, const Caller& caller,
                                                            Tsig& tsig);

  std::shared_ptr<const Settings> settings_of(const Config& config, const Settings* before) const;
  void set_recursion(const std::optional<RecursionConfig>& config);
  std::shared_ptr<Recursor> recursor() const;
  std::uint32_t good_for(const Zone& zone) const;

  ZoneStore& store_;
  boost::asio::any_io_executor executor_;
  Cookies::Secret own_secret_;  // for cookies, where the configuration has none
  std::optional<RateLimits> limits_;
  Snapshot<Access> access_;
  Snapshot<Settings> settings_;
  Metrics metrics_;
  TransferLog transfers_;
  mutable std::mutex recursor_mutex_;
  std::shared_ptr<Recursor> recursor_;
  std::optional<RecursionConfig> recursion_;
  std::atomic<bool> recursing_{false};
  std::function<void(const Name&)> notified_;
  std::map<Endpoint, ViewId> views_;
  std::atomic<std::uint64_t> dialogues_{0};
};

}  // namespace lab::dns
