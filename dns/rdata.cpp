#include "dns/rdata.hpp"

namespace lab::dns {

std::string_view rdata_layout(Type t) {
  switch (t) {
    case type::A: return "4";
    case type::AAAA: return "q";
    case type::NS:
    case type::CNAME:
    case type::PTR:
    case type::MB:
    case type::MD:
    case type::MF:
    case type::MG:
    case type::MR: return "n";
    case type::DNAME: return "N";  // RFC 6672 2.5: never compressed
    case type::SOA: return "nn44444";
    case type::MINFO: return "nn";
    case type::MX: return "2n";
    case type::AFSDB:
    case type::RT:
    case type::KX: return "2N";  // RFC 3597 4
    case type::RP: return "NN";
    case type::PX: return "2NN";
    case type::SRV: return "6N";  // RFC 2782: no compression
    case type::NAPTR: return "4sssN";
    case type::TXT:
    case type::SPF: return "S";
    case type::SVCB:
    case type::HTTPS: return "2L*";  // RFC 9460 2.2
    case type::DS:
    case type::CDS: return "4+";
    case type::SSHFP: return "2+";
    case type::TLSA: return "21+";
    case type::DNSKEY:
    case type::CDNSKEY: return "4+";
    case type::RRSIG: return "2114442N+";
    case type::NSEC: return "L*";  // RFC 6840 5.1: not lower-cased in canonical form
    case type::NSEC3: return "112ss*";
    case type::NSEC3PARAM: return "112s";
    case type::CAA: return "1s*";
    case type::ZONEMD: return "411+";
    default: return "*";
  }
}

bool has_compressible_names(Type t) {
  switch (t) {
    case type::NS:
    case type::CNAME:
    case type::PTR:
    case type::MB:
    case type::MD:
    case type::MF:
    case type::MG:
    case type::MR:
    case type::SOA:
    case type::MINFO:
    case type::MX: return true;
    default: return false;
  }
}

std::optional<std::string> rdata_from_message(Type t, std::span<const std::uint8_t> message, std::size_t at,
                                              std::size_t size) {
  if (at > message.size() || size > message.size() - at) return std::nullopt;
  const std::size_t end = at + size;
  std::string out;
  auto take = [&](std::size_t n) {
    if (n > end - at) return false;
    out.append(as_text(message.subspan(at, n)));
    at += n;
    return true;
  };
  for (const char field : rdata_layout(t)) {
    bool good = true;
    switch (field) {
      case 'n':
      case 'N':
      case 'L': {
        const auto name = Name::from_message(message.first(end), at);
        good = name.has_value();
        if (good) out.append(name->wire());
        break;
      }
      case 's': good = at < end && take(std::size_t{message[at]} + 1); break;
      case 'S':
        do good = at < end && take(std::size_t{message[at]} + 1);
        while (good && at < end);
        break;
      case 'q': good = take(16); break;
      case '+': good = at < end && take(end - at); break;
      case '*': good = take(end - at); break;
      default: good = take(static_cast<std::size_t>(field - '0')); break;
    }
    if (!good) return std::nullopt;
  }
  return at == end ? std::optional(std::move(out)) : std::nullopt;
}

bool is_valid_rdata(Type t, std::span<const std::uint8_t> rdata) {
  std::size_t at = 0;
  const std::size_t end = rdata.size();
  auto take = [&](std::size_t n) {
    if (n > end - at) return false;
    at += n;
    return true;
  };
  for (const char field : rdata_layout(t)) {
    bool good = true;
    switch (field) {
      case 'n':
      case 'N':
      case 'L': {
        const std::size_t n = name_size(rdata.subspan(at));
        good = n != 0 && take(n);
        break;
      }
      case 's': good = at < end && take(std::size_t{rdata[at]} + 1); break;
      case 'S':
        do good = at < end && take(std::size_t{rdata[at]} + 1);
        while (good && at < end);
        break;
      case 'q': good = take(16); break;
      case '+': good = at < end && take(end - at); break;
      case '*': good = take(end - at); break;
      default: good = take(static_cast<std::size_t>(field - '0')); break;
    }
    if (!good) return false;
  }
  return at == end;
}

std::string canonical_rdata(Type t, std::span<const std::uint8_t> rdata) {
  std::string out(as_text(rdata));
  std::size_t at = 0;
  for (const char field : rdata_layout(t)) {
    if (at >= out.size()) break;
    switch (field) {
      case 'n':
      case 'N':
      case 'L': {
        const std::size_t n = name_size(rdata.subspan(at));
        if (field != 'L')
          for (std::size_t i = at; i < at + n; ++i) out[i] = static_cast<char>(kLower[rdata[i]]);
        at += n;
        break;
      }
      case 's': at += std::size_t{rdata[at]} + 1; break;
      case 'q': at += 16; break;
      case 'S':
      case '+':
      case '*': return out;
      default: at += static_cast<std::size_t>(field - '0'); break;
    }
  }
  return out;
}

std::span<const std::uint8_t> target_name(Type t, std::span<const std::uint8_t> rdata) {
  switch (t) {
    case type::NS:
    case type::CNAME:
    case type::DNAME:
    case type::PTR: return rdata;
    case type::MX:
    case type::AFSDB:
    case type::KX: return rdata.subspan(2);
    case type::SRV: return rdata.subspan(6);
    case type::SVCB:
    case type::HTTPS: return rdata.subspan(2, name_size(rdata.subspan(2)));
    default: return {};
  }
}

}  // namespace lab::dns
