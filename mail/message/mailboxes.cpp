#include "mail/message/mailboxes.hpp"

#include <string>
#include <utility>

#include "mail/cursor.hpp"

namespace lab::message {
namespace {

using mail::Cursor;

bool is_special(char c) { return std::string_view("()<>[]:;@\\,\"").find(c) != std::string_view::npos; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/// Walks the tokens of RFC 5322 3.2: atoms, quoted strings, domain literals, comments.
class Reader {
 public:
  explicit Reader(std::string_view text) : at_(text) {}

  std::vector<Mailbox> list(std::size_t limit) {
    std::vector<Mailbox> out;
    bool in_group = false;
    while (skip(), !at_.at_end() && out.size() < limit) {
      if (at_.take(',')) continue;
      if (at_.take(';')) {
        if (std::exchange(in_group, false)) out.push_back({.kind = Mailbox::Kind::GroupEnd});
        continue;
      }
      entry(out, in_group);
    }
    if (in_group) out.push_back({.kind = Mailbox::Kind::GroupEnd});
    return out;
  }

 private:
  /// Blanks and comments; the last comment is remembered, for `ali@helper.bac (Ali)` names its writer so.
  void skip() {
    for (;;) {
      at_.take_while(is_blank);
      if (at_.peek() != '(') return;
      comment_ = comment();
    }
  }

  std::string comment() {
    std::string text;
    int depth = 0;
    while (!at_.at_end()) {
      const char c = at_.take_any();
      if (c == '\\' && !at_.at_end()) {
        text += at_.take_any();
      } else if (c == '(') {
        if (depth++ > 0) text += c;
      } else if (c == ')') {
        if (--depth == 0) break;
        text += c;
      } else {
        text += c;
      }
    }
    return text;
  }

  std::string quoted() {
    std::string text;
    at_.take('"');
    while (!at_.at_end()) {
      const char c = at_.take_any();
      if (c == '"') break;
      text += c == '\\' && !at_.at_end() ? at_.take_any() : c;
    }
    return text;
  }

  /// A run of words and dots: a phrase, a local part or a domain, which look alike until what follows is
  /// seen.
  std::string words() {
    std::string text;
    for (;;) {
      const auto before = at_.rest().size();
      skip();
      const bool apart = before != at_.rest().size();
      std::string word;
      if (at_.peek() == '"') {
        word = quoted();
      } else if (at_.peek() == '[') {
        word = std::string(at_.take_while([](char c) { return c != ']' && c != ',' && c != '>'; }));
        if (at_.take(']')) word += ']';
      } else {
        word = std::string(at_.take_while([](char c) { return !is_blank(c) && !is_special(c); }));
        if (word.empty()) return text;
      }
      if (apart && !text.empty() && !text.ends_with('.') && !word.starts_with('.')) text += ' ';
      text += word;
    }
  }

  void entry(std::vector<Mailbox>& out, bool& in_group) {
    comment_.clear();
    Mailbox box;
    const auto before = at_.rest().size();
    std::string first = words();
    skip();
    if (at_.take('<')) {
      box.name = std::move(first);
      angle(box);
    } else if (at_.take(':')) {
      if (!in_group) out.push_back({.kind = Mailbox::Kind::GroupStart, .mailbox = std::move(first)});
      in_group = true;
      return;
    } else {
      box.mailbox = std::move(first);
      if (at_.take('@')) box.host = words();
      skip();
    }
    if (box.name.empty()) box.name = comment_;
    if (!box.mailbox.empty() || !box.host.empty() || !box.name.empty()) out.push_back(std::move(box));
    if (at_.rest().size() == before) at_.take_any();  // a stray special: pass over it
  }

  void angle(Mailbox& box) {
    skip();
    while (at_.peek() == '@' || at_.peek() == ',') {  // RFC 5322 4.4 obs-route, up to its colon
      box.route += at_.take_any();
      box.route += words();
      skip();
    }
    if (!box.route.empty()) at_.take(':');
    box.mailbox = words();
    skip();
    if (at_.take('@')) box.host = words();
    skip();
    at_.take_while([](char c) { return c != '>' && c != ','; });
    at_.take('>');
    skip();
  }

  Cursor at_;
  std::string comment_;
};

}  // namespace

std::vector<Mailbox> parse_mailboxes(std::string_view unfolded, std::size_t limit) {
  return Reader(unfolded).list(limit);
}

}  // namespace lab::message
