#include "mail/store/uid_set.hpp"

#include <algorithm>

namespace lab::mail {

void UidSet::add(std::uint32_t first, std::uint32_t last) {
  if (first > last) std::swap(first, last);
  if (ranges_.empty() || first > ranges_.back().last) {  // the usual case: in order
    if (!ranges_.empty() && first == ranges_.back().last + 1)
      ranges_.back().last = last;
    else
      ranges_.push_back({first, last});
    return;
  }
  // The first range that ends at or next to `first`, and all those that begin at or next to `last`, become
  // one.
  auto begin = std::partition_point(ranges_.begin(), ranges_.end(),
                                    [&](const Range& r) { return std::uint64_t{r.last} + 1 < first; });
  auto end = begin;
  while (end != ranges_.end() && end->first <= std::uint64_t{last} + 1) {
    first = std::min(first, end->first);
    last = std::max(last, end->last);
    ++end;
  }
  begin = ranges_.erase(begin, end);
  ranges_.insert(begin, {first, last});
}

bool UidSet::contains(std::uint32_t number) const {
  const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), number,
                                      [](std::uint32_t n, const Range& r) { return n < r.first; });
  return after != ranges_.begin() && std::prev(after)->last >= number;
}

std::uint64_t UidSet::size() const {
  std::uint64_t total = 0;
  for (const auto& r : ranges_) total += std::uint64_t{r.last} - r.first + 1;
  return total;
}

void UidMap::append(std::uint32_t uid, std::uint32_t count) {
  if (!runs_.empty() && runs_.back().uid + runs_.back().count == uid)
    runs_.back().count += count;
  else
    runs_.push_back({size() + 1, uid, count});
}

std::uint32_t UidMap::number_of(std::uint32_t uid) const {
  const auto after = std::upper_bound(runs_.begin(), runs_.end(), uid,
                                      [](std::uint32_t u, const Run& r) { return u < r.uid; });
  if (after == runs_.begin()) return 0;
  const auto& run = *std::prev(after);
  return uid - run.uid < run.count ? run.number + (uid - run.uid) : 0;
}

std::uint32_t UidMap::uid_at(std::uint32_t number) const {
  const auto after = std::upper_bound(runs_.begin(), runs_.end(), number,
                                      [](std::uint32_t n, const Run& r) { return n < r.number; });
  const auto& run = *std::prev(after);
  return run.uid + (number - run.number);
}

std::uint32_t UidMap::count_below(std::uint32_t uid) const {
  const auto after = std::lower_bound(runs_.begin(), runs_.end(), uid,
                                      [](const Run& r, std::uint32_t u) { return r.uid < u; });
  if (after == runs_.begin()) return 0;
  const auto& run = *std::prev(after);
  return run.number - 1 + std::min(uid - run.uid, run.count);
}

std::vector<std::uint32_t> UidMap::remove(const UidSet& uids) {
  std::vector<std::uint32_t> numbers;
  std::vector<Run> kept;
  std::uint32_t next = 1;
  const auto keep = [&](std::uint32_t uid, std::uint32_t count) {
    if (count == 0) return;
    if (!kept.empty() && kept.back().uid + kept.back().count == uid)
      kept.back().count += count;
    else
      kept.push_back({next, uid, count});
    next += count;
  };
  auto range = uids.ranges().begin();
  const auto end = uids.ranges().end();
  for (const auto& run : runs_) {
    const std::uint32_t last = run.uid + (run.count - 1);
    std::uint32_t uid = run.uid;
    while (range != end && range->last < uid) ++range;
    for (auto r = range; r != end && r->first <= last; ++r) {
      const auto from = std::max(uid, r->first), to = std::min(last, r->last);
      keep(uid, from - uid);
      for (std::uint32_t gone = from;; ++gone) {
        numbers.push_back(run.number + (gone - run.uid));
        if (gone == to) break;
      }
      uid = to + 1;
      if (to == last) break;
    }
    if (uid <= last && uid >= run.uid) keep(uid, last - uid + 1);
  }
  runs_ = std::move(kept);
  std::reverse(numbers.begin(), numbers.end());  // from the end, no number shifts another
  return numbers;
}

UidSet UidMap::uids_of(const UidSet& numbers) const {
  UidSet out;
  for (const auto& range : numbers.ranges()) {
    const auto last = std::min(range.last, size());
    auto run = std::partition_point(runs_.begin(), runs_.end(),
                                    [&](const Run& r) { return r.number + (r.count - 1) < range.first; });
    for (; run != runs_.end() && run->number <= last; ++run) {
      const auto from = std::max(range.first, run->number),
                 to = std::min(last, run->number + (run->count - 1));
      out.add(run->uid + (from - run->number), run->uid + (to - run->number));
    }
  }
  return out;
}

UidSet UidMap::known(const UidSet& uids) const {
  UidSet out;
  auto run = runs_.begin();
  for (const auto& range : uids.ranges()) {
    while (run != runs_.end() && run->uid + (run->count - 1) < range.first) ++run;
    for (auto r = run; r != runs_.end() && r->uid <= range.last; ++r)
      out.add(std::max(range.first, r->uid), std::min(range.last, r->uid + (r->count - 1)));
  }
  return out;
}

UidSet UidMap::all() const {
  UidSet out;
  for (const auto& run : runs_) out.add(run.uid, run.uid + (run.count - 1));
  return out;
}

}  // namespace lab::mail
