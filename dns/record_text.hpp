/// record_text -- records in words: the data of any type ldns knows from its text form and back, types and
/// classes by name.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "common/error.hpp"
#include "dns/name.hpp"

namespace lab::dns {

/// The wire form of a record's data, `10 mail` for MX; names without a final dot are completed with `origin`.
/// Read by ldns; also the generic form `\# 4 0A000001` (RFC 3597 5).
Result<std::string> rdata_from_text(Type, std::string_view text, const Name& origin);

/// The text form of data known to be valid; the generic form where ldns knows no other.
std::string rdata_text(Type, std::span<const std::uint8_t> rdata);
/// A line of a zone file: `mail.helper.bac. 3600 IN A 192.168.56.10`.
std::string record_text(const Name& owner, Type, std::uint32_t ttl, std::span<const std::uint8_t> rdata);

/// `IN`, `CLASS1`: the number of a class; 0 when the word is none.
std::uint16_t class_number(std::string_view word);
/// The number of a type, quickly for the common ones; 0 when the word is none.
Type type_number(std::string_view word);
/// `did you mean 'AAAA'?`, or nothing when no type is near.
std::string near_type(std::string_view word);
/// Dotted quad, strictly.
bool parse_ipv4(std::string_view text, std::uint8_t* out);

}  // namespace lab::dns
