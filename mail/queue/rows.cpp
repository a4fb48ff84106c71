#include "mail/queue/rows.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <SQLiteCpp/VariadicBind.h>

#include <map>
#include <utility>

namespace lab::mail::queue {
namespace {

constexpr std::size_t kChunk =
    std::size_t{256} * 1024;  // SQLite handles rows of this size well; a page chain of megabytes it does not

}  // namespace

void make_tables(SQLite::Database& database) {
  // The mailboxes' schema has its own version (user_version); this one has a row.
  database.exec("CREATE TABLE IF NOT EXISTS queue_schema(version INTEGER NOT NULL)");
  SQLite::Statement version(database, "SELECT max(version) FROM queue_schema");
  version.executeStep();
  if (version.getColumn(0).isNull()) {
    database.exec(
        "CREATE TABLE queue_message(id TEXT PRIMARY KEY, return_path TEXT NOT NULL, smtputf8 INTEGER NOT "
        "NULL,"
        " body_8bit INTEGER NOT NULL, accepted INTEGER NOT NULL, warned INTEGER NOT NULL DEFAULT 0) WITHOUT "
        "ROWID;"
        "CREATE TABLE queue_chunk(message TEXT NOT NULL, n INTEGER NOT NULL, bytes BLOB NOT NULL, "
        "UNIQUE(message, n));"
        "CREATE TABLE queue_recipient(row INTEGER PRIMARY KEY, message TEXT NOT NULL, address TEXT NOT NULL,"
        " domain TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, due INTEGER NOT NULL, status TEXT NOT "
        "NULL DEFAULT '');"
        "CREATE INDEX queue_due ON queue_recipient(due);"
        "CREATE INDEX queue_parcel ON queue_recipient(message, domain);"
        "INSERT INTO queue_schema VALUES(1)");
  } else if (version.getColumn(0).getInt() > 1) {
    throw SQLite::Exception("the mail queue was made by a newer version of this program");
  }
}

void insert(SQLite::Database& database, const Waiting& waiting,
            const std::vector<std::pair<std::string, std::string>>& recipients, std::string_view message,
            std::time_t due) {
  SQLite::Statement head(
      database,
      "INSERT INTO queue_message(id, return_path, smtputf8, body_8bit, accepted) VALUES(?,?,?,?,?)");
  SQLite::bind(head, waiting.id, waiting.return_path, waiting.smtputf8 ? 1 : 0, waiting.body_8bit ? 1 : 0,
               static_cast<std::int64_t>(waiting.accepted));
  head.exec();
  SQLite::Statement chunk(database, "INSERT INTO queue_chunk(message, n, bytes) VALUES(?,?,?)");
  int n = 0;
  do {
    auto part = message.substr(0, kChunk);
    chunk.bind(1, waiting.id);
    chunk.bind(2, n++);
    chunk.bindNoCopy(3, part.data(), static_cast<int>(part.size()));
    chunk.exec();
    chunk.reset();
    message.remove_prefix(part.size());
  } while (!message.empty());
  SQLite::Statement row(database,
                        "INSERT INTO queue_recipient(message, address, domain, due) VALUES(?,?,?,?)");
  for (auto& [address, domain] : recipients) {
    SQLite::bind(row, waiting.id, address, domain, static_cast<std::int64_t>(due));
    row.exec();
    row.reset();
  }
}

std::vector<Parcel> due(SQLite::Database& database, std::time_t now, std::size_t recipients) {
  std::vector<Parcel> parcels;
  SQLite::Statement first(
      database,
      "SELECT message, domain, min(due) AS since, count(*) FROM queue_recipient WHERE due <= ?"
      " GROUP BY message, domain ORDER BY since LIMIT 200");
  first.bind(1, static_cast<std::int64_t>(now));
  SQLite::Statement head(
      database, "SELECT return_path, smtputf8, body_8bit, accepted, warned FROM queue_message WHERE id = ?");
  SQLite::Statement rows(
      database,
      "SELECT row, address, attempts FROM queue_recipient WHERE message = ? AND domain = ? AND due <= ?");
  std::size_t taken = 0;
  while (taken < recipients && first.executeStep()) {
    Parcel parcel;
    parcel.message.id = first.getColumn(0).getString();
    parcel.domain = first.getColumn(1).getString();
    head.bind(1, parcel.message.id);
    if (head.executeStep()) {
      parcel.message.return_path = head.getColumn(0).getString();
      parcel.message.smtputf8 = head.getColumn(1).getInt() != 0;
      parcel.message.body_8bit = head.getColumn(2).getInt() != 0;
      parcel.message.accepted = static_cast<std::time_t>(head.getColumn(3).getInt64());
      parcel.message.warned = head.getColumn(4).getInt() != 0;
    }
    head.reset();
    SQLite::bind(rows, parcel.message.id, parcel.domain, static_cast<std::int64_t>(now));
    while (rows.executeStep())
      parcel.recipients.push_back({rows.getColumn(0).getInt64(), rows.getColumn(1).getString(), parcel.domain,
                                   rows.getColumn(2).getInt()});
    rows.reset();
    taken += parcel.recipients.size();
    parcels.push_back(std::move(parcel));
  }
  return parcels;
}

std::time_t next_due(SQLite::Database& database, std::time_t now) {
  SQLite::Statement next(database, "SELECT min(due) FROM queue_recipient WHERE due > ?");
  next.bind(1, static_cast<std::int64_t>(now));
  next.executeStep();
  return next.getColumn(0).isNull() ? 0 : static_cast<std::time_t>(next.getColumn(0).getInt64());
}

std::string body(SQLite::Database& database, const std::string& id) {
  std::string whole;
  SQLite::Statement chunks(database, "SELECT bytes FROM queue_chunk WHERE message = ? ORDER BY n");
  chunks.bind(1, id);
  while (chunks.executeStep()) {
    auto column = chunks.getColumn(0);
    whole.append(static_cast<const char*>(column.getBlob()), static_cast<std::size_t>(column.getBytes()));
  }
  return whole;
}

std::size_t count(SQLite::Database& database) {
  SQLite::Statement rows(database, "SELECT count(*) FROM queue_recipient");
  rows.executeStep();
  return static_cast<std::size_t>(rows.getColumn(0).getInt64());
}

void postpone(SQLite::Database& database, std::int64_t row, std::time_t until, std::string_view why) {
  SQLite::Statement update(
      database, "UPDATE queue_recipient SET attempts = attempts + 1, due = ?, status = ? WHERE row = ?");
  SQLite::bind(update, static_cast<std::int64_t>(until), std::string(why), row);
  update.exec();
}

void set_warned(SQLite::Database& database, const std::string& id) {
  SQLite::Statement update(database, "UPDATE queue_message SET warned = 1 WHERE id = ?");
  update.bind(1, id);
  update.exec();
}

void remove(SQLite::Database& database, const std::string& id, std::int64_t row) {
  SQLite::Statement recipient(database, "DELETE FROM queue_recipient WHERE row = ?");
  recipient.bind(1, row);
  recipient.exec();
  SQLite::Statement others(database, "SELECT 1 FROM queue_recipient WHERE message = ? LIMIT 1");
  others.bind(1, id);
  if (others.executeStep()) return;
  for (auto sql : {"DELETE FROM queue_message WHERE id = ?", "DELETE FROM queue_chunk WHERE message = ?"}) {
    SQLite::Statement last(database, sql);
    last.bind(1, id);
    last.exec();
  }
}

}  // namespace lab::mail::queue
