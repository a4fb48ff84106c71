/// zone_store -- the zones of the server and everything that changes them: loading, reloading, dynamic
/// updates. One thread does all changes in order; what it publishes is immutable, so answering never waits.
/// Updates that arrive together are made durable together, and answered after that (RFC 2136 3.5).
#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "dns/config.hpp"
#include "dns/served_zone.hpp"
#include "dns/snapshot.hpp"
#include "dns/wire.hpp"
#include "dns/zone.hpp"

namespace lab::dns {

class ZoneStore {
 public:
  /// Loads every zone of the configuration; what is wrong goes to `problems`, then nothing is served.
  static std::unique_ptr<ZoneStore> load(const Config& config, std::vector<Error>& problems);
  /// Reads the zone files and keys that the configuration names, for `problems`, and changes nothing: a server
  /// may be running on the same journals.
  static void check(const Config& config, std::vector<Error>& problems);
  ~ZoneStore();

  Snapshot<ZoneSet>& zones(ViewId view = kMainView) { return *views_.at(view); }

  /// Tells the log what is served, before anything changes it.
  void log_zones() const;

  using Done = std::function<void(Rcode)>;
  /// Applies an update message (checked by parse_request); `done` is called on the store's thread once it is
  /// durable, or was refused.
  void update(std::vector<std::uint8_t> message, std::string peer, Done done);
  /// A zone as it is served now, with what led to it.
  struct Version {
    ZonePtr zone;
    std::vector<ChangePtr> history;
  };
  Version version(const Name& apex) const;
  /// Takes over what a secondary has fetched, and keeps it on disk; null: nothing new, the copy is good for
  /// longer. `good_for`: seconds until it expires, at most its SOA's EXPIRE.
  void take_over(const Name& apex, ZonePtr zone, std::uint32_t good_for);
  /// A secondary's copy is too old to be served (RFC 1034 4.3.5).
  void expire(const Name& apex);
  /// When a secondary's copy was last known to be as good as the original; seconds since 1970, 0 when there
  /// is none. Its SOA's EXPIRE counts from there.
  std::int64_t refreshed(const Name& apex) const;
  /// Makes signatures anew that are older than SigningTimes::kRefresh, under a new serial. Costs next to
  /// nothing while there are none; safe from any thread.
  void refresh_signatures();
  /// Called on the store's thread after each change of a zone.
  void on_change(std::function<void(const Name& apex, std::uint32_t serial)> call) {
    changed_ = std::move(call);
  }

  /// Calls back, on the store's thread, when all that was submitted so far is done.
  void settled(std::function<void()> done) { submit(std::move(done)); }

  /// Reads the zone files again, or that of `only`. A zone with a mistake stays as it was; `done` and the log
  /// are told where the mistake is.
  using Reloaded = std::function<void(std::vector<std::string> problems)>;
  void reload(const Config& config, std::optional<Name> only, Reloaded done);
  /// Shows what is served to `look`, on the store's thread.
  void inspect(std::function<void(const std::vector<std::unique_ptr<ServedZone>>&)> look);
  /// Refuses updates of the zone, or takes them again. `done` is told whether it is a copy, which takes none.
  void freeze(const Name& apex, bool frozen, std::function<void(bool secondary)> done);
  /// Waits for what was submitted, then ends the thread.
  void stop();

 private:
  struct Update {
    std::vector<std::uint8_t> message;
    std::string peer;
    Done done;
  };
  explicit ZoneStore(std::size_t views);
  void submit(std::function<void()> job);
  void run();
  void apply(std::vector<Update> updates);
  std::vector<std::string> do_reload(const Config& config, const std::optional<Name>& only);
  ServedZone* find(const Name& apex);
  /// Fills in `shown`: signs the zone if it has a key, and a served child's DS records before that.
  Result<void> show(ServedZone& served) const;
  void publish(ServedZone& served, ZonePtr zone, std::vector<ChangePtr> changes);
  void publish_all();
  void note_signatures();
  static std::optional<std::vector<Name>> members_of(const Config& config, const std::string& zone);
  static ViewId view_of(const Config& config, const std::string& zone);

  std::vector<std::unique_ptr<Snapshot<ZoneSet>>> views_;  // as many as the server started with
  std::vector<std::unique_ptr<ServedZone>> served_;        // the thread's, once it runs
  bool protect_zone_files_ = false;
  std::string folder_;  // journals and copies
  std::function<void(const Name&, std::uint32_t)> changed_;
  std::atomic<std::uint32_t> oldest_signature_{
      0};  // when it was made, seconds since 1970; 0: nothing is signed
  mutable std::mutex versions_mutex_;
  std::map<Name, Version> versions_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Update> updates_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::thread thread_;  // started by the first job: a server that nothing changes has none
};

}  // namespace lab::dns
