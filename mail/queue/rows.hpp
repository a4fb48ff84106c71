/// rows -- the mail queue as tables of the store's database: a message, its body in chunks, and a row for
/// each recipient still waiting. A row is written in the transaction that accepts the message and removed in
/// the one that knows its fate, so that a crash at any moment loses nothing; at worst a message is sent
/// twice. Every function runs on the store's writer thread.
#pragma once
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

namespace SQLite {
class Database;
}

namespace lab::mail::queue {

/// What the queue keeps of an envelope.
struct Waiting {
  std::string id;           ///< as the client was told
  std::string return_path;  ///< empty: a bounce, which is never answered
  bool smtputf8 = false, body_8bit = false;
  std::time_t accepted = 0;
  bool warned = false;  ///< the sender knows that it is late
};

struct WaitingRecipient {
  std::int64_t row = 0;
  std::string address;
  std::string domain;
  int attempts = 0;
};

/// Recipients of one message that go to one domain: what one SMTP transaction carries.
struct Parcel {
  Waiting message;
  std::string domain;
  std::vector<WaitingRecipient> recipients;
};

void make_tables(SQLite::Database& database);

/// Puts a message in the queue, due at `due`.
void insert(SQLite::Database& database, const Waiting& waiting,
            const std::vector<std::pair<std::string, std::string>>& recipients, std::string_view message,
            std::time_t due);

/// Parcels due at `now`, the longest waiting first, at most `recipients` rows in all. A parcel is never torn
/// apart.
std::vector<Parcel> due(SQLite::Database& database, std::time_t now, std::size_t recipients);
/// When the next recipient after `now` is due; 0: none waits.
std::time_t next_due(SQLite::Database& database, std::time_t now);
std::string body(SQLite::Database& database, const std::string& id);
std::size_t count(SQLite::Database& database);

void postpone(SQLite::Database& database, std::int64_t row, std::time_t until, std::string_view why);
void set_warned(SQLite::Database& database, const std::string& id);
/// The recipient's fate is known. The message goes with its last recipient.
void remove(SQLite::Database& database, const std::string& id, std::int64_t row);

}  // namespace lab::mail::queue
