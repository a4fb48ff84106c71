/// summary -- all that IMAP and POP3 will ask of a message without its text, computed once when it arrives
/// and kept in columns: ENVELOPE, BODYSTRUCTURE, where its parts lie, what SORT compares, what SEARCH looks
/// into, what THREAD follows.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "mail/message/date.hpp"

namespace lab::message {

struct Summary {
  std::size_t header_size = 0;
  std::string envelope, structure, layout;
  bool dated = false;  ///< false: no Date that can be read; `sent` is meaningless then
  Date sent;
  std::string from, to, cc;                   ///< RFC 5256 3: the local part of the first address, folded
  std::string subject;                        ///< decoded and folded
  std::size_t base_begin = 0, base_size = 0;  ///< the base subject (RFC 5256 2.1) within `subject`
  bool reply = false;                         ///< the subject says so
  /// "name <local@domain>, …" folded, for SEARCH; `from_text` of From and so on.
  std::string from_text, to_text, cc_text, bcc_text;
  /// 8 bytes each: the hash of the Message-ID (0: none), then of each of its references, the oldest first
  /// (RFC 5256 3).
  std::string thread_ids;
  std::string signature;
};

Summary summarize(std::string_view message);

/// The text SEARCH BODY and SEARCH TEXT look into: decoded, folded; with the header or without.
std::string searchable_text(std::string_view message, bool with_header);

/// Line ends as the protocols want them: a bare LF or CR becomes CR LF, NUL goes. True where something was
/// changed.
bool normalize_line_ends(std::string_view message, std::string& out);

}  // namespace lab::message
