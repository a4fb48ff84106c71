#include "dhcp/partner_link.hpp"

#include <openssl/rand.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <deque>

#include "common/log.hpp"
#include "common/spawn.hpp"
#include "dhcp/server_clock.hpp"

namespace lab::dhcp {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::milliseconds kFirstRetry(20), kLastRetry(1000), kTick(200);
constexpr std::chrono::seconds kRemember(PartnerMemory::kWorth / 6);
constexpr std::chrono::days kLongestWait(366);  ///< for leases without an end

tcp::endpoint endpoint_of(const Endpoint& e) { return {asio::ip::make_address(e.address.text()), e.port}; }

}  // namespace

SteadyTime steady_now() { return std::chrono::duration_cast<SteadyTime>(boot_time()); }

/// One connection, from its greeting to its end.
struct PartnerLink::Session {
  Session(tcp::socket s, asio::io_context& io) : socket(std::move(s)), more(io), silence(io) {
    more.expires_at(asio::steady_timer::time_point::max());
  }
  tcp::socket socket;
  Nonce own_nonce{};
  PartnerHello partner;
  std::chrono::seconds clock_offset{0};  ///< the partner's clock less ours
  std::unique_ptr<FrameSeal> out, in;
  std::deque<Bytes> waiting;
  asio::steady_timer more, silence;
  std::uint32_t last_number = 0;
  std::deque<std::pair<std::uint32_t, std::function<void(bool)>>> promised;
  bool partner_has_told = false;                ///< its CaughtUp has come
  bool own_told = false, partner_told = false;  ///< CaughtUp is on the other's disk
  bool farewell = false, over = false, writing = false;
};

namespace {

PartnershipLimits limits_of(const FailoverConfig& config, std::chrono::seconds longest) {
  return {.startup = config.startup,
          .silence = config.silence,
          .partner_down = config.partner_down,
          .reach = config.reach,
          .longest = std::min<std::chrono::seconds>(longest, kLongestWait)};
}

/// On the clock nobody can set; a wall clock that was set back meanwhile makes nobody wait for years.
std::optional<SoleTimes> recalled(const PartnerMemory& memory, const FailoverConfig& config,
                                  std::chrono::seconds longest, ServerTime wall) {
  const auto kept = memory.recall(wall);
  if (!kept) return std::nullopt;
  const auto limits = limits_of(config, longest);
  const auto from = [&](ServerTime t, std::chrono::milliseconds most) {
    return steady_now() + std::clamp<std::chrono::milliseconds>(t - wall, std::chrono::milliseconds(0), most);
  };
  return SoleTimes{from(kept->own_from, limits.reach),
                   from(kept->whole_from, std::max(limits.reach, limits.longest))};
}

}  // namespace

PartnerLink::PartnerLink(asio::io_context& io, FailoverConfig config, std::chrono::seconds longest,
                         PartnerMemory memory, Hooks hooks)
    : io_(io),
      config_(std::move(config)),
      memory_(std::move(memory)),
      hooks_(std::move(hooks)),
      partnership_(config_.role, limits_of(config_, longest), steady_now(),
                   recalled(memory_, config_, longest, hooks_.hello().now)),
      acceptor_(io),
      pause_(io),
      clock_(io) {
  if (partnership_.sole()) log::info("failover: as before the restart, {}", partnership_.explanation());
}

PartnerLink::~PartnerLink() = default;

Result<void> PartnerLink::listen() {
  if (config_.role == Role::Primary) return {};
  error_code error;
  const auto at = endpoint_of(config_.listen);
  acceptor_.open(at.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(at, error);
  if (!error) acceptor_.listen(4, error);
  if (error)
    return fail("cannot listen for the failover partner: " + error.message(), config_.listen.text(),
                "another server has the port, or 'listen' is not an address of this machine");
  return {};
}

void PartnerLink::start() {
  const bool primary = config_.role == Role::Primary;
  spawn(io_.get_executor(), "failover", primary ? connect() : accept());
  spawn(io_.get_executor(), "failover clock", keep_time());
}

void PartnerLink::stop() {
  if (std::exchange(stopping_, true)) return;
  error_code ignored;
  if (session_ && session_->waiting.empty() && !session_->writing) {
    const auto bytes = session_->out->seal({PartnerKind::Farewell, 0, {}});
    (void)session_->socket.write_some(asio::buffer(bytes), ignored);
  }
  if (session_) session_->socket.shutdown(tcp::socket::shutdown_send, ignored);
  acceptor_.close(ignored);
  pause_.cancel();
  clock_.cancel();
}

bool PartnerLink::declare_partner_down() {
  const bool changed = partnership_.declared_down(steady_now());
  note_change(changed);
  return changed;
}

/// False when the disk cannot hold what follows from it.
bool PartnerLink::note_change(bool changed) {
  if (!changed) return true;
  if (partnership_.state() == Partnership::State::CutOff)
    log::warning("failover: {}", partnership_.explanation());
  else
    log::info("failover: {}", partnership_.explanation());
  const bool good = remember();
  hooks_.changed();
  return good;
}

/// On disk before anything is done in the new state: a server that was sole and is killed must go on alone,
/// and one that has heard its partner since must not.
bool PartnerLink::remember() {
  const auto sole = partnership_.sole();
  const auto wall = hooks_.hello().now;
  const auto at = [&](SteadyTime t) {
    return wall +
           std::chrono::ceil<std::chrono::seconds>(std::max(t - steady_now(), std::chrono::milliseconds(0)));
  };
  remembered_ = steady_now();
  const auto done = sole ? memory_.keep({at(sole->own_from), at(sole->whole_from), wall}) : memory_.forget();
  if (!done) log::error("{}", done.error().text());
  return done.has_value();
}

void PartnerLink::complain(const std::string& text) {
  if (complaint_ != text) log::warning("failover: {}", text);
  complaint_ = text;
}

asio::awaitable<void> PartnerLink::keep_time() {
  while (!stopping_) {
    error_code ignored;
    const auto state = partnership_.state();
    const bool starting = state == Partnership::State::Waiting || state == Partnership::State::Sole;
    clock_.expires_after(starting ? kTick : config_.silence / 3);
    co_await clock_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    if (stopping_) co_return;
    note_change(partnership_.tick(steady_now()));
    if (partnership_.sole() && steady_now() - remembered_ >= kRemember) (void)remember();
    if (session_) queue(session_, PartnerKind::Alive, 0);
  }
}

asio::awaitable<void> PartnerLink::connect() {
  auto retry = kFirstRetry;
  while (!stopping_) {
    using namespace asio::experimental::awaitable_operators;
    tcp::socket socket(io_);
    error_code error, late;
    pause_.expires_after(config_.silence);
    const auto first = co_await (
        socket.async_connect(endpoint_of(config_.partner), asio::redirect_error(asio::use_awaitable, error)) ||
        pause_.async_wait(asio::redirect_error(asio::use_awaitable, late)));
    if (first.index() == 1) error = asio::error::timed_out;
    if (!error && !stopping_) {
      retry = kFirstRetry;
      co_await converse(std::move(socket));
    }
    if (stopping_) co_return;
    pause_.expires_after(retry);
    co_await pause_.async_wait(asio::redirect_error(asio::use_awaitable, late));
    retry = std::min(retry * 2, kLastRetry);
  }
}

asio::awaitable<void> PartnerLink::accept() {
  while (!stopping_) {
    error_code error;
    auto socket = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (stopping_) co_return;
    if (error) {
      pause_.expires_after(kLastRetry);  // out of descriptors: it passes
      co_await pause_.async_wait(asio::redirect_error(asio::use_awaitable, error));
      continue;
    }
    const auto peer = socket.remote_endpoint(error);
    if (error || peer.address().to_string() != config_.partner.address.text()) {
      if (!error) complain("refused " + peer.address().to_string() + ", which is not the partner");
      continue;
    }
    spawn(io_.get_executor(), "failover partner", converse(std::move(socket)));
  }
}

asio::awaitable<void> PartnerLink::converse(tcp::socket socket) {
  auto session = std::make_shared<Session>(std::move(socket), io_);
  error_code ignored;
  session->socket.set_option(tcp::no_delay(true), ignored);
  if (!co_await greet(*session) || stopping_) co_return;
  if (session_) finish(session_);  // a connection made again, before the old one was missed
  session_ = session;
  complaint_.clear();
  log::info("failover: the {} at {} is there", name(session->partner.role), config_.partner.text());
  // The partner may serve from now on: what a restart would make of us must be on disk first.
  if (!note_change(partnership_.connected(steady_now()))) co_return finish(session);
  hooks_.greeted(session->partner);
  for (const auto& change : hooks_.everything()) queue(session, PartnerKind::Change, ++session->last_number, encode(change));
  const auto number = ++session->last_number;
  queue(session, PartnerKind::CaughtUp, number);
  session->promised.emplace_back(number, [this, weak = std::weak_ptr(session)](bool stored) {
    const auto s = weak.lock();
    if (!stored || !s) return;
    s->own_told = true;
    if (s->partner_told) note_change(partnership_.in_step(steady_now()));
  });
  spawn(io_.get_executor(), "failover writer", write(session));
  co_await read(session);
  finish(session);
}

asio::awaitable<bool> PartnerLink::greet(Session& s) {
  const Nonce nobody{};
  RAND_bytes(s.own_nonce.data(), static_cast<int>(s.own_nonce.size()));
  PartnerHello hello = hooks_.hello();
  hello.role = config_.role;
  hello.nonce = s.own_nonce;
  const auto bytes = FrameSeal(config_.secret, nobody, nobody).seal({PartnerKind::Hello, 0, encode(hello)});
  error_code error;
  co_await asio::async_write(s.socket, asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return false;
  s.in = std::make_unique<FrameSeal>(config_.secret, nobody, nobody);
  const auto frame = co_await read_frame(s);
  if (!frame) {
    if (!frame.error().what.empty()) complain(frame.error().text());
    co_return false;
  }
  auto partner = frame->kind == PartnerKind::Hello ? decode_hello(frame->body) : fail("a greeting that is not one");
  if (!partner) {
    complain(partner.error().text());
    co_return false;
  }
  if (partner->role == config_.role) {
    complain(fmt::format("{} is {} too; one of the two must be the other", config_.partner.text(), name(config_.role)));
    co_return false;
  }
  s.partner = std::move(*partner);
  s.clock_offset = s.partner.now - hello.now;
  constexpr std::chrono::seconds kNoticeable(5);
  if (std::chrono::abs(s.clock_offset) > kNoticeable)
    log::warning("failover: the partner's clock differs by {} s; its times are corrected", s.clock_offset.count());
  s.out = std::make_unique<FrameSeal>(config_.secret, s.own_nonce, s.partner.nonce);
  s.in = std::make_unique<FrameSeal>(config_.secret, s.partner.nonce, s.own_nonce);
  co_return true;
}

asio::awaitable<Result<PartnerFrame>> PartnerLink::read_frame(Session& s) {
  using namespace asio::experimental::awaitable_operators;
  std::array<std::uint8_t, PartnerLimits::kHeader> header{};
  Bytes rest;
  error_code error, late;
  s.silence.expires_after(config_.silence);
  const auto limit = [&] { return s.silence.async_wait(asio::redirect_error(asio::use_awaitable, late)); };
  auto first = co_await (
      asio::async_read(s.socket, asio::buffer(header), asio::redirect_error(asio::use_awaitable, error)) || limit());
  if (first.index() == 1) co_return fail("the partner says nothing");
  if (error) co_return fail("");
  const auto size = rest_of_frame(header);
  if (!size) co_return std::unexpected(size.error());
  rest.resize(*size);
  first = co_await (asio::async_read(s.socket, asio::buffer(rest), asio::redirect_error(asio::use_awaitable, error)) ||
                    limit());
  if (first.index() == 1) co_return fail("the partner stopped in the middle of a sentence");
  if (error) co_return fail("");
  co_return s.in->open(header, rest);
}

asio::awaitable<void> PartnerLink::read(std::shared_ptr<Session> session) {
  while (!session->over && !stopping_) {
    auto frame = co_await read_frame(*session);
    if (session->over) co_return;
    if (!frame) {
      if (!frame.error().what.empty()) complain(frame.error().text());
      co_return;
    }
    on_frame(session, std::move(*frame));
    if (session->farewell) co_return;
  }
}

void PartnerLink::on_frame(const std::shared_ptr<Session>& session, PartnerFrame frame) {
  const auto stored = [this, session, number = frame.number, last = frame.kind == PartnerKind::CaughtUp](bool ok) {
    if (session->over) return;
    if (!ok) return finish(session);  // the partner must not believe that we have it
    queue(session, PartnerKind::Stored, number);
    if (!last) return;
    session->partner_told = true;
    if (session->own_told) note_change(partnership_.in_step(steady_now()));
  };
  switch (frame.kind) {
    case PartnerKind::Change: {
      auto change = decode_change(frame.body);
      if (!change) {
        complain(change.error().text());
        return finish(session);
      }
      for (auto& lease : change->leases)
        for (auto* time : {&lease.started, &lease.expires, &lease.touched}) *time -= session->clock_offset;
      return hooks_.take(std::move(*change), !session->partner_has_told, stored);
    }
    case PartnerKind::CaughtUp: session->partner_has_told = true; return hooks_.take({}, false, stored);
    case PartnerKind::Stored:
      while (!session->promised.empty() && session->promised.front().first <= frame.number) {
        const auto done = std::move(session->promised.front().second);
        session->promised.pop_front();
        done(true);
      }
      return;
    case PartnerKind::Farewell:
      log::info("failover: the partner says that it stops");
      session->farewell = true;
      return;
    case PartnerKind::Hello:
    case PartnerKind::Alive: return;
  }
}

void PartnerLink::replicate(const StoreChange& change, std::function<void(bool)> done) {
  const auto session = session_;
  if (!session) return done(false);
  // A round of receiving may hold more than a frame does.
  StoreChange piece;
  const auto flush = [&] {
    queue(session, PartnerKind::Change, ++session->last_number, encode(piece));
    piece = {};
  };
  for (const auto& lease : change.leases) {
    piece.leases.push_back(lease);
    if (piece.leases.size() == PartnerLimits::kRows) flush();
  }
  for (const auto& row : change.names) {
    piece.names.push_back(row);
    if (piece.names.size() == PartnerLimits::kRows) flush();
  }
  if (!piece.leases.empty() || !piece.names.empty() || change.leases.empty()) flush();
  session->promised.emplace_back(session->last_number, std::move(done));
}

void PartnerLink::queue(const std::shared_ptr<Session>& session, PartnerKind kind, std::uint32_t number, Bytes body) {
  if (session->over) return;
  session->waiting.push_back(session->out->seal({kind, number, std::move(body)}));
  session->more.cancel();
}

asio::awaitable<void> PartnerLink::write(std::shared_ptr<Session> session) {
  error_code error;
  while (!session->over) {
    if (session->waiting.empty()) {
      session->more.expires_at(asio::steady_timer::time_point::max());
      co_await session->more.async_wait(asio::redirect_error(asio::use_awaitable, error));
      continue;
    }
    // All that has gathered goes in one piece.
    std::vector<Bytes> frames;
    std::vector<asio::const_buffer> buffers;
    constexpr std::size_t kAtOnce = 64;
    while (!session->waiting.empty() && frames.size() < kAtOnce) {
      frames.push_back(std::move(session->waiting.front()));
      session->waiting.pop_front();
    }
    for (const auto& frame : frames) buffers.push_back(asio::buffer(frame));
    session->writing = true;
    co_await asio::async_write(session->socket, buffers, asio::redirect_error(asio::use_awaitable, error));
    session->writing = false;
    if (error) co_return finish(session);
  }
}

void PartnerLink::finish(const std::shared_ptr<Session>& session) {
  if (std::exchange(session->over, true)) return;
  error_code ignored;
  session->socket.close(ignored);
  session->more.cancel();
  session->silence.cancel();
  if (session_ == session) {
    session_.reset();
    if (!stopping_) note_change(partnership_.lost(steady_now(), session->farewell));
  }
  for (auto& [number, done] : std::exchange(session->promised, {})) done(false);
}

}  // namespace lab::dhcp
