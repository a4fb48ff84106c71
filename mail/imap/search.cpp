#include "mail/imap/search.hpp"

#include <string.h>

#include <algorithm>

#include "mail/message/charset.hpp"
#include "mail/message/header.hpp"
#include "mail/message/summary.hpp"
#include "mail/message/words.hpp"
#include "mail/store/schema.hpp"

namespace lab::mail::imap {

using Kind = SearchKey::Kind;

struct SearchProgram::Node {
  Kind kind = Kind::All;
  bool negated = false;
  std::int64_t number = 0;
  std::string text, field;  // folded; as written
  UidSet uids;
  std::optional<message::Needle> needle;
  std::vector<Node> nodes;
};

namespace {

bool contains(std::string_view text, std::string_view word) {
  return word.empty() || ::memmem(text.data(), text.size(), word.data(), word.size()) != nullptr;
}

UidSet intersection(const UidSet& a, const UidSet& b) {
  UidSet out;
  auto x = a.ranges().begin(), y = b.ranges().begin();
  while (x != a.ranges().end() && y != b.ranges().end()) {
    const auto first = std::max(x->first, y->first), last = std::min(x->last, y->last);
    if (first <= last) out.add(first, last);
    (x->last < y->last ? x : y)++;
  }
  return out;
}

}  // namespace

SearchProgram::SearchProgram(const SearchKey& key, const Selected& selected, std::int64_t now)
    : selected_(selected), now_(now) {
  root_ = std::make_unique<Node>(compile(key));
}
SearchProgram::~SearchProgram() = default;

SearchProgram::Node SearchProgram::compile(const SearchKey& key) {
  Node node;
  node.kind = key.kind;
  node.negated = key.negated;
  node.number = key.number;
  switch (key.kind) {
    case Kind::From:
    case Kind::To:
    case Kind::Cc:
    case Kind::Bcc:
    case Kind::Header: needs_texts_ = true; [[fallthrough]];
    case Kind::Subject:
      columns_ |= kSubjectColumns;
      node.text = message::fold(key.text);
      node.field = key.field;
      break;
    case Kind::Body:
    case Kind::Text:
      needs_texts_ = true;
      node.needle.emplace(key.text);
      break;
    case Kind::Keyword: node.number = selected_.keywords().find(key.text); break;
    case Kind::Sequence:
      node.uids = selected_.view().uids_of(key.set.resolve(selected_.view().size()));
      break;
    case Kind::Uid: node.uids = selected_.view().known(key.set.resolve(selected_.view().last_uid())); break;
    case Kind::Modseq: asks_modseq_ = true; break;
    case Kind::Before:
    case Kind::On:
    case Kind::Since:
    case Kind::Older:
    case Kind::Younger: columns_ |= kReceivedColumns; break;
    case Kind::SentBefore:
    case Kind::SentOn:
    case Kind::SentSince: columns_ |= kSentColumns; break;
    case Kind::All:
    case Kind::Flag:
    case Kind::Recent:
    case Kind::Old:
    case Kind::Larger:
    case Kind::Smaller:
    case Kind::Not:
    case Kind::Or:
    case Kind::And: break;
  }
  for (const auto& each : key.keys) node.nodes.push_back(compile(each));
  return node;
}

UidSet SearchProgram::candidates(Reader& reader) const {
  auto out = selected_.view().all();
  const auto narrow = [&](const Node& node) {
    if (node.kind == Kind::Sequence || node.kind == Kind::Uid) out = intersection(out, node.uids);
    // Clients ask for UNSEEN all the time; the store keeps these in an index.
    if (node.kind == Kind::Flag && node.number == kSeen && node.negated)
      out = intersection(out, reader.unseen(selected_.id()));
  };
  narrow(*root_);
  if (root_->kind == Kind::And)
    for (const auto& node : root_->nodes) narrow(node);
  return out;
}

bool SearchProgram::matches(const MessageRow& row, Reader& reader) const {
  return match(*root_, row, reader);
}

bool SearchProgram::match(const Node& node, const MessageRow& row, Reader& reader) const {
  switch (node.kind) {
    case Kind::All: return true;
    case Kind::Flag: return ((row.flags() & node.number) != 0) != node.negated;
    case Kind::Keyword: return ((row.flags() & node.number) != 0) != node.negated;
    case Kind::Recent: return selected_.recent(row.uid());
    case Kind::Old: return !selected_.recent(row.uid());
    case Kind::Sequence:
    case Kind::Uid: return node.uids.contains(row.uid());
    case Kind::Subject: return contains(row.subject(), node.text);
    case Kind::From: return contains(row.from_text(), node.text);
    case Kind::To: return contains(row.to_text(), node.text);
    case Kind::Cc: return contains(row.cc_text(), node.text);
    case Kind::Bcc: return contains(row.bcc_text(), node.text);
    case Kind::Header: {
      const auto header = reader.header(row.content());
      message::FieldReader fields(header);
      while (const auto field = fields.next())
        if (equals_ignoring_case(field->name, node.field) &&
            contains(message::fold(message::decode_words(message::unfold(field->value))), node.text))
          return true;
      return false;
    }
    case Kind::Body:
    case Kind::Text:
      if (node.needle->folded().empty()) return true;
      if (!node.needle->may_be_in(row.signature())) return false;
      return contains(
          message::searchable_text(reader.text(row.content(), row.text_header_size(), 0, row.size()),
                                   node.kind == Kind::Text),
          node.needle->folded());
    // The day as its own zone has it: time and zone are disregarded.
    case Kind::Before: return row.received().day() < node.number;
    case Kind::On: return row.received().day() == node.number;
    case Kind::Since: return row.received().day() >= node.number;
    case Kind::SentBefore: return row.sent().day() < node.number;
    case Kind::SentOn: return row.sent().day() == node.number;
    case Kind::SentSince: return row.sent().day() >= node.number;
    case Kind::Larger: return static_cast<std::int64_t>(row.size()) > node.number;
    case Kind::Smaller: return static_cast<std::int64_t>(row.size()) < node.number;
    case Kind::Older: return row.received().unix <= now_ - node.number;
    case Kind::Younger: return row.received().unix >= now_ - node.number;
    case Kind::Modseq: return row.modseq() >= node.number;
    case Kind::Not: return !match(node.nodes.front(), row, reader);
    case Kind::Or: return match(node.nodes[0], row, reader) || match(node.nodes[1], row, reader);
    case Kind::And:
      return std::all_of(node.nodes.begin(), node.nodes.end(),
                         [&](const Node& each) { return match(each, row, reader); });
  }
  return false;
}

}  // namespace lab::mail::imap
