#include "mail/imap/sequence_set.hpp"

#include <fmt/format.h>

namespace lab::mail::imap {
namespace {

void append(std::string& out, std::uint32_t first, std::uint32_t last) {
  if (!out.empty()) out += ',';
  out += fmt::format_int(first).c_str();
  if (last != first) out += ':', out += fmt::format_int(last).c_str();
}

}  // namespace

UidSet SequenceSet::resolve(std::uint32_t largest) const {
  UidSet out;
  for (const auto& range : ranges_) {
    const auto first = range.first == kLast ? largest : range.first,
               last = range.last == kLast ? largest : range.last;
    if (first != 0 && last != 0) out.add(first, last);
  }
  return out;
}

std::string text_of(const UidSet& set) {
  std::string out;
  for (const auto& range : set.ranges()) append(out, range.first, range.last);
  return out;
}

std::string text_of(const std::vector<std::uint32_t>& numbers) {
  std::string out;
  for (std::size_t i = 0; i < numbers.size();) {
    auto end = i + 1;
    while (end < numbers.size() && numbers[end] == numbers[end - 1] + 1) ++end;
    append(out, numbers[i], numbers[end - 1]);
    i = end;
  }
  return out;
}

}  // namespace lab::mail::imap
