/// secondary -- keeps copies of zones that other servers are primaries of (RFC 1034 4.3.5): asks for changes
/// at each REFRESH and NOTIFY, tries again at each RETRY, gives a copy up after EXPIRE.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "dns/config.hpp"
#include "dns/stream.hpp"
#include "dns/transfer.hpp"
#include "dns/transfer_log.hpp"
#include "dns/tsig.hpp"
#include "dns/zone_store.hpp"

namespace lab::dns {

struct SecondaryLimits {
  static constexpr std::chrono::seconds kConnect{5};     // and for each message of a transfer
  static constexpr std::chrono::seconds kFirstRetry{1};  // without a copy: 1, 2, 4 … seconds
  static constexpr std::chrono::seconds kSlowestRetry{60};
  static constexpr std::uint32_t kShortestRefresh = 2;  // whatever the SOA says
  static constexpr std::size_t kRecords =
      10'000'000;  // of one transfer: a primary gone mad must not fill our memory
};

class Secondaries {
 public:
  /// `log` is told what became of each transfer.
  Secondaries(boost::asio::any_io_executor executor, ZoneStore& store, TransferLog& log);
  ~Secondaries();
  /// Starts, goes on with, or ends following zones, as the configuration says.
  void configure(const Config& config);
  /// Called once every zone configured so far has been asked for, with whatever result.
  void on_first_round(std::function<void()> call) { first_round_ = std::move(call); }
  /// A primary says that the zone has changed. Safe from any thread.
  void notified(const Name& apex);

 private:
  struct Follower;
  struct Attempt {
    bool whole = false;  // AXFR, else IXFR
    bool edns = true;
  };
  boost::asio::awaitable<void> follow(std::shared_ptr<Follower> follower);
  boost::asio::awaitable<bool> refresh(Follower& follower);
  boost::asio::awaitable<Result<Stream>> connect(const Follower& follower, Endpoint primary);
  boost::asio::awaitable<Result<void>> fetch(Follower& follower, Endpoint primary, Attempt attempt);

  boost::asio::any_io_executor executor_;
  ZoneStore& store_;
  TransferLog& log_;
  std::vector<Endpoint> listen_;
  std::map<Name, std::shared_ptr<Follower>> followers_;
  std::function<void()> first_round_;
};

}  // namespace lab::dns
