/// command -- what a POP3 client can ask for (RFC 1939, RFC 2449, RFC 2595, RFC 5034), as a value.
#pragma once
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace lab::mail::pop3 {

enum class Verb { Capa, Stls, User, Pass, Auth, Quit, Noop, Stat, List, Uidl, Retr, Top, Dele, Rset };

struct Command {
  Verb verb = Verb::Noop;
  std::optional<std::uint32_t> message;  ///< LIST 3, RETR 3 …
  std::uint64_t lines = 0;               ///< TOP 3 10
  std::string text;                      ///< USER's name, PASS's password, AUTH's mechanism
  std::optional<std::string> initial;    ///< AUTH PLAIN …
};

/// The command, or what to say behind -ERR.
std::expected<Command, std::string> parse_command(std::string_view line);

/// A message as a multi-line answer: lines that begin with a dot get one more (RFC 1939 3). Works on pieces
/// of it.
class DotStuffer {
 public:
  /// Stops after `body_lines` lines of the body, for TOP.
  explicit DotStuffer(std::uint64_t body_lines = UINT64_MAX) : left_(body_lines) {}
  /// Appends the next piece. False when no more is wanted.
  bool add(std::string_view piece, std::string& out);
  /// Appends the end: a line end if the text had none, and the dot.
  void end(std::string& out) const;

 private:
  bool in_header_ = true, at_line_start_ = true, line_empty_ = true;
  std::uint64_t left_;
};

}  // namespace lab::mail::pop3
