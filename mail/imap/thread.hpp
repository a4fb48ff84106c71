/// thread -- THREAD's trees (RFC 5256 3): REFERENCES after Jamie Zawinski's algorithm, ORDEREDSUBJECT by
/// subject and date. Works on hashes of message ids; linear but for the sorting, and without recursion, for
/// mail decides how deep a thread is.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "mail/store/reader.hpp"

namespace lab::mail::imap {

class ThreadTable {
 public:
  /// What `add` looks at.
  static constexpr unsigned kColumns = kSentColumns | kSubjectColumns | kThreadColumns;
  explicit ThreadTable(bool references) : references_(references) {}
  /// Rows come by ascending UID.
  void add(const MessageRow& row);
  /// `(2)(3 6 (4 23)(44 7 96))`, each message written as `number(uid)`.
  std::string text(const std::function<std::uint32_t(std::uint32_t uid)>& number);

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  struct Node {
    std::uint32_t uid = 0;  // 0: no message here, only referred to
    std::uint32_t parent = kNone;
    std::int64_t sent = 0;
    std::uint32_t subject = 0;  // index into subjects; 0: none
    bool reply = false;
    bool has_children = false;
  };

  std::uint32_t node_of(std::uint64_t id);
  std::uint32_t subject_of(std::string_view base);
  void link(std::uint32_t parent, std::uint32_t child, bool replace);
  bool above(std::uint32_t node, std::uint32_t descendant) const;
  void by_references(std::vector<std::uint32_t>& roots);
  void by_subject(std::vector<std::uint32_t>& roots);
  void gather_subjects(std::vector<std::uint32_t>& roots);
  void sort(std::vector<std::uint32_t>& siblings) const;
  std::int64_t date(std::uint32_t node) const;
  std::uint32_t order(std::uint32_t node) const;
  std::uint32_t new_dummy();

  bool references_;
  std::vector<Node> nodes_;
  std::vector<std::vector<std::uint32_t>> children_;
  std::unordered_map<std::uint64_t, std::uint32_t> by_id_;
  std::unordered_map<std::string, std::uint32_t> subjects_;
};

}  // namespace lab::mail::imap
