#include "dns/secondary.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <random>

#include "common/log.hpp"
#include "common/spawn.hpp"
#include "dns/asio_address.hpp"
#include "dns/zonemd.hpp"

namespace lab::dns {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using namespace asio::experimental::awaitable_operators;

namespace {

constexpr auto kResult = asio::as_tuple(asio::use_awaitable);

std::int64_t seconds_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// A question for the zone, or for its changes since our version (RFC 1995 3).
std::vector<std::uint8_t> transfer_request(const Name& apex, const Zone* ours) {
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

using Moved = std::tuple<boost::system::error_code, std::size_t>;

}  // namespace

struct Secondaries::Follower {
  Follower(asio::any_io_executor executor, Name name) : apex(std::move(name)), timer(std::move(executor)) {}
  Name apex;
  std::vector<Endpoint> primaries;
  std::optional<TsigKey> key;
  asio::steady_timer timer;
  bool digest = false;  // a copy must have one that is good
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
      const std::int64_t left = store_.refreshed(f.apex) + soa.expire - seconds_now();
      if (!good && left <= 0) store_.expire(f.apex);
      if (!good && left > 0) wait = std::min(wait, std::chrono::seconds(left));
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
// to them; one that cannot do IXFR, or does it wrongly, must not keep us from the zone).
asio::awaitable<bool> Secondaries::refresh(Follower& f) {
  for (const Endpoint primary : std::vector(f.primaries)) {
    for (const bool whole : {false, true}) {
      const ZonePtr ours = store_.version(f.apex).zone;
      if (!whole && (!ours || !ours->available())) continue;
      const auto done = co_await fetch(f, primary, whole);
      if (done) co_return true;
      TransferNote note{};
      note.peer = primary.text();
      note.kind = whole ? "AXFR" : "IXFR";
      note.key = f.key ? f.key->name.text() : "";
      note.rcode = rcode_in(done.error().what);
      note.why = done.error().text();
      log_.failed(f.apex, TransferLog::Direction::In, std::move(note));
      log::warning("{}: {} from {}{} failed: {}", f.apex.text(), whole ? "AXFR" : "IXFR", primary.text(),
                   f.key ? " with key " + f.key->name.text() : "", done.error().text());
    }
  }
  co_return false;
}

asio::awaitable<Result<void>> Secondaries::fetch(Follower& f, Endpoint primary, bool whole) {
  tcp::socket socket(executor_);
  const ZonePtr held = store_.version(f.apex).zone;
  const ZonePtr ours = held && held->available() ? held : nullptr;
  if (const auto source = source_for(listen_, primary.address)) {
    boost::system::error_code ignored;
    socket.open(to_tcp(primary).protocol(), ignored);
    socket.bind({to_asio(*source), 0}, ignored);
  }
  std::tuple<boost::system::error_code> connected;
  if (!co_await in_time(socket.async_connect(to_tcp(primary), kResult), connected, SecondaryLimits::kConnect))
    co_return fail("it does not answer");
  if (std::get<0>(connected)) co_return fail(std::get<0>(connected).message());

  std::vector<std::uint8_t> request = transfer_request(f.apex, whole ? nullptr : ours.get());
  std::optional<Tsig> tsig;
  if (f.key) {
    tsig.emplace(*f.key);
    tsig->sign(request, static_cast<std::uint64_t>(seconds_now()));
  }
  std::uint8_t length[2];
  put16(length, static_cast<std::uint16_t>(request.size()));
  request.insert(request.begin(), length, length + 2);
  Moved moved;
  if (!co_await in_time(asio::async_write(socket, asio::buffer(request), kResult), moved,
                        SecondaryLimits::kConnect) ||
      std::get<0>(moved))
    co_return fail("the connection was lost");

  IncomingTransfer transfer(f.apex, whole ? nullptr : ours);
  std::vector<std::uint8_t> message;
  for (auto state = IncomingTransfer::State::More; state == IncomingTransfer::State::More;) {
    if (!co_await in_time(asio::async_read(socket, asio::buffer(length), kResult), moved,
                          SecondaryLimits::kConnect) ||
        std::get<0>(moved))
      co_return fail(fmt::format("it ended after {} records", transfer.records()));
    message.resize(get16(length));
    if (!co_await in_time(asio::async_read(socket, asio::buffer(message), kResult), moved,
                          SecondaryLimits::kConnect) ||
        std::get<0>(moved))
      co_return fail(fmt::format("it ended after {} records", transfer.records()));
    if (message.size() < kHeaderSize || get16(message.data()) != get16(&request[2]))
      co_return fail("a message that answers something else");
    state = transfer.take(message);
    if (tsig && state != IncomingTransfer::State::Failed) {
      const Rcode code = tsig->check_response(message, static_cast<std::uint64_t>(seconds_now()),
                                              state == IncomingTransfer::State::Done);
      if (code != Rcode::NoError)
        co_return fail(code == kBadSig ? "BADSIG: the signature is wrong or missing" : rcode_text(code));
    }
    if (transfer.records() > SecondaryLimits::kRecords) co_return fail("more records than any zone has");
  }
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
    log::info("{} serial {}, {} names, by {} from {}", f.apex.text(), (*zone)->serial(), (*zone)->names(),
              transfer.incremental() ? "IXFR" : "AXFR", primary.text());
  TransferNote note{};
  note.peer = primary.text();
  note.kind = transfer.incremental() || !whole ? "IXFR" : "AXFR";
  note.key = f.key ? f.key->name.text() : "";
  note.serial = *zone ? (*zone)->serial() : ours ? ours->serial() : 0;
  note.records = transfer.records();
  log_.done(f.apex, TransferLog::Direction::In, std::move(note));
  store_.take_over(f.apex, *zone);
  co_return Result<void>();
}

}  // namespace lab::dns
