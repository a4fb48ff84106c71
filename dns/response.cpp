#include "dns/response.hpp"

#include <algorithm>
#include <cstring>

#include "dns/rdata.hpp"

namespace lab::dns {

Response::Response(const Request& q, std::span<std::uint8_t> buffer, std::size_t limit, std::size_t reserve)
    : bytes_(buffer.data()) {
  hard_limit_ = std::min(limit, buffer.size());
  limit_ = hard_limit_ - std::min(reserve, hard_limit_);
  put16(bytes_, q.id);
  // RFC 1035 4.1.1, RFC 4035 3.1.6: opcode and RD come back, CD does not.
  bytes_[2] = static_cast<std::uint8_t>(0x80U | static_cast<unsigned>(q.opcode) << 3 |
                                        (q.recursion_desired ? 1U : 0U));
  bytes_[3] = 0;
  at_ = kHeaderSize;
  if (!q.qname.empty()) {
    // Byte for byte: resolvers put random case into the name and compare (draft-vixie-dnsext-dns0x20).
    const std::size_t n = q.question_end - kHeaderSize;
    std::memcpy(bytes_ + at_, q.message.data() + kHeaderSize, n);
    at_ += n;
    known_[known_count_++] = {bytes_ + kHeaderSize, kQuestionAt, static_cast<std::uint8_t>(q.qname.size()),
                              static_cast<std::uint8_t>(q.qname.size())};
  }
  question_end_ = at_;
}

void Response::clear_records() {
  at_ = question_end_;
  std::fill(std::begin(counts_), std::end(counts_), std::uint16_t{0});
  known_count_ = std::min(known_count_, question_end_ > kHeaderSize ? 1U : 0U);
}

bool Response::put(const std::uint8_t* from, std::size_t n) {
  if (n > limit_ - at_) return false;
  std::memcpy(bytes_ + at_, from, n);
  at_ += n;
  return true;
}

// Writes a name, its longest known suffix as a pointer. Only equal bytes match: the case of zone data
// survives.
bool Response::put_name(std::span<const std::uint8_t> name, std::uint16_t& at) {
  const std::size_t size = name.size();
  std::size_t literal = 0;
  std::uint16_t target = 0;
  for (; name[literal] != 0; literal += std::size_t{name[literal]} + 1) {
    const std::size_t rest = size - literal;
    for (unsigned k = 0; k < known_count_ && target == 0; ++k) {
      const Known& known = known_[k];
      if (known.size < rest) continue;
      const std::size_t from = known.size - rest;
      if (from < known.written && std::memcmp(known.name + from, &name[literal], rest) == 0)
        target = static_cast<std::uint16_t>(known.at + from);
    }
    if (target != 0) break;
  }
  at = size == 1 ? std::uint16_t{0} : literal == 0 ? target : static_cast<std::uint16_t>(at_);
  const std::size_t begin = at_;
  if (!put(name.data(), target != 0 ? literal : size)) return false;
  if (target != 0) {
    std::uint8_t pointer[2];
    put16(pointer, static_cast<std::uint16_t>(0xc000U | target));
    if (!put(pointer, 2)) return false;
  }
  const std::size_t written = target != 0 ? literal : size;
  // A pointer reaches the first 16 KiB of a message (RFC 1035 4.1.4).
  if (written > 1 && known_count_ < kKnownNames && begin + written < 0x4000)
    known_[known_count_++] = {name.data(), static_cast<std::uint16_t>(begin), static_cast<std::uint8_t>(size),
                              static_cast<std::uint8_t>(written)};
  return true;
}

bool Response::put_rdata(Type type, std::span<const std::uint8_t> rdata, std::uint16_t& target_at) {
  if (!has_compressible_names(type)) return put(rdata.data(), rdata.size());
  std::size_t at = 0;
  for (const char field : rdata_layout(type)) {
    if (field == 'n') {
      const std::size_t n = name_size(rdata.subspan(at));
      if (!put_name(rdata.subspan(at, n), target_at)) return false;
      at += n;
    } else {
      const auto n = static_cast<std::size_t>(field - '0');
      if (!put(&rdata[at], n)) return false;
      at += n;
    }
  }
  return true;
}

bool Response::put_record(Owner& owner, const RRsetView& set, std::uint32_t ttl,
                          std::span<const std::uint8_t> rdata, std::uint16_t& target_at) {
  if (owner.at != 0 && owner.at < 0x4000) {
    if (limit_ - at_ < 12) return false;
    put16(bytes_ + at_, static_cast<std::uint16_t>(0xc000U | owner.at));
    at_ += 2;
  } else if (!put_name(owner.name, owner.at)) {
    return false;
  }
  if (limit_ - at_ < 10) return false;
  std::uint8_t* p = bytes_ + at_;
  put16(p, set.type);
  put16(p + 2, rrclass::IN);
  put32(p + 4, ttl);
  at_ += 10;
  const std::size_t begin = at_;
  if (!put_rdata(set.type, rdata, target_at)) return false;
  put16(p + 8, static_cast<std::uint16_t>(at_ - begin));
  return true;
}

bool Response::add(Section section, Owner& owner, const RRsetView& set, std::uint32_t ttl,
                   std::uint16_t* target_at) {
  const std::size_t at = at_;
  const unsigned known = known_count_;
  const std::uint16_t owner_at = owner.at;
  std::uint16_t target = 0;
  for (const auto rdata : set) {
    if (put_record(owner, set, ttl, rdata, target)) continue;
    at_ = at;
    known_count_ = known;
    owner.at = owner_at;
    return false;
  }
  if (target_at) *target_at = target;
  auto& count = counts_[static_cast<std::size_t>(section)];
  count = static_cast<std::uint16_t>(count + set.count);
  return true;
}

std::uint16_t Response::add_some(Section section, Owner& owner, const RRsetView& set,
                                 RRsetView::Iterator& next, std::uint16_t left) {
  std::uint16_t added = 0, target = 0;
  for (; added < left; ++added, ++next) {
    const std::size_t at = at_;
    const unsigned known = known_count_;
    const std::uint16_t owner_at = owner.at;
    if (put_record(owner, set, set.ttl, *next, target)) continue;
    at_ = at;
    known_count_ = known;
    owner.at = owner_at;
    break;
  }
  auto& count = counts_[static_cast<std::size_t>(section)];
  count = static_cast<std::uint16_t>(count + added);
  return added;
}

// Fills up to a multiple of `block`, or as far as there is room (RFC 8467 4.1). Returns the option's size.
std::size_t Response::pad(std::uint16_t block) {
  if (limit_ - at_ < 4) return 0;
  const std::size_t bare = at_ + 4, whole = (bare + block - 1) / block * block;
  const std::size_t zeros = std::min(whole, limit_) - bare;
  put16(bytes_ + at_, option::PADDING);
  put16(bytes_ + at_ + 2, static_cast<std::uint16_t>(zeros));
  std::memset(bytes_ + bare, 0, zeros);  // RFC 7830 3
  at_ = bare + zeros;
  return 4 + zeros;
}

std::size_t Response::finish(const Edns& edns, std::uint16_t our_udp_size, const ReplyOptions& extra) {
  const auto code = static_cast<unsigned>(rcode_);
  bytes_[3] = static_cast<std::uint8_t>((bytes_[3] & 0xf0U) | (code & 0x0fU));
  unsigned additional = counts_[2];
  limit_ = hard_limit_;
  const auto options = extra.bytes();
  if (edns.present && limit_ - at_ >= kOptSize + options.size()) {
    std::uint8_t* p = bytes_ + at_;
    p[0] = 0;
    put16(p + 1, type::OPT);
    put16(p + 3, our_udp_size);
    p[5] = static_cast<std::uint8_t>(code >> 4);
    p[6] = 0;                                   // RFC 6891 6.1.3: the highest version spoken here
    put16(p + 7, edns.dnssec_ok ? 0x8000 : 0);  // RFC 3225 3: DO comes back; no other flag does
    if (!options.empty()) std::memcpy(p + kOptSize, options.data(), options.size());
    at_ += kOptSize + options.size();
    const std::size_t padding = extra.pad_to > 0 ? pad(extra.pad_to) : 0;
    put16(p + 9, static_cast<std::uint16_t>(options.size() + padding));
    ++additional;
  }
  put16(bytes_ + 4, question_end_ > kHeaderSize ? 1 : 0);
  put16(bytes_ + 6, counts_[0]);
  put16(bytes_ + 8, counts_[1]);
  put16(bytes_ + 10, static_cast<std::uint16_t>(additional));
  return at_;
}

}  // namespace lab::dns
