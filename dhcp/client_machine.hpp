/// client_machine -- the DHCP client's state machine (RFC 2131 4.4, figure 5) without sockets, clock or
/// files: a message or an elapsed deadline goes in, what to send and what to configure comes out. A lab must
/// lease in milliseconds, so the first retransmission comes after 100 to 250 ms, then the wait doubles up to
/// the 64 s of RFC 2131 4.1; on a quiet wire nothing is ever retransmitted.
#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "dhcp/message.hpp"
#include "dhcp/option_types.hpp"

namespace lab::dhcp {

/// Wall-clock time that never jumps while the program runs.
using ClientTime = std::chrono::sys_time<std::chrono::milliseconds>;

struct ClientLimits {
  std::chrono::milliseconds first_wait{100};  ///< at least; at most `first_wait_spread` more
  std::chrono::milliseconds first_wait_spread{150};
  std::chrono::milliseconds longest_wait{64000};  ///< RFC 2131 4.1
  int request_tries = 4;                          ///< RFC 2131 4.4.1: then begin again
  int reboot_tries = 3;  ///< silence means that the server forgot us (RFC 2131 4.3.2): ask anew soon
  std::chrono::seconds after_decline{10};  ///< RFC 2131 3.1 step 5
  std::chrono::seconds renewal_wait{60};   ///< RFC 2131 4.4.5: shortest wait between renewals of a long lease
  std::chrono::seconds longest_nak_wait{64};  ///< a server that always refuses is not to be flooded
};
inline constexpr ClientLimits kClientLimits;

struct ClientSettings {
  MacAddress hardware;
  Bytes client_id;       ///< option 61; empty: hardware type and address (RFC 2132 9.14)
  std::string hostname;  ///< option 12; empty: not sent
  std::string vendor_class = "lab-dhclient";
};

struct ClientLease {
  IpAddress address, server;
  unsigned prefix = 24;
  std::vector<IpAddress> routers, name_servers, time_servers;
  std::vector<ClasslessRoute> routes;
  std::string domain, hostname;
  std::vector<std::string> search;
  std::optional<IpAddress> broadcast;
  ClientTime obtained{};
  std::chrono::seconds renew{}, rebind{}, lease{};  ///< after `obtained`
  bool forever = false;                             ///< lease time 0xffffffff (RFC 2131 3.3)
};

enum class ClientState { Init, Rebooting, Selecting, Requesting, Bound, Renewing, Rebinding, Declined };
const char* name(ClientState);

struct SendMessage {
  Message message;
  bool to_server = false;  ///< unicast to `server` from the leased address; else broadcast
  IpAddress server;
};
struct Configure {
  ClientLease lease;
};
struct Deconfigure {
  std::string why;
};
struct Say {
  std::string text;
};
using ClientAction = std::variant<SendMessage, Configure, Deconfigure, Say>;
using ClientActions = std::vector<ClientAction>;

class ClientMachine {
 public:
  /// `random` returns any 32-bit number: transaction ids and the spread of waits.
  ClientMachine(ClientSettings settings, std::function<std::uint32_t()> random);

  /// `remembered`: the address of a lease that has not expired: then INIT-REBOOT instead of DISCOVER.
  ClientActions start(ClientTime now, std::optional<IpAddress> remembered);
  ClientActions on_message(const Message& message, ClientTime now);
  /// To be called once `deadline()` has passed.
  ClientActions on_deadline(ClientTime now);
  /// Another machine answers for the leased address (RFC 5227): decline it and begin again.
  ClientActions on_conflict(ClientTime now);
  /// Gives the lease back; the machine ends in Init without a deadline.
  ClientActions release(ClientTime now);

  ClientState state() const { return state_; }
  /// Nullopt: nothing to wait for but a message.
  std::optional<ClientTime> deadline() const { return deadline_; }
  const std::optional<ClientLease>& lease() const { return lease_; }

 private:
  Message request(MessageType type, ClientTime now) const;
  void add_wishes(Message& message) const;
  bool answers_us(const Message& message) const;
  std::chrono::milliseconds backoff(int attempt);
  std::chrono::milliseconds renewal_wait(ClientTime now, ClientTime until) const;
  void new_exchange(ClientTime now);

  ClientActions discover(ClientTime now);
  /// Adds what the client wishes, broadcasts, and sets when to try again.
  ClientActions ask_everybody(Message m, ClientTime now);
  ClientActions send_discover(ClientTime now);
  ClientActions send_selecting_request(ClientTime now);
  ClientActions send_reboot_request(ClientTime now);
  ClientActions send_renewal(ClientTime now);
  ClientActions on_offer(const Message& message, ClientTime now);
  ClientActions on_ack(const Message& message, ClientTime now);
  ClientActions on_nak(const Message& message, ClientTime now);

  ClientSettings settings_;
  std::function<std::uint32_t()> random_;
  ClientState state_ = ClientState::Init;
  std::optional<ClientTime> deadline_;
  std::optional<ClientLease> lease_;
  std::uint32_t xid_ = 0;
  ClientTime exchange_began_{};
  int attempt_ = 0, naks_ = 0;
  IpAddress wanted_, chosen_server_;
};

/// The lease that an ACK grants.
ClientLease lease_of(const Message& ack, ClientTime obtained);

}  // namespace lab::dhcp
