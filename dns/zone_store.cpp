#include "dns/zone_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "common/log.hpp"
#include "dns/record_text.hpp"
#include "dns/update.hpp"
#include "dns/zone_file.hpp"
#include "dns/zonemd.hpp"

namespace lab::dns {
namespace {

// Steps kept for incremental transfers; whoever is further behind gets the whole zone.
constexpr std::size_t kHistory = 100;

std::uint32_t seconds_now() {
  return static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
          .count());
}

}  // namespace

ZoneStore::ZoneStore(std::size_t views) {
  for (std::size_t i = 0; i < views; ++i)
    views_.push_back(std::make_unique<Snapshot<ZoneSet>>(std::make_shared<const ZoneSet>()));
}

ViewId ZoneStore::view_of(const Config& config, const std::string& zone) {
  ViewId id = kMainView;
  for (const auto& [name, view] : config.views) {
    ++id;
    if (std::find(view.zones.begin(), view.zones.end(), zone) != view.zones.end()) return id;
  }
  return kMainView;
}

std::optional<std::vector<Name>> ZoneStore::members_of(const Config& config, const std::string& zone) {
  if (config.zones.at(zone).catalog != CatalogRole::Produce) return std::nullopt;
  std::vector<Name> members;
  for (const auto& [name, other] : config.zones)
    if (other.member_of == zone) members.push_back(Name::parse(name).value());
  return members;
}

std::unique_ptr<ZoneStore> ZoneStore::load(const Config& config, std::vector<Error>& problems) {
  std::unique_ptr<ZoneStore> store(new ZoneStore(config.views.size() + 1));
  store->protect_zone_files_ = config.update && config.update->protect_zone_files;
  store->folder_ = config.journal;
  for (const auto& [name, zone] : config.zones) {
    auto served = std::make_unique<ServedZone>();
    served->apex = Name::parse(name).value();
    served->file = zone.file;
    served->secondary = zone.secondary();
    served->view = view_of(config, name);
    served->catalog = members_of(config, name);
    if (load_zone(*served, config.journal, problems) && open_key(*served, zone, config.journal, problems))
      store->served_.push_back(std::move(served));
  }
  for (const auto& served : store->served_) {
    if (auto shown = store->show(*served); !shown) problems.push_back(shown.error());
    // The journal's steps have no signatures and no digest.
    if (served->shown != served->zone) served->history.clear();
    // Signed anew, but under the serial of old signatures: secondaries have those, and must get others in
    // time.
    if (served->key && served->last && served->last->signed_at != 0 &&
        served->last->serial == served->zone->serial())
      served->signed_at = std::min(served->signed_at, served->last->signed_at);
    if (problems.empty()) remember(*served, store->folder_);
  }
  if (problems.empty()) store->publish_all();
  return store;
}

void ZoneStore::check(const Config& config, std::vector<Error>& problems) {
  for (const auto& [name, zone] : config.zones) {
    const Name apex = Name::parse(name).value();
    if (!zone.file.empty()) {
      const ZoneLoad load = load_zone_file(apex, zone.file);
      for (const Error& remark : load.remarks) log::warning("{}", remark.text());
      problems.insert(problems.end(), load.problems.begin(), load.problems.end());
    }
    if (!zone.dnssec_key.empty())
      if (auto key = ZoneKey::read(zone.dnssec_key, apex); !key) problems.push_back(key.error());
  }
}

Result<void> ZoneStore::show(ServedZone& served) const {
  if (!served.key) {
    served.shown = served.zone;
    if (!served.digest) return {};
    auto digested = with_zonemd(served.zone);
    if (!digested) return std::unexpected(digested.error());
    served.shown = *digested;
    return {};
  }
  // A delegation to a zone that is signed here too is signed over: its DS is known (RFC 4035 2.4).
  ZoneEditor editor(served.zone);
  for (const auto& child : served_)
    if (child->key && child.get() != &served && child->apex.is_within(served.apex) &&
        editor.find(child->apex, type::NS) && !editor.find(child->apex, type::DS))
      editor.add(child->apex, type::DS, served.zone->find(child->apex)->find(type::NS).ttl, child->key->ds());
  const auto with_ds = editor.finish();
  if (!with_ds) return std::unexpected(with_ds.error());
  const Zone* before = served.shown && served.shown->is_signed() ? served.shown.get() : nullptr;
  auto done = served.key->sign(**with_ds, before, served.signing, seconds_now());
  if (!done) return std::unexpected(done.error());
  served.shown = done->zone;
  served.signed_at = done->oldest;
  return {};
}

void ZoneStore::note_signatures() {
  std::uint32_t oldest = 0;
  for (const auto& served : served_)
    if (served->key && (oldest == 0 || served->signed_at < oldest)) oldest = served->signed_at;
  oldest_signature_ = oldest;
}

void ZoneStore::refresh_signatures() {
  const std::uint32_t oldest = oldest_signature_;
  if (oldest == 0 || seconds_now() - oldest < SigningTimes::kRefresh) return;
  submit([this] {
    for (const auto& served : served_) {
      if (!served->key || seconds_now() - served->signed_at < SigningTimes::kRefresh) continue;
      log::info("{}: signatures are made anew", served->apex.text());
      ZoneEditor editor(served->zone);
      editor.set_serial(next_serial(served->zone->serial()));
      const ZonePtr zone = editor.finish().value();
      const auto change = std::make_shared<const JournalEntry>(
          JournalEntry{served->file_fingerprint, served->zone->serial(), zone->serial(),
                       difference(*served->zone, *zone)});
      if (served->journal) {
        if (served->file_fingerprint == 0) served->file_fingerprint = fingerprint(*served->from_file);
        auto written = served->journal->append(*change);
        if (written) written = served->journal->sync();
        if (!written) log::error("{}", written.error().text());
      }
      publish(*served, zone, {change});
      remember(*served, folder_);
    }
  });
}

void ZoneStore::log_zones() const {
  for (const auto& served : served_)
    if (const Zone& zone = *served->shown; zone.available())
      log::info("{} serial {}, {} names", zone.apex().text(), zone.serial(), zone.names());
}

void ZoneStore::publish_all() {
  std::vector<std::vector<ZonePtr>> zones(views_.size());
  std::map<Name, Version> versions;
  for (const auto& served : served_) {
    zones[served->view].push_back(served->shown);
    versions[served->apex] = {served->shown, served->history};
  }
  {
    const std::lock_guard lock(versions_mutex_);
    versions_ = std::move(versions);
  }
  note_signatures();
  for (std::size_t view = 0; view < views_.size(); ++view)
    views_[view]->replace(std::make_shared<const ZoneSet>(std::move(zones[view])));
}

// Makes `zone` the version served, `changes` what led from the one before to it.
void ZoneStore::publish(ServedZone& served, ZonePtr zone, std::vector<ChangePtr> changes) {
  const ZonePtr before = served.shown;
  served.zone = std::move(zone);
  if (auto shown = show(served); !shown) {
    log::error("{}: {}; the version before is served on", served.apex.text(), shown.error().text());
    return;
  }
  if (served.shown != served.zone && !changes.empty())  // what secondaries get has other signatures, too
    changes = {std::make_shared<const JournalEntry>(
        JournalEntry{0, before->serial(), served.shown->serial(), difference(*before, *served.shown)})};
  if (changes.empty()) served.history.clear();
  served.history.insert(served.history.end(), changes.begin(), changes.end());
  if (served.history.size() > kHistory)
    served.history.erase(served.history.begin(), served.history.end() - kHistory);
  {
    const std::lock_guard lock(versions_mutex_);
    versions_[served.apex] = {served.shown, served.history};
  }
  note_signatures();
  Snapshot<ZoneSet>& zones = *views_[served.view];
  zones.replace(zones.get()->with(served.apex, served.shown));
  if (changed_ && served.zone->available()) changed_(served.apex, served.zone->serial());
}

ZoneStore::Version ZoneStore::version(const Name& apex) const {
  const std::lock_guard lock(versions_mutex_);
  const auto at = versions_.find(apex);
  return at == versions_.end() ? Version{} : at->second;
}

void ZoneStore::take_over(const Name& apex, ZonePtr zone, std::uint32_t good_for) {
  const std::int64_t until = std::int64_t{seconds_now()} + good_for;
  submit([this, apex, zone = std::move(zone), until] {
    ServedZone* served = find(apex);
    if (!served) return;
    const std::string copy = copy_file(folder_, apex);
    // The file's time says how old the copy is, over a restart, too.
    const auto set_age = [&](const Zone& of) {
      const timespec time{until - of.soa().expire, 0};
      const timespec times[2] = {time, time};
      ::utimensat(AT_FDCWD, copy.c_str(), times, 0);
    };
    if (!zone) {
      // RFC 7314 4.2: a copy of a copy never becomes older by being looked at.
      if (served->zone->available() && until - served->zone->soa().expire > refreshed(apex))
        set_age(*served->zone);
      return;
    }
    std::string text;
    for (const Node* node : zone->in_order())
      for (std::size_t i = 0; i < node->rrset_count(); ++i)
        for (const auto rdata : node->rrset(i))
          text += record_text(Name::trusted(node->name().data(), node->name().size()), node->rrset(i).type,
                              node->rrset(i).ttl, rdata) +
                  "\n";
    if (auto kept = replace_file(copy, text); !kept) log::error("{}", kept.error().text());
    set_age(*zone);
    std::vector<ChangePtr> changes;
    if (served->zone->available())
      changes.push_back(std::make_shared<const JournalEntry>(
          JournalEntry{0, served->zone->serial(), zone->serial(), difference(*served->zone, *zone)}));
    publish(*served, zone, std::move(changes));
  });
}

void ZoneStore::expire(const Name& apex) {
  submit([this, apex] {
    ServedZone* served = find(apex);
    if (!served || !served->zone->available()) return;
    log::error("{} has expired: no primary could be reached for so long that its copy is no longer served",
               apex.text());
    publish(*served, Zone::placeholder(apex), {});
  });
}

std::int64_t ZoneStore::refreshed(const Name& apex) const {
  struct stat info {};
  return ::stat(copy_file(folder_, apex).c_str(), &info) == 0 ? info.st_mtim.tv_sec : 0;
}

ZoneStore::~ZoneStore() { stop(); }

void ZoneStore::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void ZoneStore::submit(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    if (job) jobs_.push_back(std::move(job));
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  }
  wake_.notify_one();
}

void ZoneStore::update(std::vector<std::uint8_t> message, std::string peer, Done done) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) updates_.push_back({std::move(message), std::move(peer), std::move(done)});
  }
  submit({});
}

void ZoneStore::reload(const Config& config, std::optional<Name> only, Reloaded done) {
  submit([this, config, only = std::move(only), done = std::move(done)] { done(do_reload(config, only)); });
}

void ZoneStore::inspect(std::function<void(const std::vector<std::unique_ptr<ServedZone>>&)> look) {
  submit([this, look = std::move(look)] { look(served_); });
}

void ZoneStore::freeze(const Name& apex, bool frozen, std::function<void(bool)> done) {
  submit([this, apex, frozen, done = std::move(done)] {
    ServedZone* served = find(apex);
    const bool secondary = served && served->secondary;
    if (served && !secondary) {
      served->frozen = frozen;
      log::info("{} {}", apex.text(), frozen ? "is frozen: updates are refused" : "takes updates again");
    }
    done(secondary);
  });
}

void ZoneStore::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return stopping_ || !jobs_.empty() || !updates_.empty(); });
    if (!updates_.empty()) {
      auto updates = std::exchange(updates_, {});
      lock.unlock();
      apply(std::move(updates));
      lock.lock();
    } else if (!jobs_.empty()) {
      auto job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job();
      lock.lock();
    } else {
      return;
    }
  }
}

ServedZone* ZoneStore::find(const Name& apex) {
  for (const auto& served : served_)
    if (served->apex == apex) return served.get();
  return nullptr;
}

// Updates that arrived while the disk was busy are written together: one sync for each zone they touch.
void ZoneStore::apply(std::vector<Update> updates) {
  std::vector<Rcode> codes(updates.size(), Rcode::ServFail);
  struct Touched {
    ServedZone* served;
    ZonePtr zone;
    std::vector<std::size_t> updates;
    std::vector<ChangePtr> changes;
  };
  std::vector<Touched> touched;
  for (std::size_t i = 0; i < updates.size(); ++i) {
    Request request;
    const Update& update = updates[i];
    if (parse_request(update.message, request) != Verdict::Good || request.qtype != type::SOA ||
        request.qclass != rrclass::IN) {
      codes[i] = Rcode::FormErr;  // RFC 2136 3.1.1
      continue;
    }
    const Name apex = Name::trusted(request.qname.data(), request.qname.size());
    ServedZone* served = find(apex);
    if (!served || !served->journal) {
      log::warning("{}: update of {} refused: {}", update.peer, apex.text(),
                   !served             ? "not a zone of this server"
                   : served->secondary ? "this server has a copy; its primary takes the updates"
                                       : "no journal folder, or a zone that is made here");
      codes[i] = Rcode::NotAuth;
      continue;
    }
    if (served->frozen) {
      log::info("{}: update of {} refused: it is frozen ('lab-dnsctl thaw')", update.peer, apex.text());
      codes[i] = Rcode::Refused;
      continue;
    }
    auto at =
        std::find_if(touched.begin(), touched.end(), [&](const Touched& t) { return t.served == served; });
    if (at == touched.end()) at = touched.insert(at, {served, served->zone, {}, {}});
    UpdateOutcome outcome =
        apply_update(at->zone, protect_zone_files_ ? served->from_file.get() : nullptr, request);
    codes[i] = outcome.rcode;
    if (outcome.rcode != Rcode::NoError)
      log::info("{}: update of {}: {} ({})", update.peer, apex.text(), rcode_text(outcome.rcode),
                outcome.why);
    if (!outcome.zone) continue;
    const std::uint32_t from = at->zone->serial(), to = outcome.zone->serial();
    const std::size_t records = outcome.diff.removed.size() + outcome.diff.added.size() - 2;
    const auto change = std::make_shared<const JournalEntry>(
        JournalEntry{served->file_fingerprint, from, to, std::move(outcome.diff)});
    if (auto written = served->journal->append(*change); !written) {
      log::error("{}", written.error().text());
      codes[i] = Rcode::ServFail;
      continue;
    }
    log::info("{}: update of {}: {} records changed, serial {}", update.peer, apex.text(), records, to);
    at->zone = outcome.zone;
    at->updates.push_back(i);
    at->changes.push_back(change);
  }
  for (Touched& t : touched) {
    if (t.updates.empty()) continue;
    if (auto synced = t.served->journal->sync(); !synced) {
      log::error("{}", synced.error().text());
      for (const std::size_t i : t.updates) codes[i] = Rcode::ServFail;
      continue;
    }
    publish(*t.served, t.zone, std::move(t.changes));
    if (auto folded = fold_if_long(*t.served); !folded) log::error("{}", folded.error().text());
  }
  for (std::size_t i = 0; i < updates.size(); ++i) updates[i].done(codes[i]);
}

std::vector<std::string> ZoneStore::do_reload(const Config& config, const std::optional<Name>& only) {
  std::vector<std::string> faults;
  const auto fault = [&](std::string text) {
    log::error("{}", text);
    faults.push_back(std::move(text));
  };
  protect_zone_files_ = config.update && config.update->protect_zone_files;
  std::vector<std::unique_ptr<ServedZone>> served;
  std::vector<Name> changed;
  std::error_code ignored;
  for (const auto& [name, zone] : config.zones) {
    const Name apex = Name::parse(name).value();
    const auto old = std::find_if(served_.begin(), served_.end(), [&](const auto& s) {
      return s && s->apex == apex && s->secondary == zone.secondary();
    });
    if (only && apex != *only) {
      if (old != served_.end()) served.push_back(std::move(*old));
      continue;
    }
    std::unique_ptr<ServedZone> next =
        old != served_.end() ? std::move(*old) : std::make_unique<ServedZone>();
    const ZonePtr before = next->zone;
    next->apex = apex;
    next->file = zone.file;
    next->secondary = zone.secondary();
    next->catalog = members_of(config, name);
    // A view that came with a reload has no addresses yet: they are bound at the start.
    next->view = std::min<ViewId>(view_of(config, name), static_cast<ViewId>(views_.size() - 1));
    if (before && !next->secondary && !next->catalog && next->file_fingerprint == 0)
      next->file_fingerprint = fingerprint(*next->from_file);
    std::vector<Error> problems;
    auto history = next->history;
    if (!load_zone(*next, config.journal, problems)) {
      for (const Error& e : problems) fault(e.text());
      fault(fmt::format(
          "{} {}", apex.text(),
          before ? "has mistakes; the version before is served on" : "has mistakes and is not served"));
      if (!before) continue;
    } else if (before && next->zone != before) {
      log::info("{} serial {}, {} names", apex.text(), next->zone->serial(), next->zone->names());
      next->history = std::move(history);
      next->history.push_back(std::make_shared<const JournalEntry>(JournalEntry{
          next->file_fingerprint, before->serial(), next->zone->serial(), difference(*before, *next->zone)}));
      changed.push_back(apex);
    }
    std::vector<Error> key_problems;
    if (!open_key(*next, zone, config.journal, key_problems)) fault(key_problems[0].text());
    served.push_back(std::move(next));
  }
  for (const auto& gone : served_) {
    if (!gone || !gone->secondary) continue;
    log::info("{} is no longer served; its copy is removed", gone->apex.text());
    std::filesystem::remove(copy_file(folder_, gone->apex), ignored);
  }
  served_ = std::move(served);
  for (const auto& s : served_) {
    const ZonePtr before = s->shown;
    if (auto shown = show(*s); !shown) {
      fault(fmt::format("{}: {}", s->apex.text(), shown.error().text()));
      s->shown = before ? before : s->zone;
    } else if (s->shown != s->zone && before &&
               std::find(changed.begin(), changed.end(), s->apex) != changed.end()) {
      s->history.back() = std::make_shared<const JournalEntry>(
          JournalEntry{0, before->serial(), s->shown->serial(), difference(*before, *s->shown)});
    }
  }
  publish_all();
  for (const auto& s : served_) remember(*s, folder_);
  for (const Name& apex : changed)
    if (changed_) changed_(apex, find(apex)->zone->serial());
  return faults;
}

}  // namespace lab::dns
