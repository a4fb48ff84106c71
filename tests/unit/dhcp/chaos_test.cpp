// Years of a class in a second: clients come, renew, give back and lose answers; servers are killed, come
// back and lose each other; wires break between a decision and its copy. Whatever happens, no two clients
// believe in one address at a time.
#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <deque>
#include <map>
#include <random>

#include "dhcp/partner_memory.hpp"
#include "dhcp/partnership.hpp"
#include "tests/unit/dhcp/world.hpp"

namespace lab::dhcp {
namespace {

using namespace std::chrono_literals;

constexpr PartnershipLimits kLimits{
    .startup = 2s, .silence = 3s, .partner_down = 0s, .reach = 5min, .longest = 1h};

/// One of the two machines that run lab-dhcpd: what is in memory is gone when it dies, what is on disk stays.
struct Node {
  Role role;
  IpAddress address;
  std::map<IpAddress, Lease> disk;
  std::optional<SoleTimes> sole_on_disk;
  SteadyTime last_alive{0};
  std::unique_ptr<Server> server;
  std::optional<Partnership> partnership;
  bool alive() const { return server != nullptr; }
};

struct Client {
  Machine machine;
  std::optional<IpAddress> address;
  SteadyTime until{0};  ///< it believes in it
  std::size_t from = 0;
};

class Class {
 public:
  explicit Class(unsigned seed) : random_(seed) {
    for (std::size_t i = 0; i < 2; ++i) {
      nodes_[i].role = i == 0 ? Role::Primary : Role::Standby;
      nodes_[i].address = ip(i == 0 ? "192.168.56.10" : "192.168.56.11");
      start(i);
    }
    heal();
    for (int i = 0; i < 12; ++i)
      clients_.push_back(
          {.machine = {*MacAddress::parse(fmt::format("02:00:00:00:00:{:02x}", i + 1))}, .address = {}});
  }

  void step() {
    advance(SteadyTime(pick(90'000)));
    auto& client = clients_[pick(clients_.size())];
    const auto node = pick(2);
    switch (pick(24)) {
      case 0: kill(node, false); break;
      case 1: kill(node, true); break;  // stopped in order
      case 2:
      case 3:
      case 4:
        if (!nodes_[node].alive()) start(node);
        break;
      case 5: cut(); break;
      case 6:
      case 7:
      case 8: heal(); break;
      case 9:  // A person's word, and true: the partner is down, and not about to be started again.
        if (nodes_[node].alive() && !nodes_[1 - node].alive() &&
            now_ - nodes_[1 - node].last_alive > PartnerMemory::kWorth) {
          changed(node, nodes_[node].partnership->declared_down(now_));
          downs_ += nodes_[node].partnership->state() == Partnership::State::Sole;
        }
        break;
      case 10: advance(SteadyTime(pick(4'000'000))); break;
      case 11: release(client); break;
      case 12:
      case 13:
      case 14: extend(client, true); break;
      case 15:
      case 16: extend(client, false); break;
      case 17: reboot(client); break;
      case 18: fails_between_ = true; break;  // the next copy does not arrive
      default: begin(client);
    }
  }

  std::size_t granted_ = 0, downs_ = 0, lost_ = 0;

 private:
  std::size_t pick(std::size_t below) {
    return std::uniform_int_distribution<std::size_t>(0, below - 1)(random_);
  }
  ServerTime wall() const {
    return ServerTime(1'700'000'000s) + std::chrono::floor<std::chrono::seconds>(now_);
  }
  bool connected() const { return nodes_[0].alive() && nodes_[1].alive() && wire_ && joined_; }

  void changed(std::size_t i, bool did) {
    auto& n = nodes_[i];
    if (!did) return;
    n.sole_on_disk = n.partnership->sole();
    tell("{} {}: {}", name(n.role), name(n.partnership->state()), n.partnership->explanation().substr(0, 60));
    n.server->set_duty(n.partnership->duty());
  }

  void advance(SteadyTime time) {
    now_ += time;
    for (std::size_t i = 0; i < 2; ++i) {
      auto& n = nodes_[i];
      if (!n.alive()) continue;
      n.last_alive = now_;
      changed(i, n.partnership->tick(now_));
      const auto duty = n.server->duty();
      if (duty == Duty::Serve || duty == Duty::WholePool) {
        (void)commit(i, n.server->expire(wall()), nullptr);
      }
    }
    for (auto& c : clients_)
      if (c.address && c.until <= now_) c.address.reset();
  }

  void start(std::size_t i) {
    auto& n = nodes_[i];
    n.server = std::make_unique<Server>();
    tell("{} starts", name(n.role));
    for (const auto& [address, lease] : n.disk) n.server->restore(lease);
    n.server->share_pools(i == 0 ? Share::Lower : Share::Upper);
    n.server->promise_alone_for(std::chrono::floor<std::chrono::seconds>(kLimits.reach));
    Settings settings;
    auto scope = lan_scope();
    scope.ranges = {*AddressRange::parse("192.168.56.100-192.168.56.107")};
    scope.server_id = n.address;
    settings.scopes = {scope};
    n.server->configure(settings);
    n.server->know_partner({nodes_[1 - i].address});
    if (now_ - n.last_alive > PartnerMemory::kWorth) n.sole_on_disk.reset();
    n.partnership.emplace(n.role, kLimits, now_, n.sole_on_disk);
    n.server->set_duty(n.partnership->duty());
    if (wire_ && nodes_[1 - i].alive()) join();
  }

  void kill(std::size_t i, bool farewell) {
    if (!nodes_[i].alive()) return;
    const bool heard = connected();
    tell("{} {}", name(nodes_[i].role), farewell ? "stops" : "is killed");
    nodes_[i].server.reset();
    nodes_[i].partnership.reset();
    if (heard) changed(1 - i, nodes_[1 - i].partnership->lost(now_, farewell));
    joined_ = false;
  }

  void cut() {
    const bool heard = connected();
    wire_ = joined_ = false;
    if (!heard) return;
    for (std::size_t i = 0; i < 2; ++i) changed(i, nodes_[i].partnership->lost(now_, false));
  }

  void heal() {
    if (wire_ && joined_) return;
    wire_ = true;
    if (nodes_[0].alive() && nodes_[1].alive()) join();
  }

  void join() {
    if (joined_) return;
    joined_ = true;
    for (std::size_t i = 0; i < 2; ++i) changed(i, nodes_[i].partnership->connected(now_));
    std::array<std::vector<Lease>, 2> everything;
    for (std::size_t i = 0; i < 2; ++i)
      nodes_[i].server->leases().for_each([&](const Lease& l) {
        if (l.state != LeaseState::Offered) everything[i].push_back(l);
      });
    for (std::size_t i = 0; i < 2; ++i) {
      if (pick(6) == 0) return cut();  // half of it has arrived
      copy(1 - i, everything[i]);
    }
    for (std::size_t i = 0; i < 2; ++i) changed(i, nodes_[i].partnership->in_step(now_));
  }

  void store(std::size_t i, const std::vector<Lease>& rows) {
    for (const auto& row : rows) nodes_[i].disk[row.address] = row;
  }
  void copy(std::size_t to, const std::vector<Lease>& rows) {
    for (const auto& row : rows)
      if (nodes_[to].server->merge(row)) nodes_[to].disk[row.address] = row;
  }

  /// On both disks; as the service does it (service_failover.cpp). Whether the client may be answered.
  bool commit(std::size_t i, const std::vector<Lease>& rows, const Lease* before) {
    store(i, rows);
    if (!connected() || rows.empty()) return true;
    if (!std::exchange(fails_between_, false)) {
      copy(1 - i, rows);
      return true;
    }
    ++lost_;
    tell("between the copies of {} the wire breaks", name(nodes_[i].role));
    if (pick(2) == 0) copy(1 - i, rows);  // they have arrived, and that they have is what was lost
    cut();
    bool good = true;
    for (const auto& row : rows)
      if (auto back = nodes_[i].server->take_back(
              row, before != nullptr && before->address == row.address ? before : nullptr, wall())) {
        store(i, {*back});
        good = false;
      }
    return good;
  }

  /// What the server answers.
  std::optional<Reply> ask(std::size_t i, const Message& m, bool unicast) {
    auto& n = nodes_[i];
    if (!n.alive()) return std::nullopt;
    const Arrival arrival{
        .interface = "eth0", .source = m.ciaddr, .destination = unicast ? n.address : ip("255.255.255.255")};
    auto outcome = n.server->handle(m, arrival, wall());
    if (!commit(i, outcome.store, outcome.before ? &*outcome.before : nullptr)) return std::nullopt;
    if (pick(10) == 0) return std::nullopt;  // the answer is lost
    return outcome.reply;
  }

  void believe(Client& c, const std::optional<Reply>& reply, std::size_t from) {
    if (!reply) return;
    if (reply->message.type() == MessageType::Nak) return c.address.reset();
    if (reply->message.type() != MessageType::Ack) return;
    ++granted_;
    tell("{} gives {} to {} for {} s, {}", name(nodes_[from].role), reply->message.yiaddr.text(),
         c.machine.hardware.text(), *reply->message.options.uint32(option::kLeaseTime),
         nodes_[from].server->duty() == Duty::Hold ? "held" : "");
    c.address = reply->message.yiaddr;
    c.until = now_ + std::chrono::seconds(*reply->message.options.uint32(option::kLeaseTime));
    c.from = from;
    for (const auto& other : clients_)
      EXPECT_FALSE(&other != &c && other.address == c.address)
          << c.address->text() << " is given to two; the second by " << name(nodes_[from].role) << ", "
          << nodes_[from].partnership->explanation() << "\n"
          << history();
  }

  void begin(Client& c) {
    if (c.address) return;
    const Message d = c.machine.message(MessageType::Discover);
    std::array<std::optional<Reply>, 2> offers{ask(0, d, false), ask(1, d, false)};
    if (pick(2) == 0) advance(SteadyTime(pick(8'000)));
    const std::size_t chosen = offers[0] && (!offers[1] || pick(2) == 0) ? 0 : 1;
    if (!offers[chosen]) return;
    Message r = c.machine.message(MessageType::Request);
    r.options.set_address(option::kRequestedAddress, offers[chosen]->message.yiaddr);
    r.options.set_address(option::kServerId, nodes_[chosen].address);
    for (std::size_t i = 0; i < 2; ++i)
      if (auto reply = ask(i, r, false); i == chosen) believe(c, reply, i);
  }
  void extend(Client& c, bool unicast) {
    if (!c.address) return;
    Message r = c.machine.message(MessageType::Request);
    r.ciaddr = *c.address;
    for (std::size_t i = 0; i < 2; ++i)
      if (!unicast || i == c.from)
        if (c.address) believe(c, ask(i, r, unicast), i);
  }
  void reboot(Client& c) {
    if (!c.address) return;
    Message r = c.machine.message(MessageType::Request);
    r.options.set_address(option::kRequestedAddress, *c.address);
    for (std::size_t i = 0; i < 2; ++i)
      if (c.address) believe(c, ask(i, r, false), i);
  }
  void release(Client& c) {
    if (!c.address) return;
    Message r = c.machine.message(MessageType::Release);
    r.ciaddr = *c.address;
    const auto from = c.from;
    tell("{} gives {} back to {}", c.machine.hardware.text(), c.address->text(), name(nodes_[from].role));
    c.address.reset();
    (void)ask(from, r, true);
  }

  /// What has happened, for who has to find out why.
  template <class... Words>
  void tell(fmt::format_string<Words...> text, Words&&... words) {
    history_.push_back(fmt::format("{:>9.1f} s  {}\n", static_cast<double>(now_.count()) / 1000,
                                   fmt::format(text, std::forward<Words>(words)...)));
    if (history_.size() > 60) history_.pop_front();
  }
  std::string history() const {
    std::string all;
    for (const auto& line : history_) all += line;
    return all;
  }

  std::deque<std::string> history_;
  std::mt19937 random_;
  SteadyTime now_{0};
  std::array<Node, 2> nodes_;
  std::vector<Client> clients_;
  bool wire_ = true, joined_ = false, fails_between_ = false;
};

class Chaos : public testing::TestWithParam<unsigned> {};

TEST_P(Chaos, GivesNoAddressToTwoClientsAtATime) {
  Class room(GetParam());
  for (int i = 0; i < 20'000 && !testing::Test::HasFailure(); ++i) room.step();
  EXPECT_GT(room.granted_, 1000U) << "clients are served, too";
  EXPECT_GT(room.downs_, 10U);
  EXPECT_GT(room.lost_, 50U);
}

unsigned seeds() {
  const char* wish = std::getenv("LAB_SEEDS");  // more for a soak
  return wish == nullptr ? 20 : static_cast<unsigned>(std::atoi(wish));
}

INSTANTIATE_TEST_SUITE_P(Seeds, Chaos, testing::Range(1U, 1 + seeds()));

}  // namespace
}  // namespace lab::dhcp
