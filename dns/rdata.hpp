/// rdata -- how the data of each record type is laid out: where it holds domain names, and whether those may
/// be compressed (RFC 1035 3.3, RFC 3597 4). One table; reading from messages, comparing and writing all come
/// from it.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "dns/name.hpp"

namespace lab::dns {

/// The fields of a type's data, one letter each:
///   `n` a name that may be compressed, `N` one that is never compressed on the way out, `L` one that also
///   keeps its case in canonical form; `1` `2` `4` `6` that many bytes; `q` 16 bytes; `s` a character string;
///   `S` one or more of them up to the end; `*` anything up to the end; `+` at least one byte up to the end.
std::string_view rdata_layout(Type);

/// Whether the type's data holds names that a response may compress.
bool has_compressible_names(Type);

/// Reads the data at `at`, `size` bytes long, out of a message: compressed names are expanded, the layout is
/// checked. nullopt when it is malformed.
std::optional<std::string> rdata_from_message(Type, std::span<const std::uint8_t> message, std::size_t at,
                                              std::size_t size);

/// Checks data that holds no compression.
bool is_valid_rdata(Type, std::span<const std::uint8_t> rdata);

/// The form in which records are compared and signed: names in lower case (RFC 4034 6.2, RFC 6840 5.1).
std::string canonical_rdata(Type, std::span<const std::uint8_t> rdata);

/// The name a record points at: the exchange of MX, the target of SRV, the name of NS, CNAME, DNAME, PTR. An
/// empty span for other types.
std::span<const std::uint8_t> target_name(Type, std::span<const std::uint8_t> rdata);

}  // namespace lab::dns
