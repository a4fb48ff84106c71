#include "dhcp/relay_service.hpp"

#include <cerrno>
#include <cstring>

#include "common/config.hpp"
#include "common/events.hpp"
#include "common/log.hpp"
#include "dhcp/explain.hpp"
#include "dhcp/frame.hpp"

namespace lab::dhcp {
namespace {

namespace asio = boost::asio;

Result<RelaySettings> settings_of(const RelayConfig& config) {
  RelaySettings settings{.links = {},
                         .servers = servers_of(config, true),
                         .add_information = config.relay_information,
                         .remote_id = config.remote_id,
                         .max_hops = static_cast<std::uint8_t>(config.max_hops)};
  for (const auto& interface : config.interfaces) {
    const auto own = interface_address(interface, *Network::parse("0.0.0.0/0"));
    if (!own)
      return fail("it has no IPv4 address", interface,
                  "a relay needs one on each wire, to tell the server where a client is");
    settings.links.push_back({interface, *own});
  }
  return settings;
}

void tell(events::Direction direction, const Message& m, const std::string& peer, const std::string& text) {
  events::emit({.protocol = "dhcp", .session = m.xid, .direction = direction, .peer = peer, .text = text});
}

}  // namespace

const config::Table<RelayConfig>& table_of(const RelayConfig*) {
  static const auto table =
      config::Table<RelayConfig>("dhcp-relay.yaml")
          .required("interfaces", &RelayConfig::interfaces, "the wires with clients, [eth0, eth2]")
          .required("servers", &RelayConfig::servers,
                    "the DHCP servers, by IPv4 address for DHCPv4 and by IPv6 address for DHCPv6; each gets "
                    "every message")
          .row("relay_information", &RelayConfig::relay_information,
               "tell the server the interface of a client (option 82, RFC 3046)")
          .row("remote_id", &RelayConfig::remote_id,
               "a name of this relay for the server (option 82, sub-option 2)")
          .row("max_hops", &RelayConfig::max_hops, "relays a message may pass", {.min = 1, .max = 16})
          .rule([](const yaml::Value& at, RelayConfig& c) {
            if (c.interfaces.empty()) at.error("no interfaces", "name the wires with clients");
            if (c.servers.empty()) at.error("no servers", "name at least one");
          });
  return table;
}

std::vector<IpAddress> servers_of(const RelayConfig& config, bool v4) {
  std::vector<IpAddress> out;
  for (const auto& server : config.servers)
    if (server.is_v4() == v4) out.push_back(server);
  return out;
}

std::expected<RelayConfig, std::string> load_relay_config(const std::string& path) {
  return config::load_file<RelayConfig>(path);
}

std::string relay_config_reference() {
  return table_of(static_cast<const RelayConfig*>(nullptr)).reference();
}

RelayService::RelayService(asio::io_context& io, WireSocket socket, RelaySettings settings)
    : socket_(std::move(socket)), readable_(io, socket_.descriptor()), agent_(std::move(settings)) {}

Result<std::unique_ptr<RelayService>> RelayService::start(asio::io_context& io, const RelayConfig& config) {
  auto settings = settings_of(config);
  if (!settings) return std::unexpected(settings.error());
  auto socket = WireSocket::open();
  if (!socket) return std::unexpected(socket.error());
  for (const auto& link : settings->links)
    log::info("relaying for clients on {} ({}) to {} servers", link.interface, link.address.text(),
              settings->servers.size());
  std::unique_ptr<RelayService> service(new RelayService(io, std::move(*socket), std::move(*settings)));
  service->listen();
  return service;
}

Result<void> RelayService::reload(const RelayConfig& config) {
  auto settings = settings_of(config);
  if (!settings) return std::unexpected(settings.error());
  agent_ = RelayAgent(std::move(*settings));
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
  Outgoing out{.bytes = std::move(relayed->payload),
               .to = relayed->to,
               .from = relayed->from,
               .interface = 0,
               .hardware = {}};
  const auto send = [&] {
    socket_.send({&out, 1}, [](const Outgoing& lost) {
      log::warning("cannot relay to {}: {}", lost.to.text(), std::strerror(errno));
    });
  };
  if (events::listening())
    if (const auto message = Message::parse(in.payload)) {
      tell(events::Direction::In, *message, in.from.text(), summary(*message));
      tell(events::Direction::Note, *message, in.from.text(),
           relayed->delivery == Delivery::Relay ? "passed on to the servers, from " + in.arrival.interface
                                                : "passed on to the client on " + relayed->interface);
    }
  if (relayed->delivery == Delivery::Relay) {
    for (const auto& server : agent_.settings().servers) {
      out.to = {server, kServerPort};
      send();
    }
    return;
  }
  out.interface = socket_.interface_index(relayed->interface);
  if (relayed->delivery == Delivery::Hardware) {
    out.bytes = encode_packet({{out.from, kServerPort}, out.to, out.bytes});
    out.hardware = std::move(relayed->hardware);
  }
  send();
}

}  // namespace lab::dhcp
