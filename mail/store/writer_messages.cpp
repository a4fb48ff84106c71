// Messages: what is kept once, what each mailbox says of it, and how that changes.
#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>

#include "mail/cursor.hpp"
#include "mail/store/keywords.hpp"
#include "mail/store/schema.hpp"
#include "mail/store/writer.hpp"
#include "mail/store/writer_statements.hpp"

namespace lab::mail {
namespace {

// So many expunged UIDs a mailbox remembers. Who asks for older changes is told all that is left instead (RFC
// 7162 5.2).
constexpr std::int64_t kRemembered = 20000;
// The memory is looked through once in so many changes.
constexpr std::int64_t kForgetEvery = 64;

std::int64_t unseen(std::int64_t flags) { return (flags & kSeen) == 0 ? 1 : 0; }
std::int64_t deleted(std::int64_t flags) { return (flags & kDeleted) != 0 ? 1 : 0; }

struct Item {
  std::int64_t id, flags, modseq, content, size;
};

/// The messages of a mailbox in a set of UIDs. Read before anything is changed: SQLite leaves open what a
/// loop sees of its own changes.
std::vector<Item> items(Query& messages, std::int64_t mailbox, const UidSet& uids) {
  std::vector<Item> out;
  for (const auto& range : uids.ranges()) {
    auto rows = messages(message_id(mailbox, range.first), message_id(mailbox, range.last));
    while (rows.next())
      out.push_back({rows.integer(0), rows.integer(1), rows.integer(2), rows.integer(3), rows.integer(4)});
  }
  return out;
}

}  // namespace

std::int64_t Writer::keep(const Content& content) {
  const auto& s = content.summary;
  const std::string_view text = *content.text;
  std::int64_t id = 0;
  {
    auto rows = sql_->add_content(
        text.size(), s.header_size, std::string_view(s.envelope), std::string_view(s.structure),
        Blob{s.layout}, std::string_view(s.from_text), std::string_view(s.to_text),
        std::string_view(s.cc_text), std::string_view(s.bcc_text), Blob{s.signature});
    rows.next();
    id = rows.integer(0);
  }
  sql_->add_chunk.run(chunk_id(id, 0), Blob{text.substr(0, s.header_size)});
  std::int64_t number = 1;
  for (std::size_t at = s.header_size; at < text.size(); at += kChunk)
    sql_->add_chunk.run(chunk_id(id, number++), Blob{text.substr(at, kChunk)});
  return id;
}

std::uint32_t Writer::add(std::int64_t mailbox, std::int64_t content_id, const Content& content,
                          std::int64_t flags, message::Date received) {
  const auto& s = content.summary;
  const auto size = static_cast<std::int64_t>(content.text->size());
  std::int64_t uid = 0, modseq = 0, user = 0;
  {
    auto rows = sql_->next_uid(mailbox, size, unseen(flags), deleted(flags));
    if (!rows.next()) throw SQLite::Exception("the mailbox is gone");
    uid = rows.integer(0), modseq = rows.integer(1), user = rows.integer(2);
  }
  // RFC 5256 2.2: what has no readable date counts as sent when it arrived.
  const auto sent = s.dated ? s.sent : received;
  const auto base = s.base_begin << 32 | s.base_size << 1 | (s.reply ? 1U : 0U);
  sql_->add_message.run(message_id(mailbox, static_cast<std::uint32_t>(uid)), mailbox, modseq, flags,
                        content_id, size, received.unix, received.zone, sent.unix, sent.zone,
                        std::string_view(s.from), std::string_view(s.to), std::string_view(s.cc),
                        std::string_view(s.subject), base, Blob{s.thread_ids});
  sql_->link_content.run(content_id);
  add_to_usage(user, size, 1);
  touch(mailbox, modseq);
  return static_cast<std::uint32_t>(uid);
}

Accepted<Appended> Writer::append(std::string_view user, std::string_view mailbox_name,
                                  const std::vector<NewMessage>& messages) {
  const auto id = mailbox_of(user, mailbox_name);
  if (id == 0) return std::unexpected(Refusal::NoSuchMailbox);
  const auto row = mailbox(id);
  std::uint64_t size = 0;
  for (const auto& m : messages) size += m.content->text->size();
  {
    auto usage = sql_->usage(row.user);
    usage.next();
    if (usage.integer(0) > 0 &&
        static_cast<std::uint64_t>(usage.integer(1)) + size > static_cast<std::uint64_t>(usage.integer(0)))
      return std::unexpected(Refusal::OverQuota);
  }
  Appended out{.uidvalidity = row.uidvalidity, .uids = {}};
  std::vector<std::int64_t> flags;
  for (const auto& m : messages) {
    const auto each = bits(id, m.flags, true);
    if (!each) return std::unexpected(each.error());
    flags.push_back(*each);
  }
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const auto& m = messages[i];
    out.uids.add(add(id, keep(*m.content), *m.content, flags[i], m.received));
  }
  return out;
}

Accepted<std::int64_t> Writer::bits(std::int64_t mailbox_id, const FlagList& flags, bool create) {
  if (flags.keywords.empty()) return flags.system;
  Keywords keywords(mailbox(mailbox_id).keywords);
  auto out = flags.system;
  bool changed = false;
  for (const auto& word : flags.keywords) {
    auto bit = keywords.find(word);
    if (bit == 0 && create) {
      bit = keywords.add(word);
      if (bit == 0) return std::unexpected(Refusal::TooManyKeywords);
      changed = true;
    }
    out |= bit;
  }
  if (changed) sql_->set_keywords.run(mailbox_id, std::string_view(keywords.text()));
  return out;
}

Accepted<Changed> Writer::store_flags(const StoreFlags& request) {
  const auto row = mailbox(request.mailbox);
  if (!row.found) return std::unexpected(Refusal::NoSuchMailbox);
  const auto flags = bits(request.mailbox, request.flags, request.change != FlagChange::Remove);
  if (!flags) return std::unexpected(flags.error());
  Changed out{.modseq_before = row.modseq, .modseq = row.modseq, .messages = {}, .refused = {}, .gone = {}};
  std::int64_t unseen_more = 0, deleted_more = 0;
  for (const auto& item : items(sql_->messages, request.mailbox, request.uids)) {
    if (static_cast<std::uint64_t>(item.modseq) > request.unchanged_since) {
      out.refused.add(uid_of(item.id));
      continue;
    }
    std::int64_t now = item.flags;
    switch (request.change) {
      case FlagChange::Set: now = *flags; break;
      case FlagChange::Add: now |= *flags; break;
      case FlagChange::Remove: now &= ~*flags; break;
    }
    out.messages.push_back({uid_of(item.id), now});
    if (now == item.flags) continue;
    out.modseq = row.modseq + 1;
    sql_->set_flags.run(item.id, now, out.modseq);
    unseen_more += unseen(now) - unseen(item.flags);
    deleted_more += deleted(now) - deleted(item.flags);
  }
  if (out.modseq != row.modseq) {
    sql_->change_counts.run(request.mailbox, out.modseq, 0, unseen_more, deleted_more, 0);
    touch(request.mailbox, out.modseq);
  }
  return out;
}

void Writer::unlink(std::int64_t content) {
  {
    auto rows = sql_->unlink_content(content);
    if (!rows.next() || rows.integer(0) > 0) return;
  }
  sql_->remove_content.run(content);
  sql_->remove_chunks.run(chunk_id(content, 0), chunk_id(content, 0xffff));
}

Changed Writer::expunge(std::int64_t mailbox_id, const UidSet& uids, bool only_deleted) {
  const auto row = mailbox(mailbox_id);
  Changed out{.modseq_before = row.modseq, .modseq = row.modseq, .messages = {}, .refused = {}, .gone = {}};
  if (!row.found || (only_deleted && row.deleted == 0)) return out;
  std::int64_t messages = 0, bytes = 0, unseen_less = 0, deleted_less = 0;
  for (const auto& item : items(sql_->messages, mailbox_id, uids)) {
    if (only_deleted && deleted(item.flags) == 0) continue;
    out.modseq = row.modseq + 1;
    out.gone.add(uid_of(item.id));
    sql_->remove_message.run(item.id);
    sql_->add_expunged.run(mailbox_id, out.modseq, uid_of(item.id));
    unlink(item.content);
    ++messages, bytes += item.size, unseen_less += unseen(item.flags), deleted_less += deleted(item.flags);
  }
  if (messages == 0) return out;
  sql_->change_counts.run(mailbox_id, out.modseq, -messages, -unseen_less, -deleted_less, -bytes);
  add_to_usage(row.user, -bytes, -messages);
  touch(mailbox_id, out.modseq);
  if (out.modseq % kForgetEvery == 0) {
    std::int64_t before = 0;
    if (auto rows = sql_->oldest_kept(mailbox_id, kRemembered); rows.next()) before = rows.integer(0);
    if (before > 0) {
      sql_->forget_expunged.run(mailbox_id, before);
      sql_->set_forgotten.run(mailbox_id, before);
    }
  }
  return out;
}

void Writer::remove_messages(std::int64_t mailbox_id) {
  const auto row = mailbox(mailbox_id);
  UidSet all;
  all.add(1, UINT32_MAX);
  std::int64_t messages = 0, bytes = 0;
  for (const auto& item : items(sql_->messages, mailbox_id, all)) {
    sql_->remove_message.run(item.id);
    unlink(item.content);
    ++messages, bytes += item.size;
  }
  add_to_usage(row.user, -bytes, -messages);
}

Accepted<Copied> Writer::copy(std::int64_t mailbox_id, const UidSet& uids, std::string_view user,
                              std::string_view to, bool move) {
  const auto target = mailbox_of(user, to);
  if (target == 0) return std::unexpected(Refusal::NoSuchMailbox);
  const auto source = mailbox(mailbox_id), destination = mailbox(target);
  if (!source.found) return std::unexpected(Refusal::NoSuchMailbox);
  Copied out{.uidvalidity = destination.uidvalidity, .from = {}, .to = {}, .source = {}};
  out.source.modseq_before = out.source.modseq = source.modseq;
  const auto list = items(sql_->messages, mailbox_id, uids);
  std::int64_t bytes = 0;
  for (const auto& item : list) bytes += item.size;
  if (!move) {
    auto usage = sql_->usage(destination.user);
    usage.next();
    if (usage.integer(0) > 0 && usage.integer(1) + bytes > usage.integer(0))
      return std::unexpected(Refusal::OverQuota);
  }

  const Keywords here(source.keywords);
  Keywords there(destination.keywords);
  std::vector<Item> arriving;
  for (const auto& item : list) {
    auto copied = item;
    if (target != mailbox_id)
      copied.flags = here.translate(item.flags, there);  // keywords beyond the room stay behind
    arriving.push_back(copied);
  }
  if (there.text() != destination.keywords) sql_->set_keywords.run(target, std::string_view(there.text()));

  auto uid = destination.uidnext;
  const auto modseq = destination.modseq + 1;
  std::int64_t unseen_more = 0, deleted_more = 0;
  for (const auto& item : arriving) {
    sql_->copy_message.run(item.id, message_id(target, uid), target, modseq, item.flags);
    sql_->link_content.run(item.content);
    unseen_more += unseen(item.flags), deleted_more += deleted(item.flags);
    out.from.push_back(uid_of(item.id));
    out.to.push_back(uid++);
  }
  if (arriving.empty()) return out;
  sql_->advance_uidnext.run(target, uid);
  sql_->change_counts.run(target, modseq, static_cast<std::int64_t>(arriving.size()), unseen_more,
                          deleted_more, bytes);
  add_to_usage(destination.user, bytes, static_cast<std::int64_t>(arriving.size()));
  touch(target, modseq);
  if (move) {
    UidSet moved;
    for (const auto from : out.from) moved.add(from);
    out.source = expunge(mailbox_id, moved, false);
  }
  return out;
}

}  // namespace lab::mail
