// lab-dhclient -- the DHCP client of every machine in a lab: one thread, one poll(), a few hundred kilobytes.
// All protocol rules are in ../client_machine.cpp; this file moves messages and time between that machine and
// the kernel.
#include <getopt.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "dhcp/client/ipv6.hpp"
#include "dhcp/client/link.hpp"
#include "dhcp/client/outputs.hpp"
#include "dhcp/client_machine.hpp"
#include "dhcp/explain.hpp"

namespace lab::dhcp::client {
namespace {

constexpr char kHelp[] =
    R"(lab-dhclient gets an IPv4 address by DHCP (RFC 2131), and IPv6 addresses where it is told to, configures
the interface, and keeps the lease.

  lab-dhclient --interface eth0 --verbose

  --interface NAME     the interface to configure (required)
  --hostname NAME      name given to the server (option 12)
  --client-id HEX      option 61, as 01:02:00:...; default: hardware type and address
  --state FILE         remembers the lease: the next start asks for the same address (INIT-REBOOT)
  --resolv-conf FILE   written, in place, with the name servers and search list of each lease
  --search DOMAIN      tried before the lease's search list; may be given several times
  --lease-file FILE    the lease as JSON, for other programs; removed when the lease ends
  --once               ends after the first lease, which stays configured
  --timeout SECONDS    ends with status 1 when there is no lease by then
  --probe MS           asks the network for that long whether an address is taken, before using it (RFC 5227)
  --ipv6 HOW           IPv6 too: auto (as the routers say), stateful or stateless (DHCPv6, RFC 8415), off (default)
  --ipv6-only          no IPv4
  --prefix             asks for an IPv6 prefix to delegate, too
  --duid HEX           the machine's DUID; default: made of the hardware address
  --release            gives the lease back when told to stop (SIGTERM)
  --verbose            shows every message sent and received, explained
  --find-servers MS    only asks for that long which DHCP servers there are; prints a JSON list, changes nothing
  --ready              only tells $NOTIFY_SOCKET "READY=1", for hook scripts of other DHCP clients
  --help, --version

SIGUSR1 renews now. SIGTERM and SIGINT end the program; the address stays unless --release is given.
)";

struct Arguments {
  std::string interface, hostname, state, resolv_conf, lease_file;
  Bytes client_id;
  std::vector<std::string> search;
  bool once = false, release = false, verbose = false;
  Ipv6Mode ipv6 = Ipv6Mode::Off;
  bool ipv6_only = false, prefix = false;
  Bytes duid;
  std::optional<std::chrono::seconds> timeout;
  std::chrono::milliseconds probe{0};
  std::optional<std::chrono::milliseconds> find_servers;
};

std::uint32_t random_number() {
  std::uint32_t n = 0;
  if (getrandom(&n, sizeof n, GRND_NONBLOCK) != sizeof n) n = static_cast<std::uint32_t>(std::rand());
  return n;
}

/// The wall clock at the start, carried on by a clock that nobody can set: a jump never ends a lease early or
/// late. It also counts the time a machine sleeps.
ClientTime now() {
  const auto boot = [] {
    timespec t{};
    clock_gettime(CLOCK_BOOTTIME, &t);
    return std::chrono::milliseconds(t.tv_sec * 1000 + t.tv_nsec / 1000000);
  };
  static const auto base =
      std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()) - boot();
  return base + boot();
}

/// RFC 8415 12: a number of the interface that stays the same: the end of its hardware address.
std::uint32_t iaid_of(const MacAddress& mac) { return read32(std::span(mac.bytes()).subspan(2)); }

/// RFC 4361 6.1: with IPv6, option 61 carries what DHCPv6 calls the machine, so that a server sees one client
/// and its names in DNS have one owner.
Bytes dual_stack_id(const MacAddress& mac, const Bytes& duid) {
  constexpr std::uint8_t kIaidAndDuid = 255;
  Bytes id{kIaidAndDuid};
  append32(id, iaid_of(mac));
  append(id, duid);
  return id;
}

/// The lease with the domains this machine tries first, those of `first`.
ClientLease with_search(ClientLease lease, std::vector<std::string> first) {
  if (lease.search.empty() && !lease.domain.empty()) lease.search.push_back(lease.domain);
  for (auto& domain : lease.search)
    if (std::find(first.begin(), first.end(), domain) == first.end()) first.push_back(std::move(domain));
  lease.search = std::move(first);
  return lease;
}

class Program {
 public:
  Program(Arguments arguments, Link link)
      : arguments_(complete(std::move(arguments), link)),
        link_(std::move(link)),
        machine_({.hardware = link_.hardware(),
                  .client_id = arguments_.client_id,
                  .hostname = arguments_.hostname},
                 random_number) {}

  Result<void> open_ipv6() {
    if (arguments_.ipv6 == Ipv6Mode::Off) return {};
    auto opened = Ipv6::open({.mode = arguments_.ipv6,
                              .interface = link_.name(),
                              .hostname = arguments_.hostname,
                              .hardware = link_.hardware(),
                              .duid = arguments_.duid,
                              .iaid = iaid_of(link_.hardware()),
                              .state = arguments_.state.empty() ? "" : arguments_.state + "6",
                              .prefix = arguments_.prefix,
                              .lifetime = !arguments_.once,
                              .verbose = arguments_.verbose},
                             [this] { changed_ = true; });
    if (!opened) return std::unexpected(opened.error());
    ipv6_ = std::move(*opened);
    return {};
  }

  int run() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int s : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&signals, s);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    signals_ = Descriptor(signalfd(-1, &signals, SFD_CLOEXEC));
    if (arguments_.timeout) give_up_ = now() + *arguments_.timeout;

    const auto remembered =
        arguments_.state.empty() ? std::nullopt : recall(read_small_file(arguments_.state), now());
    if (!arguments_.ipv6_only) perform(machine_.start(now(), remembered));
    if (ipv6_) ipv6_->start(now());
    if (ipv6_) wait_for_ipv6_ = now() + kPatience;
    tell();
    while (!ended_) step();
    return status_;
  }

 private:
  void step() {
    std::vector<pollfd> waiting = {{link_.descriptor(), POLLIN, 0}, {signals_.get(), POLLIN, 0}};
    if (ipv6_) ipv6_->add_to(waiting);
    (void)poll(waiting.data(), waiting.size(), wait_ms());
    if ((waiting[1].revents & POLLIN) != 0) on_signal();
    if ((waiting[0].revents & (POLLIN | POLLERR)) != 0)
      while (auto received = link_.receive()) on_packet(*received);
    if (machine_.deadline() && now() >= *machine_.deadline()) perform(machine_.on_deadline(now()));
    if (ipv6_) {
      ipv6_->on_readable(now());
      if (ipv6_->deadline() && now() >= *ipv6_->deadline()) ipv6_->on_deadline(now());
      if (wait_for_ipv6_ && now() >= *wait_for_ipv6_) {
        wait_for_ipv6_.reset();
        if (!ipv6_->settled()) say("IPv6 takes long; going on without it for now");
        changed_ = true;
      }
    }
    tell();
    if (give_up_ && !leased_once_ && now() >= *give_up_) {
      say("no DHCP server gave an address in " + std::to_string(arguments_.timeout->count()) + " s");
      end(1);
    }
  }

  int wait_ms() const {
    std::optional<ClientTime> until = machine_.deadline();
    if (ipv6_)
      for (const auto& other : {ipv6_->deadline(), wait_for_ipv6_})
        if (other && (!until || *other < *until)) until = other;
    if (give_up_ && !leased_once_ && (!until || *give_up_ < *until)) until = give_up_;
    if (!until) return -1;
    constexpr std::int64_t kLongest = 3600 * 1000;
    return static_cast<int>(std::clamp<std::int64_t>((*until - now()).count(), 0, kLongest));
  }

  void on_signal() {
    signalfd_siginfo info{};
    if (read(signals_.get(), &info, sizeof info) != sizeof info) return;
    if (info.ssi_signo == SIGUSR1) {
      if (machine_.state() == ClientState::Bound) perform(machine_.on_deadline(now()));
      if (ipv6_) ipv6_->renew(now());
      return;
    }
    if (arguments_.release) {
      if (ipv6_) ipv6_->release(now());
      perform(machine_.release(now()));
      if (!arguments_.state.empty()) unlink(arguments_.state.c_str());
    }
    end(0);
  }

  void on_packet(const Link::Received& received) {
    const auto message = Message::parse(received.payload);
    if (!message || !is_for_us(*message)) return;
    if (arguments_.verbose) show(*message, received.from, received.to, false);
    perform(machine_.on_message(*message, now()));
  }

  bool is_for_us(const Message& m) const {
    return m.op == Message::kBootReply && std::ranges::equal(m.hardware(), link_.hardware().bytes());
  }

  void perform(const ClientActions& actions) {
    for (const auto& action : actions) std::visit([this](const auto& a) { act(a); }, action);
  }

  void act(const SendMessage& send) {
    const auto encoded =
        encode(send.message, {.max_size = kMessageLimits.ethernet - kMessageLimits.ip_udp_headers});
    const Endpoint from{send.message.ciaddr, kClientPort};
    const Endpoint to{send.to_server ? send.server : IpAddress::v4(0xFFFFFFFF), kServerPort};
    if (arguments_.verbose) show(send.message, from, to, true);
    const auto sent =
        send.to_server ? link_.unicast(encoded.payload, send.server) : link_.broadcast(encoded.payload, from);
    if (!sent) say(sent.error().text());  // the machine tries again at its deadline
  }

  void act(const Configure& configure) {
    const ClientLease& lease = configure.lease;
    const bool renewed = configured_ && configured_->address == lease.address;
    if (!renewed && arguments_.probe.count() > 0 && link_.in_use(lease.address, arguments_.probe)) {
      perform(machine_.on_conflict(now()));
      return;
    }
    if (auto set = link_.configure(lease, !arguments_.once); !set) {
      say(set.error().text());
      end(1);
      return;
    }
    if (!renewed) link_.announce(lease.address);
    configured_ = lease;
    if (!arguments_.state.empty()) note(write_atomically(arguments_.state, remember(lease)));
    say((renewed ? "keeps " : "leased ") + lease.address.text() + "/" + std::to_string(lease.prefix) +
        " from " + lease.server.text() + " for " +
        duration_text(static_cast<std::uint32_t>(lease.lease.count())));
    changed_ = true;
  }

  void act(const Deconfigure& deconfigure) {
    say(deconfigure.why);
    if (!configured_) return;
    if (auto removed = link_.deconfigure(*configured_); !removed) say(removed.error().text());
    configured_.reset();
    changed_ = true;
  }

  /// Writes what is known now for other programs; and that we are ready, once everything has come.
  void tell() {
    if (!std::exchange(changed_, false)) return;
    const Ipv6Outcome by_ipv6 = ipv6_ ? ipv6_->outcome() : Ipv6Outcome();
    const bool any = configured_ || !by_ipv6.entries.empty() || !by_ipv6.own_made.empty();
    const bool servers = (configured_ && !configured_->name_servers.empty()) || !by_ipv6.name_servers.empty();
    if (!arguments_.resolv_conf.empty() && servers) {
      auto told = configured_;
      if (told && !arguments_.search.empty()) told = with_search(std::move(*told), arguments_.search);
      note(write_in_place(arguments_.resolv_conf, resolv_conf(told, by_ipv6, link_.name())));
    }
    if (!arguments_.lease_file.empty()) {
      if (any)
        note(write_atomically(arguments_.lease_file, lease_json(configured_, by_ipv6, link_.name())));
      else
        unlink(arguments_.lease_file.c_str());
    }
    if (leased_once_ || !(configured_ || arguments_.ipv6_only)) return;
    if (ipv6_ && !ipv6_->settled() && (wait_for_ipv6_ || arguments_.ipv6_only)) return;
    tell_supervisor("READY=1");
    leased_once_ = true;
    if (arguments_.once) end(0);
  }
  void note(const Result<void>& result) const {
    if (!result) say(result.error().text());
  }

  void act(const Say& what) { say(what.text); }

  void show(const Message& message, const Endpoint& from, const Endpoint& to, bool outgoing) const {
    std::printf("%s\n\n", explanation(message, from, to, outgoing).c_str());
    std::fflush(stdout);
  }
  void say(const std::string& text) const {
    std::fprintf(stderr, "lab-dhclient: %s: %s\n", link_.name().c_str(), text.c_str());
  }
  static Arguments complete(Arguments arguments, const Link& link) {
    if (arguments.ipv6_only && arguments.ipv6 == Ipv6Mode::Off) arguments.ipv6 = Ipv6Mode::Auto;
    if (arguments.ipv6 == Ipv6Mode::Off) return arguments;
    if (arguments.duid.empty()) arguments.duid = v6::link_layer_duid(link.hardware());
    if (arguments.client_id.empty()) arguments.client_id = dual_stack_id(link.hardware(), arguments.duid);
    return arguments;
  }
  void end(int status) {
    ended_ = true;
    status_ = status;
  }

  Arguments arguments_;
  Link link_;
  ClientMachine machine_;
  Descriptor signals_;
  std::optional<ClientLease> configured_;
  std::optional<ClientTime> give_up_;
  /// A lab goes up without IPv6 where no router and no server gives any.
  static constexpr std::chrono::seconds kPatience{8};
  std::unique_ptr<Ipv6> ipv6_;
  std::optional<ClientTime> wait_for_ipv6_;
  bool leased_once_ = false, ended_ = false, changed_ = false;
  int status_ = 0;
};

/// One DISCOVER, and everybody who offers something. No offer is taken; the servers forget theirs within
/// seconds.
int find_servers(Link& link, std::chrono::milliseconds wait) {
  ClientMachine machine({.hardware = link.hardware(), .client_id = {}, .hostname = {}}, random_number);
  const auto actions = machine.start(now(), std::nullopt);
  const auto& discover = std::get<SendMessage>(actions.front()).message;
  std::string servers;
  const auto end = now() + wait;
  ClientTime again{};
  while (now() < end) {
    if (now() >= again) {
      if (auto sent = link.broadcast(encode(discover).payload, {IpAddress{}, kClientPort}); !sent) {
        std::fprintf(stderr, "lab-dhclient: %s\n", sent.error().text().c_str());
        return 1;
      }
      again = now() + std::chrono::milliseconds(500);
    }
    pollfd waiting{link.descriptor(), POLLIN, 0};
    (void)poll(&waiting, 1,
               static_cast<int>(std::max<std::int64_t>((std::min(end, again) - now()).count(), 0)));
    while (const auto received = link.receive()) {
      const auto offer = Message::parse(received->payload);
      if (!offer || offer->type() != MessageType::Offer || offer->xid != discover.xid) continue;
      const auto server = offer->options.address(option::kServerId).value_or(received->from.address).text();
      const auto entry = "{\"server\":\"" + server + "\",\"offered\":\"" + offer->yiaddr.text() + "\"}";
      if (servers.find("\"" + server + "\"") == std::string::npos)
        servers += (servers.empty() ? "" : ",") + entry;
    }
  }
  std::printf("[%s]\n", servers.c_str());
  return 0;
}

int usage(const std::string& mistake) {
  std::fprintf(stderr, "lab-dhclient: %s\nTry: lab-dhclient --help\n", mistake.c_str());
  return 2;
}

std::optional<long> number(const char* text, long max) {
  char* end = nullptr;
  const long value = std::strtol(text, &end, 10);
  return end != text && *end == '\0' && value >= 0 && value <= max ? std::optional(value) : std::nullopt;
}

int main_of(int argc, char** argv) {
  enum Option {
    kInterface = 1,
    kHostname,
    kClientId,
    kState,
    kResolvConf,
    kSearch,
    kLeaseFile,
    kOnce,
    kTimeout,
    kProbe,
    kRelease,
    kVerbose,
    kFindServers,
    kReady,
    kIpv6,
    kIpv6Only,
    kPrefix,
    kDuid,
    kHelpOption,
    kVersion
  };
  static const ::option kOptions[] = {{"interface", required_argument, nullptr, kInterface},
                                      {"hostname", required_argument, nullptr, kHostname},
                                      {"client-id", required_argument, nullptr, kClientId},
                                      {"state", required_argument, nullptr, kState},
                                      {"resolv-conf", required_argument, nullptr, kResolvConf},
                                      {"search", required_argument, nullptr, kSearch},
                                      {"lease-file", required_argument, nullptr, kLeaseFile},
                                      {"once", no_argument, nullptr, kOnce},
                                      {"timeout", required_argument, nullptr, kTimeout},
                                      {"probe", required_argument, nullptr, kProbe},
                                      {"release", no_argument, nullptr, kRelease},
                                      {"verbose", no_argument, nullptr, kVerbose},
                                      {"find-servers", required_argument, nullptr, kFindServers},
                                      {"ready", no_argument, nullptr, kReady},
                                      {"ipv6", required_argument, nullptr, kIpv6},
                                      {"ipv6-only", no_argument, nullptr, kIpv6Only},
                                      {"prefix", no_argument, nullptr, kPrefix},
                                      {"duid", required_argument, nullptr, kDuid},
                                      {"help", no_argument, nullptr, kHelpOption},
                                      {"version", no_argument, nullptr, kVersion},
                                      {nullptr, 0, nullptr, 0}};
  Arguments arguments;
  for (int chosen = 0; (chosen = getopt_long(argc, argv, "", kOptions, nullptr)) != -1;) {
    switch (chosen) {
      case kInterface: arguments.interface = optarg; break;
      case kHostname: arguments.hostname = optarg; break;
      case kClientId: {
        auto id = encode_option(OptionType::Hex, {optarg});
        if (!id || id->empty()) return usage("--client-id takes bytes such as 01:02:4c:61:00:00:05");
        arguments.client_id = std::move(*id);
        break;
      }
      case kState: arguments.state = optarg; break;
      case kResolvConf: arguments.resolv_conf = optarg; break;
      case kSearch: arguments.search.emplace_back(optarg); break;
      case kLeaseFile: arguments.lease_file = optarg; break;
      case kOnce: arguments.once = true; break;
      case kTimeout: {
        const auto seconds = number(optarg, 86400);
        if (!seconds) return usage("--timeout takes seconds, at most a day");
        arguments.timeout = std::chrono::seconds(*seconds);
        break;
      }
      case kProbe: {
        const auto ms = number(optarg, 10000);
        if (!ms) return usage("--probe takes milliseconds, at most 10000");
        arguments.probe = std::chrono::milliseconds(*ms);
        break;
      }
      case kFindServers: {
        const auto ms = number(optarg, 60000);
        if (!ms) return usage("--find-servers takes milliseconds, at most 60000");
        arguments.find_servers = std::chrono::milliseconds(*ms);
        break;
      }
      case kIpv6: {
        const std::string how = optarg;
        if (how != "auto" && how != "stateful" && how != "stateless" && how != "off")
          return usage("--ipv6 takes auto, stateful, stateless or off");
        arguments.ipv6 = how == "auto"       ? Ipv6Mode::Auto
                         : how == "stateful" ? Ipv6Mode::Stateful
                         : how == "off"      ? Ipv6Mode::Off
                                             : Ipv6Mode::Stateless;
        break;
      }
      case kIpv6Only: arguments.ipv6_only = true; break;
      case kPrefix: arguments.prefix = true; break;
      case kDuid: {
        auto duid = encode_option(OptionType::Hex, {optarg});
        if (!duid || duid->size() < 3 || duid->size() > v6::kMessageLimits.duid)
          return usage("--duid takes bytes such as 00:03:00:01:02:4c:61:00:00:05");
        arguments.duid = std::move(*duid);
        break;
      }
      case kRelease: arguments.release = true; break;
      case kVerbose: arguments.verbose = true; break;
      case kReady: tell_supervisor("READY=1"); return 0;
      case kHelpOption: std::fputs(kHelp, stdout); return 0;
      case kVersion: std::puts("lab-dhclient " LAB_VERSION); return 0;
      default: return usage("see the message above");
    }
  }
  if (optind < argc) return usage(std::string("unexpected '") + argv[optind] + "'");
  if (arguments.interface.empty()) return usage("--interface is missing");
  if (arguments.hostname.size() > 255) return usage("--hostname is longer than an option can hold");
  auto link = Link::open(arguments.interface);
  if (!link) {
    std::fprintf(stderr, "lab-dhclient: %s\n", link.error().text().c_str());
    return 1;
  }
  if (arguments.find_servers) return find_servers(*link, *arguments.find_servers);
  Program program(std::move(arguments), std::move(*link));
  if (auto opened = program.open_ipv6(); !opened) {
    std::fprintf(stderr, "lab-dhclient: %s\n", opened.error().text().c_str());
    return 1;
  }
  return program.run();
}

}  // namespace
}  // namespace lab::dhcp::client

int main(int argc, char** argv) { return lab::dhcp::client::main_of(argc, argv); }
