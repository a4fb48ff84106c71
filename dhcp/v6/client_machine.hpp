/// client_machine -- the DHCPv6 client's state machine (RFC 8415 18.2) without sockets, clock or files: a
/// message or an elapsed deadline goes in, what to send and what to configure comes out. As with DHCPv4, a
/// lab must lease in milliseconds: the first retransmission comes after a quarter of a second and waits stay
/// below a minute; on a quiet wire with a server that prefers itself nothing is ever retransmitted.
#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "dhcp/client_machine.hpp"
#include "dhcp/v6/identity.hpp"
#include "dhcp/v6/message.hpp"

namespace lab::dhcp::v6 {

struct ClientLimits {
  std::chrono::milliseconds solicit_wait{
      250};  ///< RFC 8415 7.6 has 1 s (SOL_TIMEOUT), for the internet's needs
  std::chrono::milliseconds longest_wait{64000};
  std::chrono::milliseconds renew_wait{10000};  ///< REN_TIMEOUT, REB_TIMEOUT
  std::chrono::milliseconds longest_renew_wait{600000};
  int request_tries = 6;
  int confirm_tries = 4;  ///< then the address is used again without an answer (RFC 8415 18.2.3)
  int decline_tries = 4;
  std::chrono::seconds refresh_default{86400}, refresh_least{600};  ///< RFC 8415 21.23
};
inline constexpr ClientLimits kClientLimits;

struct ClientSettings {
  Bytes duid;
  std::uint32_t iaid = 1;
  std::string hostname;       ///< option 39; empty: not sent
  bool rapid_commit = true;   ///< take a REPLY to a SOLICIT
  bool wants_prefix = false;  ///< asks for a prefix to delegate, too
};

struct HeldEntry {
  IaKind kind = IaKind::Addresses;
  IpAddress address;
  std::uint8_t length = 128;
  std::chrono::seconds preferred{}, valid{};  ///< after the lease's `obtained`
};

struct ClientLease {
  Bytes server;                    ///< its DUID
  std::vector<HeldEntry> entries;  ///< none: only told about the network
  ClientTime obtained{};
  std::chrono::seconds renew{}, rebind{};  ///< after `obtained`
  std::vector<IpAddress> name_servers;
  std::vector<std::string> search, time_servers;
  std::string fqdn;

  std::chrono::seconds valid() const;  ///< of what lasts longest
};

enum class ClientState {
  Idle,
  Soliciting,
  Requesting,
  Confirming,
  Bound,
  Renewing,
  Rebinding,
  Declining,
  Informing,
  Informed,
};
const char* name(ClientState);

/// To all servers on the wire (ff02::1:2).
struct SendMessage {
  Message message;
};
struct Configure {
  ClientLease lease;
};
using ClientAction = std::variant<SendMessage, Configure, Deconfigure, Say>;
using ClientActions = std::vector<ClientAction>;

class ClientMachine {
 public:
  /// `random` returns any 32-bit number: transaction ids and the spread of waits.
  ClientMachine(ClientSettings settings, std::function<std::uint32_t()> random)
      : settings_(std::move(settings)), random_(std::move(random)) {}

  /// Asks for addresses; with a remembered lease that has not run out, whether they are right here still.
  ClientActions start(ClientTime now, std::optional<ClientLease> remembered);
  /// Asks about the network only.
  ClientActions start_stateless(ClientTime now);
  ClientActions on_message(const Message& message, ClientTime now);
  /// To be called once `deadline()` has passed.
  ClientActions on_deadline(ClientTime now);
  /// Another machine has the address (RFC 4862 5.4): declines it and begins again.
  ClientActions on_conflict(const IpAddress& address, ClientTime now);
  /// Asks now to keep what is held.
  ClientActions renew(ClientTime now);
  /// Gives everything back; the machine ends idle.
  ClientActions release(ClientTime now);

  ClientState state() const { return state_; }
  std::optional<ClientTime> deadline() const { return deadline_; }
  const std::optional<ClientLease>& lease() const { return lease_; }

 private:
  struct Offer {
    Message message;
    int preference = -1;
    std::size_t entries = 0;
  };
  Message build(MessageType type, ClientTime now) const;
  void add_ias(Message& message, const std::vector<HeldEntry>& entries, bool with_times) const;
  ClientActions enter(ClientState state, ClientTime now);
  /// Sends the state's message and sets when to send it again.
  ClientActions transmit(ClientTime now);
  std::chrono::milliseconds next_wait(std::chrono::milliseconds first, std::chrono::milliseconds most);

  ClientActions on_advertise(const Message& message, ClientTime now);
  ClientActions on_reply(const Message& message, ClientTime now);
  ClientActions take(const Message& message, ClientTime now);
  ClientActions on_lease_end(ClientTime now);
  ClientActions begin_anew(ClientTime now, std::string why);

  ClientSettings settings_;
  std::function<std::uint32_t()> random_;
  ClientState state_ = ClientState::Idle;
  std::optional<ClientTime> deadline_;
  std::optional<ClientLease> lease_;
  std::optional<Offer> best_;
  std::vector<HeldEntry> asked_;  ///< what REQUEST and DECLINE speak of
  Bytes server_;                  ///< whom they speak to
  std::uint32_t transaction_ = 0;
  ClientTime exchange_began_{};
  std::chrono::milliseconds wait_{0};
  int attempt_ = 0;
};

/// The lease a REPLY grants; entries it refuses or ends are left out.
ClientLease lease_of(const Message& reply, ClientTime obtained);

}  // namespace lab::dhcp::v6
