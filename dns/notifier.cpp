#include "dns/notifier.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <random>

#include "common/log.hpp"
#include "common/spawn.hpp"
#include "dns/asio_address.hpp"

namespace lab::dns {

namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;

namespace {

constexpr auto kResult = asio::as_tuple(asio::use_awaitable);
constexpr int kAttempts = 5;                              // RFC 1996 3.6 suggests this many
constexpr std::chrono::milliseconds kFirstTimeout{1000};  // doubled each time

}  // namespace

void Notifier::configure(const Config& config) {
  targets_.clear();
  listen_ = config.listen;
  for (const auto& [name, zone] : config.zones) {
    Target target{zone.notify, {}};
    if (!zone.key.empty()) {
      const KeyConfig& key = config.keys.at(zone.key);
      target.key = TsigKey::make(zone.key, key.algorithm, key.secret).value();
    }
    if (!target.secondaries.empty()) targets_[Name::parse(name).value()] = std::move(target);
  }
}

void Notifier::changed(const Name& apex, std::uint32_t serial) {
  asio::dispatch(executor_, [this, apex, serial] {
    const auto target = targets_.find(apex);
    if (target == targets_.end()) return;
    for (const Endpoint& secondary : target->second.secondaries) {
      latest_[{apex, secondary}] = serial;
      spawn(executor_, "notify of " + apex.text(), tell(apex, serial, secondary, target->second.key));
    }
  });
}

asio::awaitable<void> Notifier::tell(Name apex, std::uint32_t serial, Endpoint secondary,
                                     std::optional<TsigKey> key) {
  static thread_local std::mt19937 random(std::random_device{}());
  std::vector<std::uint8_t> message(kHeaderSize);
  put16(message.data(), static_cast<std::uint16_t>(random()));
  message[2] =
      static_cast<std::uint8_t>(static_cast<unsigned>(Opcode::Notify) << 3 | 4U);  // RFC 1996 3.3: AA is set
  message[5] = 1;
  message.insert(message.end(), apex.data(), apex.data() + apex.size());
  message.insert(message.end(), {0, type::SOA, 0, rrclass::IN});
  if (key) {
    Tsig tsig(*key);
    tsig.sign(message, static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(
                                                      std::chrono::system_clock::now().time_since_epoch())
                                                      .count()));
  }
  asio::ip::udp::socket socket(executor_, to_udp(secondary).protocol());
  boost::system::error_code failed;
  if (const auto source = source_for(listen_, secondary.address)) socket.bind({to_asio(*source), 0}, failed);
  socket.connect(to_udp(secondary), failed);
  auto timeout = kFirstTimeout;
  for (int attempt = 0; attempt < kAttempts && !failed; ++attempt, timeout *= 2) {
    if (latest_[{apex, secondary}] != serial) co_return;
    socket.send(asio::buffer(message), 0, failed);
    asio::steady_timer timer(executor_, timeout);
    std::array<std::uint8_t, kPlainUdp> reply{};
    const auto first =
        co_await (socket.async_receive(asio::buffer(reply), kResult) || timer.async_wait(kResult));
    if (first.index() == 0) {
      const auto& [error, size] = std::get<0>(first);
      if (!error && size >= kHeaderSize && get16(reply.data()) == get16(message.data())) {
        const auto code = static_cast<Rcode>(reply[3] & 15U);
        if (code != Rcode::NoError)
          log::warning("{}: {} answers the notify with {}", apex.text(), secondary.text(), rcode_text(code));
        co_return;
      }
      co_await timer.async_wait(kResult);  // refused, or something else: not sooner than silence
    }
    failed.clear();
  }
  log::warning(
      "{}: {} does not confirm the notify of serial {}; it will find out by itself after its REFRESH time",
      apex.text(), secondary.text(), serial);
}

}  // namespace lab::dns
