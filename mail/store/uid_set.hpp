/// uid_set -- sets of UIDs and the numbering of a mailbox. Both are runs of neighbours, so that a mailbox of
/// a hundred thousand messages costs a session a few bytes, not four hundred thousand.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

namespace lab::mail {

/// Numbers from 1 up, as `1:5,7` says them.
class UidSet {
 public:
  struct Range {
    std::uint32_t first = 0, last = 0;  ///< both included
    friend bool operator==(const Range&, const Range&) = default;
  };

  UidSet() = default;
  UidSet(std::initializer_list<Range> ranges) {
    for (const auto& r : ranges) add(r.first, r.last);
  }

  void add(std::uint32_t number) { add(number, number); }
  void add(std::uint32_t first, std::uint32_t last);
  void add(const UidSet& other) {
    for (const auto& r : other.ranges_) add(r.first, r.last);
  }
  bool contains(std::uint32_t number) const;
  bool empty() const { return ranges_.empty(); }
  std::uint64_t size() const;
  void clear() { ranges_.clear(); }
  /// Sorted, apart from each other.
  const std::vector<Range>& ranges() const { return ranges_; }
  friend bool operator==(const UidSet&, const UidSet&) = default;

 private:
  std::vector<Range> ranges_;
};

/// Which message number stands for which UID, as one session counts them (RFC 3501 2.3.1.2).
class UidMap {
 public:
  std::uint32_t size() const { return runs_.empty() ? 0 : runs_.back().number + runs_.back().count - 1; }
  std::uint32_t last_uid() const { return runs_.empty() ? 0 : runs_.back().uid + runs_.back().count - 1; }

  /// `uid` must be above all there are.
  void append(std::uint32_t uid) { append(uid, 1); }
  void append(std::uint32_t uid, std::uint32_t count);
  /// 0 where the session does not know the UID.
  std::uint32_t number_of(std::uint32_t uid) const;
  /// `number` from 1 to `size()`.
  std::uint32_t uid_at(std::uint32_t number) const;
  /// How many known UIDs are below `uid`.
  std::uint32_t count_below(std::uint32_t uid) const;
  /// Takes the UIDs out, and tells the numbers to send as EXPUNGE, in an order that makes each right when it
  /// is sent.
  std::vector<std::uint32_t> remove(const UidSet& uids);

  /// The UIDs behind message numbers; numbers past the end are left out.
  UidSet uids_of(const UidSet& numbers) const;
  /// Those of `uids` that the session knows.
  UidSet known(const UidSet& uids) const;
  UidSet all() const;

 private:
  struct Run {
    std::uint32_t number = 0, uid = 0, count = 0;
  };
  std::vector<Run> runs_;
};

}  // namespace lab::mail
