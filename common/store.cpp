#include "common/store.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <SQLiteCpp/Savepoint.h>
#include <fmt/format.h>

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <optional>
#include <thread>

namespace lab::store {

std::unique_ptr<SQLite::Database> open(const std::string& path, const OpenOptions& options) {
  const int flags = options.read_only ? SQLite::OPEN_READONLY : SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE;
  auto database =
      std::make_unique<SQLite::Database>(path, flags | SQLite::OPEN_NOMUTEX, options.busy_timeout_ms);
  if (!options.read_only) {
    // WAL with synchronous=FULL: a committed transaction survives a power cut (NORMAL may lose the last
    // ones).
    database->exec("PRAGMA journal_mode=WAL");
    database->exec("PRAGMA synchronous=FULL");
  }
  database->exec("PRAGMA foreign_keys=ON");
  database->exec(fmt::format("PRAGMA cache_size=-{}", options.cache_kib));
  return database;
}

void migrate(SQLite::Database& database, const std::vector<std::string>& steps) {
  const auto version = static_cast<std::size_t>(database.execAndGet("PRAGMA user_version").getInt());
  if (version > steps.size())
    throw SQLite::Exception(
        fmt::format("{}: made by a newer version of this program (schema {}, known up to {})",
                    database.getFilename(), version, steps.size()));
  for (std::size_t i = version; i < steps.size(); ++i) {
    SQLite::Transaction transaction(database);
    database.exec(steps[i]);
    database.exec(fmt::format("PRAGMA user_version={}", i + 1));
    transaction.commit();
  }
}

struct GroupCommit::Impl {
  struct Item {
    Job job;
    Done done;
    std::optional<Error> error;
  };
  std::unique_ptr<SQLite::Database> database;
  std::chrono::microseconds gather{0};
  std::mutex mutex;
  std::condition_variable arrived;
  std::vector<Item> waiting;
  bool ending = false;
  std::thread writer;

  void run() {
    using Clock = std::chrono::steady_clock;
    Clock::time_point earliest;
    for (;;) {
      std::vector<Item> group;
      {
        std::unique_lock lock(mutex);
        arrived.wait(lock, [&] { return ending || !waiting.empty(); });
        if (!ending && Clock::now() < earliest) {
          lock.unlock();
          std::this_thread::sleep_until(earliest);
          lock.lock();
        }
        if (waiting.empty()) return;
        group.swap(waiting);
      }
      earliest = group.size() > 1 ? Clock::now() + gather : Clock::time_point();
      commit(group);
      for (auto& item : group)
        if (item.done) item.done(item.error ? &*item.error : nullptr);
    }
  }

  void commit(std::vector<Item>& group) {
    try {
      SQLite::Transaction transaction(*database, SQLite::TransactionBehavior::IMMEDIATE);
      for (auto& item : group) perform(item);
      transaction.commit();
    } catch (const std::exception& e) {
      // Nothing of the group is on disk: nobody may hear "done".
      for (auto& item : group)
        if (!item.error)
          item.error = Error{fmt::format("cannot commit: {}", e.what()), database->getFilename(), {}};
    }
  }

  void perform(Item& item) {
    try {
      SQLite::Savepoint savepoint(*database, "job");
      item.job(*database);
      savepoint.release();
    } catch (const std::exception& e) {
      item.error = Error{e.what(), database->getFilename(), {}};
    }
  }
};

GroupCommit::GroupCommit(std::unique_ptr<SQLite::Database> database, std::chrono::microseconds gather)
    : impl_(std::make_unique<Impl>()) {
  impl_->database = std::move(database);
  impl_->gather = gather;
  impl_->writer = std::thread([this] { impl_->run(); });
}

GroupCommit::~GroupCommit() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->ending = true;
  }
  impl_->arrived.notify_one();
  impl_->writer.join();
}

void GroupCommit::submit(Job job, Done done) {
  bool first = false;
  {
    const std::lock_guard lock(impl_->mutex);
    first = impl_->waiting.empty();  // else the writer knows already that there is work
    impl_->waiting.push_back({std::move(job), std::move(done), std::nullopt});
  }
  if (first) impl_->arrived.notify_one();
}

Result<void> GroupCommit::run(Job job) {
  std::promise<std::optional<Error>> promise;
  submit(std::move(job),
         [&](const Error* e) { promise.set_value(e == nullptr ? std::nullopt : std::optional(*e)); });
  if (auto error = promise.get_future().get()) return std::unexpected(*error);
  return {};
}

}  // namespace lab::store
