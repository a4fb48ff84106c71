// One list of fields per struct serves both directions.
#include "labctl/plan/json.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <type_traits>

namespace lab::plan {

namespace json = boost::json;

namespace {

struct Bad {
  std::string what;
};

json::value write(const std::string& v) { return json::value(v); }
json::value write(bool v) { return json::value(v); }
json::value write(double v) { return json::value(v); }
template <class T>
requires std::is_integral_v<T> json::value write(T v) { return json::value(v); }
json::value write(std::chrono::milliseconds v) { return json::value(v.count()); }
json::value write(const IpAddress& v) { return json::value(v.text()); }
json::value write(const Network& v) { return json::value(v.text()); }
json::value write(const MacAddress& v) { return json::value(v.text()); }
json::value write(File::Change v) {
  return v == File::Change::Reload ? "reload" : v == File::Change::Keep ? "keep" : "restart";
}
json::value write(Ready v) { return v == Ready::Notify ? "notify" : v == Ready::Forks ? "forks" : "started"; }
template <class T>
requires std::is_class_v<T> json::value write(const T& v);
template <class T>
json::value write(const std::optional<T>& v) {
  return v ? write(*v) : json::value(nullptr);
}
template <class T>
json::value write(const std::vector<T>& v) {
  json::array out;
  for (const auto& x : v) out.push_back(write(x));
  return out;
}
template <class T>
json::value write(const std::map<std::string, T>& v) {
  json::object out;
  for (const auto& [key, x] : v) out[key] = write(x);
  return out;
}

void read(const json::value& j, std::string& v) {
  if (!j.is_string()) throw Bad{"expected text"};
  v = std::string(j.as_string());
}
void read(const json::value& j, bool& v) {
  if (!j.is_bool()) throw Bad{"expected true or false"};
  v = j.as_bool();
}
void read(const json::value& j, double& v) {
  if (!j.is_number()) throw Bad{"expected a number"};
  v = j.to_number<double>();
}
template <class T>
requires std::is_integral_v<T>
void read(const json::value& j, T& v) {
  json::error_code error;
  v = j.to_number<T>(error);
  if (error) throw Bad{"expected a number"};
}
void read(const json::value& j, std::chrono::milliseconds& v) {
  std::int64_t count = 0;
  read(j, count);
  v = std::chrono::milliseconds(count);
}
template <class T>
void read_parsed(const json::value& j, T& v) {
  const auto parsed = j.is_string() ? T::parse(std::string_view(j.as_string())) : std::nullopt;
  if (!parsed) throw Bad{"expected an address"};
  v = *parsed;
}
void read(const json::value& j, IpAddress& v) { read_parsed(j, v); }
void read(const json::value& j, Network& v) { read_parsed(j, v); }
void read(const json::value& j, MacAddress& v) { read_parsed(j, v); }
void read(const json::value& j, File::Change& v) {
  v = j == "reload" ? File::Change::Reload : j == "keep" ? File::Change::Keep : File::Change::Restart;
}
void read(const json::value& j, Ready& v) {
  v = j == "forks" ? Ready::Forks : j == "started" ? Ready::Started : Ready::Notify;
}
template <class T>
requires std::is_class_v<T>
void read(const json::value& j, T& v);
template <class T>
void read(const json::value& j, std::optional<T>& v) {
  if (j.is_null())
    v.reset();
  else
    read(j, v.emplace());
}
template <class T>
void read(const json::value& j, std::vector<T>& v) {
  if (!j.is_array()) throw Bad{"expected a list"};
  v.clear();
  for (const auto& x : j.as_array()) read(x, v.emplace_back());
}
template <class T>
void read(const json::value& j, std::map<std::string, T>& v) {
  if (!j.is_object()) throw Bad{"expected an object"};
  v.clear();
  for (const auto& [key, x] : j.as_object()) read(x, v[std::string(key)]);
}

// clang-format off
template <class F> void fields(File& v, F f) { f("path", v.path); f("content", v.content); f("mode", v.mode); f("on_change", v.on_change); }
template <class F> void fields(Impairment& v, F f) { f("delay_ms", v.delay); f("jitter_ms", v.jitter); f("loss_percent", v.loss_percent); f("rate_bits", v.rate_bits); }
template <class F> void fields(Bridge& v, F f) { f("network", v.network); f("name", v.name); f("subnet", v.subnet); f("subnet6", v.subnet6); f("gateway", v.gateway); f("mtu", v.mtu); f("impair", v.impair); f("attach", v.attach); }
template <class F> void fields(InterfaceAddress& v, F f) { f("address", v.address); f("prefix", v.prefix); }
template <class F> void fields(Interface& v, F f) { f("name", v.name); f("port", v.port); f("network", v.network); f("mac", v.mac); f("mtu", v.mtu); f("addresses", v.addresses); f("dhcp", v.dhcp); }
template <class F> void fields(Route& v, F f) { f("to", v.to); f("via", v.via); }
template <class F> void fields(Node& v, F f) { f("name", v.name); f("group", v.group); f("domain", v.domain); f("router", v.router); f("interfaces", v.interfaces); f("routes", v.routes); f("sysctls", v.sysctls); f("nat", v.nat); f("etc", v.etc); f("run", v.run); f("trust_ca", v.trust_ca); }
template <class F> void fields(Service& v, F f) { f("id", v.id); f("node", v.node); f("kind", v.kind); f("argv", v.argv); f("files", v.files); f("state_folders", v.state_folders); f("runtime_folders", v.runtime_folders); f("certificates", v.certificates); f("after", v.after); f("ready", v.ready); f("ready_within_ms", v.ready_within); f("listens", v.listens); }
template <class F> void fields(Client& v, F f) { f("id", v.id); f("node", v.node); f("interface", v.interface); f("network", v.network); f("flavour", v.flavour); f("argv", v.argv); f("files", v.files); f("state_folders", v.state_folders); f("after", v.after); f("lease_file", v.lease_file); f("ready", v.ready); f("ready_within_ms", v.ready_within); }
template <class F> void fields(CertificateRequest& v, F f) { f("id", v.id); f("common_name", v.common_name); f("dns_names", v.dns_names); f("addresses", v.addresses); f("certificate_path", v.certificate_path); f("key_path", v.key_path); }
template <class F> void fields(Credential& v, F f) { f("domain", v.domain); f("user", v.user); f("name", v.name); f("password", v.password); f("generated", v.generated); f("mail", v.mail); f("groups", v.groups); }
template <class F> void fields(Domain& v, F f) { f("name", v.name); f("dns_node", v.dns_node); f("directory_node", v.directory_node); f("mail_node", v.mail_node); f("mail_host", v.mail_host); f("base", v.base); }
template <class F> void fields(Hint& v, F f) { f("node", v.node); f("command", v.command); }
template <class F> void fields(Memory::Serial& v, F f) { f("number", v.number); f("digest", v.digest); }
template <class F> void fields(Memory& v, F f) { f("passwords", v.passwords); f("serials", v.serials); f("keys", v.keys); }
template <class F> void fields(Paths& v, F f) { f("state", v.state); f("runtime", v.runtime); f("bin", v.bin); }
template <class F> void fields(LeaseCheck& v, F f) { f("interface", v.interface); f("lease_file", v.lease_file); f("ranges", v.ranges); f("network", v.network); f("routers", v.routers); f("dns", v.dns); f("search", v.search); f("domain", v.domain); f("ranges6", v.ranges6); f("dns6", v.dns6); f("router6", v.router6); }
template <class F> void fields(DnsCheck& v, F f) { f("name", v.name); f("type", v.type); f("expect", v.expect); f("exact", v.exact); f("then", v.then); f("lease_file", v.lease_file); }
template <class F> void fields(PortCheck& v, F f) { f("host", v.host); f("port", v.port); f("banner", v.banner); }
template <class F> void fields(TlsCheck& v, F f) { f("host", v.host); f("port", v.port); f("starttls", v.starttls); }
template <class F> void fields(LoginCheck& v, F f) { f("protocol", v.protocol); f("host", v.host); f("port", v.port); f("user", v.user); f("password", v.password); f("refused", v.refused); }
template <class F> void fields(MailCheck::Server& v, F f) { f("url", v.url); f("user", v.user); f("password", v.password); }
template <class F> void fields(MailCheck& v, F f) { f("from", v.from); f("to", v.to); f("send", v.send); f("read", v.read); f("within_ms", v.within); }
template <class F> void fields(CommandCheck& v, F f) { f("command", v.command); f("expect", v.expect); }
template <class F> void fields(Plan& v, F f) { f("lab", v.lab); f("paths", v.paths); f("networks", v.networks); f("nodes", v.nodes); f("services", v.services); f("clients", v.clients); f("certificates", v.certificates); f("ca_name", v.ca_name); f("ca_certificate", v.ca_certificate); f("ca_key", v.ca_key); f("domains", v.domains); f("credentials", v.credentials); f("checks", v.checks); f("hints", v.hints); f("notices", v.notices); f("memory", v.memory); }
// clang-format on

using What = decltype(Check::what);
constexpr const char* kKinds[] = {"lease", "dns", "port", "tls", "login", "mail", "run"};
static_assert(std::size(kKinds) == std::variant_size_v<What>);

template <class F>
void fields(Check& v, F f) {
  f("id", v.id);
  f("node", v.node);
  f("group", v.group);
  f("title", v.title);
  f("remedy", v.remedy);
  f("points", v.points);
}

template <class T>
requires std::is_class_v<T> json::value write(const T& v) {
  json::object out;
  fields(const_cast<T&>(v), [&](const char* name, auto& member) { out[name] = write(member); });
  if constexpr (std::is_same_v<T, Check>) {
    out["kind"] = kKinds[v.what.index()];
    out["what"] = std::visit([](const auto& what) { return write(what); }, v.what);
  }
  return out;
}

template <std::size_t I = 0>
void read_what(std::string_view kind, const json::value& j, What& v) {
  if constexpr (I == std::variant_size_v<What>) {
    throw Bad{fmt::format("unknown kind of check '{}'", kind)};
  } else if (kind == kKinds[I]) {
    read(j, v.emplace<I>());
  } else {
    read_what<I + 1>(kind, j, v);
  }
}

template <class T>
requires std::is_class_v<T>
void read(const json::value& j, T& v) {
  if (!j.is_object()) throw Bad{"expected an object"};
  const auto& object = j.as_object();
  fields(v, [&](const char* name, auto& member) {
    const auto* found = object.if_contains(name);
    if (!found) return;  // written by an older version: the default stands
    try {
      read(*found, member);
    } catch (Bad& bad) {
      throw Bad{fmt::format("{}: {}", name, bad.what)};
    }
  });
  if constexpr (std::is_same_v<T, Check>) {
    std::string kind;
    if (const auto* found = object.if_contains("kind")) read(*found, kind);
    const auto* what = object.if_contains("what");
    if (!what) throw Bad{"a check without `what`"};
    read_what(kind, *what, v.what);
  }
}

template <class T>
Result<T> parse_as(std::string_view text) {
  json::error_code error;
  const auto value = json::parse(json::string_view(text.data(), text.size()), error);
  if (error) return fail("this is not JSON: " + error.message());
  T out;
  try {
    read(value, out);
  } catch (const Bad& bad) {
    return fail(bad.what);
  }
  return out;
}

}  // namespace

std::string to_json(const Plan& plan) { return json::serialize(write(plan)); }
std::string to_json(const Memory& memory) { return json::serialize(write(memory)); }
std::string to_json(const std::vector<Check>& checks) { return json::serialize(write(checks)); }
Result<std::vector<Check>> checks_from_json(std::string_view text) {
  return parse_as<std::vector<Check>>(text);
}
Result<Plan> plan_from_json(std::string_view text) { return parse_as<Plan>(text); }
Result<Memory> memory_from_json(std::string_view text) { return parse_as<Memory>(text); }

}  // namespace lab::plan
