/// query -- one prepared statement, for the loops that read a hundred thousand rows: columns are views into
/// SQLite's own memory, nothing is counted or copied. Errors are SQLite::Exception, as everywhere.
///
///   auto rows = by_mailbox(mailbox, from, to);
///   while (rows.next()) use(rows.integer(0), rows.text(1));
#pragma once
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

struct sqlite3;
struct sqlite3_stmt;

namespace SQLite {
class Database;
}

namespace lab::mail {

/// Bytes, where a plain string_view binds text.
struct Blob {
  std::string_view bytes;
};

class Query {
 public:
  /// Prepares; throws where the SQL is wrong.
  Query(SQLite::Database& database, std::string_view sql);
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  /// The rows of one execution; one at a time per query. Ends the execution with itself.
  class Rows {
   public:
    explicit Rows(Query& query) : query_(query) {}
    ~Rows() { query_.reset(); }
    Rows(const Rows&) = delete;
    Rows& operator=(const Rows&) = delete;

    bool next() { return query_.step(); }
    std::int64_t integer(int column) const;
    bool null(int column) const;
    /// Valid until `next`.
    std::string_view text(int column) const;
    std::string_view blob(int column) const;
    std::string string(int column) const { return std::string(text(column)); }

   private:
    Query& query_;
  };

  /// Binds the arguments to ?1, ?2 … Text and blobs must live until the rows are read.
  template <class... Args>
  Rows operator()(const Args&... args) {
    int index = 0;
    (bind(++index, args), ...);
    return Rows(*this);
  }
  /// Executes to the end.
  template <class... Args>
  void run(const Args&... args) {
    auto rows = (*this)(args...);
    while (rows.next()) {
    }
  }

 private:
  template <std::integral T>
  void bind(int index, T value) {
    bind_integer(index, static_cast<std::int64_t>(value));
  }
  void bind(int index, std::string_view text);
  void bind(int index, Blob blob);
  void bind_integer(int index, std::int64_t value);
  bool step();
  void reset() noexcept;

  sqlite3* connection_;
  sqlite3_stmt* statement_ = nullptr;
};

}  // namespace lab::mail
