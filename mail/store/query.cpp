#include "mail/store/query.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <sqlite3.h>

namespace lab::mail {

Query::Query(SQLite::Database& database, std::string_view sql) : connection_(database.getHandle()) {
  const int status = sqlite3_prepare_v3(connection_, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
  if (status != SQLITE_OK) throw SQLite::Exception(connection_, status);
}

Query::~Query() { sqlite3_finalize(statement_); }

// Nothing is copied: what is bound lives until the rows are read, and `reset` unbinds it.
void Query::bind(int index, std::string_view text) {
  const int status = sqlite3_bind_text64(statement_, index, text.data() == nullptr ? "" : text.data(),
                                         text.size(), SQLITE_STATIC, SQLITE_UTF8);
  if (status != SQLITE_OK) throw SQLite::Exception(connection_, status);
}

void Query::bind(int index, Blob blob) {
  const int status = blob.bytes.empty() ? sqlite3_bind_zeroblob(statement_, index, 0)
                                        : sqlite3_bind_blob64(statement_, index, blob.bytes.data(),
                                                              blob.bytes.size(), SQLITE_STATIC);
  if (status != SQLITE_OK) throw SQLite::Exception(connection_, status);
}

void Query::bind_integer(int index, std::int64_t value) {
  const int status = sqlite3_bind_int64(statement_, index, value);
  if (status != SQLITE_OK) throw SQLite::Exception(connection_, status);
}

bool Query::step() {
  const int status = sqlite3_step(statement_);
  if (status == SQLITE_ROW) return true;
  if (status == SQLITE_DONE) return false;
  throw SQLite::Exception(connection_, status);
}

void Query::reset() noexcept {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

std::int64_t Query::Rows::integer(int column) const {
  return sqlite3_column_int64(query_.statement_, column);
}

bool Query::Rows::null(int column) const {
  return sqlite3_column_type(query_.statement_, column) == SQLITE_NULL;
}

std::string_view Query::Rows::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(query_.statement_, column));
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(query_.statement_, column))};
}

std::string_view Query::Rows::blob(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(query_.statement_, column));
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(query_.statement_, column))};
}

}  // namespace lab::mail
