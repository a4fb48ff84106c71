/// notifier -- tells secondaries that a zone has changed (RFC 1996), again and again until they confirm it.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <map>
#include <optional>
#include <vector>

#include "dns/config.hpp"
#include "dns/name.hpp"
#include "dns/tsig.hpp"

namespace lab::dns {

class Notifier {
 public:
  explicit Notifier(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}
  void configure(const Config& config);
  /// Safe from any thread.
  void changed(const Name& apex, std::uint32_t serial);

 private:
  struct Target {
    std::vector<Endpoint> secondaries;
    std::optional<TsigKey> key;
  };
  boost::asio::awaitable<void> tell(Name apex, std::uint32_t serial, Endpoint secondary,
                                    std::optional<TsigKey> key);

  boost::asio::any_io_executor executor_;
  std::vector<Endpoint> listen_;
  std::map<Name, Target> targets_;
  std::map<std::pair<Name, Endpoint>, std::uint32_t>
      latest_;  // the serial last told; an older round under way ends
};

}  // namespace lab::dns
