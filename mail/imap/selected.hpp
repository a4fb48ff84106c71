/// selected -- the mailbox a session has open, as that session counts it. Others change the mailbox at any
/// time; what they did is told at the moments the protocol allows (RFC 3501 5.2, 7.4.1), and until then no
/// number shifts.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "mail/store/keywords.hpp"
#include "mail/store/reader.hpp"
#include "mail/store/watch.hpp"
#include "mail/store/writer.hpp"

namespace lab::mail::imap {

/// What the client has asked to hear (RFC 5161, RFC 7162).
struct Enabled {
  bool condstore = false;  ///< modseqs with flags
  bool qresync = false;    ///< VANISHED instead of EXPUNGE
};

class Selected {
 public:
  Selected(Reader& reader, const MailboxState& state, bool read_only,
           std::unique_ptr<Watch::Listener> listener);

  std::int64_t id() const { return id_; }
  bool read_only() const { return read_only_; }
  const UidMap& view() const { return view_; }
  const Keywords& keywords() const { return keywords_; }
  std::int64_t modseq() const { return modseq_; }
  bool recent(std::uint32_t uid) const { return uid >= recent_from_; }
  std::uint32_t recent_count() const { return view_.size() - view_.count_below(recent_from_); }
  /// The UID after the last, where messages came since the mailbox was selected; else 0.
  std::uint32_t next_if_grown() const { return view_.last_uid() >= opened_at_ ? view_.last_uid() + 1 : 0; }
  /// UIDs gone from the store that this session still counts.
  const UidSet& gone() const { return gone_; }

  /// Whether somebody changed the mailbox since the last `sync`.
  bool changed() { return listener_->changed(); }
  /// Appends what has changed since the last time as untagged responses. Without `may_expunge` what is gone
  /// stays counted.
  void sync(Reader& reader, std::string& out, const Enabled& enabled, bool may_expunge);
  /// Appends FLAGS and PERMANENTFLAGS if the mailbox has learnt keywords: they are told before flags name
  /// them.
  void learn_keywords(std::string_view keywords, std::string& out);
  /// This session's own change: what it was answered need not be told again, if nobody else changed anything
  /// in between.
  void know(const Changed& change);
  /// Appends the EXPUNGEs (or VANISHED) of what this session itself has removed, and of what was gone before.
  void expunge(const UidSet& uids, std::string& out, const Enabled& enabled);

  /// `(\Seen $Forwarded)`; \Recent where it is.
  void write_flags(std::string& out, std::int64_t flags, std::uint32_t uid) const;
  /// `* FLAGS (…)` and PERMANENTFLAGS.
  void write_known_flags(std::string& out) const;
  /// `* 3 FETCH (FLAGS (\Seen))`, UID and MODSEQ as asked.
  void write_fetch_flags(std::string& out, std::uint32_t uid, std::int64_t flags, std::int64_t modseq,
                         bool with_uid, bool with_modseq, bool with_flags = true) const;

 private:
  std::int64_t id_, modseq_;
  bool read_only_;
  std::uint32_t opened_at_, uidnext_, recent_from_;
  UidMap view_;
  UidSet gone_;
  Keywords keywords_;
  std::unique_ptr<Watch::Listener> listener_;
};

}  // namespace lab::mail::imap
