// What FETCH, LIST and STATUS can be asked for (RFC 3501 9: fetch-att, section; RFC 5258; RFC 5819).
#include <array>

#include "mail/imap/parse.hpp"

namespace lab::mail::imap {
namespace {

using Kind = FetchItem::Kind;
using message::SectionText;

void field_names(Lexer& in, FetchItem& item) {
  item.select_fields = true;
  in.space();
  in.expect('(', "expected '('");
  do {
    item.fields.push_back(in.astring());
    if (item.fields.size() > 200) in.fail("too many header fields");
  } while (in.ok() && in.take(' ') && in.peek() != ')');
  in.expect(')', "expected ')'");
}

/// section-spec, up to the ']'.
void section(Lexer& in, FetchItem& item) {
  while (is_digit(in.peek())) {
    item.path.push_back(in.nz_number());
    if (item.path.size() > 100) in.fail("nested too deeply");
    if (!in.take('.')) return;
  }
  if (in.take("HEADER.FIELDS.NOT")) {
    item.what = SectionText::Header, item.fields_not = true;
    field_names(in, item);
  } else if (in.take("HEADER.FIELDS")) {
    item.what = SectionText::Header;
    field_names(in, item);
  } else if (in.take("HEADER")) {
    item.what = SectionText::Header;
  } else if (in.take("TEXT")) {
    item.what = SectionText::Text;
  } else if (in.take("MIME")) {
    item.what = SectionText::Mime;
    if (item.path.empty()) in.fail("MIME needs a part number");
  } else if (in.peek() != ']' || !item.path.empty()) {
    in.fail("unknown section");
  }
}

FetchItem body(Lexer& in, bool peek) {
  FetchItem item;
  item.kind = Kind::Section;
  item.peek = peek;
  section(in, item);
  in.expect(']', "expected ']'");
  if (in.take('<')) {
    const auto offset = in.number();
    in.expect('.', "a partial is <offset.length>");
    item.partial = {offset, in.nz_number()};
    in.expect('>', "expected '>'");
  }
  return item;
}

FetchItem old(FetchItem::Old form, SectionText what, bool peek) {
  FetchItem item;
  item.kind = Kind::Section;
  item.old = form;
  item.what = what;
  item.peek = peek;
  return item;
}

FetchItem plain(Kind kind) {
  FetchItem item;
  item.kind = kind;
  return item;
}

FetchItem fetch_att(Lexer& in) {
  if (in.take("BODY.PEEK[")) return body(in, true);
  if (in.take("BODY[")) return body(in, false);
  if (in.take_word("BODYSTRUCTURE")) return plain(Kind::BodyStructure);
  if (in.take_word("BODY")) return plain(Kind::Body);
  if (in.take_word("UID")) return plain(Kind::Uid);
  if (in.take_word("FLAGS")) return plain(Kind::Flags);
  if (in.take_word("INTERNALDATE")) return plain(Kind::InternalDate);
  if (in.take_word("ENVELOPE")) return plain(Kind::Envelope);
  if (in.take_word("MODSEQ")) return plain(Kind::Modseq);
  if (in.take_word("RFC822.SIZE")) return plain(Kind::Size);
  if (in.take_word("RFC822.HEADER")) return old(FetchItem::Old::Header, SectionText::Header, true);
  if (in.take_word("RFC822.TEXT")) return old(FetchItem::Old::Text, SectionText::Text, false);
  if (in.take_word("RFC822")) return old(FetchItem::Old::Message, SectionText::Body, false);
  in.fail("unknown data item");
  return {};
}

std::vector<FetchItem> macro(std::initializer_list<Kind> kinds) {
  std::vector<FetchItem> out;
  for (const auto kind : kinds) out.push_back(plain(kind));
  return out;
}

}  // namespace

Fetch parse_fetch(Lexer& in) {
  Fetch out;
  in.space();
  out.set = in.sequence_set();
  in.space();
  if (in.take_word("ALL")) {
    out.items = macro({Kind::Flags, Kind::InternalDate, Kind::Size, Kind::Envelope});
  } else if (in.take_word("FAST")) {
    out.items = macro({Kind::Flags, Kind::InternalDate, Kind::Size});
  } else if (in.take_word("FULL")) {
    out.items = macro({Kind::Flags, Kind::InternalDate, Kind::Size, Kind::Envelope, Kind::Body});
  } else if (in.take('(')) {
    do {
      out.items.push_back(fetch_att(in));
      if (out.items.size() > 100) in.fail("too many data items");
    } while (in.ok() && in.take(' ') && in.peek() != ')');
    in.expect(')', "expected ')'");
  } else {
    out.items.push_back(fetch_att(in));
  }
  if (!in.take(' ')) return out;
  in.expect('(', "expected '('");
  do {  // RFC 7162 3.1.4, 3.2.6
    if (in.take_word("CHANGEDSINCE")) {
      in.space();
      out.changed_since = in.number64();  // iOS says 0
    } else if (in.take_word("VANISHED")) {
      out.vanished = true;
    } else {
      in.fail("unknown modifier of FETCH");
    }
  } while (in.ok() && in.take(' '));
  in.expect(')', "expected ')'");
  return out;
}

std::vector<StatusItem> parse_status_items(Lexer& in) {
  struct Named {
    const char* word;
    StatusItem item;
  };
  static constexpr std::array kItems = {
      Named{"MESSAGES", StatusItem::Messages}, Named{"RECENT", StatusItem::Recent},
      Named{"UIDNEXT", StatusItem::UidNext},   Named{"UIDVALIDITY", StatusItem::UidValidity},
      Named{"UNSEEN", StatusItem::Unseen},     Named{"HIGHESTMODSEQ", StatusItem::HighestModseq},
      Named{"SIZE", StatusItem::Size},         Named{"DELETED", StatusItem::Deleted}};
  std::vector<StatusItem> out;
  in.expect('(', "expected '('");
  while (in.ok() && !in.take(')')) {
    const auto word = in.atom("a status item");
    const Named* found = nullptr;
    for (const auto& each : kItems)
      if (equals_ignoring_case(word, each.word)) found = &each;
    if (found == nullptr || out.size() > 20)
      in.fail("unknown status item " + word);
    else
      out.push_back(found->item);
    in.take(' ');
  }
  return out;
}

List parse_list(Lexer& in) {
  List out;
  in.space();
  if (in.take('(')) {  // RFC 5258 3: selection options
    while (in.ok() && !in.take(')')) {
      if (in.take_word("SUBSCRIBED"))
        out.only_subscribed = out.return_subscribed = true;
      else if (in.take_word("SPECIAL-USE"))
        out.only_special = true;
      else if (in.take_word("RECURSIVEMATCH"))
        out.recursive_match = true;
      else if (!in.take_word("REMOTE"))
        in.fail("unknown selection option");
      in.take(' ');
    }
    in.space();
  }
  out.reference = in.utf8_name(in.astring());
  in.space();
  if (in.take('(')) {
    do out.patterns.push_back(in.list_mailbox());
    while (in.ok() && in.take(' ') && out.patterns.size() < 50);
    in.expect(')', "expected ')'");
  } else {
    out.patterns.push_back(in.list_mailbox());
  }
  if (!in.take(' ')) return out;
  if (!in.take_word("RETURN")) in.fail("expected RETURN");
  in.space();
  in.expect('(', "expected '('");
  while (in.ok() && !in.take(')')) {
    if (in.take_word("SUBSCRIBED")) {
      out.return_subscribed = true;
    } else if (in.take_word("STATUS")) {
      in.space();
      out.status = parse_status_items(in);
    } else if (!in.take_word("CHILDREN") && !in.take_word("SPECIAL-USE")) {  // both are told in any case
      in.fail("unknown return option");
    }
    in.take(' ');
  }
  return out;
}

}  // namespace lab::mail::imap
