/// keywords -- the words a mailbox's messages are flagged with besides IMAP's own: `$Forwarded`, `NonJunk`, a
/// teacher's `Corrigé`. Each has a bit of the flags, given when the mailbox first meets it and never taken
/// back.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lab::mail {

class Keywords {
 public:
  /// The column: words parted by blanks.
  explicit Keywords(std::string_view text);
  std::string text() const;
  const std::vector<std::string>& words() const { return words_; }

  /// Its bit; 0 where the mailbox does not know the word. Any case (RFC 3501 2.3.2).
  std::int64_t find(std::string_view word) const;
  /// Its new bit; 0 where there is no room.
  std::int64_t add(std::string_view word);
  /// The same flags in another mailbox's bits; words it does not know are added while it has room.
  std::int64_t translate(std::int64_t flags, Keywords& other) const;

 private:
  std::vector<std::string> words_;
};

}  // namespace lab::mail
