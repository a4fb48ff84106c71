/// lexer -- the terminals of IMAP's grammar (RFC 3501 9) over one command with its literals in place. The
/// first thing that does not fit is remembered and everything after it yields empty values, so that a command
/// reads as its ABNF.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mail/cursor.hpp"
#include "mail/imap/command.hpp"
#include "mail/imap/limits.hpp"

namespace lab::mail::imap {

class Lexer {
 public:
  Lexer(std::string_view command, const Limits& limits) : at_(command), limits_(limits) {}

  bool ok() const { return error_.empty(); }
  const std::string& error() const { return error_; }
  void fail(std::string what);
  /// Counts what is nested; false (and failed) beyond the limit.
  bool enter() { return ++depth_ <= limits_.nesting || (fail("nested too deeply"), false); }
  void leave() { --depth_; }

  char peek() const { return ok() ? at_.peek() : '\0'; }
  bool at_end() const { return !ok() || at_.at_end(); }
  bool take(char c) { return ok() && at_.take(c); }
  bool take(std::string_view word) { return ok() && at_.take(word); }
  /// `word` not followed by more of an atom.
  bool take_word(std::string_view word);
  void expect(char c, const char* why);
  /// One blank; more are forgiven.
  void space();
  void end();

  std::string tag();
  /// Up to what cannot be in an atom; empty (and failed) where nothing is.
  std::string atom(const char* what);
  /// quoted / literal
  std::string string();
  std::string_view literal();
  std::string astring();
  std::string list_mailbox();
  std::string mailbox();
  std::string utf8_name(std::string raw);
  std::uint32_t number();
  std::uint32_t nz_number();
  std::uint64_t number64();
  SequenceSet sequence_set();
  FlagList flags(bool parentheses_needed);
  void flag(FlagList& list);
  message::Date date_time();
  /// The day of `1-Feb-2026`, quoted or not.
  std::int64_t date();

  const Limits& limits() const { return limits_; }

 private:
  std::uint32_t sequence_number();
  Cursor at_;
  const Limits& limits_;
  std::string error_;
  int depth_ = 0;
};

}  // namespace lab::mail::imap
