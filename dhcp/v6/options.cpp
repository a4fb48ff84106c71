#include "dhcp/v6/options.hpp"

#include <algorithm>
#include <array>

namespace lab::dhcp::v6 {

namespace {
constexpr std::size_t kHeader = 4;  // code and length (RFC 8415 21.1)
constexpr std::size_t kAddress = 16;
}  // namespace

IpAddress read_address(std::span<const std::uint8_t> at) {
  std::array<std::uint8_t, kAddress> bytes{};
  std::ranges::copy(at.first(kAddress), bytes.begin());
  return IpAddress::v6(bytes);
}

Options Options::parse(std::span<const std::uint8_t> field) {
  Options options;
  while (field.size() >= kHeader && options.list_.size() < kMost) {
    const std::uint16_t code = read16(field), length = read16(field.subspan(2));
    field = field.subspan(kHeader);
    if (length > field.size()) break;  // the tail is not to be trusted; what came before it is
    options.list_.push_back({code, Bytes(field.begin(), field.begin() + length)});
    field = field.subspan(length);
  }
  return options;
}

void Options::encode(Bytes& out) const {
  for (const auto& o : list_) {
    append16(out, o.code);
    append16(out, static_cast<std::uint16_t>(o.data.size()));
    append(out, o.data);
  }
}

const Bytes* Options::find(std::uint16_t code) const {
  const auto found = std::ranges::find(list_, code, &Option::code);
  return found == list_.end() ? nullptr : &found->data;
}

std::optional<std::uint8_t> Options::uint8(std::uint16_t code) const {
  const Bytes* data = find(code);
  return data != nullptr && data->size() == 1 ? std::optional(data->front()) : std::nullopt;
}

std::optional<std::uint16_t> Options::uint16(std::uint16_t code) const {
  const Bytes* data = find(code);
  return data != nullptr && data->size() == 2 ? std::optional(read16(*data)) : std::nullopt;
}

std::optional<std::uint32_t> Options::uint32(std::uint16_t code) const {
  const Bytes* data = find(code);
  return data != nullptr && data->size() == 4 ? std::optional(read32(*data)) : std::nullopt;
}

std::vector<IpAddress> Options::addresses(std::uint16_t code) const {
  std::vector<IpAddress> all;
  const Bytes* data = find(code);
  if (data == nullptr) return all;
  for (std::size_t at = 0; at + kAddress <= data->size(); at += kAddress)
    all.push_back(read_address(std::span(*data).subspan(at)));
  return all;
}

std::optional<std::vector<std::uint16_t>> Options::requested() const {
  const Bytes* data = find(option::kOptionRequest);
  if (data == nullptr) return std::nullopt;
  std::vector<std::uint16_t> codes;
  for (std::size_t at = 0; at + 2 <= data->size(); at += 2)
    codes.push_back(read16(std::span(*data).subspan(at)));
  return codes;
}

void Options::set(std::uint16_t code, Bytes data) {
  const auto found = std::ranges::find(list_, code, &Option::code);
  if (found == list_.end())
    list_.push_back({code, std::move(data)});
  else
    found->data = std::move(data);
}

void Options::set_uint16(std::uint16_t code, std::uint16_t value) {
  Bytes data;
  append16(data, value);
  set(code, std::move(data));
}

void Options::set_uint32(std::uint16_t code, std::uint32_t value) {
  Bytes data;
  append32(data, value);
  set(code, std::move(data));
}

void Options::set_addresses(std::uint16_t code, const std::vector<IpAddress>& all) {
  Bytes data;
  for (const auto& address : all) append(data, address.bytes());
  set(code, std::move(data));
}

}  // namespace lab::dhcp::v6
