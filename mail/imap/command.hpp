/// command -- what an IMAP client can ask for, as values: one struct per command, one variant of them all
/// (RFC 3501 6 and the extensions named beside them). Names of mailboxes are UTF-8 here.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "mail/imap/sequence_set.hpp"
#include "mail/message/date.hpp"
#include "mail/message/layout.hpp"
#include "mail/store/writer.hpp"

namespace lab::mail::imap {

struct Capability {};
struct Noop {};
struct Logout {};
struct StartTls {};
struct Check {};
struct Close {};
struct Unselect {};   // RFC 3691
struct Idle {};       // RFC 2177
struct Namespace {};  // RFC 2342
struct Id {};         // RFC 2971

struct Authenticate {
  std::string mechanism;
  std::optional<std::string> initial;  // RFC 4959
};
struct LogIn {
  std::string user, password;
};
struct Enable {  // RFC 5161
  std::vector<std::string> capabilities;
};

/// RFC 7162 3.2.5: what the client remembers of the mailbox.
struct Resync {
  std::uint32_t uidvalidity = 0;
  std::uint64_t modseq = 0;
  std::optional<SequenceSet> known;
};
struct Select {
  std::string mailbox;
  bool read_only = false;
  bool condstore = false;
  std::optional<Resync> resync;
};
struct Create {
  std::string mailbox, special;  // RFC 6154 3
};
struct Delete {
  std::string mailbox;
};
struct Rename {
  std::string from, to;
};
struct Subscribe {
  std::string mailbox;
  bool yes = true;
};

enum class StatusItem { Messages, Recent, UidNext, UidValidity, Unseen, HighestModseq, Size, Deleted };
struct List {
  std::string reference;
  std::vector<std::string> patterns;
  bool lsub = false;
  bool only_subscribed = false, only_special = false, recursive_match = false;  // RFC 5258, RFC 6154
  bool return_subscribed = false;
  std::vector<StatusItem> status;  // RFC 5819
};
struct Status {
  std::string mailbox;
  std::vector<StatusItem> items;
};
struct Append {
  std::string mailbox;
  FlagList flags;
  std::optional<message::Date> date;
  std::string_view message;  // within the command's bytes
};
struct Expunge {
  std::optional<SequenceSet> uids;  // RFC 4315
};

struct SearchKey {
  enum class Kind {
    All,
    Flag,
    Keyword,
    Recent,
    Old,
    Sequence,
    Uid,
    From,
    To,
    Cc,
    Bcc,
    Subject,
    Header,
    Body,
    Text,
    Before,
    On,
    Since,
    SentBefore,
    SentOn,
    SentSince,
    Larger,
    Smaller,
    Older,
    Younger,
    Modseq,
    Not,
    Or,
    And
  };
  Kind kind = Kind::All;
  bool negated = false;     ///< of Flag and Keyword: UNSEEN
  std::int64_t number = 0;  ///< flag bit, day, size, seconds or modseq
  std::string text, field;  ///< UTF-8
  SequenceSet set;
  std::vector<SearchKey> keys;  ///< of Not, Or, And
};
/// What a search reports (RFC 4731); none: the old way.
struct SearchReturn {
  bool min = false, max = false, all = false, count = false;
  bool any() const { return min || max || all || count; }
};
struct Search {
  SearchKey key;
  SearchReturn report;
  bool extended = false;  ///< RETURN was said: answer by ESEARCH
};
enum class SortField { Arrival, Cc, Date, From, Size, Subject, To };
struct SortKey {
  SortField field = SortField::Arrival;
  bool reverse = false;
};
struct Sort {
  std::vector<SortKey> order;
  SearchKey key;
};
struct Thread {
  bool references = true;  ///< false: ORDEREDSUBJECT
  SearchKey key;
};

struct FetchItem {
  enum class Kind { Uid, Flags, InternalDate, Size, Envelope, Body, BodyStructure, Modseq, Section };
  Kind kind = Kind::Uid;
  // Of Section:
  enum class Old {
    No,
    Header,
    Text,
    Message
  } old = Old::No;  ///< RFC822.HEADER and its kin answer by their own names
  bool peek = false;
  std::vector<std::uint32_t> path;
  message::SectionText what = message::SectionText::Body;
  std::vector<std::string> fields;  ///< HEADER.FIELDS
  bool select_fields = false, fields_not = false;
  std::optional<std::pair<std::uint32_t, std::uint32_t>> partial;  ///< offset, length
};
struct Fetch {
  SequenceSet set;
  std::vector<FetchItem> items;
  std::optional<std::uint64_t> changed_since;
  bool vanished = false;
};
struct SetFlags {
  SequenceSet set;
  FlagChange change = FlagChange::Set;
  bool silent = false;
  FlagList flags;
  std::optional<std::uint64_t> unchanged_since;
};
struct Copy {
  SequenceSet set;
  std::string mailbox;
  bool move = false;  // RFC 6851
};
struct GetQuota {  // RFC 9208
  std::string root;
};
struct GetQuotaRoot {
  std::string mailbox;
};

using Request =
    std::variant<Capability, Noop, Logout, StartTls, Check, Close, Unselect, Idle, Namespace, Id,
                 Authenticate, LogIn, Enable, Select, Create, Delete, Rename, Subscribe, List, Status, Append,
                 Expunge, Search, Sort, Thread, Fetch, SetFlags, Copy, GetQuota, GetQuotaRoot>;

struct Command {
  std::string tag;
  std::string_view verb;  ///< "UID FETCH"
  bool uid = false;       ///< said with UID: sets are UIDs, answers too
  Request request;
};

}  // namespace lab::mail::imap
