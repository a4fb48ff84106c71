#include "dns/secondary.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <random>

#include "common/log.hpp"
#include "common/spawn.hpp"
#include "dns/asio_address.hpp"
#include "dns/framing.hpp"
#include "dns/stream.hpp"
#include "dns/zonemd.hpp"

namespace lab::dns {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using namespace asio::experimental::awaitable_operators;

namespace {

constexpr auto kResult = asio::as_tuple(asio::use_awaitable);
constexpr std::uint16_t kOurUdpSize = 1232;  // of no use over TCP, but an OPT record has to say one

std::int64_t seconds_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// A question for the zone, or for its changes since our version (RFC 1995 3); with `edns`, also how long it
// will be good (RFC 7314).
std::vector<std::uint8_t> transfer_request(const Name& apex, const Zone* ours, bool edns) {
  static thread_local std::mt19937 random(std::random_device{}());
  std::vector<std::uint8_t> m(kHeaderSize);
  put16(m.data(), static_cast<std::uint16_t>(random()));
  m[5] = 1;
  auto add = [&](std::string_view bytes) { m.insert(m.end(), bytes.begin(), bytes.end()); };
  add(apex.wire());
  std::uint8_t fixed[10];
  put16(fixed, ours ? type::IXFR : type::AXFR);
  put16(fixed + 2, rrclass::IN);
  add(as_text(std::span(fixed).first(4)));
  if (ours) {
    const std::string rdata = ours->soa().rdata();
    m[9] = 1;
    add(apex.wire());
    put16(fixed, type::SOA);
    put32(fixed + 4, 0);
    put16(fixed + 8, static_cast<std::uint16_t>(rdata.size()));
    add(as_text(fixed));
    add(rdata);
  }
  if (edns) {
    m[11] = 1;
    add({"\0", 1});
    put16(fixed, type::OPT);
    put16(fixed + 2, kOurUdpSize);
    put32(fixed + 4, 0);
    put16(fixed + 8, 4);
    add(as_text(fixed));
    put16(fixed, option::EXPIRE);
    put16(fixed + 2, 0);
    add(as_text(std::span(fixed).first(4)));
  }
  return m;
}

// An operation, or the deadline.
template <class T>
asio::awaitable<bool> in_time(asio::awaitable<T> work, T& out, std::chrono::seconds limit) {
  asio::steady_timer timer(co_await asio::this_coro::executor, limit);
  auto first = co_await (std::move(work) || timer.async_wait(kResult));
  if (first.index() != 0) co_return false;
  out = std::move(std::get<0>(first));
  co_return true;
}

// The RCODE a failure names, "the primary said REFUSED".
std::string rcode_in(const std::string& why) {
  constexpr std::string_view kSaid = "the primary said ";
  return why.starts_with(kSaid) ? why.substr(kSaid.size()) : std::string();
}

}  // namespace

struct Secondaries::Follower {
  Follower(asio::any_io_executor executor, Name name) : apex(std::move(name)), timer(std::move(executor)) {}
  Name apex;
  std::vector<Endpoint> primaries;
  std::optional<PrimaryTls> tls;
  std::optional<TsigKey> key;
  asio::steady_timer timer;
  std::optional<std::int64_t> good_until;  // seconds since 1970
  bool digest = false;                     // a copy must have one that is good
  bool tried = false;
  bool ended = false, asked = false;  // `asked`: a NOTIFY came while a refresh was under way
};

Secondaries::Secondaries(asio::any_io_executor executor, ZoneStore& store, TransferLog& log)
    : executor_(std::move(executor)), store_(store), log_(log) {}
Secondaries::~Secondaries() = default;

void Secondaries::configure(const Config& config) {
  listen_ = config.listen;
  std::map<Name, std::shared_ptr<Follower>> next;
  for (const auto& [name, zone] : config.zones) {
    if (!zone.secondary()) continue;
    const Name apex = Name::parse(name).value();
    const auto known = followers_.find(apex);
    auto follower = known != followers_.end() ? known->second : std::make_shared<Follower>(executor_, apex);
    follower->primaries = zone.primaries;
    follower->tls = zone.primaries_tls;
    follower->digest = zone.zonemd;
    follower->key.reset();
    if (!zone.key.empty()) {
      const KeyConfig& key = config.keys.at(zone.key);
      follower->key = TsigKey::make(zone.key, key.algorithm, key.secret).value();
    }
    if (known == followers_.end()) spawn(executor_, "secondary of " + apex.text(), follow(follower));
    next[apex] = std::move(follower);
  }
  for (auto& [apex, follower] : followers_)
    if (!next.contains(apex)) {
      follower->ended = true;
      follower->timer.cancel();
    }
  followers_ = std::move(next);
}

void Secondaries::notified(const Name& apex) {
  asio::dispatch(executor_, [this, apex] {
    const auto follower = followers_.find(apex);
    if (follower == followers_.end()) return;
    follower->second->asked = true;
    follower->second->timer.cancel();
  });
}

asio::awaitable<void> Secondaries::follow(std::shared_ptr<Follower> follower) {
  Follower& f = *follower;
  auto backoff = SecondaryLimits::kFirstRetry;
  while (!f.ended) {
    f.asked = false;
    const bool good = co_await refresh(f);
    f.tried = true;
    if (first_round_ &&
        std::all_of(followers_.begin(), followers_.end(), [](const auto& one) { return one.second->tried; }))
      std::exchange(first_round_, nullptr)();
    if (f.ended) co_return;
    const ZonePtr zone = store_.version(f.apex).zone;
    std::chrono::seconds wait;
    if (zone && zone->available()) {
      const Soa soa = zone->soa();
      wait =
          std::chrono::seconds(std::max(good ? soa.refresh : soa.retry, SecondaryLimits::kShortestRefresh));
      if (!f.good_until) f.good_until = store_.refreshed(f.apex) + soa.expire;
      const std::int64_t left = *f.good_until - seconds_now();
      if (!good && left <= 0) store_.expire(f.apex);
      // A copy of a copy may expire before its REFRESH (RFC 7314): the primary is asked once more by then.
      if (left > 0) wait = std::min(wait, std::chrono::seconds(left));
      backoff = SecondaryLimits::kFirstRetry;
    } else {
      wait = backoff;
      backoff = std::min(backoff * 2, SecondaryLimits::kSlowestRetry);
    }
    if (f.asked) continue;
    f.timer.expires_after(wait);
    co_await f.timer.async_wait(kResult);
  }
}

// Asks the primaries in order, each first for changes, then for the whole zone (RFC 1995 4 leaves the choice
// to them; one that cannot do IXFR, or does it wrongly, must not keep us from the zone), at last without EDNS
// for those who do not know it (RFC 6891 7).
asio::awaitable<bool> Secondaries::refresh(Follower& f) {
  constexpr Attempt kAttempts[] = {
      {.whole = false, .edns = true}, {.whole = true, .edns = true}, {.whole = true, .edns = false}};
  for (const Endpoint primary : std::vector(f.primaries)) {
    bool old = false;  // one that has never heard of EDNS
    for (const Attempt attempt : kAttempts) {
      const bool whole = attempt.whole;
      const ZonePtr ours = store_.version(f.apex).zone;
      if (!whole && (!ours || !ours->available())) continue;
      if (!attempt.edns && !old) continue;
      const auto done = co_await fetch(f, primary, attempt);
      if (done) co_return true;
      TransferNote note{};
      note.peer = primary.text();
      note.kind = whole ? "AXFR" : "IXFR";
      note.key = f.key ? f.key->name.text() : "";
      note.rcode = rcode_in(done.error().what);
      old = note.rcode == "FORMERR" || note.rcode == "NOTIMP";
      note.why = done.error().text();
      log_.failed(f.apex, TransferLog::Direction::In, std::move(note));
      log::warning("{}: {} from {}{} failed: {}", f.apex.text(), whole ? "AXFR" : "IXFR", primary.text(),
                   f.key ? " with key " + f.key->name.text() : "", done.error().text());
    }
  }
  co_return false;
}

// A connection to a primary, ready for questions: over TLS, the handshake is done and its certificate good.
asio::awaitable<Result<Stream>> Secondaries::connect(const Follower& f, Endpoint primary) {
  tcp::socket socket(executor_);
  if (const auto source = source_for(listen_, primary.address)) {
    boost::system::error_code ignored;
    socket.open(to_tcp(primary).protocol(), ignored);
    socket.bind({to_asio(*source), 0}, ignored);
  }
  std::tuple<boost::system::error_code> connected;
  if (!co_await in_time(socket.async_connect(to_tcp(primary), kResult), connected, SecondaryLimits::kConnect))
    co_return fail("it does not answer");
  if (std::get<0>(connected)) co_return fail(std::get<0>(connected).message());
  if (!f.tls) co_return Stream(std::move(socket), nullptr);
  // Made anew for each transfer: the CA's file may be another one by now.
  auto context = tls::client_context(f.tls->ca);
  if (!context) co_return std::unexpected(context.error());
  tls::require_1_3(*context);   // RFC 9103 7.1
  tls::offer(*context, "dot");  // RFC 9103 7.1
  Stream stream(std::move(socket), *context, f.tls->name);
  bool greeted = false;
  if (!co_await in_time(stream.handshake(), greeted, SecondaryLimits::kConnect))
    co_return fail("it does not answer over TLS");
  if (!greeted)
    co_return fail(
        fmt::format("no TLS: {}", stream.failure().empty() ? "it closed the connection" : stream.failure()));
  co_return stream;
}

asio::awaitable<Result<void>> Secondaries::fetch(Follower& f, Endpoint primary, Attempt attempt) {
  const bool whole = attempt.whole;
  const ZonePtr held = store_.version(f.apex).zone;
  const ZonePtr ours = held && held->available() ? held : nullptr;
  auto stream = co_await connect(f, primary);
  if (!stream) co_return std::unexpected(stream.error());

  std::vector<std::uint8_t> request = transfer_request(f.apex, whole ? nullptr : ours.get(), attempt.edns);
  const std::uint16_t id = get16(request.data());
  std::optional<Tsig> tsig;
  if (f.key) {
    tsig.emplace(*f.key);
    tsig->sign(request, static_cast<std::uint64_t>(seconds_now()));
  }
  std::vector<std::uint8_t> out;
  append_frame(out, request);
  bool moved = false;
  if (!co_await in_time(stream->write(out), moved, SecondaryLimits::kConnect) || !moved)
    co_return fail("the connection was lost");

  IncomingTransfer transfer(f.apex, whole ? nullptr : ours);
  std::vector<std::uint8_t> message;
  std::uint8_t length[2];
  for (auto state = IncomingTransfer::State::More; state == IncomingTransfer::State::More;) {
    const auto ended = [&] { return fail(fmt::format("it ended after {} records", transfer.records())); };
    if (!co_await in_time(stream->read(length), moved, SecondaryLimits::kConnect) || !moved)
      co_return ended();
    message.resize(get16(length));
    if (!co_await in_time(stream->read(message), moved, SecondaryLimits::kConnect) || !moved)
      co_return ended();
    if (message.size() < kHeaderSize || get16(message.data()) != id)
      co_return fail("a message that answers something else");
    state = transfer.take(message);
    if (tsig && state == IncomingTransfer::State::Failed &&
        (message[3] & 15U) == static_cast<unsigned>(Rcode::NotAuth))
      // RFC 8945 5.2: what is wrong with the signature, as the primary sees it.
      if (const Rcode code = tsig->check_response(message, static_cast<std::uint64_t>(seconds_now()), true);
          code != Rcode::NoError)
        co_return fail(fmt::format("the primary said NOTAUTH ({})", rcode_text(code)));
    if (tsig && state != IncomingTransfer::State::Failed) {
      const Rcode code = tsig->check_response(message, static_cast<std::uint64_t>(seconds_now()),
                                              state == IncomingTransfer::State::Done);
      if (code != Rcode::NoError)
        co_return fail(code == kBadSig ? "BADSIG: the signature is wrong or missing" : rcode_text(code));
    }
    if (transfer.records() > SecondaryLimits::kRecords) co_return fail("more records than any zone has");
  }
  stream->goodbye();
  if (!transfer.why().empty()) co_return fail(transfer.why());
  auto zone = transfer.result();
  if (!zone) co_return std::unexpected(zone.error());
  if (*zone) {
    // RFC 8976 4: a copy that is not what was digested is no copy.
    const DigestCheck check = check_zonemd(**zone);
    if (check == DigestCheck::Bad) co_return fail("its ZONEMD digest does not fit: the copy is damaged");
    if (check != DigestCheck::Good && f.digest)
      co_return fail("it has no ZONEMD digest that can be checked, and 'zonemd' asks for one");
  }
  if (*zone && ours && !serial_after((*zone)->serial(), ours->serial())) {
    if ((*zone)->serial() != ours->serial())
      log::warning("{}: {} has serial {}, ours is {}: a serial never goes back, the copy stays",
                   f.apex.text(), primary.text(), (*zone)->serial(), ours->serial());
    *zone = nullptr;
  }
  if (*zone)
    log::info("{} serial {}, {} names, by {} from {}{}", f.apex.text(), (*zone)->serial(), (*zone)->names(),
              transfer.incremental() ? "IXFR" : "AXFR", primary.text(), f.tls ? " over TLS" : "");
  TransferNote note{};
  note.peer = primary.text();
  note.kind = transfer.incremental() || !whole ? "IXFR" : "AXFR";
  note.key = f.key ? f.key->name.text() : "";
  note.serial = *zone ? (*zone)->serial() : ours ? ours->serial() : 0;
  note.records = transfer.records();
  if (*zone)
    log_.done(f.apex, TransferLog::Direction::In, std::move(note));
  else
    log_.compared(f.apex, std::move(note));
  // RFC 7314 4: what the primary says, where it says something, and never more than the SOA does. A copy that
  // is still the newest does not become older by being compared.
  const std::uint32_t most = *zone ? (*zone)->soa().expire : ours ? ours->soa().expire : 0;
  const std::uint32_t good_for = std::min(transfer.expire().value_or(most), most);
  const std::int64_t until = seconds_now() + good_for;
  f.good_until = *zone ? until : std::max(until, f.good_until.value_or(until));
  store_.take_over(f.apex, *zone, good_for);
  co_return Result<void>();
}

}  // namespace lab::dns
