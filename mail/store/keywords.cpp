#include "mail/store/keywords.hpp"

#include "mail/cursor.hpp"
#include "mail/store/schema.hpp"

namespace lab::mail {
namespace {

std::int64_t bit(std::size_t index) { return std::int64_t{1} << (index + kFirstKeyword); }

}  // namespace

Keywords::Keywords(std::string_view text) {
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    if (!word.empty()) words_.emplace_back(word);
    text.remove_prefix(std::min(text.size(), word.size() + 1));
  }
}

std::string Keywords::text() const {
  std::string out;
  for (const auto& word : words_) out += (out.empty() ? "" : " ") + word;
  return out;
}

std::int64_t Keywords::find(std::string_view word) const {
  for (std::size_t i = 0; i < words_.size(); ++i)
    if (equals_ignoring_case(words_[i], word)) return bit(i);
  return 0;
}

std::int64_t Keywords::add(std::string_view word) {
  if (words_.size() >= kMostKeywords) return 0;
  words_.emplace_back(word);
  return bit(words_.size() - 1);
}

std::int64_t Keywords::translate(std::int64_t flags, Keywords& other) const {
  auto out = flags & (bit(0) - 1);
  for (std::size_t i = 0; i < words_.size(); ++i) {
    if ((flags & bit(i)) == 0) continue;
    const auto known = other.find(words_[i]);
    out |= known != 0 ? known : other.add(words_[i]);
  }
  return out;
}

}  // namespace lab::mail
