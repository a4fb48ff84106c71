#include "mail/route/resolver.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <optional>
#include <random>

#include "common/yaml.hpp"
#include "mail/cursor.hpp"

namespace lab::mail::route {
namespace asio = boost::asio;

namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr std::uint16_t kPort = 53;

struct Question {
  std::uint16_t id;
  std::string name;
  Type type;
  std::vector<std::uint8_t> wire;
};

asio::ip::address address_of(const IpAddress& address) { return asio::ip::make_address(address.text()); }

asio::awaitable<std::optional<DnsAnswer>> ask_udp(asio::any_io_executor executor, Endpoint server,
                                                  const Question& question) {
  const asio::ip::udp::endpoint to(address_of(server.address), server.port);
  asio::ip::udp::socket socket(executor, to.protocol());
  boost::system::error_code error;
  // Connected: answers from anybody else never get here, and a dead server says so at once.
  socket.connect(to, error);
  if (error) co_return std::nullopt;
  auto [send_error, sent] = co_await socket.async_send(asio::buffer(question.wire), kTuple);
  if (send_error) co_return std::nullopt;
  std::vector<std::uint8_t> packet(4096);
  for (;;) {
    auto [receive_error, size] = co_await socket.async_receive(asio::buffer(packet), kTuple);
    if (receive_error) co_return std::nullopt;
    auto answer = parse_answer(std::span(packet).first(size), question.id, question.name, question.type);
    if (answer) co_return answer;
  }
}

asio::awaitable<std::optional<DnsAnswer>> ask_tcp(asio::any_io_executor executor, Endpoint server,
                                                  const Question& question) {
  asio::ip::tcp::socket socket(executor);
  auto [connect_error] = co_await socket.async_connect({address_of(server.address), server.port}, kTuple);
  if (connect_error) co_return std::nullopt;
  const std::array<std::uint8_t, 2> length{static_cast<std::uint8_t>(question.wire.size() >> 8),
                                           static_cast<std::uint8_t>(question.wire.size() & 0xff)};
  const std::array<asio::const_buffer, 2> framed{asio::buffer(length), asio::buffer(question.wire)};
  auto [write_error, written] = co_await asio::async_write(socket, framed, kTuple);
  if (write_error) co_return std::nullopt;
  std::array<std::uint8_t, 2> prefix{};
  auto [prefix_error, prefix_size] = co_await asio::async_read(socket, asio::buffer(prefix), kTuple);
  if (prefix_error) co_return std::nullopt;
  std::vector<std::uint8_t> packet(static_cast<std::size_t>(prefix[0] << 8 | prefix[1]));
  auto [read_error, size] = co_await asio::async_read(socket, asio::buffer(packet), kTuple);
  if (read_error) co_return std::nullopt;
  co_return parse_answer(packet, question.id, question.name, question.type);
}

asio::awaitable<std::optional<DnsAnswer>> within(asio::any_io_executor executor,
                                                 std::chrono::milliseconds time,
                                                 asio::awaitable<std::optional<DnsAnswer>> work) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer deadline(executor, time);
  auto first = co_await (std::move(work) || deadline.async_wait(kTuple));
  if (first.index() == 0) co_return std::get<0>(std::move(first));
  co_return std::nullopt;
}

}  // namespace

Resolver::Resolver(asio::any_io_executor executor, std::vector<Endpoint> servers, ResolverLimits limits)
    : executor_(std::move(executor)), servers_(std::move(servers)), limits_(limits) {}

asio::awaitable<DnsAnswer> Resolver::ask(std::string name, Type type) {
  std::random_device random;  // RFC 5452: an id that cannot be guessed
  Question question{static_cast<std::uint16_t>(random()), name, type, {}};
  auto wire = make_query(question.id, name, type);
  DnsAnswer failed;
  if (!wire) {
    failed.outcome = DnsAnswer::Outcome::NoName;
    co_return failed;
  }
  question.wire = std::move(*wire);
  for (int round = 0; round < limits_.rounds; ++round) {
    for (auto& server : servers_) {
      auto answer = co_await within(executor_, limits_.attempt, ask_udp(executor_, server, question));
      if (answer && answer->outcome == DnsAnswer::Outcome::Truncated)
        answer = co_await within(executor_, limits_.attempt, ask_tcp(executor_, server, question));
      if (answer && answer->outcome != DnsAnswer::Outcome::Failed &&
          answer->outcome != DnsAnswer::Outcome::Truncated)
        co_return *answer;
    }
  }
  co_return failed;
}

std::vector<Endpoint> Resolver::servers_of(const std::string& resolv_conf) {
  std::vector<Endpoint> servers;
  auto text = yaml::read_file(resolv_conf).value_or("");
  Cursor cursor(text);
  while (!cursor.at_end()) {
    Cursor line(cursor.take_while([](char c) { return c != '\n'; }));
    cursor.take('\n');
    if (!line.take("nameserver") || line.take_while([](char c) { return c == ' ' || c == '\t'; }).empty())
      continue;
    auto address = line.take_while([](char c) { return c != ' ' && c != '\t' && c != '\r'; });
    if (auto parsed = IpAddress::parse(address)) servers.push_back({*parsed, kPort});
  }
  if (servers.empty()) servers.push_back({*IpAddress::parse("127.0.0.1"), kPort});
  return servers;
}

}  // namespace lab::mail::route
