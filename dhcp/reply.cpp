#include "dhcp/reply.hpp"

#include <algorithm>

#include "dhcp/host_name.hpp"

namespace lab::dhcp {
namespace {

Message answer_to(const Message& request, MessageType type, const IpAddress& server_id) {
  Message m;
  m.op = Message::kBootReply;
  m.htype = request.htype;
  m.hlen = request.hlen;
  m.xid = request.xid;
  m.flags = request.flags & Message::kBroadcastFlag;  // bits reserved today are not echoed (RFC 2131 2)
  m.giaddr = request.giaddr;
  m.chaddr = request.chaddr;
  m.set_type(type);
  m.options.set_address(option::kServerId, server_id);
  return m;
}

/// RFC 3046 2.2 and RFC 6842 3: in every reply, a NAK among them.
void echo(Message& m, const Message& request, bool client_id) {
  for (const auto code : {option::kClientId, option::kRelayInformation}) {
    const Bytes* data = request.options.find(code);
    if (data != nullptr && (client_id || code != option::kClientId)) m.options.set(code, *data);
  }
}

/// Payload the client can take: option 57, else 576 bytes of datagram; never one that Ethernet would
/// fragment.
std::size_t room_for(const Message& request) {
  const std::size_t said = request.options.uint16(option::kMaxMessageSize).value_or(0);
  const std::size_t datagram = std::clamp(said, kMessageLimits.assumed, kMessageLimits.ethernet);
  return datagram - kMessageLimits.ip_udp_headers;
}

void deliver(Reply& reply, const Message& request) {
  const Message& m = reply.message;
  if (m.giaddr != IpAddress{}) {
    reply.delivery = Delivery::Relay;
    reply.to = {m.giaddr, kServerPort};
  } else if (request.ciaddr != IpAddress{}) {
    reply.delivery = Delivery::Unicast;
    reply.to = {request.ciaddr, kClientPort};
  } else if (request.wants_broadcast() || request.htype != Message::kEthernet || request.hlen != 6) {
    reply.delivery = Delivery::Broadcast;
    reply.to = {IpAddress::v4(0xFFFFFFFF), kClientPort};
  } else {
    reply.delivery = Delivery::Hardware;
    reply.to = {m.yiaddr, kClientPort};
  }
}

/// What the client is told, from the most particular to the most general: its reservation, its class, its
/// scope.
class Configuration {
 public:
  explicit Configuration(const ReplyContext& c) : class_(class_of(c.scope, c.request)) {
    if (c.reservation != nullptr) layers_.push_back(&c.reservation->options);
    if (class_ != nullptr) layers_.push_back(&class_->options);
    layers_.push_back(&c.scope.options);
  }
  const Bytes* find(std::uint8_t code) const {
    for (const auto* layer : layers_)
      if (const Bytes* value = layer->find(code)) return value;
    return nullptr;
  }
  const std::vector<const Options*>& layers() const { return layers_; }
  const ClientClass* client_class() const { return class_; }

 private:
  const ClientClass* class_;
  std::vector<const Options*> layers_;
};

void add_host_name(Message& m, const ReplyContext& c, const Configuration& told) {
  if (c.reservation != nullptr && !c.reservation->name.empty()) {
    if (auto label = host_label(c.reservation->name); !label.empty())
      m.options.set_text(option::kHostName, label);
  } else if (const Bytes* set = told.find(option::kHostName)) {
    m.options.set(option::kHostName, *set);
  }
}

/// RFC 2132 9.8: what the client wishes, in its order; without a list, everything. Options about the lease
/// itself are the server's alone: a client that lists option 54 must not get it twice.
void add_configuration(Message& m, const ReplyContext& c) {
  const Configuration told(c);
  const auto add = [&](std::uint8_t code) {
    if (m.options.has(code) || code == option::kPad || code == option::kEnd) return;
    switch (code) {
      case option::kHostName: add_host_name(m, c, told); return;
      case option::kMessageType:
      case option::kServerId:
      case option::kLeaseTime:
      case option::kRenewalTime:
      case option::kRebindingTime:
      case option::kClientId:
      case option::kRelayInformation:
      case option::kClientFqdn: return;
      case option::kVendorClass:
        // UEFI: "PXEClient" without vendor options makes the firmware ask port 4011 and give up.
        if (told.find(option::kVendorInformation) == nullptr) return;
        break;
      default: break;
    }
    const Bytes* value = told.find(code);
    if (value == nullptr) return;
    m.options.set(code, *value);
    if (code == option::kBootFileName && c.scope.nul_terminate) {
      Bytes ended = *value;
      ended.push_back(0);
      m.options.set(code, std::move(ended));
    }
  };
  m.options.set_address(option::kSubnetMask, c.scope.network.netmask());
  if (const Bytes* wishes = c.request.options.find(option::kParameterList)) {
    for (const auto code : *wishes) add(code);
    // Who is reserved a name gets it, asked for or not; who asks for 60 needs 43 with it.
    add(option::kHostName);
    if (m.options.has(option::kVendorClass)) add(option::kVendorInformation);
  } else {
    for (const auto* layer : told.layers())
      for (const auto& o : layer->list())
        // RFC 8925 3.3: never to a client that does not ask for it, or it would turn its IPv4 off.
        if (o.code != option::kV6OnlyPreferred) add(o.code);
    add(option::kHostName);
  }
  m.siaddr = c.scope.next_server;
  m.sname = c.scope.server_name;
  m.file = c.scope.boot_file;
  if (const auto* kind = told.client_class()) {
    if (kind->next_server) m.siaddr = *kind->next_server;
    if (!kind->boot_file.empty()) m.file = kind->boot_file;
  }
  // Old PXE ROMs read `file` only, newer firmware option 67 only: both are told the same.
  if (const Bytes* boot = told.find(option::kBootFileName); boot != nullptr && m.file.empty())
    m.file.assign(boot->begin(), boot->end());
  if (auto fqdn = answer_fqdn(c.request, c.fqdn)) m.options.set(option::kClientFqdn, std::move(*fqdn));
}

Reply finish(const ReplyContext& c, Message message) {
  echo(message, c.request, c.scope.echo_client_id);
  Reply reply{.message = std::move(message),
              .delivery = Delivery::Broadcast,
              .to = {},
              .from = c.server_id,
              .encoding = {.max_size = room_for(c.request), .overload = c.scope.overload}};
  deliver(reply, c.request);
  return reply;
}

}  // namespace

const ClientClass* class_of(const Scope& scope, const Message& request) {
  const auto vendor = request.options.text(option::kVendorClass).value_or("");
  // RFC 3004 counts each class with a length byte; most clients just send the text.
  auto user = request.options.text(option::kUserClass).value_or("");
  if (user.size() > 1 && static_cast<std::size_t>(static_cast<unsigned char>(user[0])) == user.size() - 1)
    user.erase(0, 1);
  const auto architecture = request.options.uint16(option::kClientArchitecture);
  for (const auto& kind : scope.classes) {
    if (!vendor.starts_with(kind.vendor_class)) continue;
    if (!kind.user_class.empty() && user != kind.user_class) continue;
    if (!kind.architectures.empty() &&
        (!architecture || std::ranges::find(kind.architectures, *architecture) == kind.architectures.end()))
      continue;
    return &kind;
  }
  return nullptr;
}

Reply lease_reply(const ReplyContext& c, MessageType type, const IpAddress& address,
                  std::chrono::seconds lease) {
  Message m = answer_to(c.request, type, c.server_id);
  m.yiaddr = address;
  if (type == MessageType::Ack) m.ciaddr = c.request.ciaddr;
  const auto seconds = static_cast<std::uint32_t>(lease.count());
  m.options.set_uint32(option::kLeaseTime, seconds);
  if (seconds != 0xFFFFFFFF) {  // RFC 2131 3.3: for ever, and then there is nothing to renew
    m.options.set_uint32(option::kRenewalTime, seconds / 2);
    m.options.set_uint32(option::kRebindingTime, static_cast<std::uint32_t>(std::uint64_t{seconds} * 7 / 8));
  }
  add_configuration(m, c);
  return finish(c, std::move(m));
}

Reply inform_reply(const ReplyContext& c) {
  Message m = answer_to(c.request, MessageType::Ack, c.server_id);
  m.ciaddr = c.request.ciaddr;
  add_configuration(m, c);
  Reply reply = finish(c, std::move(m));
  // RFC 2131 4.3.5: to the address in ciaddr, whatever relay the INFORM passed; Windows XP leaves ciaddr
  // empty.
  if (c.request.ciaddr == IpAddress{} && c.request.giaddr == IpAddress{} && c.arrival.source != IpAddress{}) {
    reply.delivery = Delivery::Unicast;
    reply.to = {c.arrival.source, kClientPort};
  } else if (c.request.ciaddr != IpAddress{}) {
    reply.delivery = Delivery::Unicast;
    reply.to = {c.request.ciaddr, kClientPort};
  } else if (reply.delivery == Delivery::Hardware) {
    reply.delivery = Delivery::Broadcast;
    reply.to = {IpAddress::v4(0xFFFFFFFF), kClientPort};
  }
  return reply;
}

Reply refusal(const Message& request, const IpAddress& server_id, std::string_view why) {
  Message m = answer_to(request, MessageType::Nak, server_id);
  m.options.set_text(option::kText, why);
  echo(m, request, true);
  Reply reply{
      .message = std::move(m), .delivery = Delivery::Broadcast, .to = {}, .from = server_id, .encoding = {}};
  if (request.giaddr != IpAddress{}) {
    // RFC 2131 4.3.2: behind a relay the client may have no valid address: the relay is asked to broadcast.
    reply.message.flags |= Message::kBroadcastFlag;
    reply.delivery = Delivery::Relay;
    reply.to = {request.giaddr, kServerPort};
  } else {
    // RFC 2131 4.1: always to everybody, also at a renewal: a client that moved does not hear its old
    // address.
    reply.to = {IpAddress::v4(0xFFFFFFFF), kClientPort};
  }
  return reply;
}

}  // namespace lab::dhcp
