#include "dns/config.hpp"

#include <filesystem>

#include "dns/name.hpp"

namespace lab::dns {

const config::Table<ZoneConfig>& zone_table() {
  static const auto table = config::Table<ZoneConfig>("zone").required(
      "file", &ZoneConfig::file, "zone file in master file format (RFC 1035 5), relative to this file");
  return table;
}

const config::Table<UpdateConfig>& update_table() {
  static const auto table =
      config::Table<UpdateConfig>("update")
          .row("networks", &UpdateConfig::networks, "who may send dynamic updates (RFC 2136); nobody else")
          .row("protect_zone_files", &UpdateConfig::protect_zone_files,
               "records written in a zone file survive every update: only what updates added can be removed "
               "by them");
  return table;
}

const config::Table<TcpConfig>& tcp_table() {
  static const auto table =
      config::Table<TcpConfig>("tcp")
          .row("idle", &TcpConfig::idle,
               "a connection that asks nothing for so long is closed (RFC 7766 6.2.3)",
               {.min = 1, .max = 3600})
          .row("connections", &TcpConfig::connections, "open at a time, in all", {.min = 1, .max = 60000})
          .row("connections_per_client", &TcpConfig::connections_per_client,
               "open at a time from one address", {.min = 1, .max = 60000});
  return table;
}

const config::Table<RecursionConfig>& recursion_table() {
  static const auto table =
      config::Table<RecursionConfig>("recursion")
          .required("networks", &RecursionConfig::networks,
                    "whose questions about other zones are answered; nobody else's")
          .row("root", &RecursionConfig::root,
               "the lab's root servers, address:port; without them and without forwarders, the internet's")
          .row("forwarders", &RecursionConfig::forwarders,
               "resolvers that are asked instead of walking down from the root")
          .row("trust_anchors", &RecursionConfig::trust_anchors,
               "file with DS or DNSKEY records of the root: answers are validated (RFC 4035), bogus ones are "
               "SERVFAIL");
  return table;
}

const config::Table<Config>& config_table() {
  static const auto table =
      config::Table<Config>("dns")
          .required("listen", &Config::listen, "addresses with port; UDP and TCP both")
          .row("threads", &Config::threads, "UDP threads per address, spread by the kernel (SO_REUSEPORT)",
               {.min = 1, .max = 64})
          .row("udp_size", &Config::udp_size,
               "largest UDP answer in bytes, and what is announced by EDNS (RFC 6891)",
               {.min = 512, .max = 4096})
          .row("zones", &Config::zones, "the zones served, by name")
          .row("update", &Config::update, "dynamic update (RFC 2136); left out, nobody may change a zone")
          .row("journal", &Config::journal, "folder in which updates are made durable; needed by `update`")
          .row("recursion", &Config::recursion,
               "resolve names of other zones for clients; left out, no recursion")
          .row("tcp", &Config::tcp, "limits of DNS over TCP")
          .rule([](const yaml::Value& at, Config& c) {
            for (const auto& [name, zone] : c.zones)
              if (auto parsed = Name::parse(name); !parsed) at.error(parsed.error().what);
            if (c.update && c.journal.empty())
              at.error("'update' needs 'journal'", "name a folder where updates are made durable");
          });
  return table;
}

std::expected<Config, std::string> load_config(const std::string& path) {
  auto loaded = config::load_file<Config>(path);
  if (!loaded) return loaded;
  const auto folder = std::filesystem::path(path).parent_path();
  auto absolute = [&](std::string& p) {
    if (!p.empty()) p = (folder / p).lexically_normal().string();
  };
  for (auto& [name, zone] : loaded->zones) absolute(zone.file);
  absolute(loaded->journal);
  if (loaded->recursion) absolute(loaded->recursion->trust_anchors);
  return loaded;
}

std::string config_reference() {
  return config_table().reference() + "\n" + zone_table().reference() + "\n" + update_table().reference() +
         "\n" + recursion_table().reference() + "\n" + tcp_table().reference();
}

}  // namespace lab::dns
