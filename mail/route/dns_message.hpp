/// dns_message -- just enough of the DNS wire format (RFC 1035 4) to ask where mail goes: a question for MX,
/// A or AAAA, and the answer read. Bytes in, values out; hostile answers give an error, never more.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/address.hpp"

namespace lab::mail::route {

enum class Type : std::uint16_t { A = 1, Cname = 5, Mx = 15, Aaaa = 28 };

struct Mx {
  std::uint16_t preference = 0;
  std::string host;  ///< lower case, without the last dot; empty: the null MX (RFC 7505)
  friend auto operator<=>(const Mx&, const Mx&) = default;
};

/// The wire form of one question, with EDNS for 1232 bytes (RFC 6891). nullopt: `name` is no domain name.
std::optional<std::vector<std::uint8_t>> make_query(std::uint16_t id, std::string_view name, Type type);

struct DnsAnswer {
  enum class Outcome {
    Found,      ///< `mx` or `addresses` hold what was asked for, CNAMEs followed
    NoData,     ///< the name exists, not with this type
    NoName,     ///< NXDOMAIN
    Truncated,  ///< ask again over TCP
    Failed,     ///< SERVFAIL, REFUSED and their like: ask another server, or later
  };
  Outcome outcome = Outcome::Failed;
  std::vector<Mx> mx;
  std::vector<IpAddress> addresses;
};

/// nullopt: not an answer to this question (wrong id, wrong question, broken): wait for the right one.
std::optional<DnsAnswer> parse_answer(std::span<const std::uint8_t> packet, std::uint16_t id,
                                      std::string_view name, Type type);

}  // namespace lab::mail::route
