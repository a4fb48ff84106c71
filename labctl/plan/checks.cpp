// What the topology promises, as questions that can be asked from inside its clients.
#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "labctl/plan/build.hpp"
#include "labctl/plan/policies.hpp"
#include "labctl/plan/zones.hpp"
#include "labctl/topology/failover.hpp"
#include "labctl/topology/shared_networks.hpp"

namespace lab::plan {

using topology::NodeEntry;
using topology::NodeList;
using topology::Topology;

namespace {

/// ".10" in a /24, as people say it; the whole address elsewhere.
std::string brief(const IpAddress& address, const Network& subnet) {
  const auto text = address.text();
  return address.is_v4() && subnet.prefix() == 24 ? text.substr(text.rfind('.')) : text;
}

std::string brief(const AddressRange& range, const Network& subnet) {
  return range.first == range.last ? brief(range.first, subnet)
                                   : brief(range.first, subnet) + "–" + brief(range.last, subnet);
}

template <class T, class F>
std::string joined(const std::vector<T>& items, std::string_view between, F text) {
  std::string out;
  for (const auto& item : items) out += (out.empty() ? std::string() : std::string(between)) + text(item);
  return out;
}

/// The service of a domain that a failed check leads to.
std::string see_log(const Build& build, const NodeEntry& node, std::string_view kind) {
  return fmt::format("the log of {}/{} may say why: {}/logs/{}-{}.log", node.name, kind,
                     build.inputs.paths.state, node.name, kind);
}

class Checks {
 public:
  explicit Checks(Build& build)
      : build_(build), topology_(build.topology), zones_(derive_zones(build.topology)) {
    for (const auto& node : topology_.nodes)
      if (node->is_client()) clients_.push_back(&node);
    if (clients_.empty() && !topology_.nodes.empty()) clients_.push_back(&*topology_.nodes.begin());
  }

  void derive() {
    for (const auto* client : clients_) {
      leases(*client);
      for (const auto& domain : topology_.domains) names(*client, domain.name);
      const auto own = topology::domain_of(topology_, *client);
      mail_ports(*client, own);
      directory_ports(*client, own);
    }
    // People are spread over the clients, so that thirty machines do not each sign in everybody.
    std::size_t turn = 0;
    for (const auto& domain : topology_.domains) logins(domain.name, turn);
    for (const auto& domain : topology_.domains) letters(domain.name, turn);
  }

  void add_promises() {
    std::size_t number = 0;
    for (const auto& written : topology_.checks) promise(*written, ++number);
  }

 private:
  template <class What>
  Check& add(const std::string& node, std::string group, std::string title, What what,
             std::string remedy = {}) {
    Check check;
    check.id = fmt::format("{}/{}/{}", node, group, title);
    check.node = node;
    check.group = std::move(group);
    check.title = std::move(title);
    check.remedy = std::move(remedy);
    check.what = std::move(what);
    return build_.plan.checks.emplace_back(std::move(check));
  }

  void leases(const NodeEntry& client) {
    for (const auto& attachment : client->networks) {
      const auto servers = topology::dhcp_servers(topology_, attachment.name);
      if (!attachment->dhcp() || servers.empty()) continue;
      auto subnet = *topology_.networks.find(attachment.name)->value.subnet;
      LeaseCheck lease;
      lease.interface = interface_on(client, attachment.name);
      lease.lease_file = build_.runtime(client.name, lease.interface + ".lease.json");
      const auto& owner = topology::scope_owner(topology_, *servers.front(), attachment.name);
      auto ranges = topology::lease_ranges(owner, attachment.name, subnet);
      const auto* scope = topology::scope_of(owner, attachment.name);
      auto router = topology::client_gateway(topology_, attachment.name);
      // On a shared network it has an address of any subnet, or of the one where one is kept for it.
      auto further = topology::further_scopes(topology_, *servers.front(), attachment.name);
      const auto kept_in = std::ranges::find_if(
          further, [&](const auto* s) { return (*s)->reservations.find(client.name) != nullptr; });
      if (kept_in != further.end()) {
        scope = &(*kept_in)->value;
        subnet = **scope->subnet;
        router = topology::further_gateway(*scope);
        further.clear();
      } else if (scope && scope->reservations.find(client.name)) {
        further.clear();
      }
      lease.network = subnet.text();
      for (const auto* other : further)
        for (const auto& range : topology::lent_ranges(&other->value, **(*other)->subnet))
          ranges.push_back(range);
      if (const auto* reserved = scope ? scope->reservations.find(client.name) : nullptr)
        ranges = {{*(*reserved)->address, *(*reserved)->address}};
      for (const auto& range : ranges) lease.ranges.push_back(range.text());
      const auto overridden = [&](std::string_view name, std::string_view number) {
        const auto says = [&](const topology::Scope* s) {
          return s && (s->options.find(name) || s->options.find(number));
        };
        return says(scope) ||
               std::ranges::any_of(further, [&](const auto* other) { return says(&other->value); });
      };
      std::string title = fmt::format(
          "{} {}", ranges.size() == 1 && ranges[0].first == ranges[0].last ? "the address" : "an address in",
          joined(ranges, ", ",
                 [&](const auto& r) { return subnet.contains(r.first) ? brief(r, subnet) : r.text(); }));
      const auto domain = topology::domain_of_network(topology_, attachment.name);
      if (router && !overridden("routers", "3")) {
        lease.routers = {router->text()};
        title += ", router " + brief(*router, subnet);
        for (const auto* other : further) {
          lease.routers.push_back(topology::further_gateway(**other).text());
          title += " or " + lease.routers.back();
        }
      }
      if (const auto servers_of = topology::resolvers(topology_, domain);
          !servers_of.empty() && !overridden("domain-name-servers", "6")) {
        for (const auto& server : servers_of) lease.dns.push_back(server.text());
        title += ", dns " + joined(servers_of, " ", [&](const auto& a) {
                   return subnet.contains(a) ? brief(a, subnet) : a.text();
                 });
      }
      if (!domain.empty() && !overridden("domain-name", "15")) {
        lease.domain = domain;
        title += ", domain " + domain;
      }
      if (!domain.empty() && !overridden("domain-search", "119")) lease.search = {domain};
      promise_ipv6(client, attachment.name, lease, title);
      const auto lease_file = lease.lease_file;
      // A reserved name is written by hand; where that has no IPv6 address, DHCP does not add one.
      const auto* kept = scope ? scope->reservations.find(client.name) : nullptr;
      const bool leases6 = !lease.ranges6.empty() && (!kept || (*kept)->address6) &&
                           topology::ipv6_of(topology_, attachment.name) == topology::Ipv6::Stateful;
      add(client.name, "lease", std::move(title), std::move(lease),
          see_log(build_, *servers.front(), "dhcp"));
      own_name(client, *servers.front(), lease_file, leases6);
    }
  }

  /// The IPv6 half of a lease, where the network has one and the client's program asks for it.
  void promise_ipv6(const NodeEntry& client, const std::string& network, LeaseCheck& lease,
                    std::string& title) const {
    const auto routers = topology::advertisers(topology_, network);
    const bool tells = client->dhcp_client == topology::DhcpClient::Builtin ||
                       client->dhcp_client == topology::DhcpClient::Networkd;
    if (routers.empty() || !tells) return;
    const auto servers = topology::dhcp_servers(topology_, network);
    const auto& subnet = topology_.networks.find(network)->value.subnet6->value;
    const auto* scope = topology::scope_of(*servers.front(), network);
    const auto* reserved = scope ? scope->reservations.find(client.name) : nullptr;
    if (topology::ipv6_of(topology_, network) == topology::Ipv6::Stateful) {
      if (reserved && (*reserved)->address6)
        lease.ranges6 = {(*reserved)->address6->value.text()};
      else
        for (const auto& range : topology::lease_ranges6(*servers.front(), network, subnet))
          lease.ranges6.push_back(range.text());
    } else {
      lease.ranges6 = {AddressRange{subnet.address(), subnet.broadcast()}.text()};
    }
    title += fmt::format(", IPv6 in {}",
                         lease.ranges6.size() == 1 && lease.ranges6[0].find('-') == std::string::npos
                             ? lease.ranges6[0]
                             : subnet.text());
    lease.router6 = topology::gateway6(topology_, network).has_value();
    const auto domain = topology::domain_of_network(topology_, network);
    for (const auto* server : topology::dns_servers(topology_, domain))
      for (const auto& address : fixed_addresses(topology_, *server))
        if (!address.is_v4()) {
          lease.dns6.push_back(address.text());
          break;
        }
  }

  /// What the lab's zones say about a name: the derived records, or what the teacher put in their place.
  std::vector<std::string> zone_data(const std::string& owner, std::string_view type) const {
    std::vector<std::string> out;
    for (const auto& zone : zones_)
      for (const auto& record : zone.records)
        if (record.owner == owner && record.type == type &&
            std::ranges::find(out, record.data) == out.end())  // glue above is the same again
          out.push_back(record.data);
    return out;
  }

  /// Asks for what the zones hold. Where the record leads to a host, its addresses are asked for too; a
  /// target without any is expected at `leads_to`, so that a record into the void is a broken promise.
  void question(const NodeEntry& client, const NodeEntry& server, const std::string& name,
                const std::string& type, const std::string& owner, const std::string& leads_to = {}) {
    auto expect = zone_data(owner, type);
    if (expect.empty()) return;
    std::vector<std::string> then;
    if (!leads_to.empty()) {
      const auto& first = expect.front();
      then = zone_data(first.substr(first.rfind(' ') + 1), "A");
      if (then.empty()) then = {leads_to};
    }
    auto title = fmt::format("{} {} → {}", name, type, fmt::join(expect, " "));
    if (!then.empty()) title += fmt::format(" → {}", fmt::join(then, " "));
    add(client.name, "dns", std::move(title),
        DnsCheck{name, type, std::move(expect), false, std::move(then), {}}, see_log(build_, server, "dns"));
  }

  void names(const NodeEntry& client, const std::string& domain) {
    const auto servers = topology::dns_servers(topology_, domain);
    if (servers.empty()) return;
    const auto& dns = *servers.front();
    question(client, dns, "ns." + domain, "A", "ns." + domain + ".");
    if (const auto address = topology::main_address(dns); topology::domain_of(topology_, dns) == domain)
      question(client, dns, address->text(), "PTR", pointer_owner(zones_, *address));
    if (const auto& options = dns->services.dns->value; topology::domain_of(topology_, dns) == domain) {
      auto server = name_server_name(domain);
      server.pop_back();
      if (options.tls) tls(client, dns, "dns", server, 853, "");
      if (*options.https) tls(client, dns, "dns", server, options.https_port, "");
    }
    const auto* mail = topology::mail_server(topology_, domain);
    if (!mail) return;
    const auto address = topology::main_address(*mail)->text();
    const auto host = mail_host(topology_, domain);
    question(client, dns, host, "A", host + ".");
    question(client, dns, domain, "MX", domain + ".", address);
    question(client, dns, "_imaps._tcp." + domain, "SRV", "_imaps._tcp." + domain + ".", address);
  }

  /// A client's own name, which its DHCP server tells the name server (RFC 2136).
  void own_name(const NodeEntry& client, const NodeEntry& server, const std::string& lease_file,
                bool leases6) {
    const auto domain = topology::domain_of(topology_, server);
    const auto servers = topology::dns_servers(topology_, domain);
    if (servers.empty() || (*servers.front())->services.dns->value.update != topology::DnsUpdate::Dhcp)
      return;
    const auto name = client.name + "." + domain;
    add(client.name, "dns", name + " A → the address leased", DnsCheck{name, "A", {}, false, {}, lease_file},
        see_log(build_, server, "dhcp"));
    if (leases6)
      add(client.name, "dns", name + " AAAA → the IPv6 address leased",
          DnsCheck{name, "AAAA", {}, false, {}, lease_file}, see_log(build_, server, "dhcp"));
  }

  void port(const NodeEntry& client, const NodeEntry& server, std::string_view kind, const std::string& host,
            std::uint16_t number, std::string_view protocol, std::string banner) {
    if (number == 0) return;
    add(client.name, "port", fmt::format("{}:{} answers ({})", host, number, protocol),
        PortCheck{host, number, std::move(banner)}, see_log(build_, server, kind));
  }

  void tls(const NodeEntry& client, const NodeEntry& server, std::string_view kind, const std::string& host,
           std::uint16_t number, std::string starttls) {
    if (number == 0) return;
    const auto how = starttls.empty() ? "TLS" : "STARTTLS";
    add(client.name, "tls", fmt::format("{}:{} {}", host, number, how),
        TlsCheck{host, number, std::move(starttls)}, see_log(build_, server, kind));
  }

  void mail_ports(const NodeEntry& client, const std::string& domain) {
    const auto* server = topology::mail_server(topology_, domain);
    if (!server) return;
    const auto host = mail_host(topology_, domain);
    const auto& ports = (*server)->services.mail->value.ports;
    port(client, *server, "mail", host, ports.smtp, "SMTP", "220 ");
    port(client, *server, "mail", host, ports.submission, "submission", "220 ");
    port(client, *server, "mail", host, ports.pop3, "POP3", "+OK");
    port(client, *server, "mail", host, ports.imap, "IMAP", "* OK");
    tls(client, *server, "mail", host, ports.smtps, "");
    tls(client, *server, "mail", host, ports.imaps, "");
    tls(client, *server, "mail", host, ports.pop3s, "");
    tls(client, *server, "mail", host, ports.submission, "smtp");
    tls(client, *server, "mail", host, ports.imap, "imap");
    tls(client, *server, "mail", host, ports.pop3, "pop3");
  }

  const NodeEntry* own_directory(const std::string& domain) const {
    const auto* server = topology::directory_server(topology_, domain);
    return server && (*server)->services.directory->value.provider == topology::Provider::Slapd ? server
                                                                                                : nullptr;
  }

  void directory_ports(const NodeEntry& client, const std::string& domain) {
    const auto* original = own_directory(domain);
    if (!original) return;
    auto servers = topology::directory_replicas(topology_, domain);
    servers.insert(servers.begin(), original);
    for (const auto* server : servers) {
      const auto host = fqdn_of(topology_, *server);
      port(client, *server, "directory", host, 389, "LDAP", "");
      tls(client, *server, "directory", host, 636, "");
      tls(client, *server, "directory", host, 389, "ldap");
    }
    if (!kerberos_server(topology_, domain)) return;
    const auto name = "_kerberos._udp." + domain;
    const auto resolvers = topology::dns_servers(topology_, domain);
    if (!resolvers.empty())
      question(client, *resolvers.front(), name, "SRV", name + ".", topology::main_address(*original)->text());
    port(client, *original, "kerberos", fqdn_of(topology_, *original), 88, "Kerberos", "");
  }

  std::vector<const Credential*> people(const std::string& domain) const {
    std::vector<const Credential*> out;
    for (const auto& person : build_.plan.credentials)
      if (person.domain == domain) out.push_back(&person);
    return out;
  }

  /// The next client in turn of those that can resolve the domain's names: all of them.
  const NodeEntry& next(std::size_t& turn) const { return *clients_[turn++ % clients_.size()]; }

  void logins(const std::string& domain, std::size_t& turn) {
    const auto* mail = topology::mail_server(topology_, domain);
    const auto* directory = own_directory(domain);
    const auto imaps = mail ? (*mail)->services.mail->value.ports.imaps : std::uint16_t{0};
    bool first = true;
    for (const auto* person : people(domain)) {
      const auto& client = next(turn);
      const auto bind = [&](const NodeEntry& server, std::string password, bool refused) {
        return LoginCheck{"ldaps",
                          fqdn_of(topology_, server),
                          636,
                          fmt::format("uid={},ou=people,{}", person->user, directory_base(domain)),
                          std::move(password),
                          refused};
      };
      const auto open = [&](std::string password, bool refused) {
        return LoginCheck{
            "imaps", mail_host(topology_, domain), imaps, person->mail.front(), std::move(password), refused};
      };
      if (directory)
        add(client.name, "login", fmt::format("{} signs in to the directory", person->mail.front()),
            bind(*directory, person->password, false), see_log(build_, *directory, "directory"));
      if (first && directory)
        for (const auto* replica : topology::directory_replicas(topology_, domain))
          add(client.name, "login",
              fmt::format("{} signs in to the replica on {}", person->mail.front(), replica->name),
              bind(*replica, person->password, false), see_log(build_, *replica, "directory"));
      const bool may_read = person_policy(topology_, domain, person->user).imap;
      if (imaps != 0)
        add(client.name, "login",
            person->mail.front() + (may_read ? " signs in to the mailbox" : " is kept from IMAP by policy"),
            open(person->password, !may_read), see_log(build_, *mail, "mail"));
      // Asked of the directory, which answers at once: a mail server lets whoever guesses passwords wait.
      const auto title = fmt::format("{} with a wrong password stays outside", person->mail.front());
      if (first && directory)
        add(client.name, "login", title, bind(*directory, person->password + "?", true),
            see_log(build_, *directory, "directory"));
      else if (first && imaps != 0)
        add(client.name, "login", title, open(person->password + "?", true), see_log(build_, *mail, "mail"));
      first = false;
    }
  }

  /// How a person's domain sends, and how another's reads.
  MailCheck letter(const Credential& from, const Credential& to) const {
    MailCheck check;
    check.from = from.mail.front();
    check.to = to.mail.front();
    if (const auto* server = topology::mail_server(topology_, from.domain)) {
      const auto& ports = (*server)->services.mail->value.ports;
      const auto host = mail_host(topology_, from.domain);
      const auto url = ports.smtps ? fmt::format("smtps://{}:{}", host, ports.smtps)
                                   : fmt::format("smtp://{}:{}", host, ports.submission);
      check.send = {url, from.mail.front(), from.password};
    }
    if (const auto* server = topology::mail_server(topology_, to.domain)) {
      const auto& ports = (*server)->services.mail->value.ports;
      const auto host = mail_host(topology_, to.domain);
      const auto read = [&](const char* scheme, std::uint16_t port) {
        if (port != 0)
          check.read.push_back({fmt::format("{}://{}:{}", scheme, host, port), to.mail.front(), to.password});
      };
      const auto policy = person_policy(topology_, to.domain, to.user);
      if (policy.imap) read(ports.imaps ? "imaps" : "imap", ports.imaps ? ports.imaps : ports.imap);
      if (policy.pop3) read(ports.pop3s ? "pop3s" : "pop3", ports.pop3s ? ports.pop3s : ports.pop3);
    }
    return check;
  }

  /// "smtps 465" from "smtps://mail.helper.bac:465"
  static std::string protocol_and_port(const std::string& url) {
    return url.substr(0, url.find(':')) + " " + url.substr(url.rfind(':') + 1);
  }

  void write(const std::string& client, const Credential& from, const Credential& to) {
    auto check = letter(from, to);
    const auto policy = person_policy(topology_, from.domain, from.user);
    if (check.send.url.empty() || check.read.empty() || !policy.smtp) return;
    if (from.domain != to.domain && !policy.send_outside) return;
    const auto& a = from.domain == to.domain ? from.user : from.mail.front();
    const auto& b = from.domain == to.domain ? to.user : to.mail.front();
    auto title =
        fmt::format("{} → {}: sent over {}, read over {}", a, b, protocol_and_port(check.send.url),
                    joined(check.read, " and ", [](const auto& s) { return protocol_and_port(s.url); }));
    add(client, "mail", std::move(title), std::move(check),
        see_log(build_, *topology::mail_server(topology_, to.domain), "mail"));
  }

  /// Everybody writes to the next one, the last to the first; and each domain to the next domain.
  void letters(const std::string& domain, std::size_t& turn) {
    const auto writers = people(domain);
    if (writers.empty()) return;
    for (std::size_t i = 0; i < writers.size(); ++i)
      write(next(turn).name, *writers[i], *writers[(i + 1) % writers.size()]);
    for (const auto& other : topology_.domains) {
      if (other.name == domain) continue;
      if (const auto readers = people(other.name); !readers.empty())
        write(next(turn).name, *writers.front(), *readers.front());
    }
  }

  /// Who reads mail to an address: a user, by any of the addresses; or the first one an alias leads to.
  const Credential* reader(const std::string& address, int depth = 0) const {
    const auto at = address.find('@');
    const auto domain = address.substr(at + 1), local = address.substr(0, at);
    for (const auto& person : build_.plan.credentials)
      if (std::ranges::find(person.mail, address) != person.mail.end()) return &person;
    const auto* known = topology_.domains.find(domain);
    const auto* alias = known ? (*known)->aliases.find(local) : nullptr;
    if (!alias || depth > 16) return nullptr;
    for (const auto& target : **alias)
      if (const auto* person = reader(target->contains('@') ? *target : *target + "@" + domain, depth + 1))
        return person;
    return nullptr;
  }

  void promise(const topology::Promise& written, std::size_t number) {
    const auto node = written.from ? **written.from : clients_.front()->name;
    Check* check = nullptr;
    if (written.dns) {
      std::istringstream words(**written.dns);
      std::string name, type;
      words >> name >> type;
      if (type.empty()) type = "A";
      check = &add(node, "dns", fmt::format("{} {}", name, type),
                   DnsCheck{name, type, written.expect, false, {}, {}});
      if (!written.expect.empty()) check->title += fmt::format(" → {}", fmt::join(written.expect, " "));
    } else if (written.run) {
      check = &add(node, "run", **written.run, CommandCheck{**written.run, written.expect});
    } else if (written.mail) {
      const auto* from = reader(*written.mail->from);
      const auto* to = reader(*written.mail->to);
      if (!from || !to) return;  // refused when the file was read
      auto what = letter(*from, *to);
      what.from = *written.mail->from;
      what.to = *written.mail->to;
      what.within = written.mail->within;
      auto title = fmt::format("{} → {}", what.from, what.to);
      check = &add(node, "mail", std::move(title), std::move(what));
    } else {
      return;
    }
    check->id = written.name ? **written.name : fmt::format("check {}", number);
    if (written.name) check->title = **written.name + ": " + check->title;
    const auto* points = written.name ? topology_.points.find(**written.name) : nullptr;
    check->points = points ? points->value : 1;
  }

  Build& build_;
  const Topology& topology_;
  std::vector<Zone> zones_;
  NodeList clients_;
};

}  // namespace

void add_checks(Build& build) {
  Checks checks(build);
  checks.derive();
  checks.add_promises();
}

}  // namespace lab::plan
