/// relay -- the queue's road to another domain: its mail hosts by DNS, each address in turn until one takes
/// the dialogue, one connection for all the parcels it carries.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <random>
#include <string>

#include "common/tls.hpp"
#include "mail/queue/transport.hpp"
#include "mail/route/resolver.hpp"
#include "mail/smtp/client.hpp"

namespace lab::mail::smtp {

struct RelayOptions {
  std::string hostname;  ///< what we call ourselves, and whom the MX records must not lead back to
  tls::Context tls;      ///< opportunistic; empty: never
  std::uint16_t port = 25;
  ClientLimits limits = {};
};

class Relay final : public queue::Transport {
 public:
  /// `lookup` outlives the relay, the relay its roads.
  Relay(boost::asio::any_io_executor executor, route::Lookup& lookup, RelayOptions options);
  std::unique_ptr<queue::Road> road_to(const std::string& domain) override;

 private:
  class ToDomain;
  boost::asio::any_io_executor executor_;
  route::Lookup& lookup_;
  RelayOptions options_;
  std::mt19937_64 random_{std::random_device{}()};
};

}  // namespace lab::mail::smtp
