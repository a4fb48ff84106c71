#include "dhcp/v6/relay_service.hpp"

#include <net/if.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/events.hpp"
#include "common/log.hpp"
#include "dhcp/v6/explain.hpp"
#include "dhcp/v6/identity.hpp"

namespace lab::dhcp::v6 {

namespace asio = boost::asio;

Result<std::unique_ptr<RelayService>> RelayService::start(asio::io_context& io,
                                                          const std::vector<std::string>& interfaces,
                                                          std::vector<IpAddress> servers,
                                                          std::string remote_id) {
  auto socket = UdpSocket::open();
  if (!socket) return std::unexpected(socket.error());
  std::unique_ptr<RelayService> service(new RelayService(io, std::move(*socket)));
  if (auto taken = service->reload(interfaces, std::move(servers), std::move(remote_id)); !taken)
    return std::unexpected(taken.error());
  service->listen();
  return service;
}

Result<void> RelayService::reload(const std::vector<std::string>& interfaces, std::vector<IpAddress> servers,
                                  std::string remote_id) {
  RelaySettings settings{.links = {}, .servers = std::move(servers), .remote_id = std::move(remote_id)};
  for (const auto& interface : interfaces) {
    const auto own = interface_addresses(interface);
    if (own.empty() || is_link_local(own.front())) continue;  // a wire with IPv4 only
    if (auto joined = socket_.join(interface); !joined) return joined;
    settings.links.push_back({interface, own.front()});
    log::info("relaying DHCPv6 for clients on {} ({}) to {} servers", interface, own.front().text(),
              settings.servers.size());
  }
  if (settings.links.empty())
    return fail("none of the interfaces has an IPv6 address, and a server has one", {},
                "give the wires with clients one, to tell the server where a client is");
  agent_ = RelayAgent(std::move(settings));
  return {};
}

void RelayService::listen() {
  readable_.async_wait(asio::posix::stream_descriptor::wait_read,
                       [this](const boost::system::error_code& error) {
                         if (error) return;
                         bool more = true;
                         while (more)
                           for (const auto& in : socket_.receive(more)) relay(in);
                         listen();
                       });
}

void RelayService::relay(const Incoming& in) {
  std::string why;
  auto relayed = agent_.handle(in.payload, in.arrival, why);
  if (!relayed) return log::debug("not relayed, from {}: {}", in.from.text(), why);
  if (events::listening()) {
    const auto message =
        Message::parse(relayed->to_servers ? in.payload : std::span<const std::uint8_t>(relayed->payload));
    if (message) {
      const auto tell = [&](events::Direction direction, const std::string& text) {
        events::emit({.protocol = "dhcp",
                      .session = message->transaction,
                      .direction = direction,
                      .peer = in.from.text(),
                      .text = text});
      };
      tell(events::Direction::In, summary(*message));
      tell(events::Direction::Note, relayed->to_servers ? "passed on to the servers, from " + in.arrival.interface
                                                        : "passed on to the client on " + relayed->interface);
    }
  }
  std::vector<Outgoing> out;
  if (relayed->to_servers)
    for (const auto& server : agent_.settings().servers)
      out.push_back({relayed->payload, {server, kServerPort}, 0});
  else
    out.push_back(
        {relayed->payload, relayed->to, static_cast<int>(if_nametoindex(relayed->interface.c_str()))});
  socket_.send(out, [](const Outgoing& lost) {
    log::warning("cannot relay to {}: {}", lost.to.text(), std::strerror(errno));
  });
}

}  // namespace lab::dhcp::v6
