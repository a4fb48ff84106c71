#include "mail/smtp/relay.hpp"

#include <fmt/core.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "mail/route/mail_route.hpp"

namespace lab::mail::smtp {
namespace asio = boost::asio;
using queue::Verdict;

namespace {

asio::awaitable<std::unique_ptr<Stream>> dial(asio::any_io_executor executor, Endpoint to,
                                              std::chrono::seconds time, std::string& why) {
  using namespace asio::experimental::awaitable_operators;
  asio::ip::tcp::socket socket(executor);
  asio::steady_timer deadline(executor, time);
  const asio::ip::tcp::endpoint endpoint(asio::ip::make_address(to.address.text()), to.port);
  auto first = co_await (socket.async_connect(endpoint, asio::as_tuple(asio::use_awaitable)) ||
                         deadline.async_wait(asio::as_tuple(asio::use_awaitable)));
  if (first.index() == 1) {
    why = fmt::format("no answer from {} within {} s", to.text(), time.count());
    co_return nullptr;
  }
  auto [error] = std::get<0>(first);
  if (error) {
    why = fmt::format("cannot connect to {}: {}", to.text(), error.message());
    co_return nullptr;
  }
  co_return std::make_unique<Stream>(std::move(socket));
}

}  // namespace

class Relay::ToDomain final : public queue::Road {
 public:
  ToDomain(Relay& relay, std::string domain) : relay_(relay), domain_(std::move(domain)) {}

  asio::awaitable<std::vector<Verdict>> send(const queue::Parcel& parcel, std::string_view message) override {
    if (!client_ || !client_->alive()) {
      client_.reset();
      auto opened = co_await open();
      if (opened.outcome != Verdict::Outcome::Delivered)
        co_return std::vector<Verdict>(parcel.recipients.size(), opened);
    }
    co_return co_await client_->send(parcel, message);
  }

  asio::awaitable<void> finish() override {
    if (client_) co_await client_->quit();
    client_.reset();
  }

 private:
  // Each address of each host, until one lets us in.
  asio::awaitable<Verdict> open() {
    auto route =
        co_await route::find_route(relay_.lookup_, domain_, relay_.options_.hostname, relay_.random_);
    if (route.outcome == route::MailRoute::Outcome::Never)
      co_return Verdict{Verdict::Outcome::Never, route.status, route.why, ""};
    if (route.outcome == route::MailRoute::Outcome::Later)
      co_return Verdict{Verdict::Outcome::Later, route.status, route.why, ""};
    Verdict last;
    const tls::Context clear;
    for (auto& host : route.hosts) {
      for (auto& address : host.addresses) {
        last = co_await try_host(host.name, address, relay_.options_.tls);
        if (last.outcome != Verdict::Outcome::Delivered && client_ && client_->tls_failed())
          last = co_await try_host(host.name, address, clear);
        if (last.outcome == Verdict::Outcome::Delivered) co_return last;
        client_.reset();
      }
    }
    // Whatever a host said at its door, another day it may say otherwise (RFC 5321 4.5.4.1).
    last.outcome = Verdict::Outcome::Later;
    co_return last;
  }

  asio::awaitable<Verdict> try_host(std::string name, IpAddress address, tls::Context tls) {
    client_.reset();
    Verdict verdict{Verdict::Outcome::Later, "4.4.1", "", name};
    stream_ = co_await dial(relay_.executor_, {address, relay_.options_.port}, relay_.options_.limits.connect,
                            verdict.text);
    if (!stream_) co_return verdict;
    client_ = std::make_unique<Client>(*stream_, relay_.options_.hostname, name, relay_.options_.limits);
    co_return co_await client_->hello(std::move(tls));
  }

  Relay& relay_;
  std::string domain_;
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<Client> client_;
};

Relay::Relay(asio::any_io_executor executor, route::Lookup& lookup, RelayOptions options)
    : executor_(std::move(executor)), lookup_(lookup), options_(std::move(options)) {}

std::unique_ptr<queue::Road> Relay::road_to(const std::string& domain) {
  return std::make_unique<ToDomain>(*this, domain);
}

}  // namespace lab::mail::smtp
