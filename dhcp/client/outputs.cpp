#include "dhcp/client/outputs.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "dhcp/client/link.hpp"

namespace lab::dhcp::client {
namespace {

std::int64_t epoch_seconds(ClientTime t) {
  return std::chrono::duration_cast<std::chrono::seconds>(t.time_since_epoch()).count();
}

/// Text from a lease is printable ASCII already (lease_of).
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string quoted_list(const std::vector<std::string>& items) {
  std::string out;
  for (const auto& item : items) out += (out.empty() ? "" : ",") + quoted(item);
  return "[" + out + "]";
}

std::vector<std::string> texts(const std::vector<IpAddress>& addresses) {
  std::vector<std::string> out;
  for (const auto& a : addresses) out.push_back(a.text());
  return out;
}

Result<void> write_file(const std::string& path, int flags, const std::string& text) {
  const Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644));
  const auto failed = [&] { return fail(std::string("cannot write it: ") + std::strerror(errno), path); };
  if (file.get() < 0) return failed();
  for (std::string_view rest = text; !rest.empty();) {
    const auto size = write(file.get(), rest.data(), rest.size());
    if (size < 0) return failed();
    rest.remove_prefix(static_cast<std::size_t>(size));
  }
  return {};
}

}  // namespace

std::string resolv_conf(const std::optional<ClientLease>& lease, const Ipv6Outcome& ipv6,
                        const std::string& interface) {
  constexpr std::size_t kMost = 3;  // resolv.conf(5): MAXNS
  std::string text = "# from the DHCP lease of " + interface + ", by lab-dhclient\n";
  std::vector<std::string> search, servers;
  if (lease) {
    search = lease->search;
    if (search.empty() && !lease->domain.empty()) search.push_back(lease->domain);
    servers = texts(lease->name_servers);
  }
  const auto add = [](std::vector<std::string>& list, const std::string& item) {
    if (std::ranges::find(list, item) == list.end()) list.push_back(item);
  };
  for (const auto& name : ipv6.search) add(search, name);
  for (const auto& server : ipv6.name_servers) add(servers, server.text());
  if (!search.empty()) {
    text += "search";
    for (const auto& name : search) text += " " + name;
    text += "\n";
  }
  for (std::size_t i = 0; i < std::min(servers.size(), kMost); ++i) text += "nameserver " + servers[i] + "\n";
  return text;
}

namespace {

std::string ipv6_json(const Ipv6Outcome& out) {
  std::string json = "{\"how\":" + quoted(out.how);
  std::vector<std::string> addresses, prefixes;
  for (const auto& e : out.entries)
    (e.kind == v6::IaKind::Addresses ? addresses : prefixes).push_back(v6::text(e.kind, e.address, e.length));
  for (const auto& address : out.own_made) addresses.push_back(address.text());
  json += ",\"addresses\":" + quoted_list(addresses) + ",\"prefixes\":" + quoted_list(prefixes);
  json += ",\"router\":" + (out.router ? quoted(out.router->text()) : "null");
  json += ",\"dns\":" + quoted_list(texts(out.name_servers)) + ",\"search\":" + quoted_list(out.search);
  if (out.lease) {
    const auto& l = *out.lease;
    const auto obtained = epoch_seconds(l.obtained);
    json += ",\"server\":" + quoted(v6::duid_text(l.server)) + ",\"ntp\":" + quoted_list(l.time_servers) +
            ",\"fqdn\":" + quoted(l.fqdn) + ",\"obtained\":" + std::to_string(obtained);
    if (!l.entries.empty())
      json += ",\"lease\":" + std::to_string(l.valid().count()) +
              ",\"renew\":" + std::to_string(obtained + l.renew.count()) +
              ",\"rebind\":" + std::to_string(obtained + l.rebind.count()) + ",\"expiry\":" +
              (l.valid().count() == v6::kForever ? "null" : std::to_string(obtained + l.valid().count()));
  }
  return json + "}";
}

std::string ipv4_json(const ClientLease& l) {
  const auto obtained = epoch_seconds(l.obtained);
  std::string json = ",\"address\":" + quoted(l.address.text());
  json += ",\"prefix\":" + std::to_string(l.prefix) + ",\"server\":" + quoted(l.server.text());
  json += ",\"router\":" + (l.routers.empty() ? "null" : quoted(l.routers.front().text()));
  json += ",\"dns\":" + quoted_list(texts(l.name_servers)) + ",\"ntp\":" + quoted_list(texts(l.time_servers));
  json += ",\"domain\":" + quoted(l.domain) + ",\"search\":" + quoted_list(l.search) +
          ",\"hostname\":" + quoted(l.hostname);
  std::vector<std::string> routes;
  for (const auto& r : l.routes) routes.push_back(r.destination.text() + " via " + r.router.text());
  json += ",\"routes\":" + quoted_list(routes);
  json += ",\"broadcast\":" + (l.broadcast ? quoted(l.broadcast->text()) : "null");
  json += ",\"obtained\":" + std::to_string(obtained) + ",\"lease\":" + std::to_string(l.lease.count());
  json += ",\"renew\":" + std::to_string(obtained + l.renew.count()) +
          ",\"rebind\":" + std::to_string(obtained + l.rebind.count());
  return json + ",\"expiry\":" + (l.forever ? "null" : std::to_string(obtained + l.lease.count()));
}

}  // namespace

std::string lease_json(const std::optional<ClientLease>& lease, const Ipv6Outcome& ipv6,
                       const std::string& interface) {
  std::string json = "{\"interface\":" + quoted(interface);
  if (lease) json += ipv4_json(*lease);
  if (ipv6.lease || ipv6.router || !ipv6.own_made.empty()) json += ",\"ipv6\":" + ipv6_json(ipv6);
  return json + "}\n";
}

Result<void> write_in_place(const std::string& path, const std::string& text) {
  return write_file(path, O_TRUNC, text);
}

Result<void> write_atomically(const std::string& path, const std::string& text) {
  const std::string beside = path + ".new";
  if (auto written = write_file(beside, O_TRUNC, text); !written) return written;
  if (rename(beside.c_str(), path.c_str()) != 0)
    return fail(std::string("cannot replace it: ") + std::strerror(errno), path);
  return {};
}

std::string remember(const ClientLease& lease) {
  return lease.address.text() + " " +
         std::to_string(lease.forever ? -1 : epoch_seconds(lease.obtained + lease.lease)) + "\n";
}

std::optional<IpAddress> recall(const std::string& text, ClientTime now) {
  const auto space = text.find(' ');
  if (space == std::string::npos) return std::nullopt;
  const auto address = IpAddress::parse(text.substr(0, space));
  const long long expires = std::strtoll(text.c_str() + space, nullptr, 10);
  if (!address || !address->is_v4() || (expires >= 0 && expires <= epoch_seconds(now))) return std::nullopt;
  return address;
}

std::string read_small_file(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char buffer[4096];
  const auto size = file.get() < 0 ? -1 : read(file.get(), buffer, sizeof buffer);
  return size <= 0 ? std::string() : std::string(buffer, static_cast<std::size_t>(size));
}

void tell_supervisor(std::string_view state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  if (path == nullptr || *path == '\0' || std::strlen(path) >= sizeof to.sun_path) return;
  const std::size_t length = std::strlen(path);
  std::memcpy(to.sun_path, path, length);
  if (to.sun_path[0] == '@') to.sun_path[0] = '\0';  // abstract
  const Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  (void)sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&to),
               static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length));
}

}  // namespace lab::dhcp::client
