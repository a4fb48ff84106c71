/// records -- DNS records as topologies write them, read by ldns: single lines of `records:` and whole zone
/// files (RFC 1035 5). Both the rules over a file and the zones of the plan use this one reading.
#pragma once
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace lab::topology {

struct Record {
  std::string owner;  ///< absolute, lower case: "www.helper.bac."
  std::uint32_t ttl = 0;
  std::string type;  ///< "A"
  std::string data;  ///< presentation form: "192.168.56.20"
  int line = 0;      ///< in the zone file; 0 for a single record
  friend bool operator==(const Record&, const Record&) = default;
};

struct RecordError {
  std::string reason;  ///< "Syntax error, could not parse the RR's type"
  int line = 0;
};

/// One record such as `www 300 A 192.168.56.20`; names without a final dot are relative to `domain`.
std::expected<Record, RecordError> parse_record(std::string_view text, std::string_view domain,
                                                std::uint32_t default_ttl);
/// A zone file whose $ORIGIN is `domain` to begin with. The first mistake ends it.
std::expected<std::vector<Record>, RecordError> parse_zonefile(const std::string& text,
                                                               std::string_view domain,
                                                               std::uint32_t default_ttl);
/// Whether `type` is a record type by name, "MX", or of the form TYPE65534 (RFC 3597).
bool is_record_type(std::string_view type);

}  // namespace lab::topology
