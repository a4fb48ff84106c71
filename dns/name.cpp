#include "dns/name.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace lab::dns {
namespace {

constexpr std::uint64_t kSeed = 0x9e3779b97f4a7c15, kMultiplier = 0xd6e8feb86659fd93;

std::uint64_t mix(std::uint64_t h, std::uint64_t word) {
  h = (h ^ word) * kMultiplier;
  return h ^ h >> 32;
}

// `label` is the length byte and what follows it; at least 8 bytes behind it may be read.
std::uint64_t hash_label(std::uint64_t h, const std::uint8_t* label) {
  std::size_t left = std::size_t{*label} + 1;
  std::uint64_t word;
  for (; left > 8; left -= 8, label += 8) {
    std::memcpy(&word, label, 8);
    h = mix(h, word);
  }
  std::memcpy(&word, label, 8);
  return mix(h, word & ~std::uint64_t{0} >> (64 - 8 * left));
}

bool is_plain(std::uint8_t c) {
  return c > 0x20 && c < 0x7f && c != '.' && c != '\\' && c != '"' && c != ';' && c != '(' && c != ')' &&
         c != '@' && c != '$';
}

}  // namespace

std::size_t parse_name(std::string_view text, const Name& origin, std::uint8_t* out, const char** why) {
  std::size_t size = 0, label = 0;  // `label`: where the length byte of the open label stands
  auto fail = [&](const char* reason) {
    *why = reason;
    return std::size_t{0};
  };
  if (text.empty()) return fail("a name is empty");
  if (text == "@") {
    std::memcpy(out, origin.data(), origin.size());
    return origin.size();
  }
  if (text == ".") {
    out[0] = 0;
    return 1;
  }
  size = 1;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto c = static_cast<std::uint8_t>(text[i]);
    if (c == '.') {
      if (size == label + 1) return fail("a label of the name is empty");
      out[label] = static_cast<std::uint8_t>(size - label - 1);
      label = size++;
      if (size > kMaxName) return fail("the name is longer than 255 bytes");
      continue;
    }
    if (c == '\\') {  // RFC 1035 5.1: \X is X itself, \DDD the byte of that decimal value
      if (++i >= text.size()) return fail("the name ends in a backslash");
      c = static_cast<std::uint8_t>(text[i]);
      if (c >= '0' && c <= '9') {
        if (i + 2 >= text.size() || text[i + 1] < '0' || text[i + 1] > '9' || text[i + 2] < '0' ||
            text[i + 2] > '9')
          return fail("a backslash in the name needs three digits or a character");
        const int value = (c - '0') * 100 + (text[i + 1] - '0') * 10 + (text[i + 2] - '0');
        if (value > 255) return fail("an escape in the name is above \\255");
        c = static_cast<std::uint8_t>(value);
        i += 2;
      }
    }
    if (size - label > kMaxLabel) return fail("a label of the name is longer than 63 bytes");
    if (size >= kMaxName) return fail("the name is longer than 255 bytes");
    out[size++] = c;
  }
  if (size == label + 1) {  // the text ended in a dot: absolute
    out[label] = 0;
    return size;
  }
  out[label] = static_cast<std::uint8_t>(size - label - 1);
  if (size + origin.size() > kMaxName) return fail("the name is longer than 255 bytes");
  std::memcpy(out + size, origin.data(), origin.size());
  return size + origin.size();
}

std::size_t name_size(std::span<const std::uint8_t> bytes) {
  std::size_t at = 0;
  while (at < bytes.size() && at < kMaxName) {
    const std::uint8_t length = bytes[at];
    if (length == 0) return at + 1;
    if (length > kMaxLabel) return 0;
    at += std::size_t{length} + 1;
  }
  return 0;
}

std::size_t skip_name(std::span<const std::uint8_t> message, std::size_t at) {
  const std::size_t begin = at;
  while (at < message.size() && at - begin < kMaxName) {
    const std::uint8_t length = message[at];
    if (length == 0) return at + 1;
    if (length >= 0xc0) return at + 2 <= message.size() ? at + 2 : 0;
    if (length > kMaxLabel) return 0;
    at += std::size_t{length} + 1;
  }
  return 0;
}

Result<Name> Name::parse(std::string_view text, const Name& origin) {
  std::uint8_t wire[kMaxName + 1];
  const char* why = nullptr;
  const std::size_t size = parse_name(text, origin, wire, &why);
  if (size == 0) return fail(fmt::format("'{}' is not a domain name: {}", text, why));
  return trusted(wire, size);
}

Name Name::trusted(const std::uint8_t* wire, std::size_t size) {
  Name n;
  n.wire_.assign(reinterpret_cast<const char*>(wire), size);
  return n;
}

std::optional<Name> Name::from_wire(std::span<const std::uint8_t> bytes) {
  const std::size_t size = name_size(bytes);
  if (size == 0) return std::nullopt;
  return trusted(bytes.data(), size);
}

std::optional<Name> Name::from_message(std::span<const std::uint8_t> message, std::size_t& at) {
  Name n;
  n.wire_.clear();
  std::size_t read = at, segment = at, behind = 0;
  for (;;) {
    if (read >= message.size()) return std::nullopt;
    const std::uint8_t length = message[read];
    if (length >= 0xc0) {
      if (read + 2 > message.size()) return std::nullopt;
      const std::size_t target = get16(&message[read]) & 0x3fffU;
      if (behind == 0) behind = read + 2;
      // A pointer leads to a prior place (RFC 1035 4.1.4), before all that was read so far: no loop is
      // possible.
      if (target >= segment) return std::nullopt;
      read = segment = target;
      continue;
    }
    if (length > kMaxLabel || read + length >= message.size() || n.wire_.size() + length + 1 > kMaxName)
      return std::nullopt;
    n.wire_.append(reinterpret_cast<const char*>(&message[read]), std::size_t{length} + 1);
    read += std::size_t{length} + 1;
    if (length == 0) break;
  }
  at = behind != 0 ? behind : read;
  return n;
}

unsigned Name::labels() const {
  unsigned n = 0;
  for (std::size_t at = 0; wire_[at] != 0; at += std::size_t{data()[at]} + 1) ++n;
  return n;
}

std::string Name::text() const {
  if (is_root()) return ".";
  std::string out;
  for (std::size_t at = 0; wire_[at] != 0;) {
    const std::size_t length = data()[at++];
    for (std::size_t i = 0; i < length; ++i) {
      const std::uint8_t c = data()[at + i];
      if (is_plain(c)) {
        out += static_cast<char>(c);
      } else if (c > 0x20 && c < 0x7f) {
        out += '\\';
        out += static_cast<char>(c);
      } else {
        out += fmt::format("\\{:03}", c);
      }
    }
    out += '.';
    at += length;
  }
  return out;
}

Name Name::lower() const {
  Name n = *this;
  for (char& c : n.wire_) c = static_cast<char>(kLower[static_cast<std::uint8_t>(c)]);
  return n;
}

Name Name::parent() const {
  if (is_root()) return *this;
  const std::size_t cut = std::size_t{data()[0]} + 1;
  return trusted(data() + cut, size() - cut);
}

std::optional<Name> Name::child(std::string_view label) const {
  if (label.empty() || label.size() > kMaxLabel || size() + label.size() + 1 > kMaxName) return std::nullopt;
  Name n;
  n.wire_.assign(1, static_cast<char>(label.size()));
  n.wire_.append(label).append(wire_);
  return n;
}

Name Name::suffix(unsigned labels_wanted) const {
  std::size_t at = 0;
  for (unsigned drop = labels() - std::min(labels_wanted, labels()); drop > 0; --drop)
    at += std::size_t{data()[at]} + 1;
  return trusted(data() + at, size() - at);
}

bool Name::is_within(const Name& ancestor) const {
  const unsigned n = ancestor.labels();
  return labels() >= n && suffix(n) == ancestor;
}

bool operator==(const Name& a, const Name& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (kLower[a.data()[i]] != kLower[b.data()[i]]) return false;
  return true;
}

std::weak_ordering canonical_order(const std::uint8_t* a, const std::uint8_t* b) {
  std::uint8_t starts_a[128], starts_b[128];
  auto cut = [](const std::uint8_t* n, std::uint8_t* starts) {
    std::size_t count = 0;
    for (std::size_t at = 0; n[at] != 0; at += std::size_t{n[at]} + 1)
      starts[count++] = static_cast<std::uint8_t>(at);
    return count;
  };
  std::size_t i = cut(a, starts_a), j = cut(b, starts_b);
  // Label by label from the right, each as a string of lower-case bytes; a missing label sorts first.
  while (i > 0 && j > 0) {
    const std::uint8_t* x = a + starts_a[--i];
    const std::uint8_t* y = b + starts_b[--j];
    const std::size_t common = std::min(*x, *y);
    for (std::size_t k = 1; k <= common; ++k)
      if (kLower[x[k]] != kLower[y[k]]) return kLower[x[k]] <=> kLower[y[k]];
    if (*x != *y) return *x <=> *y;
  }
  return i <=> j;
}

std::weak_ordering operator<=>(const Name& a, const Name& b) { return canonical_order(a.data(), b.data()); }

void LookupName::assign(const std::uint8_t* wire, std::size_t size) {
  size_ = size;
  lower_copy(wire, size, lower_);  // length bytes are below 64, 'A' is 65: they stay as they are
  std::uint8_t starts[128];
  unsigned n = 0;
  for (std::size_t at = 0; lower_[at] != 0; at += std::size_t{lower_[at]} + 1)
    starts[n++] = static_cast<std::uint8_t>(at);
  labels_ = n;
  start_[0] = static_cast<std::uint8_t>(size - 1);
  hash_[0] = kSeed;
  for (unsigned i = 1; i <= n; ++i) {
    start_[i] = starts[n - i];
    hash_[i] = hash_label(hash_[i - 1], lower_ + start_[i]);
  }
}

std::uint64_t LookupName::wildcard_hash(unsigned n) const {
  constexpr std::uint8_t kStar[8 + 2] = {1, '*'};
  return hash_label(hash_[n], kStar);
}

}  // namespace lab::dns
