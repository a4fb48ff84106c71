#include "dhcp/name_updater.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <random>

#include "common/events.hpp"
#include "common/log.hpp"
#include "common/spawn.hpp"

namespace lab::dhcp {
namespace {

namespace asio = boost::asio;
using asio::ip::udp;

constexpr std::chrono::milliseconds kAnswerTime(700);  // a name server of the lab answers in one
constexpr int kTries = 3;
constexpr std::chrono::seconds kFirstPause(1), kLongestPause(60);
constexpr std::size_t kLargestAnswer = 1232;

udp::endpoint endpoint_of(const Endpoint& e) { return {asio::ip::make_address(e.address.text()), e.port}; }

/// The longest zone that holds the name.
std::string zone_for(const std::string& name, const std::vector<std::string>& zones) {
  std::string best;
  for (auto zone : zones) {
    if (zone.ends_with('.')) zone.pop_back();
    if ((name == zone || name.ends_with("." + zone)) && zone.size() > best.size()) best = zone;
  }
  return best;
}

std::uint64_t unix_time() {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count());
}

void tell(events::Direction direction, const std::string& peer, const std::string& text) {
  events::emit({.protocol = "dns", .session = 0, .direction = direction, .peer = peer, .text = text});
}

}  // namespace

NameUpdater::NameUpdater(asio::io_context& io, DnsNames& names, std::function<void(DnsName)> store)
    : io_(io), names_(names), store_(std::move(store)), socket_(io), timer_(io) {}

void NameUpdater::configure(std::optional<DnsUpdateConfig> settings, std::vector<Network> networks) {
  settings_ = std::move(settings);
  key_.reset();
  if (settings_ && settings_->key)
    if (auto key = TsigKey::make(settings_->key->name, settings_->key->algorithm, settings_->key->secret))
      key_ = std::move(*key);
  networks_ = std::move(networks);
  wake();
}

void NameUpdater::pause(bool paused) {
  paused_ = paused;
  wake();
}

void NameUpdater::wake() {
  if (paused_ || working_ || !settings_ || !names_.next()) return;
  working_ = true;
  spawn(io_.get_executor(), "names in DNS", work());
}

NameTarget NameUpdater::target(const DnsName& name) const {
  std::vector<std::string> reverse = settings_->reverse;
  if (reverse.empty())
    for (const auto& network : networks_)
      if (network.contains(name.address)) reverse.push_back(reverse_zone(network));
  auto pointer = name.address.reverse_name();
  if (pointer.ends_with('.')) pointer.pop_back();
  for (auto zone : reverse) {  // RFC 2317: an alias leads there from the address's own name
    if (zone.ends_with('.')) zone.pop_back();
    if (auto there = classless_name(zone, name.address)) pointer = std::move(*there);
  }
  return {.fqdn = name.fqdn,
          .address = name.address,
          .client = name.client,
          .hardware = name.hardware,
          .forward_zone = zone_for(name.fqdn, {settings_->forward}),
          .reverse_zone = zone_for(pointer, reverse),
          .reverse_name = pointer,
          .ttl = static_cast<std::uint32_t>(settings_->ttl.count())};
}

asio::awaitable<void> NameUpdater::work() {
  auto pause = kFirstPause;
  while (settings_ && !paused_) {
    auto name = names_.next();
    if (!name) break;
    const bool done = co_await perform(*name);
    if (done) {
      pause = kFirstPause;
      continue;
    }
    boost::system::error_code error;
    timer_.expires_after(pause);
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, error));
    pause = std::min(pause * 2, kLongestPause);
  }
  working_ = false;
}

asio::awaitable<bool> NameUpdater::perform(const DnsName& name) {
  const bool adding = name.state == NameState::ToAdd;
  NameTask task(adding ? NameTask::Kind::Add : NameTask::Kind::Remove, target(name));
  while (auto update = task.next()) {
    const auto rcode = co_await exchange(*update);
    if (!settings_ || paused_) co_return true;  // the partner has the row, and does it
    if (!rcode) {
      log::warning("dns: {}: {}; '{}' waits", settings_->server.text(), trouble_, name.fqdn);
      co_return false;
    }
    task.answered(*rcode);
  }
  if (task.try_again()) {
    log::warning("dns: {} cannot update {} now; it waits", settings_->server.text(), name.fqdn);
    co_return false;
  }
  if (!task.refusal().empty()) {
    log::warning("dns: {} not {} for {}: {}", name.fqdn, adding ? "registered" : "removed",
                 name.address.text(), task.refusal());
  } else {
    log::info("dns: {} {} {}", name.fqdn, adding ? "registered for" : "removed from", name.address.text());
  }
  if (auto row = names_.finished(name, !task.refusal().empty())) store_(std::move(*row));
  co_return true;
}

asio::awaitable<std::optional<Rcode>> NameUpdater::exchange(const DnsUpdate& update) {
  static std::random_device random;  // RFC 5452: an id that cannot be guessed
  const auto id = static_cast<std::uint16_t>(random());
  auto message = encode_update(update, id);
  if (!message) co_return Rcode::Refused;
  std::optional<Tsig> signature;
  if (key_) signature.emplace(*key_).sign(*message, unix_time());
  trouble_ = "it does not answer updates";
  const auto peer = settings_->server.text();
  if (events::listening())
    tell(events::Direction::Out, peer,
         fmt::format("UPDATE {}: {} ({} prerequisites, {} changes)", update.zone, update.updates.front().name,
                     update.prerequisites.size(), update.updates.size()));
  boost::system::error_code error;
  const auto server = endpoint_of(settings_->server);
  socket_ = udp::socket(io_);
  socket_.open(server.protocol(), error);
  if (!error) socket_.connect(server, error);
  for (int attempt = 0; attempt < kTries && !error; ++attempt) {
    co_await socket_.async_send(asio::buffer(*message), asio::redirect_error(asio::use_awaitable, error));
    const auto answer = co_await receive();
    if (!answer) continue;
    if (const auto rcode = decode_update_answer(*answer, id)) {
      if (const auto checked = signature ? signature->check(*answer, unix_time()) : Result<void>(); !checked) {
        trouble_ = checked.error().text();
        continue;
      }
      if (events::listening())
        tell(events::Direction::In, peer, fmt::format("{}: {}", update.zone, lab::dhcp::name(*rcode)));
      co_return rcode;
    }
  }
  co_return std::nullopt;
}

asio::awaitable<std::optional<Bytes>> NameUpdater::receive() {
  using namespace asio::experimental::awaitable_operators;
  Bytes answer(kLargestAnswer);
  boost::system::error_code late, failed;
  timer_.expires_after(kAnswerTime);
  const auto got = co_await (
      socket_.async_receive(asio::buffer(answer), asio::redirect_error(asio::use_awaitable, failed)) ||
      timer_.async_wait(asio::redirect_error(asio::use_awaitable, late)));
  if (got.index() == 1 || failed) co_return std::nullopt;
  answer.resize(std::get<0>(got));
  co_return answer;
}

}  // namespace lab::dhcp
