/// dns_update -- DNS UPDATE messages (RFC 2136) as values, and the steps that put a client's name into DNS or
/// take it out (RFC 4703) without ever touching a record that DHCP did not make: every name of ours carries a
/// DHCID record (RFC 4701), a fingerprint of the client, and each update says which one it expects to find.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/address.hpp"
#include "common/error.hpp"
#include "dhcp/options.hpp"

namespace lab::dhcp {

struct DnsRecord {
  std::string name;
  std::uint16_t type = 0, record_class = 1;
  std::uint32_t ttl = 0;
  Bytes data;
};

/// RFC 2136 2: one transaction on one zone.
struct DnsUpdate {
  std::string zone;
  std::vector<DnsRecord> prerequisites, updates;
};

/// Error when a name cannot exist.
Result<Bytes> encode_update(const DnsUpdate& update, std::uint16_t id);
/// RFC 1035 4.1.1, RFC 2136 2.2
enum class Rcode : std::uint8_t {
  NoError = 0,
  FormErr = 1,
  ServFail = 2,
  NxDomain = 3,
  NotImp = 4,
  Refused = 5,
  YxDomain = 6,
  YxRrset = 7,
  NxRrset = 8,
  NotAuth = 9,
  NotZone = 10,
};
const char* name(Rcode);
/// The code of the answer to transaction `id`; nullopt for anything else.
std::optional<Rcode> decode_update_answer(std::span<const std::uint8_t> message, std::uint16_t id);

/// RFC 4701 3.3 to 3.5: fingerprint of client and name. `client` is option 61, or equals `hardware` (type and
/// address): an option 61 that repeats the hardware address is that same client, here as in the lease table.
Bytes dhcid(std::string_view client, std::string_view hardware, std::string_view fqdn);

struct NameTarget {
  std::string fqdn;  ///< pc1.helper.bac
  IpAddress address;
  std::string client, hardware;
  std::string forward_zone, reverse_zone;  ///< an empty one is left out
  std::string reverse_name = {};           ///< of the PTR record; empty: the address's own
  std::uint32_t ttl = 300;
};

/// One name, one address, to be added or removed: gives one update after the other and takes the server's
/// answers.
class NameTask {
 public:
  enum class Kind { Add, Remove };
  NameTask(Kind kind, NameTarget target);

  /// Nullopt when the task has ended.
  std::optional<DnsUpdate> next() const;
  void answered(Rcode rcode);

  /// Why a part of it was not done; empty when all was. A name held by somebody else is such a reason, and no
  /// failure.
  const std::string& refusal() const { return refusal_; }
  /// The server could not do it now: try again later.
  bool try_again() const { return try_again_; }

 private:
  enum class Step {
    AddForward,
    ReplaceForward,
    AddReverse,
    ReplaceReverse,
    RemoveForward,
    RemoveMark,
    RemoveReverse,
    End
  };
  void go_on(Step after);
  std::uint16_t address_type() const;
  DnsRecord forward(std::uint16_t type, std::uint16_t record_class, Bytes data = {}) const;
  DnsRecord reverse(std::uint16_t type, std::uint16_t record_class, Bytes data = {}) const;

  NameTarget target_;
  Bytes dhcid_, address_, pointer_;
  std::string reverse_name_;
  Step step_ = Step::End;
  std::string refusal_;
  bool try_again_ = false;
};

/// `192.168.56.0/24` → `56.168.192.in-addr.arpa`, `fd00:56::/64` → `0.0.0.0.….6.5.0.0.0.0.d.f.ip6.arpa`; a
/// prefix inside a label belongs to the zone of the labels before it.
std::string reverse_zone(const Network& network);

/// The name of an address's PTR record in the zone of a subnet smaller than an octet, as RFC 2317 calls it:
/// 192.168.56.130 in `128/26.56.168.192.in-addr.arpa` is `130.128/26.56.168.192.in-addr.arpa`. Nullopt when
/// the zone is not called so, or is not that of the address.
std::optional<std::string> classless_name(const std::string& zone, const IpAddress& address);

}  // namespace lab::dhcp
