#include "dhcp/options.hpp"

#include <algorithm>

namespace lab::dhcp {

std::uint16_t read16(std::span<const std::uint8_t> at) {
  return static_cast<std::uint16_t>(at[0] << 8 | at[1]);
}

std::uint32_t read32(std::span<const std::uint8_t> at) {
  return static_cast<std::uint32_t>(at[0]) << 24 | static_cast<std::uint32_t>(at[1]) << 16 |
         static_cast<std::uint32_t>(at[2]) << 8 | at[3];
}

void append16(Bytes& out, std::uint16_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

void append32(Bytes& out, std::uint32_t value) {
  append16(out, static_cast<std::uint16_t>(value >> 16));
  append16(out, static_cast<std::uint16_t>(value));
}

void append(Bytes& out, std::span<const std::uint8_t> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void Options::parse(std::span<const std::uint8_t> field) {
  constexpr std::size_t kUsual = 12;
  list_.reserve(list_.size() + kUsual);
  for (std::size_t at = 0; at < field.size();) {
    const std::uint8_t code = field[at++];
    if (code == option::kPad) continue;
    if (code == option::kEnd || at == field.size()) return;
    const std::size_t length = field[at++];
    if (length > field.size() - at) return;  // the tail is not to be trusted; what came before it is
    const auto data = field.subspan(at, length);
    at += length;
    auto found = std::ranges::find(list_, code, &Option::code);
    if (found == list_.end()) {
      list_.push_back({code, Bytes(data.begin(), data.end())});
    } else {
      append(found->data, data);
    }
  }
}

const Bytes* Options::find(std::uint8_t code) const {
  auto found = std::ranges::find(list_, code, &Option::code);
  return found == list_.end() ? nullptr : &found->data;
}

std::optional<std::string> Options::text(std::uint8_t code) const {
  const Bytes* data = find(code);
  if (data == nullptr) return std::nullopt;
  std::string text(data->begin(), data->end());
  text.erase(text.find_last_not_of('\0') + 1);
  return text.empty() ? std::nullopt : std::optional(text);
}

std::optional<std::uint8_t> Options::uint8(std::uint8_t code) const {
  const Bytes* data = find(code);
  return data != nullptr && data->size() == 1 ? std::optional(data->front()) : std::nullopt;
}

std::optional<std::uint16_t> Options::uint16(std::uint8_t code) const {
  const Bytes* data = find(code);
  return data != nullptr && data->size() == 2 ? std::optional(read16(*data)) : std::nullopt;
}

std::optional<std::uint32_t> Options::uint32(std::uint8_t code) const {
  const Bytes* data = find(code);
  return data != nullptr && data->size() == 4 ? std::optional(read32(*data)) : std::nullopt;
}

std::optional<IpAddress> Options::address(std::uint8_t code) const {
  auto value = uint32(code);
  return value ? std::optional(IpAddress::v4(*value)) : std::nullopt;
}

std::vector<IpAddress> Options::addresses(std::uint8_t code) const {
  std::vector<IpAddress> all;
  const Bytes* data = find(code);
  if (data == nullptr) return all;
  for (std::size_t at = 0; at + 4 <= data->size(); at += 4)
    all.push_back(IpAddress::v4(read32(std::span(*data).subspan(at))));
  return all;
}

void Options::set(std::uint8_t code, Bytes data) {
  auto found = std::ranges::find(list_, code, &Option::code);
  if (found == list_.end()) {
    list_.push_back({code, std::move(data)});
  } else {
    found->data = std::move(data);
  }
}

void Options::set_text(std::uint8_t code, std::string_view text) {
  set(code, Bytes(text.begin(), text.end()));
}

void Options::set_uint8(std::uint8_t code, std::uint8_t value) { set(code, {value}); }

void Options::set_uint16(std::uint8_t code, std::uint16_t value) {
  Bytes data;
  append16(data, value);
  set(code, std::move(data));
}

void Options::set_uint32(std::uint8_t code, std::uint32_t value) {
  Bytes data;
  append32(data, value);
  set(code, std::move(data));
}

void Options::set_address(std::uint8_t code, const IpAddress& value) { set_uint32(code, value.v4_value()); }

void Options::erase(std::uint8_t code) {
  std::erase_if(list_, [code](const Option& o) { return o.code == code; });
}

}  // namespace lab::dhcp
