#include "mail/imap/fetch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "mail/message/header.hpp"
#include "mail/message/imap_text.hpp"
#include "mail/message/layout.hpp"

namespace lab::mail::imap {
namespace {

using Kind = FetchItem::Kind;

std::string section_name(const FetchItem& item) {
  switch (item.old) {
    case FetchItem::Old::Header: return "RFC822.HEADER";
    case FetchItem::Old::Text: return "RFC822.TEXT";
    case FetchItem::Old::Message: return "RFC822";
    case FetchItem::Old::No: break;
  }
  std::string out = "BODY[";
  for (const auto number : item.path) out += (out.back() == '[' ? "" : ".") + std::to_string(number);
  const char* what = "";
  switch (item.what) {
    case message::SectionText::Body: break;
    case message::SectionText::Header:
      what = item.select_fields ? (item.fields_not ? "HEADER.FIELDS.NOT" : "HEADER.FIELDS") : "HEADER";
      break;
    case message::SectionText::Text: what = "TEXT"; break;
    case message::SectionText::Mime: what = "MIME"; break;
  }
  if (*what != '\0') out += (item.path.empty() ? "" : ".") + std::string(what);
  if (item.select_fields) {
    std::string list;
    for (const auto& name : item.fields) {
      const bool atom = !name.empty() && name.find_first_of(" ()[]{}\"\\%*") == std::string::npos;
      list += (list.empty() ? "" : " ") + (atom ? name : message::quote(name));
    }
    out += " (" + list + ")";
  }
  out += "]";
  if (item.partial) out += "<" + std::to_string(item.partial->first) + ">";
  return out;
}

/// What a partial leaves of `size` bytes. Past the end it is nothing, not an error (Thunderbird asks so).
message::Range cut(const std::optional<std::pair<std::uint32_t, std::uint32_t>>& partial, std::size_t size) {
  if (!partial) return {0, size};
  const auto begin = std::min<std::size_t>(partial->first, size);
  return {begin, begin + std::min<std::size_t>(partial->second, size - begin)};
}

}  // namespace

FetchAnswer::FetchAnswer(const Fetch& request, UidSet uids, UidSet mark_seen, const Selected& selected,
                         bool uid_command, bool condstore, const Limits& limits)
    : items_(request.items),
      uids_(std::move(uids)),
      mark_seen_(std::move(mark_seen)),
      selected_(selected),
      limits_(limits),
      changed_since_(request.changed_since),
      wanted_(uids_.size()) {
  const auto asks = [&](Kind kind) {
    return std::any_of(items_.begin(), items_.end(), [&](const auto& i) { return i.kind == kind; });
  };
  with_uid_ =
      uid_command && !asks(Kind::Uid);  // RFC 3501 6.4.8: UID FETCH tells the UID whether asked or not
  with_modseq_ = (condstore && changed_since_.has_value()) && !asks(Kind::Modseq);
  with_flags_ = asks(Kind::Flags);
  needs_content_ =
      asks(Kind::Envelope) || asks(Kind::Body) || asks(Kind::BodyStructure) || asks(Kind::Section);
  columns_ = asks(Kind::InternalDate) ? kReceivedColumns : 0U;
  if (!uids_.empty()) next_uid_ = uids_.ranges().front().first;
}

bool FetchAnswer::next(Reader& reader, std::vector<Piece>& pieces) {
  std::uint32_t rows = 0;
  const auto each = [&](const MessageRow& row) {
    // A block is full, or a large text must go first: go on with this row next time.
    if ((!pieces.empty() && (pieces.back().body || pieces.back().text.size() >= limits_.block)) ||
        ++rows > limits_.rows)
      return false;
    write(row, reader, pieces);
    return true;
  };
  while (range_ < uids_.ranges().size()) {
    const auto& range = uids_.ranges()[range_];
    const auto stopped = needs_content_
                             ? reader.contents(selected_.id(), next_uid_, range.last, each)
                             : reader.messages(selected_.id(), next_uid_, range.last, each, columns_);
    if (stopped != 0) {
      next_uid_ = stopped;
      return true;
    }
    if (++range_ < uids_.ranges().size()) next_uid_ = uids_.ranges()[range_].first;
  }
  return false;
}

void FetchAnswer::write(const MessageRow& row, Reader& reader, std::vector<Piece>& pieces) {
  if (changed_since_ && static_cast<std::uint64_t>(row.modseq()) <= *changed_since_) {
    ++skipped_;
    return;
  }
  ++found_;
  if (pieces.empty()) pieces.emplace_back().text.reserve(limits_.block + 4096);
  const auto to = [&] { return std::back_inserter(pieces.back().text); };
  fmt::format_to(to(), "* {} FETCH (", selected_.view().number_of(row.uid()));
  bool first = true;
  const auto gap = [&] {
    if (!std::exchange(first, false)) pieces.back().text += ' ';
  };
  if (with_uid_) gap(), fmt::format_to(to(), "UID {}", row.uid());
  for (const auto& item : items_) {
    gap();
    auto& text = pieces.back().text;
    switch (item.kind) {
      case Kind::Uid: fmt::format_to(to(), "UID {}", row.uid()); break;
      case Kind::Flags:
        text += "FLAGS ";
        selected_.write_flags(text, row.flags(), row.uid());
        break;
      case Kind::InternalDate:
        text += "INTERNALDATE \"" + message::print_internal_date(row.received()) + "\"";
        break;
      case Kind::Size: fmt::format_to(to(), "RFC822.SIZE {}", row.size()); break;
      case Kind::Envelope: text += "ENVELOPE ", text += row.envelope(); break;
      case Kind::Body: text += "BODY " + message::body_of(row.structure()); break;
      case Kind::BodyStructure: text += "BODYSTRUCTURE ", text += row.structure(); break;
      case Kind::Modseq: fmt::format_to(to(), "MODSEQ ({})", row.modseq()); break;
      case Kind::Section: section(item, row, reader, pieces); break;
    }
  }
  if (with_modseq_) gap(), fmt::format_to(to(), "MODSEQ ({})", row.modseq());
  if (!with_flags_ && mark_seen_.contains(row.uid())) {
    gap();
    pieces.back().text += "FLAGS ";
    selected_.write_flags(pieces.back().text, row.flags(), row.uid());
  }
  pieces.back().text += ")\r\n";
}

void FetchAnswer::section(const FetchItem& item, const MessageRow& row, Reader& reader,
                          std::vector<Piece>& pieces) {
  auto& text = pieces.back().text;
  text += section_name(item) + " ";
  const auto header_size = row.header_size();
  std::optional<message::Range> range;
  if (item.path.empty()) {  // most sections are of the message itself, whose layout need not be read
    switch (item.what) {
      case message::SectionText::Body: range = {0, row.size()}; break;
      case message::SectionText::Header: range = {0, header_size}; break;
      case message::SectionText::Text: range = {header_size, row.size()}; break;
      case message::SectionText::Mime: break;
    }
  } else {
    range = message::Layout::unpack(row.layout()).find(item.path, item.what);
  }
  if (!range) {
    text += "NIL";
    return;
  }
  if (item.select_fields) {
    const auto fields = select_fields(reader.text(row.content(), header_size, range->begin, range->end),
                                      item.fields, item.fields_not);
    const auto part = cut(item.partial, fields.size());
    fmt::format_to(std::back_inserter(text), "{{{}}}\r\n", part.size());
    text.append(fields, part.begin, part.size());
    return;
  }
  const auto part = cut(item.partial, range->size());
  fmt::format_to(std::back_inserter(text), "{{{}}}\r\n", part.size());
  if (part.size() <= limits_.block) {
    text += reader.text(row.content(), header_size, range->begin + part.begin, range->begin + part.end);
    return;
  }
  pieces.back().body = Body{row.content(), header_size, range->begin + part.begin, range->begin + part.end};
  pieces.emplace_back();
}

std::string select_fields(std::string_view header, const std::vector<std::string>& names, bool others) {
  std::string out;
  message::FieldReader fields(header);
  while (const auto field = fields.next()) {
    const bool listed = std::any_of(names.begin(), names.end(), [&](const auto& name) {
      return equals_ignoring_case(name, field->name);
    });
    if (listed != others) out += field->raw;
  }
  return out += "\r\n";
}

}  // namespace lab::mail::imap
