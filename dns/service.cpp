#include "dns/service.hpp"

#include "common/events.hpp"
#include "common/log.hpp"
#include "dns/describe.hpp"

namespace lab::dns {

Service::Service(const Config& config, ZoneStore& store)
    : store_(store),
      updaters_(std::make_shared<const std::vector<Network>>(config.update ? config.update->networks
                                                                           : std::vector<Network>{})) {
  options_.udp_size = config.udp_size;
}

void Service::configure(const Config& config) {
  updaters_.replace(std::make_shared<const std::vector<Network>>(config.update ? config.update->networks
                                                                               : std::vector<Network>{}));
}

bool Service::may_update(const IpAddress& peer) const {
  const auto networks = updaters_.get();
  return std::any_of(networks->begin(), networks->end(), [&](const Network& n) { return n.contains(peer); });
}

void Service::handle(Action action, const Request& request, const Endpoint& peer, Send send) {
  const std::string apex = Name::trusted(request.qname.data(), request.qname.size()).text();
  const auto reply = [this](const Request& q, Rcode code) {
    std::vector<std::uint8_t> bytes(kPlainUdp);
    bytes.resize(plain_reply(options_, q, code, bytes));
    return bytes;
  };
  if (action != Action::Update) {
    log::info("{}: {} of {} refused: not allowed here", peer.text(),
              action == Action::Transfer ? "transfer" : "notify", apex);
    return send(reply(request, Rcode::Refused));
  }
  if (!may_update(peer.address)) {
    log::warning("{}: update of {} refused: {} is in none of the networks of 'update'", peer.text(), apex,
                 peer.address.text());
    return send(reply(request, Rcode::Refused));
  }
  std::vector<std::uint8_t> message(request.message.begin(), request.message.end());
  store_.update(message, peer.text(), [reply, message, send = std::move(send)](Rcode code) {
    Request q;
    parse_request(message, q);
    send(reply(q, code));
  });
}

void Service::tell(const Request& request, std::span<const std::uint8_t> reply, const Endpoint& peer,
                   Transport transport) {
  const std::uint64_t session = ++dialogues_;
  const std::string from = peer.text() + (transport == Transport::Tcp ? " tcp" : "");
  events::emit({.protocol = "dns",
                .session = session,
                .direction = events::Direction::In,
                .peer = from,
                .text = describe_request(request)});
  events::emit({.protocol = "dns",
                .session = session,
                .direction = events::Direction::Out,
                .peer = from,
                .text = describe_response(reply)});
}

}  // namespace lab::dns
