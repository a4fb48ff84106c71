/// reply -- fills the messages a server sends: the fixed fields of RFC 2131 table 3, the options in the order
/// the client wishes, and the way back to it.
#pragma once
#include "dhcp/server.hpp"

namespace lab::dhcp {

struct ReplyContext {
  const Message& request;
  const Arrival& arrival;
  const Scope& scope;
  const Reservation* reservation = nullptr;  ///< its options and name win over the scope's
  IpAddress server_id;
  std::string fqdn;  ///< the client's name in DNS; empty: none
};

/// The first class of the scope that the client belongs to; nullptr for none.
const ClientClass* class_of(const Scope& scope, const Message& request);

/// OFFER or ACK of `address` for `lease`.
Reply lease_reply(const ReplyContext& c, MessageType type, const IpAddress& address,
                  std::chrono::seconds lease);
/// ACK to an INFORM: configuration, and nothing about addresses or times (RFC 2131 4.3.5).
Reply inform_reply(const ReplyContext& c);
/// NAK with the reason for people who look at the wire.
Reply refusal(const Message& request, const IpAddress& server_id, std::string_view why);

}  // namespace lab::dhcp
