#include "mail/imap/sort.hpp"

#include <algorithm>
#include <numeric>

namespace lab::mail::imap {

SortTable::SortTable(std::vector<SortKey> order) {
  for (const auto& key : order) columns_.push_back({key, {}, {}});
}

void SortTable::add_text(Column& column, std::string_view text) {
  Text out{.prefix = 0,
           .begin = static_cast<std::uint32_t>(text_.size()),
           .size = static_cast<std::uint32_t>(text.size())};
  for (std::size_t i = 0; i < 8; ++i)
    out.prefix = out.prefix << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0U);
  if (text.size() > 8) text_ += text;  // shorter ones are all in the prefix
  column.texts.push_back(out);
}

unsigned SortTable::columns() const {
  unsigned out = 0;
  for (const auto& column : columns_) {
    switch (column.key.field) {
      case SortField::Arrival: out |= kReceivedColumns; break;
      case SortField::Date: out |= kSentColumns; break;
      case SortField::Size: break;
      case SortField::From:
      case SortField::To:
      case SortField::Cc: out |= kSortColumns; break;
      case SortField::Subject: out |= kSubjectColumns; break;
    }
  }
  return out;
}

void SortTable::add(const MessageRow& row) {
  uids_.push_back(row.uid());
  for (auto& column : columns_) {
    switch (column.key.field) {
      case SortField::Arrival: column.numbers.push_back(row.received().unix); break;
      case SortField::Date: column.numbers.push_back(row.sent().unix); break;
      case SortField::Size: column.numbers.push_back(static_cast<std::int64_t>(row.size())); break;
      case SortField::From: add_text(column, row.from_key()); break;
      case SortField::To: add_text(column, row.to_key()); break;
      case SortField::Cc: add_text(column, row.cc_key()); break;
      case SortField::Subject: add_text(column, row.base_subject()); break;
    }
  }
}

int SortTable::compare(const Column& column, std::uint32_t a, std::uint32_t b) const {
  const auto three = [](auto x, auto y) { return x < y ? -1 : x > y ? 1 : 0; };
  if (column.texts.empty()) return three(column.numbers[a], column.numbers[b]);
  const auto &x = column.texts[a], &y = column.texts[b];
  if (x.prefix != y.prefix || (x.size <= 8 && y.size <= 8))
    return x.prefix != y.prefix ? three(x.prefix, y.prefix) : three(x.size, y.size);
  const auto view = [&](const Text& t) {
    return t.size > 8 ? std::string_view(text_).substr(t.begin, t.size) : std::string_view();
  };
  if (x.size <= 8 || y.size <= 8) return three(x.size, y.size);  // equal up to where the shorter ends
  return view(x).compare(view(y));
}

std::vector<std::uint32_t> SortTable::sorted() {
  std::vector<std::uint32_t> order(uids_.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    for (const auto& column : columns_)
      if (const int c = compare(column, a, b); c != 0) return column.key.reverse ? c > 0 : c < 0;
    return a < b;  // RFC 5256 3: the last key is the message number, and REVERSE does not turn it
  });
  for (auto& i : order) i = uids_[i];
  return order;
}

}  // namespace lab::mail::imap
