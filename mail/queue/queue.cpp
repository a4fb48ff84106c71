#include "mail/queue/queue.hpp"

#include <fmt/core.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <future>
#include <map>
#include <random>
#include <set>

#include "common/events.hpp"
#include "common/log.hpp"
#include "common/spawn.hpp"
#include "mail/message/trace.hpp"
#include "mail/on_disk.hpp"
#include "mail/queue/report.hpp"
#include "mail/store/store.hpp"

namespace lab::mail::queue {
namespace asio = boost::asio;
using asio::awaitable;

namespace {

constexpr auto kDatabasePause = std::chrono::seconds(5);  // after an error of the disk

void note(const Parcel& parcel, const std::string& text) {
  if (events::listening())
    events::emit(
        {.protocol = "queue", .direction = events::Direction::Note, .peer = parcel.domain, .text = text});
}

}  // namespace

struct Queue::Impl : std::enable_shared_from_this<Impl> {
  using Job = std::function<void(SQLite::Database&)>;
  using Key = std::pair<std::string, std::string>;  // message, domain: one parcel
  struct Lane {
    std::deque<Parcel> waiting;
    bool running = false;
  };

  asio::any_io_executor executor;
  Store& store;
  Accounts& accounts;
  Transport& transport;
  std::string hostname;
  Schedule schedule;
  QueueLimits limits;
  asio::steady_timer timer;
  std::set<Key> in_flight;
  std::map<std::string, Lane> lanes;
  std::mt19937_64 random{std::random_device{}()};
  bool woken = false, stopping = false;

  Impl(asio::any_io_executor e, Store& s, Accounts& a, Transport& t, std::string h, Schedule sc,
       QueueLimits l)
      : executor(e),
        store(s),
        accounts(a),
        transport(t),
        hostname(std::move(h)),
        schedule(std::move(sc)),
        limits(l),
        timer(e) {}

  awaitable<Result<void>> submit(Job job) {
    co_return co_await on_disk([&](Store::Done done) { store.submit(std::move(job), std::move(done)); });
  }

  // Sleeps until the next row is due or something is put in, whichever comes first.
  awaitable<void> run() {
    while (!stopping) {
      woken = false;
      auto due = std::make_shared<std::pair<std::vector<Parcel>, std::time_t>>();
      auto now = std::time(nullptr);
      auto most = limits.recipients + in_flight.size();
      // Jobs have names here: g++ 12 destroys the captures of a lambda twice that is born inside a co_await.
      Job job = [due, now, most](SQLite::Database& database) {
        *due = {queue::due(database, now, most), queue::next_due(database, now)};
      };
      auto read = co_await submit(std::move(job));
      auto pause = std::chrono::steady_clock::duration::max();
      if (!read) {
        log::error("queue: cannot be read: {}", read.error().text());
        pause = kDatabasePause;
      } else {
        for (auto& parcel : due->first) take(std::move(parcel));
        start_lanes();
        if (due->second != 0) pause = std::chrono::seconds(std::max<std::time_t>(1, due->second - now));
      }
      if (woken || stopping) continue;
      if (pause == std::chrono::steady_clock::duration::max())
        timer.expires_at(std::chrono::steady_clock::time_point::max());
      else
        timer.expires_after(pause);
      co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }
  }

  void take(Parcel parcel) {
    if (in_flight.size() >= limits.recipients) return;
    if (!in_flight.insert({parcel.message.id, parcel.domain}).second) return;
    lanes[parcel.domain].waiting.push_back(std::move(parcel));
  }

  void start_lanes() {
    auto running = static_cast<std::size_t>(
        std::count_if(lanes.begin(), lanes.end(), [](auto& l) { return l.second.running; }));
    for (auto& [domain, lane] : lanes) {
      if (lane.running || lane.waiting.empty() || running >= limits.domains) continue;
      lane.running = true;
      ++running;
      spawn(executor, "queue: " + domain, drive(shared_from_this(), domain));
    }
  }

  static awaitable<void> drive(std::shared_ptr<Impl> self, std::string domain) {
    auto road = self->transport.road_to(domain);
    for (std::size_t carried = 0; !self->stopping && carried < self->limits.parcels_per_road; ++carried) {
      auto& lane = self->lanes[domain];
      if (lane.waiting.empty()) break;
      auto parcel = std::move(lane.waiting.front());
      lane.waiting.pop_front();
      co_await self->carry(*road, parcel);
      self->in_flight.erase({parcel.message.id, parcel.domain});
    }
    co_await road->finish();
    self->lanes[domain].running = false;
    if (self->lanes[domain].waiting.empty()) self->lanes.erase(domain);
    self->wake();
  }

  awaitable<void> rest(std::chrono::steady_clock::duration time) {
    asio::steady_timer pause(executor, time);
    co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
  }

  void wake() {
    woken = true;
    timer.cancel();
  }

  awaitable<void> carry(Road& road, const Parcel& parcel) {
    auto message = std::make_shared<std::string>();
    Job job = [message, id = parcel.message.id](SQLite::Database& database) {
      *message = body(database, id);
    };
    auto read = co_await submit(std::move(job));
    if (!read) {
      log::error("queue: {} cannot be read: {}", parcel.message.id, read.error().text());
      co_return co_await rest(kDatabasePause);
    }
    auto verdicts = co_await road.send(parcel, *message);
    verdicts.resize(parcel.recipients.size());
    co_await settle(parcel, std::move(verdicts), *message);
  }

  // Writes down what became of each recipient, and tells the sender where it is time to: one transaction.
  awaitable<void> settle(const Parcel& parcel, std::vector<Verdict> verdicts, const std::string& message) {
    auto now = std::time(nullptr);
    bool too_late = schedule.too_late(parcel.message.accepted, now);
    bool warn = !parcel.message.warned && schedule.late(parcel.message.accepted, now);
    for (auto& verdict : verdicts) {
      if (verdict.outcome != Verdict::Outcome::Later || !too_late) continue;
      verdict.outcome = Verdict::Outcome::Never;
      verdict.text += " (tried too long)";
      if (verdict.status.starts_with('4')) verdict.status[0] = '5';
    }
    auto failed = reports_of(parcel, verdicts, Verdict::Outcome::Never);
    auto delayed = reports_of(parcel, verdicts, Verdict::Outcome::Later);
    warn = warn && failed.empty() && !delayed.empty();
    Destination sender;
    if (!failed.empty() || warn) {
      sender = co_await find_sender(parcel);
      if (sender.outcome == Destination::Outcome::Unavailable) {
        // Its sender cannot be told now: the recipients wait with their fate.
        for (auto& verdict : verdicts)
          if (verdict.outcome == Verdict::Outcome::Never) verdict.outcome = Verdict::Outcome::Later;
        failed.clear();
        warn = false;
      }
    }
    for (std::size_t i = 0; i < verdicts.size(); ++i) {
      auto line = fmt::format("{}: <{}> {} {} {}", parcel.message.id, parcel.recipients[i].address,
                              name_of(verdicts[i].outcome), verdicts[i].remote, verdicts[i].text);
      log::info("queue: {}", line);
      note(parcel, line);
    }
    Job rows = [this, parcel, verdicts, now, warn](SQLite::Database& database) {
      for (std::size_t i = 0; i < verdicts.size(); ++i) {
        auto& r = parcel.recipients[i];
        if (verdicts[i].outcome == Verdict::Outcome::Later)
          postpone(database, r.row, schedule.next_attempt(r.attempts + 1, now), verdicts[i].text);
        else
          remove(database, parcel.message.id, r.row);
      }
      if (warn) set_warned(database, parcel.message.id);
    };
    Result<void> written;
    if (!failed.empty())
      written = co_await tell_sender(parcel, sender, Report::Action::Failed, std::move(failed), message,
                                     std::move(rows));
    else if (warn)
      written = co_await tell_sender(parcel, sender, Report::Action::Delayed, std::move(delayed), message,
                                     std::move(rows));
    else
      written = co_await submit(std::move(rows));
    if (written) co_return;
    log::error("queue: {}: outcome not written, so it will be tried again: {}", parcel.message.id,
               written.error().text());
    co_await rest(kDatabasePause);
  }

  static std::vector<RecipientReport> reports_of(const Parcel& parcel, const std::vector<Verdict>& verdicts,
                                                 Verdict::Outcome outcome) {
    std::vector<RecipientReport> reports;
    for (std::size_t i = 0; i < verdicts.size(); ++i)
      if (verdicts[i].outcome == outcome)
        reports.push_back(
            {parcel.recipients[i].address, verdicts[i].status, verdicts[i].text, verdicts[i].remote});
    return reports;
  }

  // Where a report goes; nowhere for a bounce, which is never answered by another (RFC 5321 6.1).
  awaitable<Destination> find_sender(const Parcel& parcel) {
    Destination nowhere;
    nowhere.outcome = Destination::Outcome::Unknown;
    auto address = Address::parse(parcel.message.return_path);
    if (!address) co_return nowhere;
    auto destination = co_await accounts.find(*address);
    if (destination.outcome == Destination::Outcome::NotOurs) destination.elsewhere = {*address};
    co_return destination;
  }

  static const char* name_of(Verdict::Outcome outcome) {
    switch (outcome) {
      case Verdict::Outcome::Delivered: return "delivered to";
      case Verdict::Outcome::Later: return "postponed by";
      case Verdict::Outcome::Never: return "refused by";
    }
    return "";
  }

  // `rows` happens in the same transaction as the report's delivery.
  awaitable<Result<void>> tell_sender(const Parcel& parcel, const Destination& destination,
                                      Report::Action action, std::vector<RecipientReport> recipients,
                                      const std::string& original, Job rows) {
    if (destination.users.empty() && destination.elsewhere.empty()) {
      log::warning("queue: {} from <{}> has nobody to go back to and is dropped", parcel.message.id,
                   parcel.message.return_path);
      co_return co_await submit(std::move(rows));
    }
    auto now = std::time(nullptr);
    auto unique = message::short_id(random());
    auto text = std::make_shared<const std::string>(
        write_report({.action = action,
                      .hostname = hostname,
                      .to = parcel.message.return_path,
                      .original = original,
                      .accepted = parcel.message.accepted,
                      .now = now,
                      .give_up = parcel.message.accepted + schedule.give_up_after.count(),
                      .id = parcel.message.id,
                      .unique = unique,
                      .recipients = std::move(recipients)}));
    Job also = [rows = std::move(rows), elsewhere = destination.elsewhere, text, unique,
                now](SQLite::Database& database) {
      rows(database);
      std::vector<std::pair<std::string, std::string>> recipients_elsewhere;
      for (auto& a : elsewhere) recipients_elsewhere.emplace_back(a.text(), a.domain());
      if (!recipients_elsewhere.empty())
        insert(database, {.id = unique, .return_path = "", .body_8bit = true, .accepted = now},
               recipients_elsewhere, *text, now);
    };
    if (destination.users.empty()) {
      auto written = co_await submit(std::move(also));
      wake();
      co_return written;
    }
    Delivery delivery;
    delivery.recipients = destination.users;
    delivery.message = text;
    delivery.received = now;
    delivery.also = std::move(also);
    co_return co_await on_disk(
        [&](Store::Done done) { store.deliver(std::move(delivery), std::move(done)); });
  }
};

Queue::Queue(asio::any_io_executor executor, Store& store, Accounts& accounts, Transport& transport,
             std::string hostname, Schedule schedule, QueueLimits limits)
    : impl_(std::make_shared<Impl>(executor, store, accounts, transport, std::move(hostname),
                                   std::move(schedule), limits)) {}

Queue::~Queue() { stop(); }

Result<void> Queue::start() {
  std::promise<Result<void>> made;
  impl_->store.submit([](SQLite::Database& database) { make_tables(database); },
                      [&](const Error* error) {
                        made.set_value(error ? Result<void>(std::unexpected(*error)) : Result<void>());
                      });
  auto result = made.get_future().get();
  if (!result) return result;
  spawn(impl_->executor, "queue",
        [](std::shared_ptr<Impl> impl) -> awaitable<void> { co_await impl->run(); }(impl_));
  return {};
}

void Queue::wake() { impl_->wake(); }

void Queue::stop() {
  impl_->stopping = true;
  impl_->timer.cancel();
}

}  // namespace lab::mail::queue
