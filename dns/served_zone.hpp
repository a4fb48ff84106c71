/// served_zone -- one zone as its files on disk make it: a zone file and the journal of what updates changed
/// since, a secondary's copy of what it fetched, or a catalog made from the configuration; and the key that
/// signs it.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dns/config.hpp"
#include "dns/journal.hpp"
#include "dns/signer.hpp"
#include "dns/transfer.hpp"
#include "dns/zone.hpp"

namespace lab::dns {

/// What was served last, kept beside the journals: the server may stop, and the zone file be edited
/// meanwhile.
struct LastServed {
  std::uint32_t serial = 0;
  std::uint64_t file_fingerprint = 0;
  std::uint32_t signed_at = 0;  ///< when the oldest signature under this serial was made; 0: none
  bool operator==(const LastServed&) const = default;
};

/// A zone as the file has it, and as it is served: the file's records with the journal's changes over them.
struct ServedZone {
  Name apex;
  std::string file;
  ZonePtr from_file;
  std::uint64_t file_fingerprint = 0;
  ZonePtr zone;
  ZonePtr shown;               // `zone`, signed where that is asked for
  std::optional<ZoneKey> key;  // signs it
  Signing signing;
  bool digest = false;  // ZONEMD is wanted
  std::uint32_t signed_at = 0;
  std::optional<LastServed> last;
  std::unique_ptr<Journal> journal;  // none without a journal folder
  bool secondary = false;
  bool frozen = false;                       // updates are refused
  std::optional<std::vector<Name>> catalog;  // its members, of one that is made here
  ViewId view = kMainView;
  std::vector<ChangePtr> history;  // what led to `zone`, for incremental transfers
};

/// Reads the zone's file, or copy, anew and fills in `from_file` and `zone`; the version held before is the
/// one served until now. The serial never goes back (RFC 1982), whatever the file says. False, and nothing
/// changed, when the file has mistakes, which are added to `problems` with file and line. `folder`: of
/// journals and copies; may be empty.
bool load_zone(ServedZone& served, const std::string& folder, std::vector<Error>& problems);
/// Reads or makes the key the configuration asks for. False when there is none to be had.
bool open_key(ServedZone& served, const ZoneConfig& config, const std::string& folder,
              std::vector<Error>& problems);
/// Puts all of the journal's entries into one, once it has grown long.
Result<void> fold_if_long(ServedZone& served);
/// Writes down what is served now, where that is not what was written down. Not of copies, nor without a
/// folder.
void remember(ServedZone& served, const std::string& folder);
/// Where a secondary keeps its copy.
std::string copy_file(const std::string& folder, const Name& apex);

}  // namespace lab::dns
