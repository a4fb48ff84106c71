/// journal -- the changes of one zone on disk, so that what was answered NOERROR is there after a power cut
/// (RFC 2136 3.5).
///
/// The file: `labdnsj1`, then entries. An entry is its length and CRC-32 (four bytes each), then the
/// fingerprint of the zone file's content it builds on (8), the serials before and after (4 each), the number
/// of records removed and added (4 each), and the records: name, type, TTL, length, data. All big-endian. An
/// entry cut short by a crash was never answered: it is dropped. Appending is one write; `sync` makes any
/// number of appended entries durable at once.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/error.hpp"
#include "dns/zone_editor.hpp"

namespace lab::dns {

struct JournalEntry {
  std::uint64_t base = 0;  ///< fingerprint of the zone file's records
  std::uint32_t from = 0, to = 0;
  ZoneDiff diff;
};

/// The bytes of an entry, and back. `at` moves behind the entry; nullopt for what is torn or damaged.
std::string encode_entry(const JournalEntry&);
std::optional<JournalEntry> decode_entry(std::span<const std::uint8_t> bytes, std::size_t& at);

/// A number that is the same for the same records, in any order.
std::uint64_t fingerprint(const Zone&);

/// What a zone's files are called: its name without the final dot, what a path cannot hold escaped; `@` for
/// the root.
std::string file_stem(const Name& apex);
/// Puts a file in place of another, whole and durably, or not at all.
Result<void> replace_file(const std::string& path, std::string_view bytes);

class Journal {
 public:
  /// Opens or makes the zone's file in `folder` and reads its entries. A torn end is cut off.
  static Result<std::unique_ptr<Journal>> open(const std::string& folder, const Name& apex);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  const std::vector<JournalEntry>& entries() const { return entries_; }
  /// Writes an entry behind the others; durable after `sync`.
  Result<void> append(JournalEntry entry);
  Result<void> sync();
  /// Replaces the whole file, durably.
  Result<void> rewrite(std::vector<JournalEntry> entries);
  std::size_t size() const { return size_; }

 private:
  Journal(std::string path, std::string folder) : path_(std::move(path)), folder_(std::move(folder)) {}
  std::string path_, folder_;
  int fd_ = -1;
  std::size_t size_ = 0;
  std::vector<JournalEntry> entries_;
};

}  // namespace lab::dns
