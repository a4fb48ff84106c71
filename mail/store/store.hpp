/// store -- the post office's memory: users, mailboxes, messages, in one SQLite database (common/store.hpp).
/// Whatever changes it is a job of the one writer thread; `done` says that the change is on disk, and many
/// sessions share one fsync. Delivery to all local recipients is one transaction, and a body is kept once
/// however many mailboxes hold it. Reading goes past the writer: Reader (reader.hpp) has a WAL snapshot of
/// its own; Watch (watch.hpp) tells of changes.
#pragma once
#include <cstdint>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.hpp"

namespace SQLite {
class Database;
}

namespace lab::mail {

class Snapshot;
class Watch;
class Writer;

/// One message for local users. A user key is the address a person logs in as, in lower case:
/// "ali@helper.bac".
struct Delivery {
  std::vector<std::string> recipients;
  std::string return_path;  ///< RFC 5321 4.4: becomes the Return-Path line; empty for a bounce
  std::shared_ptr<const std::string> message;  ///< as it will be read: CRLF lines, trace lines included
  std::time_t received = 0;                    ///< internal date
  std::string mailbox = "INBOX";  ///< "Junk" for what the filter distrusts; INBOX where a user has no such
  /// Runs in the same transaction, after the mailboxes are written: the queue's rows for the remote
  /// recipients.
  std::function<void(SQLite::Database&)> also;
};

/// How full a user's mailboxes are, all together.
struct Quota {
  std::uint64_t used = 0;   ///< bytes
  std::uint64_t limit = 0;  ///< bytes; 0: none
  std::uint64_t messages = 0;
  /// Whether `bytes` more fit.
  bool room_for(std::uint64_t bytes) const { return limit == 0 || used + bytes <= limit; }
};

class Store {
 public:
  /// Runs on the writer thread: no error means on disk. Must be quick and must not throw: post to an
  /// executor.
  using Done = std::function<void(const Error* error)>;

  struct Options {
    std::string path;         ///< the database file; its folder must exist
    std::size_t readers = 2;  ///< snapshots kept open between uses; as many as there are io threads
  };

  /// Opens or creates the database. Throws SQLite::Exception.
  explicit Store(Options options);
  ~Store();  ///< commits what was submitted, then closes
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// Puts the message into a mailbox of each recipient, all of them or none; makes the mailboxes of whoever
  /// has none yet. Does not look at quotas: ask `quota` before accepting a recipient (RFC 5321 4.2.2: 452, or
  /// 552).
  void deliver(Delivery delivery, Done done);

  /// Makes INBOX, Sent, Drafts, Trash and Junk (RFC 6154) where the user has none. Idempotent.
  void ensure_mailbox(const std::string& user, Done done);

  /// Called at every successful login: makes the mailboxes, records the quota (bytes, 0: none), and the first
  /// time ever appends `welcome` (may be empty) to INBOX. Costs no write when there is nothing to do.
  void first_login(const std::string& user, std::uint64_t quota_limit, std::string welcome, Done done);

  /// As last committed. A user without mailboxes has used nothing.
  Quota quota(const std::string& user);

  /// Any change to mailboxes (writer.hpp). `job` runs on the writer thread; who watches the mailboxes is told
  /// after the commit.
  void change(std::function<void(Writer&)> job, Done done);

  /// A snapshot of all that is committed by now. Opening one costs microseconds.
  Snapshot read();

  /// Who wants to know of changes.
  Watch& watch();

  /// Any other change, in a transaction of the same writer, for tables that live beside the mailboxes.
  void submit(std::function<void(SQLite::Database&)> job, Done done);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lab::mail
