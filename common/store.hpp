/// store -- SQLite as the store of what must not be lost: opened in WAL mode with synchronous=FULL, schema by
/// version, and a group commit: one writer thread takes what concurrent sessions submit, commits it as one
/// transaction, then answers them all. An answered job is on disk.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/error.hpp"

namespace SQLite {
class Database;
class Statement;
}  // namespace SQLite

namespace lab::store {

struct OpenOptions {
  bool read_only = false;
  int cache_kib = 2048;  ///< page cache of this connection
  int busy_timeout_ms = 5000;
};

/// Opens (and creates) a database with our pragmas. Throws SQLite::Exception.
std::unique_ptr<SQLite::Database> open(const std::string& path, const OpenOptions& options = {});

/// Brings the schema up to date: `steps[i]` is the SQL that leads from user_version i to i+1. Each step is a
/// transaction. Throws when the file is newer than this program knows.
void migrate(SQLite::Database& database, const std::vector<std::string>& steps);

/// Carries a statement out and resets it, also after a failure: one left half-way would fail every later use.
void execute(SQLite::Statement& statement);

/// Held by the one program that may write a database while it has its content in memory; goes with the
/// process.
class OwnerLock {
 public:
  /// `remedy`: what to do when another one has it. Makes the folder where there is none (which may throw).
  static Result<OwnerLock> take(const std::string& database, const std::string& remedy);
  OwnerLock() = default;
  OwnerLock(OwnerLock&&) noexcept;
  OwnerLock& operator=(OwnerLock&&) noexcept;
  ~OwnerLock();

 private:
  int file_ = -1;
};

class GroupCommit {
 public:
  /// Runs inside a savepoint of the group's transaction; throwing undoes this job alone. On the writer
  /// thread, or on the one that called submit_lone: never on two at once.
  using Job = std::function<void(SQLite::Database&)>;
  /// Runs where the job did, after the group is on disk (no error) or the job has failed (why). Must be
  /// quick: post.
  using Done = std::function<void(const Error* error)>;

  /// `gather`: the least time between two commits while jobs come in crowds (the last group had several). A
  /// lone job never waits; a crowd shares its fsync with more.
  explicit GroupCommit(std::unique_ptr<SQLite::Database> database, std::chrono::microseconds gather = {});
  ~GroupCommit();  ///< commits what was submitted, then ends
  GroupCommit(const GroupCommit&) = delete;
  GroupCommit& operator=(const GroupCommit&) = delete;

  /// Safe from any thread. Jobs run in the order submitted.
  void submit(Job job, Done done);
  /// Like submit, for a job that has just come alone and waits for nothing but the disk: where no other one
  /// is under way and the disk is quick, the caller's thread does it before this returns, which spares two
  /// changes of threads.
  void submit_lone(Job job, Done done);
  /// The same for a job that only saves time where it can be done at once: whether it was, and is on disk.
  bool try_now(Job job);
  /// Submits and waits: for start-up and tests, never from an io thread.
  Result<void> run(Job job);

 private:
  struct Impl;
  /// On this thread, if the disk is free and quick; else the two are left as they were.
  bool serve_here(Job& job, Done& done);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lab::store
