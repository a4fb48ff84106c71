#include "mail/message/signature.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "mail/message/charset.hpp"

namespace lab::message {
namespace {

constexpr std::size_t kBits = 65536, kSmallest = 256;

/// 16 bits of three bytes. Multiplying spreads them; the high bits of the product are the good ones.
unsigned hash(unsigned trigram) { return trigram * 0x9E3779B1U >> 16; }

unsigned trigram_at(std::string_view text, std::size_t i) {
  const auto byte = [&](std::size_t k) { return static_cast<unsigned>(static_cast<unsigned char>(text[k])); };
  return byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
}

}  // namespace

std::string signature_of(std::string_view folded) {
  std::array<std::uint64_t, kBits / 64> words{};
  // Folding the field in half is taking the hash modulo half: allowed while at most a third of the bits would
  // be set, so that a word of six letters is wrongly believed in about one message of a hundred. A text has
  // no more trigrams than bytes, so a short one begins with a small field.
  std::size_t bits = kBits;
  while (bits > kSmallest && folded.size() * 6 <= bits) bits /= 2;
  // The trigram rolls on byte by byte, and bits are counted once at the end: every delivered byte passes
  // here.
  unsigned trigram = folded.size() < 3 ? 0 : trigram_at(folded, 0) >> 8;
  for (std::size_t i = 2; i < folded.size(); ++i) {
    const auto next = (trigram << 8 | static_cast<unsigned char>(folded[i])) & 0xffffff;
    if (next == trigram && i > 2) continue;  // a ruler of dashes: each store would wait for the one before
    trigram = next;
    const auto bit = hash(trigram) & (bits - 1);
    words[bit / 64] |= std::uint64_t{1} << (bit % 64);
  }
  const auto count = [&] {
    std::size_t set = 0;
    for (std::size_t i = 0; i < bits / 64; ++i) set += static_cast<std::size_t>(std::popcount(words[i]));
    return set;
  };
  while (bits > kSmallest && count() * 6 <= bits) {
    bits /= 2;
    for (std::size_t i = 0; i < bits / 64; ++i) words[i] |= words[i + bits / 64];
  }
  std::string out(bits / 8, '\0');
  std::memcpy(out.data(), words.data(), out.size());
  return out;
}

Needle::Needle(std::string_view utf8) : folded_(fold(utf8)) {
  for (std::size_t i = 0; i + 3 <= folded_.size(); ++i) hashes_.push_back(hash(trigram_at(folded_, i)));
  std::sort(hashes_.begin(), hashes_.end());
  hashes_.erase(std::unique(hashes_.begin(), hashes_.end()), hashes_.end());
}

bool Needle::may_be_in(std::string_view signature) const {
  const std::size_t bits = signature.size() * 8;
  if (!std::has_single_bit(bits)) return true;  // not one of ours: look into the message
  return std::all_of(hashes_.begin(), hashes_.end(), [&](unsigned h) {
    const auto bit = h & (bits - 1);
    return (static_cast<unsigned char>(signature[bit / 8]) >> (bit % 8) & 1) !=
           0;  // little-endian words: byte order is bit order
  });
}

}  // namespace lab::message
