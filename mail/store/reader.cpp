#include "mail/store/reader.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

#include "mail/store/names.hpp"
#include "mail/store/schema.hpp"

namespace lab::mail {
namespace {

#define MESSAGE_COLUMNS                                                                                \
  "m.id, m.flags, m.modseq, m.content, m.size, m.received, m.zone, m.sent, m.sent_zone, m.sort_from, " \
  "m.sort_to, "                                                                                        \
  "m.sort_cc, m.subject, m.base, m.thread"
#define MAILBOX_COLUMNS                                                                            \
  "m.id, m.uidvalidity, m.uidnext, m.modseq, m.messages, m.unseen, m.deleted, m.bytes, m.recent, " \
  "m.forgotten, m.keywords"

}  // namespace

Reader::Reader(std::unique_ptr<SQLite::Database> database)
    : database_(std::move(database)),
      begin_(*database_, "BEGIN"),
      end_(*database_, "COMMIT"),
      mailboxes_(*database_,
                 "SELECT m.id, m.name, m.special FROM mailbox m JOIN user u ON u.id = m.user WHERE u.name = "
                 "?1 ORDER BY m.name"),
      subscriptions_(
          *database_,
          "SELECT s.name FROM subscription s JOIN user u ON u.id = s.user WHERE u.name = ?1 ORDER BY s.name"),
      by_name_(*database_, "SELECT " MAILBOX_COLUMNS
                           " FROM mailbox m JOIN user u ON u.id = m.user WHERE u.name = ?1 AND m.name = ?2"),
      by_id_(*database_, "SELECT " MAILBOX_COLUMNS " FROM mailbox m WHERE m.id = ?1"),
      usage_(*database_, "SELECT quota, used, messages FROM user WHERE name = ?1"),
      uids_(*database_, "SELECT id FROM message WHERE id BETWEEN ?1 AND ?2"),
      count_(*database_, "SELECT count(*) FROM message WHERE id BETWEEN ?1 AND ?2"),
      first_unseen_(*database_,
                    "SELECT id FROM message WHERE mailbox = ?1 AND flags & 1 = 0 ORDER BY id LIMIT 1"),
      unseen_(*database_, "SELECT id FROM message WHERE mailbox = ?1 AND flags & 1 = 0 ORDER BY id"),
      contents_(*database_,
                "SELECT " MESSAGE_COLUMNS
                ", c.envelope, c.structure, c.layout, c.header_size FROM message m CROSS JOIN content c "
                "ON c.id = m.content WHERE m.id BETWEEN ?1 AND ?2 ORDER BY m.id"),
      search_rows_(
          *database_,
          "SELECT " MESSAGE_COLUMNS
          ", c.signature, c.from_text, c.to_text, c.cc_text, c.bcc_text, c.header_size FROM message m "
          "CROSS JOIN content c ON c.id = m.content WHERE m.id BETWEEN ?1 AND ?2 ORDER BY m.id"),
      changed_(*database_, "SELECT " MESSAGE_COLUMNS
                           " FROM message m WHERE m.mailbox = ?1 AND m.modseq > ?2 ORDER BY m.id"),
      expunged_(*database_, "SELECT uid FROM expunged WHERE mailbox = ?1 AND modseq > ?2"),
      chunk_(*database_, "SELECT bytes FROM chunk WHERE id = ?1") {}

Reader::~Reader() = default;

std::vector<MailboxName> Reader::mailboxes(std::string_view user) {
  std::vector<MailboxName> out;
  auto rows = mailboxes_(user);
  while (rows.next()) out.push_back({rows.integer(0), rows.string(1), rows.string(2)});
  return out;
}

std::vector<std::string> Reader::subscriptions(std::string_view user) {
  std::vector<std::string> out;
  auto rows = subscriptions_(user);
  while (rows.next()) out.push_back(rows.string(0));
  return out;
}

MailboxState Reader::state(const Query::Rows& rows) {
  const auto u32 = [&](int column) { return static_cast<std::uint32_t>(rows.integer(column)); };
  return {.id = rows.integer(0),
          .uidvalidity = u32(1),
          .uidnext = u32(2),
          .modseq = rows.integer(3),
          .messages = u32(4),
          .unseen = u32(5),
          .deleted = u32(6),
          .bytes = static_cast<std::uint64_t>(rows.integer(7)),
          .recent_from = u32(8),
          .forgotten = rows.integer(9),
          .keywords = rows.string(10)};
}

std::optional<MailboxState> Reader::mailbox(std::string_view user, std::string_view name) {
  const auto canonical = canonical_mailbox(name);
  auto rows = by_name_(user, std::string_view(canonical));
  return rows.next() ? std::optional(state(rows)) : std::nullopt;
}

std::optional<MailboxState> Reader::mailbox(std::int64_t id) {
  auto rows = by_id_(id);
  return rows.next() ? std::optional(state(rows)) : std::nullopt;
}

Reader::Usage Reader::usage(std::string_view user) {
  auto rows = usage_(user);
  if (!rows.next()) return {};
  const auto u64 = [&](int column) { return static_cast<std::uint64_t>(rows.integer(column)); };
  return {u64(0), u64(1), u64(2)};
}

UidMap Reader::uids(const MailboxState& mailbox) {
  UidMap map;
  if (mailbox.messages == 0) return map;
  if (mailbox.messages == mailbox.uidnext - 1) {  // nothing was ever expunged: no need to look
    map.append(1, mailbox.messages);
    return map;
  }
  auto rows = uids_(message_id(mailbox.id, 1), message_id(mailbox.id, UINT32_MAX));
  while (rows.next()) map.append(uid_of(rows.integer(0)));
  return map;
}

Query& Reader::messages_query(unsigned columns) {
  auto& query = messages_[columns & kAllColumns];
  if (!query) {
    std::string sql = "SELECT m.id, m.flags, m.modseq, m.content, m.size";
    sql += (columns & kReceivedColumns) != 0 ? ", m.received, m.zone" : ", NULL, NULL";
    sql += (columns & kSentColumns) != 0 ? ", m.sent, m.sent_zone" : ", NULL, NULL";
    sql += (columns & kSortColumns) != 0 ? ", m.sort_from, m.sort_to, m.sort_cc" : ", NULL, NULL, NULL";
    sql += (columns & kSubjectColumns) != 0 ? ", m.subject, m.base" : ", NULL, NULL";
    sql += (columns & kThreadColumns) != 0 ? ", m.thread" : ", NULL";
    sql += " FROM message m WHERE m.id BETWEEN ?1 AND ?2 ORDER BY m.id";
    query = std::make_unique<Query>(*database_, sql);
  }
  return *query;
}

std::uint32_t Reader::count(std::int64_t mailbox, std::uint32_t first) {
  auto rows = count_(message_id(mailbox, first), message_id(mailbox, UINT32_MAX));
  return rows.next() ? static_cast<std::uint32_t>(rows.integer(0)) : 0;
}

std::uint32_t Reader::first_unseen(std::int64_t mailbox) {
  auto rows = first_unseen_(mailbox);
  return rows.next() ? uid_of(rows.integer(0)) : 0;
}

UidSet Reader::unseen(std::int64_t mailbox) {
  UidSet out;
  auto rows = unseen_(mailbox);
  while (rows.next()) out.add(uid_of(rows.integer(0)));
  return out;
}

UidSet Reader::expunged(std::int64_t mailbox, std::int64_t modseq) {
  UidSet out;
  auto rows = expunged_(mailbox, modseq);
  while (rows.next()) out.add(static_cast<std::uint32_t>(rows.integer(0)));
  return out;
}

std::string Reader::header(std::int64_t content) {
  auto rows = chunk_(chunk_id(content, 0));
  return rows.next() ? std::string(rows.blob(0)) : std::string();
}

std::string Reader::text(std::int64_t content, std::size_t header_size, std::size_t begin, std::size_t end) {
  std::string out;
  const auto take = [&](std::int64_t number, std::size_t offset) {  // what of this piece lies in [begin, end)
    auto rows = chunk_(chunk_id(content, number));
    if (!rows.next()) return false;
    const auto bytes = rows.blob(0);
    const auto from = std::max(begin, offset), to = std::min(end, offset + bytes.size());
    if (from < to) out += bytes.substr(from - offset, to - from);
    return bytes.size() == kChunk;
  };
  if (begin < header_size) take(0, 0);
  if (end <= header_size) return out;
  auto number = static_cast<std::int64_t>(begin > header_size ? (begin - header_size) / kChunk : 0);
  for (;; ++number) {
    const auto offset = header_size + static_cast<std::size_t>(number) * kChunk;
    if (offset >= end || !take(number + 1, offset)) return out;
  }
}

void Reader::begin() { begin_.run(); }

void Reader::end() noexcept {
  try {
    end_.run();
  } catch (const SQLite::Exception&) {
    // A snapshot has nothing to lose; the connection begins anew with the next one or says what is wrong with
    // it then.
  }
}

}  // namespace lab::mail
