// SEARCH's program of keys (RFC 3501 6.4.4), shared by SORT and THREAD.
#include <array>

#include "mail/imap/parse.hpp"
#include "mail/message/charset.hpp"
#include "mail/store/schema.hpp"

namespace lab::mail::imap {
namespace {

using Kind = SearchKey::Kind;

struct Named {
  const char* word;
  Kind kind;
  std::int64_t number = 0;
  bool negated = false;
};

constexpr std::array kFlags = {
    Named{"ALL", Kind::All},
    Named{"ANSWERED", Kind::Flag, kAnswered},
    Named{"DELETED", Kind::Flag, kDeleted},
    Named{"DRAFT", Kind::Flag, kDraft},
    Named{"FLAGGED", Kind::Flag, kFlagged},
    Named{"SEEN", Kind::Flag, kSeen},
    Named{"UNANSWERED", Kind::Flag, kAnswered, true},
    Named{"UNDELETED", Kind::Flag, kDeleted, true},
    Named{"UNDRAFT", Kind::Flag, kDraft, true},
    Named{"UNFLAGGED", Kind::Flag, kFlagged, true},
    Named{"UNSEEN", Kind::Flag, kSeen, true},
    Named{"RECENT", Kind::Recent},
    Named{"OLD", Kind::Old},
};
constexpr std::array kTexts = {Named{"FROM", Kind::From},       Named{"TO", Kind::To},
                               Named{"CC", Kind::Cc},           Named{"BCC", Kind::Bcc},
                               Named{"SUBJECT", Kind::Subject}, Named{"BODY", Kind::Body},
                               Named{"TEXT", Kind::Text}};
constexpr std::array kDates = {Named{"BEFORE", Kind::Before}, Named{"ON", Kind::On},
                               Named{"SINCE", Kind::Since},   Named{"SENTBEFORE", Kind::SentBefore},
                               Named{"SENTON", Kind::SentOn}, Named{"SENTSINCE", Kind::SentSince}};
constexpr std::array kNumbers = {Named{"LARGER", Kind::Larger}, Named{"SMALLER", Kind::Smaller},
                                 Named{"OLDER", Kind::Older}, Named{"YOUNGER", Kind::Younger}};

template <std::size_t N>
const Named* find(const std::array<Named, N>& table, std::string_view word) {
  for (const auto& row : table)
    if (equals_ignoring_case(word, row.word)) return &row;
  return nullptr;
}

class SearchParser {
 public:
  explicit SearchParser(Lexer& lexer) : in_(lexer) {}

  SearchKey program(bool charset_needed) {
    if (charset_needed) {
      charset(in_.astring());
      in_.space();
    } else if (in_.take_word("CHARSET")) {
      in_.space();
      charset(in_.astring());
      in_.space();
    }
    return keys('\0');
  }

 private:
  void charset(std::string name) {
    charset_ = std::move(name);
    if (in_.ok() && !message::knows_charset(charset_)) in_.fail("[BADCHARSET (UTF-8)] unknown charset");
  }

  SearchKey keys(char closing) {
    SearchKey all;
    all.kind = Kind::And;
    do all.keys.push_back(key());
    while (in_.ok() && in_.peek() != closing && in_.take(' ') && !in_.at_end());
    if (all.keys.size() == 1) return std::move(all.keys.front());
    return all;
  }

  SearchKey key() {
    SearchKey out;
    if (++count_ > in_.limits().search_keys) in_.fail("too many search keys");
    if (!in_.ok() || !in_.enter()) return out;
    if (in_.take('(')) {
      out = keys(')');
      in_.expect(')', "expected ')'");
    } else if (const char c = in_.peek(); is_digit(c) || c == '*') {
      out.kind = Kind::Sequence;
      out.set = in_.sequence_set();
    } else {
      word(out, in_.atom("a search key"));
    }
    in_.leave();
    return out;
  }

  void word(SearchKey& out, const std::string& word) {
    const auto is = [&](std::string_view name) { return equals_ignoring_case(word, name); };
    if (const auto* row = find(kFlags, word)) {
      out.kind = row->kind, out.number = row->number, out.negated = row->negated;
    } else if (is("NEW")) {  // RECENT UNSEEN
      out.kind = Kind::And;
      out.keys.resize(2);
      out.keys[0].kind = Kind::Recent;
      out.keys[1].kind = Kind::Flag, out.keys[1].number = kSeen, out.keys[1].negated = true;
    } else if (const auto* text = find(kTexts, word)) {
      out.kind = text->kind;
      in_.space();
      out.text = utf8();
    } else if (const auto* date = find(kDates, word)) {
      out.kind = date->kind;
      in_.space();
      out.number = in_.date();
    } else if (const auto* number = find(kNumbers, word)) {
      out.kind = number->kind;
      in_.space();
      out.number = static_cast<std::int64_t>(in_.number64());
    } else if (is("HEADER")) {
      out.kind = Kind::Header;
      in_.space();
      out.field = in_.astring();
      in_.space();
      out.text = utf8();
    } else if (is("KEYWORD") || is("UNKEYWORD")) {
      out.kind = Kind::Keyword;
      out.negated = is("UNKEYWORD");
      in_.space();
      out.text = in_.atom("a keyword");
    } else if (is("UID")) {
      out.kind = Kind::Uid;
      in_.space();
      out.set = in_.sequence_set();
    } else if (is("NOT")) {
      out.kind = Kind::Not;
      in_.space();
      out.keys.push_back(key());
    } else if (is("OR")) {
      out.kind = Kind::Or;
      in_.space();
      out.keys.push_back(key());
      in_.space();
      out.keys.push_back(key());
    } else if (is("MODSEQ")) {  // RFC 7162 3.1.5
      out.kind = Kind::Modseq;
      in_.space();
      if (in_.peek() == '"') {  // a flag's own modseq: ours is the message's
        in_.string();
        in_.space();
        in_.atom("all, priv or shared");
        in_.space();
      }
      out.number = static_cast<std::int64_t>(in_.number64());
    } else {
      in_.fail("unknown search key " + word);
    }
  }

  std::string utf8() { return message::to_utf8(charset_, in_.astring()); }

  Lexer& in_;
  std::string charset_;
  std::size_t count_ = 0;
};

}  // namespace

SearchKey parse_search_program(Lexer& lexer, bool charset_needed) {
  return SearchParser(lexer).program(charset_needed);
}

}  // namespace lab::mail::imap
