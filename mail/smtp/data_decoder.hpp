/// data_decoder -- finds the end of a message sent with DATA and takes the dot-stuffing away (RFC
/// 5321 4.5.2). The end is CR LF . CR LF and nothing else: a server that also ends at `LF . CR LF` can be
/// made to see two messages where the next one sees one (SMTP smuggling, CVE-2023-51764). A lone CR or LF
/// anywhere spoils the message as a whole (RFC 5321 2.3.8).
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace lab::mail::smtp {

/// Whether every CR is followed by LF and every LF preceded by CR, over text that comes in pieces.
class LineEndings {
 public:
  void feed(std::string_view text);
  /// A CR or LF stood alone so far, or the text has ended in a CR.
  bool broken() const { return broken_; }
  void finish() { broken_ = broken_ || after_cr_; }

 private:
  bool after_cr_ = false;
  bool broken_ = false;
};

class DataDecoder {
 public:
  /// Decodes into `message`, but never lets it grow beyond `limit` bytes: what is more is counted and thrown
  /// away.
  DataDecoder(std::string& message, std::size_t limit) : message_(message), limit_(limit) {}

  /// Takes bytes up to and including the end of the message; returns how many.
  std::size_t feed(std::string_view input);
  bool done() const { return state_ == State::Done; }
  bool bare_line_end() const { return bare_; }  ///< refuse the message
  bool too_large() const { return dropped_ > 0; }
  std::size_t dropped() const { return dropped_; }
  /// From here on nothing is kept; only the end is looked for.
  void keep_nothing() { limit_ = 0; }

 private:
  enum class State { LineStart, Text, Cr, Dot, DotCr, Done };
  void put(std::string_view text);

  std::string& message_;
  std::size_t limit_;
  std::size_t dropped_ = 0;
  State state_ = State::LineStart;
  bool bare_ = false;
};

/// The reverse: `message` (CR LF lines) ready to follow "354", the final dot included. A missing last CR LF
/// is added.
std::string dot_stuffed(std::string_view message);

}  // namespace lab::mail::smtp
