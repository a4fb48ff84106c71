// Readings of values that a topology may write in more than one form, and of units only it uses.
#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "labctl/topology/tables.hpp"

namespace lab::config {

using namespace topology;

namespace {
/// "expected a rate such as 10mbit; got 'fast'"
void expected(const yaml::Value& v, std::string_view what) {
  std::string got = "nothing";
  if (v.kind() == yaml::Value::Kind::List) got = "a list";
  if (v.kind() == yaml::Value::Kind::Map) got = "a map";
  if (v.kind() == yaml::Value::Kind::Scalar) got = fmt::format("'{}'", v.raw().substr(0, 60));
  v.error(fmt::format("expected {}; got {}", what, got));
}

/// A number with the unit that follows it.
std::optional<std::pair<double, std::string_view>> quantity(std::string_view text) {
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(value) || value < 0) return std::nullopt;
  return std::pair{value, text.substr(static_cast<std::size_t>(end - text.data()))};
}

std::string one_of(std::string_view a, std::string_view b) {
  return fmt::format(R"({{"anyOf":[{},{}]}})", a, b);
}

/// [IPv4 address, IPv6 address]
constexpr std::string_view kAddressPair = R"({"type":"array","items":{"type":"string"},"maxItems":2})";
}  // namespace

// --- Percent: `1%`, `0.5%`, `1`

std::string Reader<Percent>::type() { return "percentage"; }
std::string Reader<Percent>::print(const Percent& v) { return fmt::format("{}%", v.value); }
std::string Reader<Percent>::schema(Limits) {
  return R"({"type":["string","number"],"pattern":"^[0-9]+([.][0-9]+)?%?$","minimum":0,"maximum":100})";
}
void Reader<Percent>::read(const yaml::Value& v, Percent& out, Limits) {
  const auto q = quantity(v.raw());
  if (q && (q->second.empty() || q->second == "%") && q->first <= 100) {
    out.value = q->first;
  } else {
    expected(v, "a percentage from 0% to 100%, such as 1%");
  }
}

// --- Rate: `10mbit`, decimal units as tc(8) has them

std::string Reader<Rate>::type() { return "rate"; }
std::string Reader<Rate>::print(const Rate& v) {
  return v.bits_per_second ? fmt::format("{}bit", v.bits_per_second) : "";
}
std::string Reader<Rate>::schema(Limits) {
  return R"({"type":"string","pattern":"^[0-9]+([.][0-9]+)?(bit|kbit|mbit|gbit)$"})";
}
void Reader<Rate>::read(const yaml::Value& v, Rate& out, Limits) {
  static constexpr std::pair<std::string_view, double> kUnits[] = {
      {"bit", 1}, {"kbit", 1e3}, {"mbit", 1e6}, {"gbit", 1e9}};
  constexpr double kSlowest = 1000,
                   kFastest = 100e9;  // below 1 kbit/s a DHCP exchange outlasts every client's patience
  if (const auto q = quantity(v.raw()))
    for (const auto& [unit, factor] : kUnits)
      if (q->second == unit && q->first * factor >= kSlowest && q->first * factor <= kFastest) {
        out.bits_per_second = static_cast<std::uint64_t>(std::llround(q->first * factor));
        return;
      }
  expected(v, "a rate from 1kbit to 100gbit, such as 512kbit or 10mbit");
}

// --- NetworkSpec: `lan: 192.168.56.0/24`, or a map

std::string Reader<NetworkSpec>::type() { return "network"; }
std::string Reader<NetworkSpec>::print(const NetworkSpec&) { return ""; }
std::string Reader<NetworkSpec>::schema(Limits) {
  return one_of(Reader<Network>::schema({}), network_table().schema());
}
void Reader<NetworkSpec>::read(const yaml::Value& v, NetworkSpec& out, Limits) {
  if (v.kind() == yaml::Value::Kind::Map)
    network_table().read(v, out);
  else
    Reader<Located<Network>>::read(v, out.subnet, {});
}

// --- HostAddress: `dhcp`, or an address

std::string Reader<HostAddress>::type() { return "address | dhcp"; }
std::string Reader<HostAddress>::print(const HostAddress& v) { return v.dhcp ? "dhcp" : v.fixed->text(); }
std::string Reader<HostAddress>::schema(Limits) { return R"({"type":["string","null"]})"; }
void Reader<HostAddress>::read(const yaml::Value& v, HostAddress& out, Limits) {
  if (v.is_null() || v.raw() == "dhcp") return;
  out.dhcp = false;
  out.fixed.at = v.at();
  out.fixed.width = std::max<std::size_t>(v.raw().size(), 1);
  if (const auto address = IpAddress::parse(v.raw())) {
    out.fixed.value = *address;
    return;
  }
  out.fixed.clean = false;
  const auto slash = v.raw().find('/');
  if (slash != std::string_view::npos && IpAddress::parse(v.raw().substr(0, slash)))
    v.error(fmt::format("'{}' has a prefix length; the network knows it already", v.raw()),
            fmt::format("write {}", v.raw().substr(0, slash)));
  else
    expected(v, "an IP address such as 192.168.56.10, or dhcp");
}

// --- Attachment: a HostAddress, [IPv4 address, IPv6 address], or {address:, address6:, mac:}

std::string Reader<Attachment>::type() { return "address | [address, address6] | dhcp | map"; }
std::string Reader<Attachment>::print(const Attachment&) { return ""; }
std::string Reader<Attachment>::schema(Limits) {
  return fmt::format(R"({{"anyOf":[{},{},{}]}})", Reader<HostAddress>::schema({}), kAddressPair,
                     attachment_table().schema());
}
namespace {
/// One IPv4 address (or dhcp) and one IPv6 address, in any order.
void read_pair(const yaml::Value& v, Attachment& out) {
  bool v4 = false;
  for (const auto& item : v.items()) {
    const auto address = IpAddress::parse(item.raw());
    const bool is_v6 = address && !address->is_v4();
    if (is_v6 ? out.address6.has_value() : v4) {
      item.error(fmt::format("'{}' is a second {} address", item.raw(), is_v6 ? "IPv6" : "IPv4"),
                 "one of each: [192.168.56.10, fd00:56::10]");
    } else if (is_v6) {
      Reader<std::optional<Located<IpAddress>>>::read(item, out.address6, {});
    } else {
      v4 = true;
      Reader<HostAddress>::read(item, out.address, {});
    }
  }
}
}  // namespace

void Reader<Attachment>::read(const yaml::Value& v, Attachment& out, Limits) {
  if (v.kind() == yaml::Value::Kind::Map)
    attachment_table().read(v, out);
  else if (v.kind() == yaml::Value::Kind::List)
    read_pair(v, out);
  else
    Reader<HostAddress>::read(v, out.address, {});
}

// --- Attachments: `lan`, `[lan, wan]`, or a map of network to Attachment

std::string Reader<Attachments>::type() { return "network | list of network | map of network to address"; }
std::string Reader<Attachments>::print(const Attachments&) { return ""; }
std::string Reader<Attachments>::schema(Limits l) {
  return fmt::format(R"({{"anyOf":[{{"type":"string"}},{{"type":"array","items":{{"type":"string"}}}},{}]}})",
                     Reader<Dictionary<Attachment>>::schema(l));
}
void Reader<Attachments>::read(const yaml::Value& v, Attachments& out, Limits l) {
  if (v.kind() == yaml::Value::Kind::Map) {
    Reader<Dictionary<Attachment>>::read(v, out, l);
    return;
  }
  for (const auto& item : v.items()) {
    const auto name = item.text();
    if (!name) continue;
    if (out.find(*name)) {
      item.error(fmt::format("'{}' is here a second time", *name), "a node joins a network once");
      continue;
    }
    Attachment attachment;
    attachment.address.fixed.at = item.at();
    out.add({*name, item.at(), true, attachment});
  }
}

// --- OptionValues: a value, a list of values, or {type:, value:}; what they mean is checked by the server's reader

std::string Reader<OptionValues>::type() { return "value | list | {type:, value:}"; }
std::string Reader<OptionValues>::print(const OptionValues&) { return ""; }
std::string Reader<OptionValues>::schema(Limits) {
  return R"({"type":["string","number","boolean","array","object"]})";
}
void Reader<OptionValues>::read(const yaml::Value& v, OptionValues& out, Limits) {
  auto values = v;
  if (v.kind() == yaml::Value::Kind::Map) {
    const auto map = v.map("option");
    const auto type = map.find("type");
    const auto value = map.find("value");
    if (!type || !value) return;
    out.type = type->raw();
    values = *value;
  }
  for (const auto& item : values.items())
    if (item.kind() == yaml::Value::Kind::Scalar) out.values.emplace_back(item.raw());
}

// --- Reservation: `pc2: 192.168.56.50`, [IPv4 address, IPv6 address], or {address:, address6:, mac:}

std::string Reader<Reservation>::type() { return "address | map"; }
std::string Reader<Reservation>::print(const Reservation&) { return ""; }
std::string Reader<Reservation>::schema(Limits) {
  return fmt::format(R"({{"anyOf":[{},{},{}]}})", Reader<IpAddress>::schema({}), kAddressPair,
                     reservation_table().schema());
}
void Reader<Reservation>::read(const yaml::Value& v, Reservation& out, Limits) {
  if (v.kind() == yaml::Value::Kind::Map)
    reservation_table().read(v, out);
  else if (v.kind() == yaml::Value::Kind::List)
    for (const auto& item : v.items()) {
      const auto address = IpAddress::parse(item.raw());
      if (address && !address->is_v4())
        Reader<std::optional<Located<IpAddress>>>::read(item, out.address6, {});
      else
        Reader<Located<IpAddress>>::read(item, out.address, {});
    }
  else
    Reader<Located<IpAddress>>::read(v, out.address, {});
}

// --- Services: `[dns, dhcp]`, `dns`, or a map of service to options

namespace {
const std::vector<std::string> kServices = {"directory", "dns", "dhcp", "dhcp-relay", "mail"};

template <class S>
void take(std::optional<Located<S>>& member, const yaml::Value& item) {
  if (member) {
    item.error(fmt::format("'{}' is here a second time", item.raw()), "a node runs a service once");
    return;
  }
  member.emplace();
  member->at = item.at();
  member->width = item.raw().size();
}

/// Points the messages about a service at its name rather than at its options.
template <class S>
void point_at(std::optional<Located<S>>& member, const yaml::Entry& entry, std::string_view name) {
  if (member && entry.key == name) {
    member->at = entry.key_at;
    member->width = entry.key.size();
  }
}
}  // namespace

std::string Reader<Services>::type() { return "list of service | map of service to options"; }
std::string Reader<Services>::print(const Services&) { return ""; }
std::string Reader<Services>::schema(Limits) {
  std::string names;
  for (const auto& name : kServices) names += (names.empty() ? "" : ",") + detail::json_string(name);
  const auto name = fmt::format(R"({{"enum":[{}]}})", names);
  return fmt::format(R"({{"anyOf":[{},{{"type":"array","uniqueItems":true,"items":{}}},{}]}})", name, name,
                     services_table().schema());
}
void Reader<Services>::read(const yaml::Value& v, Services& out, Limits) {
  if (v.kind() == yaml::Value::Kind::Map) {
    services_table().read(v, out);
    const auto map = v.map("services");
    for (const auto& entry : map.entries()) {
      point_at(out.directory, entry, "directory");
      point_at(out.dns, entry, "dns");
      point_at(out.dhcp, entry, "dhcp");
      point_at(out.relay, entry, "dhcp-relay");
      point_at(out.mail, entry, "mail");
    }
    return;
  }
  for (const auto& item : v.items()) {
    const auto name = item.text();
    if (!name) continue;
    if (*name == "directory") {
      take(out.directory, item);
    } else if (*name == "dns") {
      take(out.dns, item);
    } else if (*name == "dhcp") {
      take(out.dhcp, item);
    } else if (*name == "dhcp-relay") {
      take(out.relay, item);
    } else if (*name == "mail") {
      take(out.mail, item);
    } else {
      const auto near = yaml::did_you_mean(*name, kServices);
      item.error(fmt::format("unknown service '{}'", *name),
                 near.empty() ? fmt::format("a node can run {}", fmt::join(kServices, ", "))
                              : fmt::format("did you mean '{}'?", near));
    }
  }
}

}  // namespace lab::config
