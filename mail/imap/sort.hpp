/// sort -- SORT's order (RFC 5256 3): the matching rows are gathered as columns, then ordered by the first
/// key, ties by the next, at last by their place in the mailbox.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "mail/imap/command.hpp"
#include "mail/store/reader.hpp"

namespace lab::mail::imap {

class SortTable {
 public:
  explicit SortTable(std::vector<SortKey> order);
  /// The MessageColumns `add` looks at.
  unsigned columns() const;
  /// Rows come by ascending UID.
  void add(const MessageRow& row);
  /// The UIDs, sorted.
  std::vector<std::uint32_t> sorted();

 private:
  struct Text {
    std::uint64_t prefix = 0;  // the first eight bytes, so that most comparisons touch no text
    std::uint32_t begin = 0, size = 0;
  };
  struct Column {
    SortKey key;
    std::vector<std::int64_t> numbers;
    std::vector<Text> texts;
  };
  void add_text(Column& column, std::string_view text);
  int compare(const Column& column, std::uint32_t a, std::uint32_t b) const;

  std::vector<Column> columns_;
  std::vector<std::uint32_t> uids_;
  std::string text_;
};

}  // namespace lab::mail::imap
