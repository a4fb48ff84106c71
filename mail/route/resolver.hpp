/// resolver -- asks name servers over the wire, UDP first, TCP where the answer is too long (RFC 1035 4.2,
/// RFC 7766): each server in turn, twice, with a deadline. Keeps nothing: the queue asks rarely, and a lab's
/// records change under its eyes.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "common/address.hpp"
#include "mail/route/dns_message.hpp"

namespace lab::mail::route {

/// Where records come from; tests answer from memory.
class Lookup {
 public:
  virtual ~Lookup() = default;
  virtual boost::asio::awaitable<DnsAnswer> ask(std::string name, Type type) = 0;
};

struct ResolverLimits {
  std::chrono::milliseconds attempt{1500};  ///< one question to one server
  int rounds = 2;                           ///< through all servers
};

class Resolver final : public Lookup {
 public:
  Resolver(boost::asio::any_io_executor executor, std::vector<Endpoint> servers, ResolverLimits limits = {});
  boost::asio::awaitable<DnsAnswer> ask(std::string name, Type type) override;

  /// The `nameserver` lines of a resolv.conf(5); 127.0.0.1 where there is none.
  static std::vector<Endpoint> servers_of(const std::string& resolv_conf);

 private:
  boost::asio::any_io_executor executor_;
  std::vector<Endpoint> servers_;
  ResolverLimits limits_;
};

}  // namespace lab::mail::route
