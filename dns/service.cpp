#include "dns/service.hpp"

#include "common/events.hpp"
#include "common/log.hpp"
#include "dns/describe.hpp"

namespace lab::dns {
namespace {

bool any_contains(const std::vector<Network>& networks, const IpAddress& address) {
  return std::any_of(networks.begin(), networks.end(), [&](const Network& n) { return n.contains(address); });
}

}  // namespace

Access::Access(const Config& config) {
  if (config.update) update = config.update->networks;
  if (config.recursion) recursion = config.recursion->networks;
}

Service::Service(const Config& config, ZoneStore& store, boost::asio::any_io_executor executor)
    : store_(store), access_(std::make_shared<const Access>(config)) {
  options_.udp_size = config.udp_size;
  if (config.recursion) recursor_ = std::make_unique<Recursor>(std::move(executor), *config.recursion);
}

void Service::configure(const Config& config) { access_.replace(std::make_shared<const Access>(config)); }

Asker Service::asker(Transport transport, const IpAddress& peer) const {
  return {transport, recursor_ && any_contains(access_.get()->recursion, peer)};
}

std::vector<std::uint8_t> Service::reply(const Request& request, Rcode code) const {
  std::vector<std::uint8_t> bytes(kPlainUdp);
  bytes.resize(plain_reply(options_, request, code, bytes));
  return bytes;
}

void Service::handle(Action action, const Request& request, std::span<const std::uint8_t> known,
                     const Endpoint& peer, Transport transport, Send send) {
  switch (action) {
    case Action::Update: return update(request, peer, std::move(send));
    case Action::Recurse: return recurse(request, known, transport, std::move(send));
    case Action::Transfer:
    case Action::Notify:
      log::info("{}: {} of {} refused: not allowed here", peer.text(),
                action == Action::Transfer ? "transfer" : "notify",
                Name::trusted(request.qname.data(), request.qname.size()).text());
      return send(reply(request, Rcode::Refused));
    case Action::Reply:
    case Action::Drop: break;
  }
}

void Service::update(const Request& request, const Endpoint& peer, Send send) {
  if (!any_contains(access_.get()->update, peer.address)) {
    log::warning("{}: update of {} refused: {} is in none of the networks of 'update'", peer.text(),
                 Name::trusted(request.qname.data(), request.qname.size()).text(), peer.address.text());
    return send(reply(request, Rcode::Refused));
  }
  std::vector<std::uint8_t> message(request.message.begin(), request.message.end());
  store_.update(message, peer.text(), [this, message, send = std::move(send)](Rcode code) {
    Request q;
    parse_request(message, q);
    send(reply(q, code));
  });
}

void Service::recurse(const Request& request, std::span<const std::uint8_t> known, Transport transport,
                      Send send) {
  std::vector<std::uint8_t> message(request.message.begin(), request.message.end());
  std::vector<std::uint8_t> ours(known.begin(), known.end());
  // An alias of ours is ours to tell; only what it leads to is asked elsewhere.
  const auto target = alias_target(known);
  recursor_->find(
      target ? *target : Name::trusted(request.qname.data(), request.qname.size()), request.qtype,
      [this, message = std::move(message), ours = std::move(ours), alias = target.has_value(), transport,
       send = std::move(send)](const Recursor::Found& found) {
        Request q;
        parse_request(message, q);
        if (!found.why_bogus.empty()) log::warning("{}", found.why_bogus);
        // Nobody else answers: what we know by ourselves (an alias, a delegation) is better than nothing.
        const bool something = (ours[3] & 15U) == 0;
        if (found.rcode == Rcode::ServFail && found.why_bogus.empty() && something) return send(ours);
        send(recursive_reply(q, alias ? std::span<const std::uint8_t>(ours) : std::span<const std::uint8_t>(),
                             found, size_limit(options_, transport, q, kMaxMessage), options_.udp_size));
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
