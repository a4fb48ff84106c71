// Users and mailboxes; messages are in writer_messages.cpp.
#include "mail/store/writer.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

#include <array>
#include <utility>

#include "mail/store/names.hpp"
#include "mail/store/schema.hpp"
#include "mail/store/writer_statements.hpp"

namespace lab::mail {
namespace {

struct Special {
  const char* name;
  const char* use;  // RFC 6154
};
constexpr std::array<Special, 5> kStandard = {
    {{"INBOX", ""}, {"Sent", "\\Sent"}, {"Drafts", "\\Drafts"}, {"Trash", "\\Trash"}, {"Junk", "\\Junk"}}};

}  // namespace

Writer::Writer(SQLite::Database& database) : sql_(std::make_unique<Statements>(database)) {}
Writer::~Writer() = default;

std::int64_t Writer::ensure_user(std::string_view user) {
  if (auto rows = sql_->user_by_name(user); rows.next()) return rows.integer(0);
  std::int64_t id = 0;
  {
    auto rows = sql_->add_user(user);
    rows.next();
    id = rows.integer(0);
  }
  for (const auto& [name, use] : kStandard) {
    const auto validity = next_uidvalidity(id);
    sql_->add_mailbox.run(id, std::string_view(name), std::string_view(use), validity);
    sql_->subscribe.run(id, std::string_view(name));  // what is not subscribed Thunderbird does not show
  }
  return id;
}

std::int64_t Writer::mailbox_of(std::string_view user, std::string_view name) {
  const auto canonical = canonical_mailbox(name);
  auto rows = sql_->mailbox_by_name(user, std::string_view(canonical));
  return rows.next() ? rows.integer(0) : 0;
}

/// Never the same twice for a user, and never less than the clock: who deletes the store and begins again
/// does not meet the values of the store before (RFC 3501 2.3.1.1).
std::uint32_t Writer::next_uidvalidity(std::int64_t user) {
  auto rows = sql_->next_validity(user, static_cast<std::int64_t>(std::time(nullptr)));
  rows.next();
  return static_cast<std::uint32_t>(rows.integer(0));
}

void Writer::set_quota(std::int64_t user, std::uint64_t bytes) { sql_->set_quota.run(user, bytes); }

bool Writer::claim_welcome(std::int64_t user) {
  auto rows = sql_->claim_welcome(user);
  return rows.next();
}

Accepted<std::int64_t> Writer::create(std::string_view user, std::string_view name,
                                      std::string_view special) {
  const auto id = ensure_user(user);
  const auto canonical = canonical_mailbox(name);
  if (mailbox_of(user, canonical) != 0) return std::unexpected(Refusal::AlreadyExists);
  std::int64_t made = 0;
  // RFC 3501 6.3.3: the levels above are made too.
  for (std::size_t end = canonical.find('/');; end = canonical.find('/', end + 1)) {
    const auto level = std::string_view(canonical).substr(0, end);
    if (mailbox_of(user, level) == 0) {
      const auto validity = next_uidvalidity(id);
      auto rows =
          sql_->add_mailbox(id, level, end == std::string::npos ? special : std::string_view(), validity);
      rows.next();
      made = rows.integer(0);
    }
    if (end == std::string::npos) return made;
  }
}

Accepted<void> Writer::remove(std::string_view user, std::string_view name) {
  if (canonical_mailbox(name) == "INBOX") return std::unexpected(Refusal::InUse);
  const auto id = mailbox_of(user, name);
  if (id == 0) return std::unexpected(Refusal::NoSuchMailbox);
  const auto row = mailbox(id);
  remove_messages(id);
  sql_->remove_expunged.run(id);
  sql_->remove_mailbox.run(id);
  touch(id, row.modseq + 1);
  return {};
}

Accepted<void> Writer::rename(std::string_view user, std::string_view from, std::string_view to) {
  const auto source = canonical_mailbox(from), target = canonical_mailbox(to);
  const auto id = mailbox_of(user, source);
  if (id == 0) return std::unexpected(Refusal::NoSuchMailbox);
  if (mailbox_of(user, target) != 0) return std::unexpected(Refusal::AlreadyExists);
  if (target.starts_with(source + "/") && source != "INBOX") return std::unexpected(Refusal::InUse);
  if (source == "INBOX") {
    if (auto made = create(user, target); !made) return std::unexpected(made.error());
    const auto row = mailbox(id);
    if (row.uidnext == 1) return {};
    UidSet all;
    all.add(1, row.uidnext - 1);
    if (auto moved = copy(id, all, user, target, true); !moved) return std::unexpected(moved.error());
    return {};
  }
  if (const auto slash = target.rfind('/'); slash != std::string::npos)
    if (const auto parent = target.substr(0, slash); mailbox_of(user, parent) == 0)
      if (auto made = create(user, parent); !made) return std::unexpected(made.error());

  const auto user_id = mailbox(id).user;
  std::vector<std::pair<std::int64_t, std::string>> renamed{{id, target}};
  {
    auto rows = sql_->below(user_id, std::string_view(source));
    while (rows.next())
      renamed.emplace_back(rows.integer(0), target + std::string(rows.text(1).substr(source.size())));
  }
  for (const auto& [mailbox_id, name] : renamed) {
    if (mailbox_of(user, name) != 0) return std::unexpected(Refusal::AlreadyExists);
    // The UIDs stay what they were; a new UIDVALIDITY says that this name's old cache is of another mailbox.
    sql_->rename_mailbox.run(mailbox_id, std::string_view(name), next_uidvalidity(user_id));
  }
  return {};
}

void Writer::subscribe(std::string_view user, std::string_view name, bool yes) {
  const auto canonical = canonical_mailbox(name);
  const auto id = ensure_user(user);
  (yes ? sql_->subscribe : sql_->unsubscribe).run(id, std::string_view(canonical));
}

Writer::Row Writer::mailbox(std::int64_t id) {
  auto rows = sql_->mailbox_row(id);
  if (!rows.next()) return {};
  return {.user = rows.integer(0),
          .modseq = rows.integer(1),
          .uidnext = static_cast<std::uint32_t>(rows.integer(2)),
          .messages = static_cast<std::uint32_t>(rows.integer(3)),
          .deleted = static_cast<std::uint32_t>(rows.integer(4)),
          .uidvalidity = static_cast<std::uint32_t>(rows.integer(6)),
          .keywords = rows.string(5),
          .found = true};
}

void Writer::add_to_usage(std::int64_t user, std::int64_t bytes, std::int64_t messages) {
  sql_->add_usage.run(user, bytes, messages);
}

void Writer::touch(std::int64_t mailbox, std::int64_t modseq) {
  for (auto& t : touched_)
    if (t.mailbox == mailbox) {
      t.modseq = std::max(t.modseq, modseq);
      return;
    }
  touched_.push_back({mailbox, modseq});
}

std::vector<Writer::Touched> Writer::take_touched() { return std::exchange(touched_, {}); }

void Writer::seen_by_a_session(std::int64_t mailbox, std::uint32_t uidnext) {
  sql_->set_recent.run(mailbox, uidnext);
}

}  // namespace lab::mail
