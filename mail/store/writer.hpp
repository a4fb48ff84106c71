/// writer -- every change to mailboxes, made on the writer thread inside the group's transaction. What a
/// person may have asked wrongly comes back as a Refusal, with nothing changed; what should not happen throws
/// and undoes the job.
#pragma once
#include <cstdint>
#include <ctime>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mail/message/date.hpp"
#include "mail/store/content.hpp"
#include "mail/store/query.hpp"
#include "mail/store/uid_set.hpp"

namespace lab::mail {

enum class Refusal {
  NoSuchMailbox,
  AlreadyExists,
  InUse,  ///< INBOX cannot be deleted, no mailbox can move below itself
  OverQuota,
  TooManyKeywords,  ///< the mailbox has all it can hold
};

template <class T>
using Accepted = std::expected<T, Refusal>;

/// Flags as a command names them: the bits of schema.hpp, and keywords by name.
struct FlagList {
  std::int64_t system = 0;
  std::vector<std::string> keywords;
};

struct NewMessage {
  std::shared_ptr<const Content> content;
  FlagList flags;
  message::Date received;
};

struct Appended {
  std::uint32_t uidvalidity = 0;
  UidSet uids;
};

enum class FlagChange { Set, Add, Remove };

struct StoreFlags {
  std::int64_t mailbox = 0;
  UidSet uids;
  FlagChange change = FlagChange::Set;
  FlagList flags;
  std::uint64_t unchanged_since = UINT64_MAX;  ///< RFC 7162 3.1.3: leave alone what changed later
};

/// What a change did to a mailbox. A session that knew it at `modseq_before` knows it at `modseq` by this
/// alone.
struct Changed {
  struct Message {
    std::uint32_t uid = 0;
    std::int64_t flags = 0;
  };
  std::int64_t modseq_before = 0, modseq = 0;
  std::vector<Message> messages;  ///< with their new flags, ascending
  UidSet refused;                 ///< changed later than `unchanged_since`
  UidSet gone;                    ///< expunged
};

/// RFC 4315: which message became which.
struct Copied {
  std::uint32_t uidvalidity = 0;
  std::vector<std::uint32_t> from, to;  ///< in step
  Changed source;                       ///< of a move
};

class Writer {
 public:
  explicit Writer(SQLite::Database& database);
  ~Writer();

  /// INBOX and the special ones; the user's id.
  std::int64_t ensure_user(std::string_view user);
  /// 0 where there is none. `name` in UTF-8; INBOX in any case.
  std::int64_t mailbox_of(std::string_view user, std::string_view name);
  void set_quota(std::int64_t user, std::uint64_t bytes);
  /// True the first time it is called for this user, for ever.
  bool claim_welcome(std::int64_t user);

  Accepted<std::int64_t> create(std::string_view user, std::string_view name, std::string_view special = {});
  Accepted<void> remove(std::string_view user, std::string_view name);
  /// Inferior names move along. INBOX leaves itself behind, empty (RFC 3501 6.3.5).
  Accepted<void> rename(std::string_view user, std::string_view from, std::string_view to);
  void subscribe(std::string_view user, std::string_view name, bool yes);

  /// Keeps the text once; the id to give to `add`. A content nobody adds is forgotten at the end of the job.
  std::int64_t keep(const Content& content);
  /// One more message with this content.
  std::uint32_t add(std::int64_t mailbox, std::int64_t content_id, const Content& content, std::int64_t flags,
                    message::Date received);
  Accepted<Appended> append(std::string_view user, std::string_view mailbox,
                            const std::vector<NewMessage>& messages);
  Accepted<Changed> store_flags(const StoreFlags& request);
  /// What has \Deleted among `uids`, or what is named whether it has it or not.
  Changed expunge(std::int64_t mailbox, const UidSet& uids, bool only_deleted);
  Accepted<Copied> copy(std::int64_t mailbox, const UidSet& uids, std::string_view user, std::string_view to,
                        bool move);
  /// What arrived up to now has been told to somebody: \Recent for nobody else (RFC 3501 2.3.2).
  void seen_by_a_session(std::int64_t mailbox, std::uint32_t uidnext);

  /// The mailboxes changed since the last call, each with its new modseq; and users whose list of mailboxes
  /// changed.
  struct Touched {
    std::int64_t mailbox = 0, modseq = 0;
  };
  std::vector<Touched> take_touched();

 private:
  struct Statements;
  struct Row;
  Row mailbox(std::int64_t id);
  void remove_messages(std::int64_t mailbox);
  void unlink(std::int64_t content);
  void add_to_usage(std::int64_t user, std::int64_t bytes, std::int64_t messages);
  Accepted<std::int64_t> bits(std::int64_t mailbox, const FlagList& flags, bool create);
  void touch(std::int64_t mailbox, std::int64_t modseq);
  std::uint32_t next_uidvalidity(std::int64_t user);

  std::unique_ptr<Statements> sql_;
  std::vector<Touched> touched_;
};

}  // namespace lab::mail
