/// search -- does this message match (RFC 3501 6.4.4)? Flags, numbers, dates and subjects are read off the
/// row; a text is opened only where its signature says that it may hold the words.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mail/imap/command.hpp"
#include "mail/imap/selected.hpp"
#include "mail/message/signature.hpp"

namespace lab::mail::imap {

class SearchProgram {
 public:
  /// `now`: seconds, for OLDER and YOUNGER.
  SearchProgram(const SearchKey& key, const Selected& selected, std::int64_t now);
  ~SearchProgram();

  /// Rows must come from `Reader::search_rows`; else `Reader::messages` will do.
  bool needs_texts() const { return needs_texts_; }
  /// The MessageColumns it looks at.
  unsigned columns() const { return columns_; }
  /// A set outside of which nothing matches.
  UidSet candidates(Reader& reader) const;
  bool matches(const MessageRow& row, Reader& reader) const;
  bool asks_modseq() const { return asks_modseq_; }

 private:
  struct Node;
  Node compile(const SearchKey& key);
  bool match(const Node& node, const MessageRow& row, Reader& reader) const;

  const Selected& selected_;
  std::int64_t now_;
  unsigned columns_ = 0;
  bool needs_texts_ = false, asks_modseq_ = false;
  std::unique_ptr<Node> root_;
};

}  // namespace lab::mail::imap
