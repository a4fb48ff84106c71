#include "common/store.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

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

void execute(SQLite::Statement& statement) {
  struct Reset {
    SQLite::Statement& statement;
    ~Reset() { (void)statement.tryReset(); }
  } reset{statement};
  statement.exec();
}

Result<OwnerLock> OwnerLock::take(const std::string& database, const std::string& remedy) {
  const auto folder = std::filesystem::path(database).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder);
  OwnerLock lock;
  lock.file_ = ::open((database + "-lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock.file_ < 0 || ::flock(lock.file_, LOCK_EX | LOCK_NB) != 0)
    return fail(std::string("cannot have the database for itself: ") + std::strerror(errno), database,
                remedy);
  return lock;
}

OwnerLock::OwnerLock(OwnerLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

OwnerLock& OwnerLock::operator=(OwnerLock&& other) noexcept {
  std::swap(file_, other.file_);
  return *this;
}

OwnerLock::~OwnerLock() {
  if (file_ >= 0) ::close(file_);
}

namespace {

/// Gives the write-ahead log its blocks before it needs them, as many as it has when SQLite begins it anew: a
/// commit then changes nothing about the file but its content, and waits for one write of the disk less. What
/// lies behind its last frame does not count. A file system that cannot do so goes on as it would.
void reserve_log(const std::string& database) {
  constexpr off_t kHeader = 32, kPages = 1000, kFrame = 24 + 4096;  // sqlite.org/fileformat2.html, 4.1
  const int log = ::open((database + "-wal").c_str(), O_RDWR | O_CLOEXEC);
  if (log < 0) return;
  (void)::fallocate(log, 0, 0, kHeader + kPages * kFrame);
  ::close(log);
}

/// A disk that takes longer is left to the writer thread: who submits has others to serve meanwhile.
constexpr std::chrono::milliseconds kQuickDisk(2);

}  // namespace

struct GroupCommit::Impl {
  using Clock = std::chrono::steady_clock;
  struct Item {
    Job job;
    Done done;
    std::optional<Error> error;
  };
  explicit Impl(std::unique_ptr<SQLite::Database> opened)
      : database(std::move(opened)),
        begin(*database, "BEGIN IMMEDIATE"),
        end(*database, "COMMIT"),
        rollback(*database, "ROLLBACK"),
        save(*database, "SAVEPOINT job"),
        release(*database, "RELEASE job"),
        undo(*database, "ROLLBACK TO job") {
    reserve_log(database->getFilename());
  }

  std::unique_ptr<SQLite::Database> database;
  SQLite::Statement begin, end, rollback, save, release, undo;
  std::chrono::microseconds gather{0};
  std::mutex mutex;
  std::condition_variable arrived;
  std::vector<Item> waiting;
  Clock::time_point earliest;  // of the next group
  bool committing = false, quick_disk = true, ending = false;
  std::thread writer;

  void write_groups() {
    std::unique_lock lock(mutex);
    for (;;) {
      arrived.wait(lock, [&] { return (ending || !waiting.empty()) && !committing; });
      if (!ending && Clock::now() < earliest) {
        const auto until = earliest;
        lock.unlock();
        std::this_thread::sleep_until(until);
        lock.lock();
        continue;
      }
      if (waiting.empty()) return;
      std::vector<Item> group;
      group.swap(waiting);
      earliest = group.size() > 1 ? Clock::now() + gather : Clock::time_point();
      serve(group, lock);
    }
  }

  /// `lock` holds the mutex before and after, and not meanwhile.
  void serve(std::vector<Item>& group, std::unique_lock<std::mutex>& lock) {
    committing = true;
    lock.unlock();
    const auto began = Clock::now();
    commit(group);
    const auto took = Clock::now() - began;
    for (auto& item : group)
      if (item.done) item.done(item.error ? &*item.error : nullptr);
    lock.lock();
    committing = false;
    quick_disk = took < kQuickDisk;
  }

  void commit(std::vector<Item>& group) {
    try {
      execute(begin);
      try {
        const bool alone = group.size() == 1;  // then the transaction itself is what can be undone
        for (auto& item : group) perform(item, alone);
        execute(alone && group.front().error ? rollback : end);
      } catch (...) {
        attempt(rollback);
        throw;
      }
    } catch (const std::exception& e) {
      // Nothing of the group is on disk: nobody may hear "done".
      for (auto& item : group)
        if (!item.error)
          item.error = Error{fmt::format("cannot commit: {}", e.what()), database->getFilename(), {}};
    }
  }

  void perform(Item& item, bool alone) {
    try {
      if (!alone) execute(save);
      item.job(*database);
      if (!alone) execute(release);
    } catch (const std::exception& e) {
      item.error = Error{e.what(), database->getFilename(), {}};
      if (alone) return;
      attempt(undo);
      attempt(release);
    }
  }

  /// After a failure, upon which SQLite may have undone all by itself.
  static void attempt(SQLite::Statement& statement) {
    (void)statement.tryExecuteStep();
    (void)statement.tryReset();
  }
};

GroupCommit::GroupCommit(std::unique_ptr<SQLite::Database> database, std::chrono::microseconds gather)
    : impl_(std::make_unique<Impl>(std::move(database))) {
  impl_->gather = gather;
  impl_->writer = std::thread([this] { impl_->write_groups(); });
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

bool GroupCommit::serve_here(Job& job, Done& done) {
  std::unique_lock lock(impl_->mutex);
  const bool free = impl_->waiting.empty() && !impl_->committing && impl_->quick_disk &&
                    Impl::Clock::now() >= impl_->earliest;
  if (!free) return false;
  std::vector<Impl::Item> alone;
  alone.push_back({std::move(job), std::move(done), std::nullopt});
  impl_->serve(alone, lock);
  if (!impl_->waiting.empty()) impl_->arrived.notify_one();
  return true;
}

void GroupCommit::submit_lone(Job job, Done done) {
  if (!serve_here(job, done)) submit(std::move(job), std::move(done));
}

bool GroupCommit::try_now(Job job) {
  bool on_disk = false;
  Done done = [&](const Error* error) { on_disk = error == nullptr; };
  return serve_here(job, done) && on_disk;
}

Result<void> GroupCommit::run(Job job) {
  std::promise<std::optional<Error>> promise;
  submit(std::move(job),
         [&](const Error* e) { promise.set_value(e == nullptr ? std::nullopt : std::optional(*e)); });
  if (auto error = promise.get_future().get()) return std::unexpected(*error);
  return {};
}

}  // namespace lab::store
