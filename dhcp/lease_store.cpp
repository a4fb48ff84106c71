#include "dhcp/lease_store.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

namespace lab::dhcp {
namespace {

/// A class room that is switched on shares its commits; a client that comes alone waits for nothing but its
/// own.
constexpr std::chrono::milliseconds kGather(3);

const std::vector<std::string>& schema() {
  static const std::vector<std::string> steps = {
      // 1. `lease_list` is for people with a sqlite3 shell.
      R"(CREATE TABLE lease(
           address INTEGER PRIMARY KEY, state INTEGER NOT NULL, client BLOB NOT NULL, hardware BLOB NOT NULL,
           hostname TEXT NOT NULL, started INTEGER NOT NULL, expires INTEGER NOT NULL);
         CREATE TABLE dns_name(
           address INTEGER NOT NULL, fqdn TEXT NOT NULL, client BLOB NOT NULL, hardware BLOB NOT NULL, state INTEGER NOT NULL,
           PRIMARY KEY(address, fqdn, client)) WITHOUT ROWID;
         CREATE VIEW lease_list AS SELECT
           (address >> 24) || '.' || (address >> 16 & 255) || '.' || (address >> 8 & 255) || '.' || (address & 255) AS address,
           CASE state WHEN 1 THEN 'active' WHEN 2 THEN 'released' WHEN 3 THEN 'expired' ELSE 'declined' END AS state,
           hex(substr(hardware, 2)) AS mac, hostname,
           datetime(started, 'unixepoch') AS started, datetime(expires, 'unixepoch') AS expires
           FROM lease ORDER BY lease.address)",
      // 2. When a client was last heard, by which two servers that share a network agree.
      "ALTER TABLE lease ADD COLUMN touched INTEGER NOT NULL DEFAULT 0; UPDATE lease SET touched = started",
      // 3. Behind which port of a relay or switch an address was lent, where that is limited.
      "CREATE TABLE lease_port(address INTEGER PRIMARY KEY, port TEXT NOT NULL)",
  };
  return steps;
}

std::int64_t epoch(ServerTime t) { return t.time_since_epoch().count(); }

void bind_bytes(SQLite::Statement& statement, int index, const std::string& bytes) {
  statement.bindNoCopy(index, bytes.data(), static_cast<int>(bytes.size()));
}

std::string bytes_of(const SQLite::Column& column) {
  const char* data = static_cast<const char*>(column.getBlob());
  return data == nullptr ? std::string() : std::string(data, static_cast<std::size_t>(column.getBytes()));
}

LeaseStore::Content read_all(SQLite::Database& database) {
  LeaseStore::Content content;
  // A database that its server has not opened since an update may still be without the column; a reader
  // changes nothing.
  const int version = database.execAndGet("PRAGMA user_version").getInt();
  const bool old = version < 2;
  constexpr char kNow[] =
      "SELECT address, state, client, hardware, hostname, started, expires, touched FROM lease";
  constexpr char kBefore[] =
      "SELECT address, state, client, hardware, hostname, started, expires, started FROM lease";
  SQLite::Statement leases(database, old ? kBefore : kNow);
  while (leases.executeStep())
    content.leases.push_back({.address = IpAddress::v4(leases.getColumn(0).getUInt()),
                              .state = static_cast<LeaseState>(leases.getColumn(1).getInt()),
                              .client = bytes_of(leases.getColumn(2)),
                              .hardware = bytes_of(leases.getColumn(3)),
                              .hostname = leases.getColumn(4).getString(),
                              .started = ServerTime(std::chrono::seconds(leases.getColumn(5).getInt64())),
                              .expires = ServerTime(std::chrono::seconds(leases.getColumn(6).getInt64())),
                              .touched = ServerTime(std::chrono::seconds(leases.getColumn(7).getInt64()))});
  SQLite::Statement names(database, "SELECT address, fqdn, client, hardware, state FROM dns_name");
  while (names.executeStep())
    content.names.push_back({.address = IpAddress::v4(names.getColumn(0).getUInt()),
                             .fqdn = names.getColumn(1).getString(),
                             .client = bytes_of(names.getColumn(2)),
                             .hardware = bytes_of(names.getColumn(3)),
                             .state = static_cast<NameState>(names.getColumn(4).getInt())});
  if (version < 3) return content;
  SQLite::Statement ports(database, "SELECT address, port FROM lease_port");
  while (ports.executeStep())
    content.ports.push_back({IpAddress::v4(ports.getColumn(0).getUInt()), ports.getColumn(1).getString()});
  return content;
}

}  // namespace

struct LeaseStore::Statements {
  explicit Statements(SQLite::Database& d)
      : put_lease(d,
                  "INSERT OR REPLACE INTO lease(address, state, client, hardware, hostname, started, "
                  "expires, touched) VALUES(?,?,?,?,?,?,?,?)"),
        put_name(d,
                 "INSERT OR REPLACE INTO dns_name(address, fqdn, client, hardware, state) VALUES(?,?,?,?,?)"),
        drop_name(d, "DELETE FROM dns_name WHERE address=? AND fqdn=? AND client=?"),
        put_port(d, "INSERT OR REPLACE INTO lease_port(address, port) VALUES(?,?)"),
        drop_lease(d, "DELETE FROM lease WHERE address=?") {}

  void put(const Lease& lease) {
    put_lease.bind(1, static_cast<std::int64_t>(lease.address.v4_value()));
    put_lease.bind(2, static_cast<int>(lease.state));
    bind_bytes(put_lease, 3, lease.client);
    bind_bytes(put_lease, 4, lease.hardware);
    put_lease.bindNoCopy(5, lease.hostname);
    put_lease.bind(6, epoch(lease.started));
    put_lease.bind(7, epoch(lease.expires));
    put_lease.bind(8, epoch(lease.touched));
    store::execute(put_lease);
  }
  void put(const DnsName& name) {
    SQLite::Statement& statement = name.forget ? drop_name : put_name;
    statement.bind(1, static_cast<std::int64_t>(name.address.v4_value()));
    statement.bindNoCopy(2, name.fqdn);
    bind_bytes(statement, 3, name.client);
    if (!name.forget) {
      bind_bytes(statement, 4, name.hardware);
      statement.bind(5, static_cast<int>(name.state));
    }
    store::execute(statement);
  }
  void put(const LeasePort& lent) {
    put_port.bind(1, static_cast<std::int64_t>(lent.address.v4_value()));
    put_port.bindNoCopy(2, lent.port);
    store::execute(put_port);
  }
  void forget(const IpAddress& address) {
    drop_lease.bind(1, static_cast<std::int64_t>(address.v4_value()));
    store::execute(drop_lease);
  }

 private:
  SQLite::Statement put_lease, put_name, drop_name, put_port, drop_lease;
};

LeaseStore::~LeaseStore() {
  // The statements go before their database does, and on the thread that uses them.
  if (commit_) (void)commit_->run([this](SQLite::Database&) { statements_.reset(); });
  commit_.reset();
}

Result<std::unique_ptr<LeaseStore>> LeaseStore::open(const std::string& path, Content& content,
                                                     Access access) {
  try {
    std::unique_ptr<LeaseStore> opened(new LeaseStore);
    if (access == Access::Read) {
      content = read_all(*store::open(path, {.read_only = true}));
      return opened;
    }
    // Two servers on one database would each believe that they know every lease.
    auto alone = store::OwnerLock::take(path, "is a lab-dhcpd running on it?");
    if (!alone) return std::unexpected(alone.error());
    opened->lock_ = std::move(*alone);
    auto database = store::open(path, {.cache_kib = 1024});
    store::migrate(*database, schema());
    content = read_all(*database);
    opened->statements_ = std::make_unique<Statements>(*database);
    opened->commit_ = std::make_unique<store::GroupCommit>(std::move(database), kGather);
    return opened;
  } catch (const std::exception& e) {
    return fail(std::string("cannot use the lease database: ") + e.what(), path,
                "its folder must be writable, and the file a database of leases");
  }
}

store::GroupCommit::Job LeaseStore::job(StoreChange change) {
  return [this, change = std::move(change)](SQLite::Database&) {
    for (const auto& lease : change.leases) statements_->put(lease);
    for (const auto& name : change.names) statements_->put(name);
    for (const auto& lent : change.ports) statements_->put(lent);
    for (const auto& address : change.forgotten) statements_->forget(address);
  };
}

void LeaseStore::save(StoreChange change, std::function<void(const Error*)> done) {
  commit_->submit(job(std::move(change)), std::move(done));
}

void LeaseStore::save_lone(StoreChange change, std::function<void(const Error*)> done) {
  commit_->submit_lone(job(std::move(change)), std::move(done));
}

bool LeaseStore::try_save(StoreChange change) { return commit_->try_now(job(std::move(change))); }

}  // namespace lab::dhcp
