/// wire_watch -- sees every DHCP frame of the wires it is told to watch, with the hardware address it came from: what
/// clients cannot forge about themselves, and what other servers say (packet(7) with a filter in the kernel).
#pragma once
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "common/error.hpp"
#include "dhcp/message.hpp"
#include "dhcp/rogue_guard.hpp"

namespace lab::dhcp {

class WireWatch {
 public:
  ~WireWatch();
  /// Needs CAP_NET_RAW, now only.
  Result<void> open(const std::set<std::string>& interfaces);
  bool is_open() const { return fd_ >= 0; }
  int descriptor() const { return fd_; }

  /// Takes what has arrived. `heard` is called for each server's word: interface, station, payload.
  using Heard = std::function<void(const std::string&, const std::string&, std::span<const std::uint8_t>)>;
  void receive(const Heard& heard);
  /// The station from which a client's message of this transaction came; empty when it was not seen.
  std::string station_of(std::uint32_t xid, std::span<const std::uint8_t> hardware) const;
  /// Sends a DISCOVER in the name of a machine that does not exist.
  void provoke(const std::string& interface, std::uint32_t xid);

 private:
  struct Wire {
    int index = 0;
    MacAddress own;
  };
  int fd_ = -1;
  std::map<std::string, Wire> wires_;
  std::unordered_map<std::uint64_t, std::string> stations_;  ///< by transaction and hardware address
  std::deque<std::uint64_t> remembered_;                     ///< the same, oldest first
};

}  // namespace lab::dhcp
