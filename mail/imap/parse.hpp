/// parse -- one whole command, its literals in place, becomes a value (RFC 3501 9). Pure: bytes in, command
/// or complaint out.
#pragma once
#include <expected>
#include <string>
#include <string_view>

#include "mail/imap/command.hpp"
#include "mail/imap/lexer.hpp"

namespace lab::mail::imap {

struct BadCommand {
  std::string tag;  ///< "*" where not even that could be read
  std::string why;
};

/// `text`: the line without its end; each literal as `{n}`, CR LF, its bytes. Must outlive the command.
std::expected<Command, BadCommand> parse_command(std::string_view text, const Limits& limits);

// The larger productions, in files of their own.
SearchKey parse_search_program(Lexer& lexer, bool charset_needed);
Fetch parse_fetch(Lexer& lexer);
List parse_list(Lexer& lexer);
std::vector<StatusItem> parse_status_items(Lexer& lexer);

}  // namespace lab::mail::imap
