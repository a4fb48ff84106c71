/// subject -- the base subject, what is left of "Re: [list] Re: lunch (fwd)" (RFC 5256 2.1): SORT and THREAD
/// compare it.
#pragma once
#include <string_view>

namespace lab::message {

struct BaseSubject {
  std::string_view text;  ///< a piece of the subject that was given
  bool reply = false;     ///< something saying "reply" or "forward" was taken off
};

/// `folded`: decoded, in lower case, single blanks (charset.hpp `fold`).
BaseSubject base_subject(std::string_view folded);

}  // namespace lab::message
