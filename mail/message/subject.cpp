#include "mail/message/subject.hpp"

namespace lab::message {
namespace {

void trim(std::string_view& text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
}

/// subj-blob: `[list] `
bool take_blob(std::string_view& text) {
  if (!text.starts_with('[')) return false;
  const auto end = text.find_first_of("[]", 1);
  if (end == std::string_view::npos || text[end] != ']') return false;
  text.remove_prefix(end + 1);
  while (text.starts_with(' ')) text.remove_prefix(1);
  return true;
}

/// subj-refwd: `re:`, `fwd:`, `fw [list]:`
bool take_reply(std::string_view& text) {
  auto rest = text;
  if (rest.starts_with("re"))
    rest.remove_prefix(2);
  else if (rest.starts_with("fwd"))
    rest.remove_prefix(3);
  else if (rest.starts_with("fw"))
    rest.remove_prefix(2);
  else
    return false;
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  take_blob(rest);
  if (!rest.starts_with(':')) return false;
  rest.remove_prefix(1);
  text = rest;
  return true;
}

}  // namespace

// The steps of RFC 5256 2.1 by number. Each shortens the text, so the loops end.
BaseSubject base_subject(std::string_view folded) {
  BaseSubject base{folded, false};
  auto& text = base.text;
  for (bool again = true; again;) {
    again = false;
    trim(text);
    while (text.ends_with("(fwd)")) {  // 2
      text.remove_suffix(5);
      trim(text);
      base.reply = true;
    }
    for (bool more = true; more;) {  // 3 to 5
      trim(text);
      auto after_blobs = text;
      while (take_blob(after_blobs)) {
      }
      if (auto rest = after_blobs; take_reply(rest)) {  // 3: subj-leader
        text = rest;
        base.reply = true;
        continue;
      }
      auto rest = text;
      more = take_blob(rest) && !rest.empty();  // 4: unless nothing would be left
      if (more) text = rest;
    }
    if (text.starts_with("[fwd:") && text.ends_with(']')) {  // 6
      text.remove_prefix(5);
      text.remove_suffix(1);
      base.reply = again = true;
    }
  }
  return base;
}

}  // namespace lab::message
