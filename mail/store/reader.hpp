/// reader -- reads mailboxes from one snapshot of the database: whatever others commit meanwhile, what it
/// says fits together. Take one (`Store::read`), ask, let it go; never hold it while waiting for a peer, for
/// old snapshots keep the write-ahead log from being emptied.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mail/message/date.hpp"
#include "mail/store/query.hpp"
#include "mail/store/uid_set.hpp"

namespace lab::mail {

struct MailboxName {
  std::int64_t id = 0;
  std::string name;
  std::string special;  ///< "\Sent" or empty
};

struct MailboxState {
  std::int64_t id = 0;
  std::uint32_t uidvalidity = 0, uidnext = 1;
  std::int64_t modseq = 0;
  std::uint32_t messages = 0, unseen = 0, deleted = 0;
  std::uint64_t bytes = 0;
  std::uint32_t recent_from = 1;  ///< the first UID no session was told of
  std::int64_t forgotten = 0;     ///< what was expunged up to this modseq is not remembered
  std::string keywords;
};

/// A row of a loop; valid until the loop goes on. Columns are fetched when asked for.
class MessageRow {
 public:
  explicit MessageRow(const Query::Rows& rows) : rows_(rows) {}
  std::uint32_t uid() const { return static_cast<std::uint32_t>(rows_.integer(0) & 0xffffffff); }
  std::int64_t flags() const { return rows_.integer(1); }
  std::int64_t modseq() const { return rows_.integer(2); }
  std::int64_t content() const { return rows_.integer(3); }
  std::uint64_t size() const { return static_cast<std::uint64_t>(rows_.integer(4)); }
  message::Date received() const { return {rows_.integer(5), static_cast<int>(rows_.integer(6))}; }
  message::Date sent() const { return {rows_.integer(7), static_cast<int>(rows_.integer(8))}; }
  std::string_view from_key() const { return rows_.text(9); }
  std::string_view to_key() const { return rows_.text(10); }
  std::string_view cc_key() const { return rows_.text(11); }
  std::string_view subject() const { return rows_.text(12); }
  std::string_view base_subject() const {
    const auto base = static_cast<std::uint64_t>(rows_.integer(13));
    return subject().substr(base >> 32, base >> 1 & 0x7fffffff);
  }
  bool reply() const { return (rows_.integer(13) & 1) != 0; }
  std::string_view thread_ids() const { return rows_.blob(14); }

  // Of `Reader::contents` only.
  std::string_view envelope() const { return rows_.text(15); }
  std::string_view structure() const { return rows_.text(16); }
  std::string_view layout() const { return rows_.blob(17); }
  std::size_t header_size() const { return static_cast<std::size_t>(rows_.integer(18)); }

  // Of `Reader::search_rows` only.
  std::string_view signature() const { return rows_.blob(15); }
  std::string_view from_text() const { return rows_.text(16); }
  std::string_view to_text() const { return rows_.text(17); }
  std::string_view cc_text() const { return rows_.text(18); }
  std::string_view bcc_text() const { return rows_.text(19); }
  std::size_t text_header_size() const { return static_cast<std::size_t>(rows_.integer(20)); }

 private:
  const Query::Rows& rows_;
};

/// What of a message's row a loop will look at. What is not asked for is not decoded, and a mailbox is walked
/// in half the time; asking a MessageRow for it then gives nothing.
enum MessageColumns : unsigned {
  kReceivedColumns = 1,
  kSentColumns = 2,
  kSortColumns = 4,  ///< from_key, to_key, cc_key
  kSubjectColumns = 8,
  kThreadColumns = 16,
  kAllColumns = 31
};

class Reader {
 public:
  explicit Reader(std::unique_ptr<SQLite::Database> database);
  ~Reader();

  /// By name; the ones below another follow it.
  std::vector<MailboxName> mailboxes(std::string_view user);
  std::vector<std::string> subscriptions(std::string_view user);
  std::optional<MailboxState> mailbox(std::string_view user, std::string_view name);
  std::optional<MailboxState> mailbox(std::int64_t id);
  struct Usage {
    std::uint64_t limit = 0, used = 0, messages = 0;
  };
  Usage usage(std::string_view user);

  UidMap uids(const MailboxState& mailbox);
  /// How many messages have this UID or a higher one.
  std::uint32_t count(std::int64_t mailbox, std::uint32_t first);
  /// 0 where all are seen.
  std::uint32_t first_unseen(std::int64_t mailbox);
  UidSet unseen(std::int64_t mailbox);

  /// Calls `each(const MessageRow&)` for the UIDs from `first` to `last` until it returns false. The UID to
  /// go on with, or 0.
  template <class Each>
  std::uint32_t messages(std::int64_t mailbox, std::uint32_t first, std::uint32_t last, Each each,
                         unsigned columns = kAllColumns) {
    return loop(messages_query(columns), mailbox, first, last, each);
  }
  /// The same with envelope(), structure(), layout().
  template <class Each>
  std::uint32_t contents(std::int64_t mailbox, std::uint32_t first, std::uint32_t last, Each each) {
    return loop(contents_, mailbox, first, last, each);
  }
  /// The same with signature() and the texts of addresses.
  template <class Each>
  std::uint32_t search_rows(std::int64_t mailbox, std::uint32_t first, std::uint32_t last, Each each) {
    return loop(search_rows_, mailbox, first, last, each);
  }
  /// Changed or arrived after `modseq`, by UID.
  template <class Each>
  void changed(std::int64_t mailbox, std::int64_t modseq, Each each) {
    auto rows = changed_(mailbox, modseq);
    while (rows.next()) each(MessageRow(rows));
  }
  /// Expunged after `modseq`; see MailboxState::forgotten.
  UidSet expunged(std::int64_t mailbox, std::int64_t modseq);

  /// Bytes `begin` to `end` of a text; less where it is shorter. `header_size` tells where the body's pieces
  /// begin.
  std::string text(std::int64_t content, std::size_t header_size, std::size_t begin, std::size_t end);
  std::string header(std::int64_t content);

  // For the lease.
  void begin();
  void end() noexcept;

 private:
  template <class Each>
  std::uint32_t loop(Query& query, std::int64_t mailbox, std::uint32_t first, std::uint32_t last,
                     Each& each) {
    auto rows = query(mailbox << 32 | first, mailbox << 32 | last);
    while (rows.next()) {
      const MessageRow row(rows);
      if (!each(row)) return row.uid();
    }
    return 0;
  }
  Query& messages_query(unsigned columns);
  static MailboxState state(const Query::Rows& rows);

  std::unique_ptr<SQLite::Database> database_;
  std::array<std::unique_ptr<Query>, kAllColumns + 1>
      messages_;  // by MessageColumns, prepared when first asked for
  Query begin_, end_, mailboxes_, subscriptions_, by_name_, by_id_, usage_, uids_, count_, first_unseen_,
      unseen_, contents_, search_rows_, changed_, expunged_, chunk_;
};

/// A reader for as long as the lease lives, taken from those the store keeps open.
class Snapshot {
 public:
  using Return = std::function<void(std::unique_ptr<Reader>)>;
  Snapshot(std::unique_ptr<Reader> reader, Return give_back)
      : reader_(std::move(reader)), return_(std::move(give_back)) {}
  Snapshot(Snapshot&&) = default;
  Snapshot& operator=(Snapshot&&) = delete;
  ~Snapshot() {
    if (reader_) return_(std::move(reader_));
  }
  Reader* operator->() const { return reader_.get(); }
  Reader& operator*() const { return *reader_; }

 private:
  std::unique_ptr<Reader> reader_;
  Return return_;
};

}  // namespace lab::mail
