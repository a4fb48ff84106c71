#include "mail/imap/selected.hpp"

#include <fmt/format.h>

#include <array>
#include <iterator>

#include "mail/imap/sequence_set.hpp"
#include "mail/store/schema.hpp"

namespace lab::mail::imap {
namespace {

struct Named {
  const char* name;
  std::int64_t bit;
};
constexpr std::array<Named, 5> kSystemFlags = {{{"\\Answered", kAnswered},
                                                {"\\Flagged", kFlagged},
                                                {"\\Deleted", kDeleted},
                                                {"\\Seen", kSeen},
                                                {"\\Draft", kDraft}}};

}  // namespace

Selected::Selected(Reader& reader, const MailboxState& state, bool read_only,
                   std::unique_ptr<Watch::Listener> listener)
    : id_(state.id),
      modseq_(state.modseq),
      read_only_(read_only),
      opened_at_(state.uidnext),
      uidnext_(state.uidnext),
      recent_from_(state.recent_from),
      view_(reader.uids(state)),
      keywords_(state.keywords),
      listener_(std::move(listener)) {}

void Selected::sync(Reader& reader, std::string& out, const Enabled& enabled, bool may_expunge) {
  const auto state = reader.mailbox(id_);
  if (!state) {  // deleted by another session: nothing is left of it (RFC 2180 3.3)
    gone_ = view_.all();
    if (may_expunge) expunge({}, out, enabled);
    return;
  }
  if (state->modseq != modseq_) {
    if (modseq_ < state->forgotten) {  // too long ago to be remembered: compare
      const auto now = reader.uids(*state);
      const auto mine = view_.all();
      gone_.clear();
      for (const auto& range : mine.ranges())
        for (std::uint32_t uid = range.first;; ++uid) {
          if (now.number_of(uid) == 0) gone_.add(uid);
          if (uid == range.last) break;
        }
    } else {
      gone_.add(view_.known(reader.expunged(id_, modseq_)));
    }
  }
  if (may_expunge) expunge({}, out, enabled);
  if (state->modseq == modseq_) return;

  learn_keywords(state->keywords, out);
  std::string flags;
  const auto exists = view_.size();
  reader.changed(id_, modseq_, [&](const MessageRow& row) {
    if (row.uid() >= uidnext_)
      view_.append(row.uid());
    else if (view_.number_of(row.uid()) != 0)
      write_fetch_flags(flags, row.uid(), row.flags(), row.modseq(), enabled.qresync || enabled.condstore,
                        enabled.condstore);
  });
  uidnext_ = state->uidnext;
  modseq_ = state->modseq;
  if (view_.size() != exists)
    fmt::format_to(std::back_inserter(out), "* {} EXISTS\r\n* {} RECENT\r\n", view_.size(), recent_count());
  out += flags;
}

void Selected::learn_keywords(std::string_view keywords, std::string& out) {
  if (keywords == keywords_.text()) return;
  keywords_ = Keywords(keywords);
  write_known_flags(out);
}

void Selected::know(const Changed& change) {
  if (change.modseq_before == modseq_) modseq_ = change.modseq;
}

void Selected::expunge(const UidSet& uids, std::string& out, const Enabled& enabled) {
  gone_.add(uids);
  if (gone_.empty()) return;
  const auto told = view_.known(gone_);
  const auto numbers = view_.remove(gone_);
  gone_.clear();
  if (enabled.qresync) {
    if (!told.empty()) out += "* VANISHED " + text_of(told) + "\r\n";
    return;
  }
  for (const auto number : numbers) fmt::format_to(std::back_inserter(out), "* {} EXPUNGE\r\n", number);
}

void Selected::write_flags(std::string& out, std::int64_t flags, std::uint32_t uid) const {
  out += '(';
  const auto begin = out.size();
  const auto add = [&](std::string_view name) {
    if (out.size() > begin) out += ' ';
    out += name;
  };
  for (const auto& each : kSystemFlags)
    if ((flags & each.bit) != 0) add(each.name);
  if (recent(uid)) add("\\Recent");
  if (flags >> kFirstKeyword != 0)
    for (std::size_t i = 0; i < keywords_.words().size(); ++i)
      if ((flags >> (kFirstKeyword + static_cast<int>(i)) & 1) != 0) add(keywords_.words()[i]);
  out += ')';
}

void Selected::write_known_flags(std::string& out) const {
  std::string list;
  for (const auto& each : kSystemFlags) list += std::string(list.empty() ? "" : " ") + each.name;
  for (const auto& word : keywords_.words()) list += " " + word;
  out += "* FLAGS (" + list + ")\r\n";
  if (read_only_) {
    out += "* OK [PERMANENTFLAGS ()] Read-only\r\n";
  } else {
    const bool room = keywords_.words().size() < kMostKeywords;
    out += "* OK [PERMANENTFLAGS (" + list + (room ? " \\*" : "") + ")] Flags kept\r\n";
  }
}

void Selected::write_fetch_flags(std::string& out, std::uint32_t uid, std::int64_t flags, std::int64_t modseq,
                                 bool with_uid, bool with_modseq, bool with_flags) const {
  fmt::format_to(std::back_inserter(out), "* {} FETCH (", view_.number_of(uid));
  const auto begin = out.size();
  const auto gap = [&] {
    if (out.size() > begin) out += ' ';
  };
  if (with_uid) fmt::format_to(std::back_inserter(out), "UID {}", uid);
  if (with_modseq) gap(), fmt::format_to(std::back_inserter(out), "MODSEQ ({})", modseq);
  if (with_flags) gap(), out += "FLAGS ", write_flags(out, flags, uid);
  out += ")\r\n";
}

}  // namespace lab::mail::imap
