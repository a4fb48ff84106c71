#include "dhcp/option_reader.hpp"

#include <charconv>

#include "dhcp/option_types.hpp"
#include "dhcp/v6/option_types.hpp"

namespace lab::config {
namespace {

/// What sets the options of the two protocols apart for a reader.
struct Protocol {
  const char* option;  ///< what messages call one
  unsigned largest;    ///< number of an option
  const char* times;   ///< where lease times are written instead
  std::optional<unsigned> (*code)(std::string_view name);
  std::optional<dhcp::OptionType> (*type)(unsigned code);
  bool (*own)(unsigned code);  ///< the protocol's own, not for a person to set
  std::vector<std::string> (*names)();
};

template <class Definition>
std::optional<unsigned> code_in(const Definition* known) {
  return known == nullptr ? std::nullopt : std::optional<unsigned>(known->code);
}
template <class Definition>
std::optional<dhcp::OptionType> type_in(const Definition* known) {
  return known == nullptr ? std::nullopt : std::optional(known->type);
}

const Protocol kDhcp{
    .option = "option",
    .largest = 254,
    .times = "lease times are set with 'lease'",
    .code = [](std::string_view name) { return code_in(dhcp::definition(name)); },
    .type = [](unsigned code) { return type_in(dhcp::definition(static_cast<std::uint8_t>(code))); },
    .own =
        [](unsigned code) {
          return (code >= dhcp::option::kRequestedAddress && code <= dhcp::option::kMessageType) ||
                 code == dhcp::option::kServerId || code == dhcp::option::kClientId ||
                 code == dhcp::option::kRelayInformation;
        },
    .names = dhcp::option_names};

const Protocol kDhcp6{
    .option = "DHCPv6 option",
    .largest = 65535,
    .times = "lease times are set with 'lease' and 'preferred'",
    .code = [](std::string_view name) { return code_in(dhcp::v6::definition(name)); },
    .type = [](unsigned code) { return type_in(dhcp::v6::definition(static_cast<std::uint16_t>(code))); },
    .own = [](unsigned code) { return dhcp::v6::is_protocols_own(static_cast<std::uint16_t>(code)); },
    .names = dhcp::v6::option_names};

std::optional<unsigned> code_of(const yaml::Value& v, const Protocol& protocol, const yaml::Entry& entry) {
  if (const auto known = protocol.code(entry.key)) return known;
  unsigned number = 0;
  const auto* end = entry.key.data() + entry.key.size();
  const auto [stop, error] = std::from_chars(entry.key.data(), end, number);
  if (error == std::errc() && stop == end && number > 0 && number <= protocol.largest) return number;
  const auto near = yaml::did_you_mean(entry.key, protocol.names());
  v.diagnostics().error(entry.key_at, "unknown " + std::string(protocol.option) + " '" + entry.key + "'",
                        near.empty()
                            ? "use its name or a number from 1 to " + std::to_string(protocol.largest)
                            : "did you mean '" + near + "'?",
                        entry.key.size());
  return std::nullopt;
}

template <class Code, class Options>
void read_one(const yaml::Value& v, const Protocol& protocol, const yaml::Entry& entry, Options& out) {
  const auto code = code_of(v, protocol, entry);
  if (!code) return;
  if (protocol.own(*code))
    return v.diagnostics().error(entry.key_at,
                                 "option '" + entry.key + "' is the protocol's own and cannot be set",
                                 protocol.times, entry.key.size());
  const auto known = protocol.type(*code);
  auto type = known.value_or(dhcp::OptionType::Hex);
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
  } else if (!known && !std::string_view(value.raw()).starts_with("hex:")) {
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
  out.set(static_cast<Code>(*code), std::move(*bytes));
}

template <class Code, class Options>
void read_all(const yaml::Value& v, const Protocol& protocol, Options& out) {
  const auto map = v.map("options");
  for (const auto& entry : map.entries()) read_one<Code>(v, protocol, entry, out);
}

}  // namespace

void Reader<dhcp::Options>::read(const yaml::Value& v, dhcp::Options& out, Limits) {
  read_all<std::uint8_t>(v, kDhcp, out);
}

void Reader<dhcp::v6::Options>::read(const yaml::Value& v, dhcp::v6::Options& out, Limits) {
  read_all<std::uint16_t>(v, kDhcp6, out);
}

}  // namespace lab::config
