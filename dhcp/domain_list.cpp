#include "dhcp/domain_list.hpp"

#include <algorithm>
#include <map>

namespace lab::dhcp {
namespace {

constexpr std::uint8_t kPointer = 0xC0;
constexpr std::size_t kLongestOffset = 0x3FFF;  // RFC 1035 4.1.4: 14 bits

Result<std::vector<std::string>> split_labels(std::string_view name) {
  const std::string whole(name);
  if (name.ends_with('.')) name.remove_suffix(1);
  std::vector<std::string> labels;
  std::size_t size = 1;
  while (!name.empty()) {
    const auto dot = name.find('.');
    const auto label = name.substr(0, dot);
    if (label.empty()) return fail("'" + whole + "' is not a domain name: it has an empty label");
    if (label.size() > kNameLimits.label)
      return fail("'" + whole + "' is not a domain name: a label is longer than 63 characters");
    labels.emplace_back(label);
    size += label.size() + 1;
    name.remove_prefix(dot == std::string_view::npos ? name.size() : dot + 1);
  }
  if (size > kNameLimits.name) return fail("'" + whole + "' is not a domain name: longer than 255 bytes");
  return labels;
}

void append_label(Bytes& out, std::string_view label) {
  out.push_back(static_cast<std::uint8_t>(label.size()));
  out.insert(out.end(), label.begin(), label.end());
}

/// Reads the name at `at`, moves `at` behind it.
std::optional<std::string> read_name(std::span<const std::uint8_t> data, std::size_t& at) {
  std::string name;
  std::size_t here = at, lowest = at;
  bool jumped = false;
  for (;;) {
    if (here >= data.size()) return std::nullopt;
    const std::uint8_t length = data[here];
    if ((length & kPointer) == kPointer) {
      if (here + 1 >= data.size()) return std::nullopt;
      const std::size_t target = static_cast<std::size_t>(length & ~kPointer) << 8 | data[here + 1];
      if (target >= lowest) return std::nullopt;  // only backwards: every jump goes further down, so it ends
      if (!jumped) at = here + 2;
      jumped = true;
      here = lowest = target;
      continue;
    }
    if (length > kNameLimits.label) return std::nullopt;
    ++here;
    if (length == 0) break;
    if (length > data.size() - here || name.size() + length + 2 > kNameLimits.name) return std::nullopt;
    if (!name.empty()) name += '.';
    for (const auto byte : data.subspan(here, length)) {
      // A dot, a space or a control character inside a label is legal DNS, but no name to search in.
      if (byte <= ' ' || byte >= 0x7F || byte == '.') return std::nullopt;
      name += static_cast<char>(byte);
    }
    here += length;
  }
  if (!jumped) at = here;
  return name.empty() ? "." : name;
}

}  // namespace

Result<Bytes> name_to_wire(std::string_view name) {
  auto labels = split_labels(name);
  if (!labels) return std::unexpected(labels.error());
  Bytes out;
  for (const auto& label : *labels) append_label(out, label);
  out.push_back(0);
  return out;
}

std::optional<std::vector<std::string>> decode_domain_list(std::span<const std::uint8_t> data) {
  std::vector<std::string> names;
  for (std::size_t at = 0; at < data.size();) {
    auto name = read_name(data, at);
    if (!name || names.size() == kNameLimits.list) return std::nullopt;
    names.push_back(std::move(*name));
  }
  return names;
}

Result<Bytes> encode_domain_list(const std::vector<std::string>& names) {
  if (names.size() > kNameLimits.list) return fail("more than 64 names in a domain list");
  Bytes out;
  std::map<std::string, std::size_t> written;  // suffix, in lower case -> where it stands
  for (const auto& name : names) {
    auto labels = split_labels(name);
    if (!labels) return std::unexpected(labels.error());
    std::size_t i = 0;
    for (; i < labels->size(); ++i) {
      std::string suffix;
      for (std::size_t j = i; j < labels->size(); ++j) suffix += (*labels)[j] + ".";
      std::ranges::transform(suffix, suffix.begin(),
                             [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
      if (const auto known = written.find(suffix); known != written.end()) {
        append16(out, static_cast<std::uint16_t>(kPointer << 8 | known->second));
        break;
      }
      if (out.size() <= kLongestOffset) written.emplace(std::move(suffix), out.size());
      append_label(out, (*labels)[i]);
    }
    if (i == labels->size()) out.push_back(0);
  }
  return out;
}

}  // namespace lab::dhcp
