/// ipv6 -- the client's IPv6 half: hears routers, and does what they say: addresses by DHCPv6 (M), the rest
/// by DHCPv6 (O), or addresses of the kernel's own making. It keeps what came of it, for resolv.conf, the
/// lease file, and readiness.
#pragma once
#include <poll.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "dhcp/client/link6.hpp"
#include "dhcp/v6/client_machine.hpp"

namespace lab::dhcp::client {

enum class Ipv6Mode {
  Off,
  Auto,       ///< as the routers say; DHCPv6 for addresses where no router answers
  Stateful,   ///< DHCPv6 for addresses, whatever routers say
  Stateless,  ///< DHCPv6 for name servers only
};

struct Ipv6Settings {
  Ipv6Mode mode = Ipv6Mode::Off;
  std::string interface, hostname;
  MacAddress hardware;
  Bytes duid;
  std::uint32_t iaid = 0;
  std::string state;  ///< file that remembers the lease; empty: none
  bool prefix = false, lifetime = true, verbose = false;
};

/// What is known about the network by IPv6.
struct Ipv6Outcome {
  std::string how;  ///< "stateful", "stateless", "slaac"
  std::vector<v6::HeldEntry> entries;
  std::vector<IpAddress> own_made;  ///< by the kernel, in prefixes that routers announce
  std::optional<IpAddress> router;
  std::optional<v6::ClientLease> lease;
  std::vector<IpAddress> name_servers;
  std::vector<std::string> search;
};

class Ipv6 {
 public:
  /// `changed` is called when the outcome is another.
  static Result<std::unique_ptr<Ipv6>> open(Ipv6Settings settings, std::function<void()> changed);

  void start(ClientTime now);
  static constexpr std::size_t kDescriptors = 3;
  void add_to(std::vector<pollfd>& waiting) const;
  /// Reads what is there.
  void on_readable(ClientTime now);
  std::optional<ClientTime> deadline() const;
  void on_deadline(ClientTime now);
  void renew(ClientTime now);
  void release(ClientTime now);

  /// Everything that was to come has come.
  bool settled() const;
  Ipv6Outcome outcome() const;

 private:
  Ipv6(Ipv6Settings settings, Link6 link, std::function<void()> changed);

  void on_router(const Link6::Router& router, ClientTime now);
  void on_address(const Link6::Address& address, ClientTime now);
  void begin();
  void ask_routers(ClientTime now);
  void perform(const v6::ClientActions& actions);
  void act(const v6::SendMessage& send);
  void act(const v6::Configure& configure);
  void act(const Deconfigure& deconfigure);
  void act(const Say& say);
  void say(const std::string& text) const;
  void drop(const v6::HeldEntry& entry);

  Ipv6Settings settings_;
  Link6 link_;
  v6::ClientMachine machine_;
  std::function<void()> changed_;
  ClientTime now_{};
  std::optional<Link6::Router> router_;
  std::optional<v6::ClientLease> lease_;
  std::set<IpAddress> usable_;  ///< leased addresses that passed duplicate detection
  std::set<IpAddress> own_made_;
  std::optional<ClientTime> ask_again_;
  int asked_ = 0;
  bool started_ = false;
};

/// The lease in a few lines, for the next start; and back, unless it has run out by `now`.
std::string remember(const v6::ClientLease& lease);
std::optional<v6::ClientLease> recall6(const std::string& text, ClientTime now);

}  // namespace lab::dhcp::client
