/// name -- a domain name in wire form (RFC 1035 3.1), valid by construction: labels of 1 to 63 bytes, 255
/// bytes in all, closed by the root. Case is kept as written and ignored in comparisons (RFC 4343).
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/error.hpp"
#include "dns/wire.hpp"

namespace lab::dns {

class Name {
 public:
  Name() : wire_(1, '\0') {}  ///< the root

  /// A name as zone files and people write it: `mail`, `mail.helper.bac.`, `\046`, `@` (RFC 1035 5.1). What
  /// does not end in a dot is completed with `origin`.
  static Result<Name> parse(std::string_view text, const Name& origin);
  static Result<Name> parse(std::string_view text) { return parse(text, Name()); }
  /// From the start of uncompressed wire bytes; what follows the name is ignored.
  static std::optional<Name> from_wire(std::span<const std::uint8_t> bytes);
  /// From a message, following compression pointers; `at` moves behind the name (RFC 1035 4.1.4).
  static std::optional<Name> from_message(std::span<const std::uint8_t> message, std::size_t& at);
  /// Bytes known to be a valid name: those of zone data, or of a question that passed `skip_name`.
  static Name trusted(const std::uint8_t* wire, std::size_t size);

  const std::uint8_t* data() const { return reinterpret_cast<const std::uint8_t*>(wire_.data()); }
  std::size_t size() const { return wire_.size(); }
  std::string_view wire() const { return wire_; }
  unsigned labels() const;  ///< without the root: 2 for `helper.bac.`
  bool is_root() const { return wire_.size() == 1; }
  bool is_wildcard() const { return wire_[0] == 1 && wire_[1] == '*'; }  // RFC 4592 2.1.1
  std::string text() const;  ///< absolute, `helper.bac.`, escaped as RFC 1035 5.1 asks

  Name lower() const;
  Name parent() const;  ///< the root's parent is the root
  /// `label` before this name; nullopt when that is too long.
  std::optional<Name> child(std::string_view label) const;
  /// The last `labels` labels.
  Name suffix(unsigned labels) const;
  /// This name is `ancestor` or lies below it.
  bool is_within(const Name& ancestor) const;

  friend bool operator==(const Name& a, const Name& b);
  /// Canonical order (RFC 4034 6.1).
  friend std::weak_ordering operator<=>(const Name& a, const Name& b);

 private:
  std::string wire_;
};

/// Parses `text` into `out` (255 bytes); returns the size, or 0 with the reason in `why`. What `Name::parse`
/// does, without allocating: a zone of a hundred thousand names is read with it.
std::size_t parse_name(std::string_view text, const Name& origin, std::uint8_t* out, const char** why);

/// Canonical order of two uncompressed names (RFC 4034 6.1).
std::weak_ordering canonical_order(const std::uint8_t* a, const std::uint8_t* b);

/// The size of an uncompressed name at the start of `bytes`; 0 when it is none.
std::size_t name_size(std::span<const std::uint8_t> bytes);
/// Behind the name at `at`, whether it ends in the root or in a pointer; 0 when it is malformed. Pointers are
/// not followed.
std::size_t skip_name(std::span<const std::uint8_t> message, std::size_t at);

inline constexpr std::array<std::uint8_t, 256> kLower = [] {
  std::array<std::uint8_t, 256> t{};
  for (unsigned i = 0; i < 256; ++i) t[i] = static_cast<std::uint8_t>(i >= 'A' && i <= 'Z' ? i + 32 : i);
  return t;
}();
inline void lower_copy(const std::uint8_t* from, std::size_t n, std::uint8_t* to) {
  for (std::size_t i = 0; i < n; ++i) to[i] = kLower[from[i]];
}

/// A name made ready for look-ups: in lower case, with place and hash of each of its suffixes. Hashes are
/// built from the root downwards, so that the ancestors of a name, and a wildcard below any of them, cost
/// nothing more.
class LookupName {
 public:
  LookupName() = default;
  explicit LookupName(const Name& n) { assign(n.data(), n.size()); }
  void assign(const std::uint8_t* wire, std::size_t size);

  unsigned labels() const { return labels_; }
  std::size_t size() const { return size_; }
  /// The suffix of `n` labels; 0 is the root.
  const std::uint8_t* suffix(unsigned n) const { return lower_ + start_[n]; }
  std::size_t suffix_size(unsigned n) const { return size_ - start_[n]; }
  std::uint64_t hash(unsigned n) const { return hash_[n]; }
  std::uint64_t hash() const { return hash_[labels_]; }
  /// The hash of `*` below the suffix of `n` labels.
  std::uint64_t wildcard_hash(unsigned n) const;

 private:
  static constexpr std::size_t kPadding = 8;  // hashing reads whole words
  std::uint8_t lower_[kMaxName + 1 + kPadding];
  std::uint8_t start_[128];
  std::uint64_t hash_[128];
  std::size_t size_ = 0;
  unsigned labels_ = 0;
};

}  // namespace lab::dns
