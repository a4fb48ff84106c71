#include "dns/served_zone.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>

#include "common/log.hpp"
#include "dns/catalog.hpp"
#include "dns/record_text.hpp"
#include "dns/update.hpp"
#include "dns/zone_editor.hpp"
#include "dns/zone_file.hpp"

namespace lab::dns {
namespace {

// A journal longer than this is folded into one entry when the zone is loaded or grows by as much again.
constexpr std::size_t kJournalSize = 1 << 20;

std::uint32_t seconds_now() {
  return static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
          .count());
}

std::uint32_t later_serial(std::uint32_t file, std::uint32_t served) {
  return serial_after(file, served) ? file : next_serial(served);
}

// The file's records with the journal's changes over them. A file that was edited since keeps the changes
// that still make sense; its serial moves past what was served (a serial never goes back, RFC 1982).
Result<ZonePtr> replay(const ServedZone& served) {
  const auto& entries = served.journal->entries();
  ZoneEditor editor(served.from_file);
  std::size_t passed_over = 0;
  for (const JournalEntry& e : entries) passed_over += editor.apply(e.diff);
  if (entries.back().base == served.file_fingerprint) {
    for (const JournalEntry& e : entries)
      for (const ZoneRecord& r : e.diff.added)
        if (r.type == type::SOA) editor.replace(r.owner, r.type, r.ttl, r.rdata);
  } else {
    editor.set_serial(later_serial(served.from_file->serial(), entries.back().to));
    if (passed_over > 0)
      log::warning("{}: {} records of earlier updates cannot stand beside the file's CNAMEs and are dropped",
                   served.apex.text(), passed_over);
  }
  return editor.finish();
}

Result<void> fold(ServedZone& served) {
  JournalEntry entry{served.file_fingerprint, served.from_file->serial(), served.zone->serial(),
                     difference(*served.from_file, *served.zone)};
  return served.journal->rewrite({std::move(entry)});
}

std::string last_file(const std::string& folder, const Name& apex) {
  return folder + "/" + file_stem(apex) + ".last";
}

// Serial, fingerprint, time of signing; a file that is torn says nothing.
std::optional<LastServed> read_last(const std::string& folder, const Name& apex) {
  std::ifstream in(last_file(folder, apex));
  LastServed last;
  std::string end;
  if (!(in >> last.serial >> last.file_fingerprint >> last.signed_at >> end) || end != ".")
    return std::nullopt;
  return last;
}

// Serves `zone` under a serial after `served`, and keeps that in the journal.
Result<void> move_on(ServedZone& served, std::uint32_t serial) {
  ZoneEditor editor(served.from_file);
  editor.set_serial(serial);
  served.zone = editor.finish().value();
  return served.journal ? fold(served) : Result<void>();
}

}  // namespace

void remember(ServedZone& served, const std::string& folder) {
  if (folder.empty() || served.secondary || !served.zone) return;
  const LastServed now{served.zone->serial(), served.file_fingerprint, served.key ? served.signed_at : 0};
  if (served.last == now) return;
  served.last = now;
  // Not worth waiting for the disk: after a power cut, an old one only means what it meant before.
  std::ofstream(last_file(folder, served.apex))
      << fmt::format("{} {} {} .\n", now.serial, now.file_fingerprint, now.signed_at);
}

std::string copy_file(const std::string& folder, const Name& apex) {
  return folder + "/" + file_stem(apex) + ".copy";
}

// Fills in from_file and zone. `served.zone` holds the version served until now, if there is one.
bool load_zone(ServedZone& served, const std::string& journal_folder, std::vector<Error>& problems) {
  if (served.secondary) {
    if (served.zone) return true;
    served.zone = Zone::placeholder(served.apex);
    std::error_code error;
    std::filesystem::create_directories(journal_folder, error);
    if (error) {
      problems.push_back({"cannot make the folder: " + error.message(), journal_folder,
                          "a secondary keeps its copies there"});
      return false;
    }
    const std::string copy = copy_file(journal_folder, served.apex);
    if (!std::filesystem::exists(copy)) return true;
    ZoneLoad load = load_zone_file(served.apex, copy);
    if (load.zone) served.zone = load.zone;
    for (const Error& e : load.problems) log::warning("the copy is fetched again: {}", e.text());
    return true;
  }
  if (served.catalog) {
    // Made anew at each start, so the clock counts its serial; a catalog of the same zones stays as it is.
    const std::uint32_t now = seconds_now();
    if (!served.zone && !journal_folder.empty()) served.last = read_last(journal_folder, served.apex);
    const std::uint32_t serial = served.zone   ? later_serial(now, served.zone->serial())
                                 : served.last ? later_serial(now, served.last->serial)
                                               : now;
    const ZonePtr next = make_catalog(served.apex, *served.catalog, serial);
    const auto same = [&] {
      const auto before = catalog_members(*served.zone), after = catalog_members(*next);
      return before && after && *before == *after;
    };
    if (!served.zone || !same()) served.from_file = served.zone = next;
    return true;
  }
  ZoneLoad load = load_zone_file(served.apex, served.file);
  for (const Error& remark : load.remarks) log::warning("{}", remark.text());
  if (!load.zone) {
    problems.insert(problems.end(), load.problems.begin(), load.problems.end());
    return false;
  }
  auto failed = [&](const Error& error) {
    problems.push_back(error);
    return false;
  };
  if (!journal_folder.empty() && !served.journal) {
    auto journal = Journal::open(journal_folder, served.apex);
    if (!journal) return failed(journal.error());
    served.journal = std::move(*journal);
  }
  const bool has_changes = served.journal && !served.journal->entries().empty();
  if (!has_changes && !served.zone) {
    served.from_file = served.zone = load.zone;
    if (!served.journal) return true;
    served.file_fingerprint = fingerprint(*load.zone);
    served.last = read_last(journal_folder, served.apex);
    if (served.last && served.last->file_fingerprint != served.file_fingerprint &&
        !serial_after(load.zone->serial(), served.last->serial)) {
      const std::uint32_t serial = next_serial(served.last->serial);
      log::info(
          "{}: the file has changed while the server was down, but its serial has not moved on; serving it "
          "as {}",
          served.apex.text(), serial);
      if (auto moved = move_on(served, serial); !moved) return failed(moved.error());
    }
    return true;
  }
  const std::uint64_t print = fingerprint(*load.zone);
  if (served.zone && print == served.file_fingerprint) return true;  // the file says what it said
  const ZonePtr before = std::exchange(served.from_file, load.zone);
  const std::uint64_t print_before = std::exchange(served.file_fingerprint, print);
  auto back = [&](const Error& error) {
    served.from_file = before;
    served.file_fingerprint = print_before;
    return failed(error);
  };
  if (has_changes) {
    auto zone = replay(served);
    if (!zone) return back(zone.error());
    const bool edited = served.journal->entries().back().base != print;
    served.zone = *zone;
    if (!edited)
      for (const JournalEntry& e : served.journal->entries())
        served.history.push_back(std::make_shared<const JournalEntry>(e));
    if (edited || served.journal->size() > kJournalSize)
      if (auto folded = fold(served); !folded) return back(folded.error());
    return true;
  }
  ZonePtr zone = load.zone;
  if (!serial_after(zone->serial(), served.zone->serial())) {
    ZoneEditor editor(zone);
    editor.set_serial(next_serial(served.zone->serial()));
    zone = editor.finish().value();
    log::info("{}: the file has changed but its serial has not moved on; serving it as {}",
              served.apex.text(), zone->serial());
  }
  served.zone = zone;
  if (served.journal && zone != load.zone)
    if (auto folded = fold(served); !folded) return back(folded.error());
  return true;
}

// Keys and DS records are kept beside the journals; the `.ds` file is what the parent's administrator wants.
bool open_key(ServedZone& served, const ZoneConfig& config, const std::string& folder,
              std::vector<Error>& problems) {
  served.key.reset();
  served.digest = config.zonemd && !config.secondary();
  served.signing = {config.nsec3 ? Denial::Nsec3 : Denial::Nsec, served.digest};
  if (!config.dnssec) return true;
  const std::string stem = folder + "/" + file_stem(served.apex);
  const bool given = !config.dnssec_key.empty();
  auto key =
      given ? ZoneKey::read(config.dnssec_key, served.apex) : ZoneKey::open(stem + ".key", served.apex);
  const auto kept =
      key && !given
          ? replace_file(stem + ".ds", record_text(served.apex, type::DS, 3600, as_bytes(key->ds())) + "\n")
          : Result<void>();
  if (!key || !kept) {
    problems.push_back(key ? kept.error() : key.error());
    return false;
  }
  served.key = std::move(*key);
  return true;
}

Result<void> fold_if_long(ServedZone& served) {
  return served.journal && served.journal->size() > 2 * kJournalSize ? fold(served) : Result<void>();
}

}  // namespace lab::dns
