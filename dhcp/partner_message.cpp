#include "dhcp/partner_message.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

namespace lab::dhcp {
namespace {

void append64(Bytes& out, std::uint64_t value) {
  append32(out, static_cast<std::uint32_t>(value >> 32));
  append32(out, static_cast<std::uint32_t>(value));
}

void append_text(Bytes& out, std::string_view text) {
  text = text.substr(0, PartnerLimits::kField);
  append16(out, static_cast<std::uint16_t>(text.size()));
  out.insert(out.end(), text.begin(), text.end());
}

void append_time(Bytes& out, ServerTime time) {
  append64(out, static_cast<std::uint64_t>(time.time_since_epoch().count()));
}

/// Reads forward; once something is missing, everything after it reads as nothing and `failed` stays.
class Cursor {
 public:
  explicit Cursor(std::span<const std::uint8_t> bytes) : rest_(bytes) {}
  std::span<const std::uint8_t> take(std::size_t size) {
    if (size > rest_.size()) {
      failed_ = true;
      rest_ = {};
      return {};
    }
    const auto taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }
  std::uint64_t number(std::size_t bytes) {
    std::uint64_t value = 0;
    for (const auto byte : take(bytes)) value = value << 8 | byte;
    return value;
  }
  std::string text() {
    const auto size = number(2);
    if (size > PartnerLimits::kField) failed_ = true;
    const auto bytes = take(size);
    return {bytes.begin(), bytes.end()};
  }
  ServerTime time() { return ServerTime(std::chrono::seconds(static_cast<std::int64_t>(number(8)))); }
  IpAddress address() { return IpAddress::v4(static_cast<std::uint32_t>(number(4))); }
  /// A number of rows, no more than are allowed.
  std::size_t rows(std::size_t most) {
    const auto count = number(2);
    if (count > most) failed_ = true;
    return failed_ ? 0 : count;
  }
  bool failed() const { return failed_; }
  bool complete() const { return !failed_ && rest_.empty(); }

 private:
  std::span<const std::uint8_t> rest_;
  bool failed_ = false;
};

/// The latest time a row may name, far enough for leases that never end.
constexpr std::int64_t kLatest = std::int64_t{1} << 40;

bool plausible(ServerTime time) {
  const auto seconds = time.time_since_epoch().count();
  return seconds >= 0 && seconds <= kLatest;
}

}  // namespace

Bytes encode(const PartnerHello& hello) {
  Bytes out{PartnerHello::kVersion, static_cast<std::uint8_t>(hello.role)};
  append(out, hello.nonce);
  append_time(out, hello.now);
  const auto count = std::min(hello.server_ids.size(), PartnerLimits::kServerIds);
  append16(out, static_cast<std::uint16_t>(count));
  for (std::size_t i = 0; i < count; ++i) append32(out, hello.server_ids[i].v4_value());
  return out;
}

Result<PartnerHello> decode_hello(std::span<const std::uint8_t> body) {
  Cursor in(body);
  if (in.number(1) != PartnerHello::kVersion)
    return fail("the partner speaks another version", {}, "run the same lab-dhcpd on both");
  PartnerHello hello;
  hello.role = in.number(1) == 0 ? Role::Primary : Role::Standby;
  const auto nonce = in.take(hello.nonce.size());
  if (!in.failed()) std::ranges::copy(nonce, hello.nonce.begin());
  hello.now = in.time();
  for (auto left = in.rows(PartnerLimits::kServerIds); left > 0 && !in.failed(); --left)
    hello.server_ids.push_back(in.address());
  if (!in.complete() || !plausible(hello.now)) return fail("a greeting that is not one");
  return hello;
}

Bytes encode(const StoreChange& change) {
  Bytes out;
  append16(out, static_cast<std::uint16_t>(change.leases.size()));
  for (const auto& l : change.leases) {
    append32(out, l.address.v4_value());
    out.push_back(static_cast<std::uint8_t>(l.state));
    append_text(out, l.client);
    append_text(out, l.hardware);
    append_text(out, l.hostname);
    for (const auto time : {l.started, l.expires, l.touched}) append_time(out, time);
  }
  append16(out, static_cast<std::uint16_t>(change.names.size()));
  for (const auto& n : change.names) {
    append32(out, n.address.v4_value());
    append_text(out, n.fqdn);
    append_text(out, n.client);
    append_text(out, n.hardware);
    out.push_back(static_cast<std::uint8_t>(n.state));
    out.push_back(n.forget ? 1 : 0);
  }
  return out;
}

Result<StoreChange> decode_change(std::span<const std::uint8_t> body) {
  Cursor in(body);
  StoreChange change;
  for (auto left = in.rows(PartnerLimits::kRows); left > 0 && !in.failed(); --left) {
    Lease l;
    l.address = in.address();
    const auto state = in.number(1);
    if (state < static_cast<std::uint8_t>(LeaseState::Active) || state > static_cast<std::uint8_t>(LeaseState::Declined))
      return fail("a lease in no known state");
    l.state = static_cast<LeaseState>(state);
    l.client = in.text();
    l.hardware = in.text();
    l.hostname = in.text();
    l.started = in.time();
    l.expires = in.time();
    l.touched = in.time();
    if (!plausible(l.started) || !plausible(l.expires) || !plausible(l.touched)) return fail("a lease of no known time");
    change.leases.push_back(std::move(l));
  }
  for (auto left = in.rows(PartnerLimits::kRows); left > 0 && !in.failed(); --left) {
    DnsName n;
    n.address = in.address();
    n.fqdn = in.text();
    n.client = in.text();
    n.hardware = in.text();
    const auto state = in.number(1);
    if (state > static_cast<std::uint8_t>(NameState::Refused)) return fail("a name in no known state");
    n.state = static_cast<NameState>(state);
    n.forget = in.number(1) != 0;
    change.names.push_back(std::move(n));
  }
  if (!in.complete()) return fail("a change that does not end where it should");
  return change;
}

Result<std::size_t> rest_of_frame(std::span<const std::uint8_t> header) {
  const std::size_t body = read32(header);
  if (body > PartnerLimits::kFrame) return fail("a frame that is too large");
  return body + PartnerLimits::kSignature;
}

FrameSeal::FrameSeal(std::string secret, const Nonce& sender, const Nonce& receiver)
    : secret_(std::move(secret)), sender_(sender), receiver_(receiver) {}

std::array<std::uint8_t, PartnerLimits::kSignature> FrameSeal::sign(std::span<const std::uint8_t> bytes) const {
  Bytes input(sender_.begin(), sender_.end());
  append(input, receiver_);
  append64(input, counter_);
  append(input, bytes);
  std::array<std::uint8_t, PartnerLimits::kSignature> out{};
  unsigned size = out.size();
  HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()), input.data(), input.size(), out.data(), &size);
  return out;
}

Bytes FrameSeal::seal(const PartnerFrame& frame) {
  Bytes out;
  out.reserve(PartnerLimits::kHeader + frame.body.size() + PartnerLimits::kSignature);
  append32(out, static_cast<std::uint32_t>(frame.body.size()));
  out.push_back(static_cast<std::uint8_t>(frame.kind));
  append32(out, frame.number);
  append(out, frame.body);
  const auto signature = sign(out);
  append(out, signature);
  ++counter_;
  return out;
}

Result<PartnerFrame> FrameSeal::open(std::span<const std::uint8_t> header, std::span<const std::uint8_t> rest) {
  if (header.size() != PartnerLimits::kHeader || rest.size() < PartnerLimits::kSignature)
    return fail("a frame that is cut short");
  const auto body = rest.first(rest.size() - PartnerLimits::kSignature);
  Bytes bytes(header.begin(), header.end());
  append(bytes, body);
  const auto expected = sign(bytes);
  if (CRYPTO_memcmp(expected.data(), rest.data() + body.size(), expected.size()) != 0)
    return fail("the partner's signature is wrong", {}, "both servers need the same 'secret'");
  ++counter_;
  const auto kind = header[4];
  if (kind < static_cast<std::uint8_t>(PartnerKind::Hello) || kind > static_cast<std::uint8_t>(PartnerKind::Farewell))
    return fail("a frame of an unknown kind");
  return PartnerFrame{static_cast<PartnerKind>(kind), read32(header.subspan(5)), Bytes(body.begin(), body.end())};
}

}  // namespace lab::dhcp
