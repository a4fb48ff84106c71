/// wire -- the numbers of the DNS protocol (RFC 1035 4, IANA "Domain Name System (DNS) Parameters") and
/// big-endian access.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace lab::dns {

using Type = std::uint16_t;

/// Record types the server itself knows something about; every other number is served as opaque data (RFC
/// 3597).
namespace type {
inline constexpr Type A = 1, NS = 2, MD = 3, MF = 4, CNAME = 5, SOA = 6, MB = 7, MG = 8, MR = 9, PTR = 12,
                      MINFO = 14, MX = 15, TXT = 16, RP = 17, AFSDB = 18, RT = 21, SIG = 24, KEY = 25,
                      PX = 26, AAAA = 28, NXT = 30, SRV = 33, NAPTR = 35, KX = 36, DNAME = 39, OPT = 41,
                      DS = 43, SSHFP = 44, RRSIG = 46, NSEC = 47, DNSKEY = 48, DHCID = 49, NSEC3 = 50,
                      NSEC3PARAM = 51, TLSA = 52, CDS = 59, CDNSKEY = 60, ZONEMD = 63, SVCB = 64, HTTPS = 65,
                      SPF = 99, TKEY = 249, TSIG = 250, IXFR = 251, AXFR = 252, MAILB = 253, MAILA = 254,
                      ANY = 255, CAA = 257;
}  // namespace type

namespace rrclass {
inline constexpr std::uint16_t IN = 1, CH = 3, NONE = 254, ANY = 255;
}

enum class Opcode : std::uint8_t { Query = 0, IQuery = 1, Status = 2, Notify = 4, Update = 5, Dso = 6 };

/// Response codes; those above 15 are carried by EDNS (RFC 6891 6.1.3) or by TSIG (RFC 8945 3).
enum class Rcode : std::uint16_t {
  NoError = 0,
  FormErr = 1,
  ServFail = 2,
  NxDomain = 3,
  NotImp = 4,
  Refused = 5,
  YxDomain = 6,
  YxRRset = 7,
  NxRRset = 8,
  NotAuth = 9,
  NotZone = 10,
  BadVers = 16,
  BadKey = 17,
  BadTime = 18,
  BadTrunc = 22,
  BadCookie = 23,
};

inline constexpr std::size_t kHeaderSize = 12;
inline constexpr std::size_t kMaxName = 255;       // RFC 1035 2.3.4
inline constexpr std::size_t kMaxLabel = 63;       // RFC 1035 2.3.4
inline constexpr std::size_t kMaxMessage = 65535;  // RFC 1035 4.2.2: the two length bytes of TCP
inline constexpr std::size_t kPlainUdp = 512;      // RFC 1035 4.2.1, without EDNS

inline std::uint16_t get16(const std::uint8_t* p) { return static_cast<std::uint16_t>(p[0] << 8 | p[1]); }
inline std::uint32_t get32(const std::uint8_t* p) {
  return std::uint32_t{p[0]} << 24 | std::uint32_t{p[1]} << 16 | std::uint32_t{p[2]} << 8 | p[3];
}
inline void put16(std::uint8_t* p, std::uint16_t v) {
  p[0] = static_cast<std::uint8_t>(v >> 8);
  p[1] = static_cast<std::uint8_t>(v);
}
inline void put32(std::uint8_t* p, std::uint32_t v) {
  put16(p, static_cast<std::uint16_t>(v >> 16));
  put16(p + 2, static_cast<std::uint16_t>(v));
}

/// Bytes of a message or of rdata as text and back, without copying.
inline std::string_view as_text(std::span<const std::uint8_t> b) {
  return {reinterpret_cast<const char*>(b.data()), b.size()};
}
inline std::span<const std::uint8_t> as_bytes(std::string_view s) {
  return {reinterpret_cast<const std::uint8_t*>(s.data()), s.size()};
}

/// `NXDOMAIN`, `BADVERS`; a number for what has no name.
std::string rcode_text(Rcode);
/// `MX`, `TYPE65280` (RFC 3597 5).
std::string type_text(Type);
/// The type of a mnemonic or of `TYPE123`, in any case; 0 when unknown.
Type type_of(std::string_view text);
/// Types that only mean something in a question or inside a message: never stored in a zone (RFC 6895 3.1).
constexpr bool is_meta_type(Type t) { return t == type::OPT || (t >= 128 && t <= 255) || t == 0; }

/// Serial number arithmetic (RFC 1982 3.2): whether `a` comes after `b`.
constexpr bool serial_after(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) > 0; }

}  // namespace lab::dns
