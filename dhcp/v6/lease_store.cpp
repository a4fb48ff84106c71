#include "dhcp/v6/lease_store.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>

namespace lab::dhcp::v6 {

namespace {

const std::vector<std::string>& schema() {
  static const std::vector<std::string> steps = {
      // 1. Addresses are their 16 bytes. `lease_list` is for people with a sqlite3 shell.
      R"(CREATE TABLE server(duid BLOB NOT NULL);
         CREATE TABLE lease(
           address BLOB PRIMARY KEY, kind INTEGER NOT NULL, length INTEGER NOT NULL, state INTEGER NOT NULL,
           duid BLOB NOT NULL, iaid INTEGER NOT NULL, mac BLOB, hostname TEXT NOT NULL,
           started INTEGER NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID;
         CREATE TABLE dns_name(
           address BLOB NOT NULL, fqdn TEXT NOT NULL, client BLOB NOT NULL, state INTEGER NOT NULL,
           PRIMARY KEY(address, fqdn, client)) WITHOUT ROWID;
         CREATE VIEW lease_list AS SELECT hex(address) AS address, length,
           CASE state WHEN 1 THEN 'active' WHEN 2 THEN 'released' WHEN 3 THEN 'expired' ELSE 'declined' END AS state,
           hex(duid) AS duid, iaid, hex(mac) AS mac, hostname,
           datetime(started, 'unixepoch') AS started, datetime(expires, 'unixepoch') AS expires
           FROM lease ORDER BY lease.address)",
  };
  return steps;
}

std::int64_t epoch(ServerTime t) { return t.time_since_epoch().count(); }

template <class Range>
void bind_bytes(SQLite::Statement& statement, int index, const Range& bytes) {
  statement.bindNoCopy(index, bytes.data(), static_cast<int>(bytes.size()));
}

std::span<const std::uint8_t> bytes_of(const SQLite::Column& column) {
  const auto* data = static_cast<const std::uint8_t*>(column.getBlob());
  return data == nullptr ? std::span<const std::uint8_t>()
                         : std::span(data, static_cast<std::size_t>(column.getBytes()));
}

std::string text_of(const SQLite::Column& column) {
  const auto bytes = bytes_of(column);
  return {bytes.begin(), bytes.end()};
}

std::optional<IpAddress> address_of(const SQLite::Column& column) {
  const auto bytes = bytes_of(column);
  return bytes.size() == 16 ? std::optional(read_address(bytes)) : std::nullopt;
}

std::optional<MacAddress> mac_of(const SQLite::Column& column) {
  std::array<std::uint8_t, 6> mac{};
  const auto bytes = bytes_of(column);
  if (bytes.size() != mac.size()) return std::nullopt;
  std::ranges::copy(bytes, mac.begin());
  return MacAddress(mac);
}

void read_all(SQLite::Database& database, LeaseStore::Content& content) {
  SQLite::Statement server(database, "SELECT duid FROM server");
  if (server.executeStep()) {
    const auto duid = bytes_of(server.getColumn(0));
    content.duid.assign(duid.begin(), duid.end());
  }
  SQLite::Statement leases(
      database,
      "SELECT address, kind, length, state, duid, iaid, mac, hostname, started, expires FROM lease");
  while (leases.executeStep()) {
    const auto address = address_of(leases.getColumn(0));
    if (!address) continue;
    content.leases.push_back({.kind = static_cast<IaKind>(leases.getColumn(1).getInt()),
                              .address = *address,
                              .length = static_cast<std::uint8_t>(leases.getColumn(2).getInt()),
                              .state = static_cast<LeaseState>(leases.getColumn(3).getInt()),
                              .duid = text_of(leases.getColumn(4)),
                              .iaid = leases.getColumn(5).getUInt(),
                              .mac = mac_of(leases.getColumn(6)),
                              .hostname = leases.getColumn(7).getString(),
                              .started = ServerTime(std::chrono::seconds(leases.getColumn(8).getInt64())),
                              .expires = ServerTime(std::chrono::seconds(leases.getColumn(9).getInt64()))});
  }
  SQLite::Statement names(database, "SELECT address, fqdn, client, state FROM dns_name");
  while (names.executeStep()) {
    const auto address = address_of(names.getColumn(0));
    if (!address) continue;
    content.names.push_back({.address = *address,
                             .fqdn = names.getColumn(1).getString(),
                             .client = text_of(names.getColumn(2)),
                             .hardware = {},
                             .state = static_cast<NameState>(names.getColumn(3).getInt())});
  }
}

}  // namespace

struct LeaseStore::Statements {
  explicit Statements(SQLite::Database& d)
      : put_lease(d,
                  "INSERT OR REPLACE INTO lease(address, kind, length, state, duid, iaid, mac, hostname, "
                  "started, expires) VALUES(?,?,?,?,?,?,?,?,?,?)"),
        put_name(d, "INSERT OR REPLACE INTO dns_name(address, fqdn, client, state) VALUES(?,?,?,?)"),
        drop_name(d, "DELETE FROM dns_name WHERE address=? AND fqdn=? AND client=?") {}

  void put(const Lease& lease) {
    bind_bytes(put_lease, 1, lease.address.bytes());
    put_lease.bind(2, static_cast<int>(lease.kind));
    put_lease.bind(3, static_cast<int>(lease.length));
    put_lease.bind(4, static_cast<int>(lease.state));
    bind_bytes(put_lease, 5, lease.duid);
    put_lease.bind(6, static_cast<std::int64_t>(lease.iaid));
    if (lease.mac)
      bind_bytes(put_lease, 7, lease.mac->bytes());
    else
      put_lease.bind(7);
    put_lease.bindNoCopy(8, lease.hostname);
    put_lease.bind(9, epoch(lease.started));
    put_lease.bind(10, epoch(lease.expires));
    store::execute(put_lease);
  }
  void put(const DnsName& name) {
    SQLite::Statement& statement = name.forget ? drop_name : put_name;
    bind_bytes(statement, 1, name.address.bytes());
    statement.bindNoCopy(2, name.fqdn);
    bind_bytes(statement, 3, name.client);
    if (!name.forget) statement.bind(4, static_cast<int>(name.state));
    store::execute(statement);
  }

 private:
  SQLite::Statement put_lease, put_name, drop_name;
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
      read_all(*store::open(path, {.read_only = true}), content);
      return opened;
    }
    // Two servers on one database would each believe that they know every lease.
    auto alone = store::OwnerLock::take(path, "is a lab-dhcpd running on it?");
    if (!alone) return std::unexpected(alone.error());
    opened->lock_ = std::move(*alone);
    auto database = store::open(path, {.cache_kib = 1024});
    store::migrate(*database, schema());
    const Bytes fresh = content.duid;
    content.duid.clear();
    read_all(*database, content);
    if (content.duid.empty() && !fresh.empty()) {
      SQLite::Statement keep(*database, "INSERT INTO server(duid) VALUES(?)");
      bind_bytes(keep, 1, fresh);
      keep.exec();
      content.duid = fresh;
    }
    opened->statements_ = std::make_unique<Statements>(*database);
    opened->commit_ = std::make_unique<store::GroupCommit>(std::move(database));
    return opened;
  } catch (const std::exception& e) {
    return fail(std::string("cannot use the lease database: ") + e.what(), path,
                "its folder must be writable, and the file a database of DHCPv6 leases");
  }
}

void LeaseStore::save(StoreChange change, std::function<void(const Error*)> done) {
  commit_->submit(
      [this, change = std::move(change)](SQLite::Database&) {
        for (const auto& lease : change.leases) statements_->put(lease);
        for (const auto& name : change.names) statements_->put(name);
      },
      std::move(done));
}

}  // namespace lab::dhcp::v6
