/// cursor -- walks over one line of a text protocol: a parser written with it reads like the grammar it
/// follows. Each `take` either consumes what it names and says so, or consumes nothing.
#pragma once
#include <string_view>

namespace lab::mail {

inline char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
inline bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// Compares as mail protocols compare keywords: ASCII letters in either case, no locale.
inline bool equals_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (ascii_lower(a[i]) != ascii_lower(b[i])) return false;
  return true;
}

class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}
  bool at_end() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }
  char peek() const { return rest_.empty() ? '\0' : rest_.front(); }

  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// `word` in any case.
  bool take(std::string_view word) {
    if (!equals_ignoring_case(rest_.substr(0, word.size()), word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  /// As many characters as `belongs` holds for; may be none.
  template <class Predicate>
  std::string_view take_while(Predicate belongs) {
    std::size_t n = 0;
    while (n < rest_.size() && belongs(rest_[n])) ++n;
    auto taken = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return taken;
  }
  std::size_t skip_spaces() {
    return take_while([](char c) { return c == ' '; }).size();
  }
  char take_any() {
    char c = peek();
    if (!rest_.empty()) rest_.remove_prefix(1);
    return c;
  }

 private:
  std::string_view rest_;
};

}  // namespace lab::mail
