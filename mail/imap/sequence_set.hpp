/// sequence_set -- `1:5,7,*` as a command says it: what `*` means is known only when it runs (RFC 3501 9,
/// sequence-set).
#pragma once
#include <cstdint>
#include <vector>

#include "mail/store/uid_set.hpp"

namespace lab::mail::imap {

class SequenceSet {
 public:
  static constexpr std::uint32_t kLast = 0;  ///< `*`
  void add(std::uint32_t first, std::uint32_t last) { ranges_.push_back({first, last}); }
  bool empty() const { return ranges_.empty(); }
  /// `*` is `largest`; with nothing there (0) it names nothing. `7:*` includes the largest even where that is
  /// less than 7.
  UidSet resolve(std::uint32_t largest) const;
  friend bool operator==(const SequenceSet&, const SequenceSet&) = default;

 private:
  std::vector<UidSet::Range> ranges_;
};

/// `1:5,7`
std::string text_of(const UidSet& set);
/// The same of numbers that go together with others: in their order, runs only where they rise by one.
std::string text_of(const std::vector<std::uint32_t>& numbers);

}  // namespace lab::mail::imap
