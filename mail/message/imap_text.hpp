/// imap_text -- what IMAP says of a message without its text: ENVELOPE, BODY and BODYSTRUCTURE (RFC
/// 3501 7.4.2), written once at delivery and kept. Only quoted strings and NIL, only ASCII: text beyond it is
/// written as encoded words, for a client that did not enable UTF-8 must not meet it (RFC 6855 3).
#pragma once
#include <string>
#include <string_view>

#include "mail/message/structure.hpp"

namespace lab::message {

/// `"text"`, `\` and `"` escaped; control characters left out.
std::string quote(std::string_view text);

/// `("Mon, 23 Nov 2026 09:00:00 +0000" "subject" ((…)) …)` of a message's header.
std::string envelope(std::string_view header);

/// With all extension fields: clients show images as text otherwise. `message` is what `part` was parsed
/// from.
std::string body_structure(const Part& part, std::string_view message);

/// BODY from BODYSTRUCTURE: the same without its extension fields. The text must be one of
/// `body_structure`'s.
std::string body_of(std::string_view body_structure);

}  // namespace lab::message
