#include "dhcp/option_reader.hpp"

#include <charconv>

#include "dhcp/option_types.hpp"

namespace lab::config {
namespace {

std::optional<std::uint8_t> code_of(const yaml::Value& v, const yaml::Entry& entry) {
  if (const auto* known = dhcp::definition(std::string_view(entry.key))) return known->code;
  int number = 0;
  auto [end, error] = std::from_chars(entry.key.data(), entry.key.data() + entry.key.size(), number);
  if (error == std::errc() && end == entry.key.data() + entry.key.size() && number > 0 && number < 255)
    return static_cast<std::uint8_t>(number);
  const auto near = yaml::did_you_mean(entry.key, dhcp::option_names());
  v.diagnostics().error(
      entry.key_at, "unknown option '" + entry.key + "'",
      near.empty() ? "use its name or a number from 1 to 254" : "did you mean '" + near + "'?",
      entry.key.size());
  return std::nullopt;
}

void reserved(const yaml::Value& v, const yaml::Entry& entry) {
  v.diagnostics().error(entry.key_at, "option '" + entry.key + "' is the protocol's own and cannot be set",
                        "lease times are set with 'lease'", entry.key.size());
}

void read_one(const yaml::Value& v, const yaml::Entry& entry, dhcp::Options& out) {
  const auto code = code_of(v, entry);
  if (!code) return;
  if (*code >= dhcp::option::kRequestedAddress && *code <= dhcp::option::kMessageType)
    return reserved(v, entry);
  if (*code == dhcp::option::kServerId || *code == dhcp::option::kClientId ||
      *code == dhcp::option::kRelayInformation)
    return reserved(v, entry);
  const auto* known = dhcp::definition(*code);
  auto type = known == nullptr ? dhcp::OptionType::Hex : known->type;
  yaml::Value value = entry.value;
  if (value.kind() == yaml::Value::Kind::Map) {
    const auto map = value.map("option " + entry.key);
    const auto given = map.find("type");
    const auto inner = map.find("value");
    map.reject_unknown();
    if (!given) map.missing("type");
    if (!inner) map.missing("value");
    if (!given || !inner) return;
    auto chosen = dhcp::option_type(given->text().value_or(""));
    if (!chosen) return given->error(chosen.error().what, chosen.error().remedy);
    type = *chosen;
    value = *inner;
  } else if (known == nullptr && !std::string_view(value.raw()).starts_with("hex:")) {
    return value.error("option " + entry.key + " has no known type",
                       "write {type: text, value: ...} or hex:0102ff");
  }
  std::vector<std::string> values;
  for (const auto& item : value.items()) {
    auto text = item.text();
    if (!text) return;
    values.push_back(std::move(*text));
  }
  auto bytes = dhcp::encode_option(type, values);
  if (!bytes) return value.error(bytes.error().what, bytes.error().remedy);
  out.set(*code, std::move(*bytes));
}

}  // namespace

void Reader<dhcp::Options>::read(const yaml::Value& v, dhcp::Options& out, Limits) {
  const auto map = v.map("options");
  for (const auto& entry : map.entries()) read_one(v, entry, out);
}

}  // namespace lab::config
