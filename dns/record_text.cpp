#include "dns/record_text.hpp"

#include <fmt/format.h>
#include <ldns/ldns.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <optional>

#include "common/yaml.hpp"
#include "dns/rdata.hpp"
#include "dns/zone_file.hpp"

namespace lab::dns {
namespace {

using LdnsRecord = std::unique_ptr<ldns_rr, decltype(&ldns_rr_free)>;
using LdnsData = std::unique_ptr<ldns_rdf, decltype(&ldns_rdf_deep_free)>;
using LdnsBuffer = std::unique_ptr<ldns_buffer, decltype(&ldns_buffer_free)>;
using LdnsText = std::unique_ptr<char, decltype(&std::free)>;

std::string generic_text(std::span<const std::uint8_t> rdata) {
  std::string out = fmt::format("\\# {}", rdata.size());
  if (!rdata.empty()) out += ' ';
  for (const std::uint8_t byte : rdata) out += fmt::format("{:02X}", byte);
  return out;
}

// For messages to people.
std::string shortened(std::string_view text) {
  constexpr std::size_t kMost = 80;
  return fmt::format("{}{}", text.substr(0, kMost), text.size() > kMost ? "…" : "");
}

// RFC 3597 5: `\# 4 0A00 0001`. Read here, as ldns takes no text longer than a message, which this is twice
// as long as its data. Nullopt when the text is of another form.
std::optional<Result<std::string>> generic_data(Type type, std::string_view text) {
  const auto skip = [&] { text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size())); };
  skip();
  if (!text.starts_with("\\#")) return std::nullopt;
  text.remove_prefix(2);
  skip();
  std::size_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  const auto wrong = [](const char* why) {
    return Result<std::string>(fail(
        why, {}, fmt::format("{} takes the number of bytes, then two hexadecimal digits for each", "\\#")));
  };
  if (error != std::errc() || length > kMaxMessage) return wrong("its length is no number of bytes");
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  std::string data;
  for (skip(); !text.empty(); skip()) {
    unsigned char byte = 0;
    const auto pair = text.substr(0, 2);
    const auto read = std::from_chars(pair.data(), pair.data() + pair.size(), byte, 16);
    if (pair.size() != 2 || read.ec != std::errc() || read.ptr != pair.data() + 2)
      return wrong("it has something else than pairs of hexadecimal digits");
    data += static_cast<char>(byte);
    text.remove_prefix(2);
  }
  if (data.size() != length) return wrong("it has another number of bytes than it says");
  if (!is_valid_rdata(type, as_bytes(data)))
    return Result<std::string>(fail(fmt::format("its bytes are no {}", type_text(type))));
  return data;
}

}  // namespace

Result<std::string> rdata_from_text(Type type, std::string_view text, const Name& origin) {
  if (auto generic = generic_data(type, text)) return std::move(*generic);
  const std::string line = fmt::format(". 0 IN {} {}", type_text(type), text);
  const LdnsData origin_data(ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, origin.size(), origin.data()),
                             &ldns_rdf_deep_free);
  ldns_rr* parsed = nullptr;
  const ldns_status status = ldns_rr_new_frm_str(&parsed, line.c_str(), 0, origin_data.get(), nullptr);
  const LdnsRecord record(parsed, &ldns_rr_free);
  if (status != LDNS_STATUS_OK || !record)
    return fail(ldns_get_errorstr_by_id(status), {}, fmt::format("got '{}'", shortened(text)));
  const LdnsBuffer buffer(ldns_buffer_new(512), &ldns_buffer_free);
  if (ldns_rr_rdata2buffer_wire(buffer.get(), record.get()) != LDNS_STATUS_OK)
    return fail("it cannot be put into wire form");
  std::string data(reinterpret_cast<const char*>(ldns_buffer_begin(buffer.get())),
                   ldns_buffer_position(buffer.get()));
  // The generic form says nothing about the type's own layout, and ldns leaves out what is missing at the
  // end.
  if (data.size() > kMaxMessage || !is_valid_rdata(type, as_bytes(data)))
    return fail("fields are missing or too long", {}, fmt::format("got '{}'", shortened(text)));
  return data;
}

std::string rdata_text(Type type, std::span<const std::uint8_t> rdata) {
  std::string wire(1, '\0');  // a record of the root: ldns reads whole records only
  std::uint8_t fixed[10];
  put16(fixed, type);
  put16(fixed + 2, rrclass::IN);
  put32(fixed + 4, 0);
  put16(fixed + 8, static_cast<std::uint16_t>(rdata.size()));
  wire.append(as_text(fixed)).append(as_text(rdata));
  ldns_rr* parsed = nullptr;
  std::size_t at = 0;
  if (ldns_wire2rr(&parsed, as_bytes(wire).data(), wire.size(), &at, LDNS_SECTION_ANSWER) != LDNS_STATUS_OK)
    return generic_text(rdata);
  const LdnsRecord record(parsed, &ldns_rr_free);
  std::string out;
  for (std::size_t i = 0; i < ldns_rr_rd_count(record.get()); ++i) {
    const LdnsText text(ldns_rdf2str(ldns_rr_rdf(record.get(), i)), &std::free);
    if (!text) return generic_text(rdata);
    if (i > 0) out += ' ';
    out += text.get();
  }
  constexpr std::size_t kReadable = 60'000;  // ldns reads nothing longer again
  return out.size() > kReadable ? generic_text(rdata) : out;
}

std::string record_text(const Name& owner, Type type, std::uint32_t ttl,
                        std::span<const std::uint8_t> rdata) {
  return fmt::format("{} {} IN {} {}", owner.text(), ttl, type_text(type), rdata_text(type, rdata));
}

std::uint16_t class_number(std::string_view word) {
  if (word == "IN" || word == "in") return rrclass::IN;
  if (word == "CH" || word == "ch") return rrclass::CH;
  if (word == "HS" || word == "hs") return 4;
  if (word.size() > 5 && (word.starts_with("CLASS") || word.starts_with("class"))) {
    std::uint16_t n = 0;
    const auto r = std::from_chars(word.data() + 5, word.data() + word.size(), n);
    if (r.ec == std::errc{} && r.ptr == word.data() + word.size()) return n;
  }
  return 0;
}

Type type_number(std::string_view word) {
  if (word == "A") return type::A;
  if (word == "AAAA") return type::AAAA;
  if (word == "NS") return type::NS;
  if (word == "PTR") return type::PTR;
  if (word == "MX") return type::MX;
  if (word == "CNAME") return type::CNAME;
  return type_of(word);
}

std::string near_type(std::string_view word) {
  std::string upper(word);
  for (char& c : upper)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  const std::string near =
      yaml::did_you_mean(upper, {"A", "AAAA", "NS", "SOA", "CNAME", "DNAME", "MX", "PTR", "TXT", "SRV", "CAA",
                                 "TLSA", "SSHFP", "NAPTR", "SVCB", "HTTPS", "DS", "DNSKEY"});
  return near.empty() ? "" : "did you mean '" + near + "'?";
}

bool parse_ipv4(std::string_view text, std::uint8_t* out) {
  const char *at = text.data(), *end = at + text.size();
  for (int i = 0; i < 4; ++i) {
    if (i > 0 && (at == end || *at++ != '.')) return false;
    unsigned value = 0, digits = 0;
    for (; at != end && *at >= '0' && *at <= '9' && digits < 3; ++digits)
      value = value * 10 + static_cast<unsigned>(*at++ - '0');
    if (digits == 0 || value > 255) return false;
    out[i] = static_cast<std::uint8_t>(value);
  }
  return at == end;
}

std::optional<std::uint32_t> parse_ttl(std::string_view text) {
  std::uint64_t total = 0, number = 0;
  bool digits = false, units = false;
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      number = number * 10 + static_cast<unsigned>(c - '0');
      digits = true;
    } else {
      std::uint64_t unit = 0;
      switch (c | 0x20) {
        case 's': unit = 1; break;
        case 'm': unit = 60; break;
        case 'h': unit = 3600; break;
        case 'd': unit = 86400; break;
        case 'w': unit = 604800; break;
        default: return std::nullopt;
      }
      if (!digits) return std::nullopt;
      total += number * unit;
      number = 0;
      digits = false;
      units = true;
    }
    if (total > 0x7fffffff || number > 0x7fffffff) return std::nullopt;  // RFC 2181 8: 31 bits
  }
  if (units && digits) return std::nullopt;
  total += number;
  if (text.empty() || total > 0x7fffffff) return std::nullopt;
  return static_cast<std::uint32_t>(total);
}

}  // namespace lab::dns
