/// fetch -- what FETCH answers (RFC 3501 7.4.2), message after message, in pieces small enough to send while
/// the rest waits in the store. A large text is not read here: the piece says where it lies.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mail/imap/command.hpp"
#include "mail/imap/limits.hpp"
#include "mail/imap/selected.hpp"

namespace lab::mail::imap {

class FetchAnswer {
 public:
  /// A stretch of a stored text, to be sent after the text before it.
  struct Body {
    std::int64_t content = 0;
    std::size_t header_size = 0, begin = 0, end = 0;
  };
  struct Piece {
    std::string text;
    std::optional<Body> body;
  };

  /// `uids`: known to the session. `mark_seen`: those that this very command gave \Seen, so that the new
  /// flags are told.
  FetchAnswer(const Fetch& request, UidSet uids, UidSet mark_seen, const Selected& selected, bool uid_command,
              bool condstore, const Limits& limits);

  /// The next pieces, about a block of them; false when there are no more.
  bool next(Reader& reader, std::vector<Piece>& pieces);
  /// Messages the session counts and the store has no more (RFC 2180 4.1.2).
  std::uint64_t missing() const { return wanted_ - found_ - skipped_; }

 private:
  void write(const MessageRow& row, Reader& reader, std::vector<Piece>& pieces);
  void section(const FetchItem& item, const MessageRow& row, Reader& reader, std::vector<Piece>& pieces);

  const std::vector<FetchItem>& items_;
  UidSet uids_, mark_seen_;
  const Selected& selected_;
  const Limits& limits_;
  std::optional<std::uint64_t> changed_since_;
  bool with_uid_ = false, with_modseq_ = false, with_flags_ = false, needs_content_ = false;
  unsigned columns_ = 0;
  std::size_t range_ = 0;
  std::uint32_t next_uid_ = 0;
  std::uint64_t wanted_ = 0, found_ = 0, skipped_ = 0;
};

/// The lines of a header whose names are listed (or are not), and the empty line (RFC 3501 6.4.5).
std::string select_fields(std::string_view header, const std::vector<std::string>& names, bool others);

}  // namespace lab::mail::imap
