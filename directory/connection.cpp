#include "directory/connection.hpp"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "common/events.hpp"
#include "common/spawn.hpp"

namespace lab::directory {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Endpoints = std::vector<asio::generic::stream_protocol::endpoint>;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

std::uint64_t next_session() {
  static std::atomic<std::uint64_t> last = 0;
  return ++last;
}

/// Looks the host up. The system's resolver cannot be interrupted, so it is left to itself at the deadline.
asio::awaitable<Result<Endpoints>> resolve(asio::any_io_executor strand, ServerUrl url,
                                           Clock::time_point deadline) {
  if (url.is_local()) co_return Endpoints{asio::local::stream_protocol::endpoint(url.path)};
  boost::system::error_code not_an_address;
  const auto address = asio::ip::make_address(url.host, not_an_address);
  if (!not_an_address) co_return Endpoints{tcp::endpoint(address, url.port)};
  struct LookUp {
    tcp::resolver resolver;
    asio::steady_timer done;
    std::optional<Result<Endpoints>> answer;
  };
  auto look_up =
      std::make_shared<LookUp>(LookUp{tcp::resolver(strand), asio::steady_timer(strand, deadline), {}});
  look_up->resolver.async_resolve(url.host, std::to_string(url.port),
                                  [look_up](auto error, const auto& found) {
                                    if (error) {
                                      look_up->answer = fail("its name is not found: " + error.message());
                                    } else {
                                      Endpoints list;
                                      for (auto& entry : found) list.push_back(entry.endpoint());
                                      look_up->answer = std::move(list);
                                    }
                                    look_up->done.cancel();
                                  });
  co_await look_up->done.async_wait(kTuple);
  if (look_up->answer) co_return *look_up->answer;
  look_up->resolver.cancel();
  co_return fail("looking up its name takes too long");
}

/// "search dc=helper,dc=bac (uid=ali)" and the like, for whoever watches the dialogue.
void tell(std::uint64_t session, events::Direction direction, const ServerUrl& url, std::string_view text) {
  events::emit(
      {.protocol = "ldap", .session = session, .direction = direction, .peer = url.text(), .text = text});
}

}  // namespace

Connection::Connection(asio::any_io_executor strand, ServerUrl url)
    : strand_(strand), url_(std::move(url)), socket_(strand), watchdog_(strand), session_(next_session()) {}

Error Connection::failure(std::string what) const { return Error{std::move(what), url_.text(), ""}; }

asio::awaitable<Result<std::shared_ptr<Connection>>> Connection::open(asio::any_io_executor strand,
                                                                      ServerUrl url, tls::Context context,
                                                                      Identity who,
                                                                      Clock::time_point deadline) {
  auto self = std::make_shared<Connection>(strand, std::move(url));
  auto done = co_await self->connect(deadline);
  if (done && !self->url_.is_local()) done = co_await self->start_tls(std::move(context), deadline);
  if (done) {
    lab::spawn(strand, "directory connection", self->read_answers());
    done = co_await self->say_who(who, deadline);
  }
  if (!done) {
    self->close(done.error());
    co_return std::unexpected(done.error());
  }
  co_return self;
}

void Connection::arm_watchdog(Clock::time_point deadline, std::string doing) {
  watchdog_.expires_at(deadline);
  watchdog_.async_wait([weak = weak_from_this(), doing = std::move(doing)](auto error) {
    if (auto self = weak.lock(); self && !error)
      self->close(self->failure("no answer in time while " + doing));
  });
}

asio::awaitable<Result<void>> Connection::connect(Clock::time_point deadline) {
  auto endpoints = co_await resolve(strand_, url_, deadline);
  if (!endpoints) co_return std::unexpected(failure(endpoints.error().what));
  arm_watchdog(deadline, "connecting");
  std::string why = "no address";
  for (auto& endpoint : *endpoints) {
    boost::system::error_code ignored;
    socket_.close(ignored);
    const auto [error] = co_await socket_.async_connect(endpoint, kTuple);
    if (error_) co_return std::unexpected(*error_);
    if (!error) {
      watchdog_.cancel();
      if (!url_.is_local()) socket_.set_option(tcp::no_delay(true), ignored);
      co_return Result<void>();
    }
    why = error.message();
  }
  co_return std::unexpected(failure("cannot connect: " + why));
}

asio::awaitable<Result<void>> Connection::start_tls(tls::Context context, Clock::time_point deadline) {
  arm_watchdog(deadline, "starting TLS");
  if (url_.scheme == ServerUrl::Scheme::Ldap) {
    auto id = wire_.start_tls();
    if (!id) co_return std::unexpected(id.error());
    const auto request = wire_.take_output();
    tell(session_, events::Direction::Out, url_, "StartTLS");
    co_await asio::async_write(socket_, asio::buffer(request), kTuple);
    std::optional<Reply> reply;
    std::array<char, 1024> buffer;
    while (!(reply = wire_.next())) {
      const auto [error, n] = co_await socket_.async_read_some(asio::buffer(buffer), kTuple);
      if (error_) co_return std::unexpected(*error_);
      if (error) co_return std::unexpected(failure("closed before TLS: " + error.message()));
      wire_.feed({buffer.data(), n});
      if (wire_.broken()) co_return std::unexpected(failure(wire_.broken()->what));
    }
    tell(session_, events::Direction::In, url_, "StartTLS: " + reply->text());
    if (!reply->ok()) co_return std::unexpected(failure("it does not start TLS: " + reply->text()));
    // RFC 4511 4.14.2: what came before TLS proves nothing. A fresh start forgets whatever was slipped in.
    wire_ = Wire();
  }
  // asio's context takes over one reference.
  SSL_CTX_up_ref(context.get());
  asio::ssl::context wrapped(context.get());
  tls_.emplace(socket_, wrapped);
  auto* ssl = tls_->native_handle();
  tls_->set_verify_mode(asio::ssl::verify_peer);
  boost::system::error_code not_an_address;
  asio::ip::make_address(url_.host, not_an_address);
  if (!not_an_address) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), url_.host.c_str());
  } else {
    SSL_set_tlsext_host_name(ssl, url_.host.c_str());
    SSL_set1_host(ssl, url_.host.c_str());
  }
  const auto [error] = co_await tls_->async_handshake(asio::ssl::stream_base::client, kTuple);
  if (error_) co_return std::unexpected(*error_);
  if (error) {
    const auto verdict = SSL_get_verify_result(ssl);
    co_return std::unexpected(
        failure("TLS: " + (verdict == X509_V_OK ? error.message()
                                                : std::string(X509_verify_cert_error_string(verdict)))));
  }
  watchdog_.cancel();
  co_return Result<void>();
}

asio::awaitable<Result<void>> Connection::say_who(const Identity& who, Clock::time_point deadline) {
  if (who.kind == Identity::Kind::Nobody) co_return Result<void>();
  const bool external = who.kind == Identity::Kind::External;
  auto id = external ? wire_.bind_external() : wire_.bind(who.dn, who.password);
  auto reply = co_await ask(std::move(id), deadline);
  if (!reply) co_return std::unexpected(reply.error());
  if (reply->ok()) co_return Result<void>();
  co_return std::unexpected(failure(
      fmt::format("it does not take us for {}: {}", external ? "this process" : who.dn, reply->text())));
}

asio::awaitable<Result<Reply>> Connection::ask(Result<int> id, Clock::time_point deadline) {
  if (error_) co_return std::unexpected(*error_);
  if (!id) co_return std::unexpected(failure(id.error().what));
  auto self = shared_from_this();
  auto waiter = std::make_shared<Waiter>(Waiter{asio::steady_timer(strand_, deadline), {}});
  waiting_.emplace(*id, waiter);
  last_used_ = Clock::now();
  flush();
  co_await waiter->timer.async_wait(kTuple);
  waiting_.erase(*id);
  last_used_ = Clock::now();
  if (waiter->reply) co_return std::move(*waiter->reply);
  // A server that leaves one question unanswered is taken for frozen: others who wait go elsewhere now.
  unresponsive_ = !error_;
  close(failure("no answer in time"));
  co_return std::unexpected(*error_);
}

asio::awaitable<Error> Connection::follow(const Search& search, std::function<void(Reply)> on_part) {
  auto self = shared_from_this();
  wire_.deliver_each();
  on_part_ = std::move(on_part);
  auto last = co_await ask(wire_.search(search), Clock::time_point::max());
  on_part_ = nullptr;
  close(last ? failure("it follows no changes: " + last->text()) : last.error());
  co_return *error_;
}

void Connection::flush() {
  if (error_ || !sending_.empty()) return;
  sending_ = wire_.take_output();
  if (sending_.empty()) return;
  auto sent = [self = shared_from_this()](auto error, std::size_t) {
    self->sending_.clear();
    if (error)
      self->close(self->failure("cannot write: " + error.message()));
    else
      self->flush();
  };
  if (tls_)
    asio::async_write(*tls_, asio::buffer(sending_), std::move(sent));
  else
    asio::async_write(socket_, asio::buffer(sending_), std::move(sent));
}

asio::awaitable<void> Connection::read_answers() {
  auto self = shared_from_this();
  std::array<char, 4096> buffer;
  while (!error_) {
    boost::system::error_code error;
    std::size_t n = 0;
    if (tls_)
      std::tie(error, n) = co_await tls_->async_read_some(asio::buffer(buffer), kTuple);
    else
      std::tie(error, n) = co_await socket_.async_read_some(asio::buffer(buffer), kTuple);
    if (error) {
      const bool ended = error == asio::error::eof || error == asio::ssl::error::stream_truncated;
      close(failure(ended ? "the server has closed the connection" : "cannot read: " + error.message()));
    } else {
      last_heard_ = Clock::now();
      wire_.feed({buffer.data(), n});
      hand_out_answers();
    }
  }
}

void Connection::hand_out_answers() {
  while (auto reply = wire_.next()) {
    if (events::listening())
      tell(session_, events::Direction::In, url_,
           fmt::format("#{} {}, {} entries", reply->id, reply->text(), reply->entries.size()));
    if (on_part_ && reply->part != Reply::Part::Whole) {
      on_part_(std::move(*reply));
      continue;
    }
    auto waiter = waiting_.find(reply->id);
    if (waiter == waiting_.end() || waiter->second->reply) continue;
    waiter->second->reply = std::move(*reply);
    waiter->second->timer.cancel();
  }
  if (wire_.broken()) close(failure(wire_.broken()->what));
}

void Connection::close(Error why) {
  if (error_) return;
  error_ = std::move(why);
  watchdog_.cancel();
  boost::system::error_code ignored;
  socket_.close(ignored);
  for (auto& [id, waiter] : waiting_) waiter->timer.cancel();
}

}  // namespace lab::directory
