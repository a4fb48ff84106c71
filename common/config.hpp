/// config -- configuration as tables: one row per key with name, member, text, and limits. The parser, the
/// check for unknown keys, the reference page (`--help-config`) and the JSON schema all come from that row.
///
///   const config::Table<Scope>& scope_table() {
///     static const auto table = config::Table<Scope>("scope")
///       .required("network", &Scope::network, "the subnet served")
///       .row("lease", &Scope::lease, "how long an address is lent", {.min = 60, .max = 31536000});
///     return table;
///   }
///   inline const auto& table_of(const Scope*) { return scope_table(); }   // makes Scope usable inside other
///   tables
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/yaml.hpp"

namespace lab::config {

/// Bounds of a number, of a duration in seconds, or of a size in bytes.
struct Limits {
  std::int64_t min = 0;
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
};

/// A size in bytes, written `200M`.
struct Bytes {
  std::uint64_t count = 0;
  friend auto operator<=>(const Bytes&, const Bytes&) = default;
};

template <class T>
class Table;

/// How a member of type T is read, named in the reference, printed as a default, and described to JSON
/// schema. Specialise it for own types (short and long forms, enums).
template <class T, class = void>
struct Reader;

/// For enums: specialise with `static constexpr std::pair<const char*, E> names[]`.
template <class E>
struct EnumNames;

namespace detail {
std::string json_string(std::string_view);
std::string schema_number(const char* type, Limits);
std::string duration_text(std::chrono::milliseconds);
std::string bytes_text(std::uint64_t);
bool check_range(const yaml::Value&, std::int64_t value, Limits, const char* unit);
}  // namespace detail

template <>
struct Reader<std::string> {
  static std::string type() { return "text"; }
  static std::string print(const std::string& v) { return v; }
  static std::string schema(Limits) { return R"({"type":["string","number","boolean"]})"; }
  static void read(const yaml::Value& v, std::string& out, Limits) {
    if (auto t = v.text()) out = *t;
  }
};

template <>
struct Reader<bool> {
  static std::string type() { return "true or false"; }
  static std::string print(bool v) { return v ? "true" : "false"; }
  static std::string schema(Limits) { return R"({"type":"boolean"})"; }
  static void read(const yaml::Value& v, bool& out, Limits) {
    if (auto b = v.boolean()) out = *b;
  }
};

template <class T>
struct Reader<T, std::enable_if_t<std::is_integral_v<T> && !std::is_same_v<T, bool>>> {
  static std::string type() { return "number"; }
  static std::string print(T v) { return std::to_string(v); }
  static Limits within(Limits l) {
    if constexpr (sizeof(T) < 8) {
      l.min = std::max<std::int64_t>(l.min, std::numeric_limits<T>::min());
      l.max = std::min<std::int64_t>(l.max, std::numeric_limits<T>::max());
    }
    return l;
  }
  static std::string schema(Limits l) { return detail::schema_number("integer", within(l)); }
  static void read(const yaml::Value& v, T& out, Limits l) {
    l = within(l);
    if (auto n = v.integer(l.min, l.max)) out = static_cast<T>(*n);
  }
};

template <>
struct Reader<double> {
  static std::string type() { return "number"; }
  static std::string print(double v) { return std::to_string(v); }
  static std::string schema(Limits l) { return detail::schema_number("number", l); }
  static void read(const yaml::Value& v, double& out, Limits l) {
    if (auto n = v.number(static_cast<double>(l.min), static_cast<double>(l.max))) out = *n;
  }
};

template <class Rep, class Period>
struct Reader<std::chrono::duration<Rep, Period>> {
  using Duration = std::chrono::duration<Rep, Period>;
  static std::string type() { return "duration"; }
  static std::string print(Duration v) { return detail::duration_text(v); }
  static std::string schema(Limits) {
    return R"({"type":["string","integer"],"pattern":"^[0-9]+(ms|s|m|h|d)?$"})";
  }
  static void read(const yaml::Value& v, Duration& out, Limits l) {
    if (auto d = v.duration())
      if (detail::check_range(v, std::chrono::duration_cast<std::chrono::seconds>(*d).count(), l, "s"))
        out = std::chrono::duration_cast<Duration>(*d);
  }
};

template <>
struct Reader<Bytes> {
  static std::string type() { return "size"; }
  static std::string print(Bytes v) { return detail::bytes_text(v.count); }
  static std::string schema(Limits) {
    return R"({"type":["string","integer"],"pattern":"^[0-9]+[kKMGT]?$"})";
  }
  static void read(const yaml::Value& v, Bytes& out, Limits l) {
    if (auto b = v.bytes())
      if (detail::check_range(v, static_cast<std::int64_t>(*b), l, "bytes")) out.count = *b;
  }
};

// clang-format off
#define LAB_CONFIG_SCALAR(Type, method, name)                                        \
  template <>                                                                        \
  struct Reader<Type> {                                                              \
    static std::string type() { return name; }                                       \
    static std::string print(const Type& v) { return v.text(); }                     \
    static std::string schema(Limits) { return R"({"type":"string"})"; }             \
    static void read(const yaml::Value& v, Type& out, Limits) { if (auto x = v.method()) out = *x; } \
  };
LAB_CONFIG_SCALAR(IpAddress, address, "address")
LAB_CONFIG_SCALAR(Network, network, "network")
LAB_CONFIG_SCALAR(AddressRange, range, "address range")
LAB_CONFIG_SCALAR(MacAddress, mac, "MAC address")
LAB_CONFIG_SCALAR(Endpoint, endpoint, "address:port")
#undef LAB_CONFIG_SCALAR
// clang-format on

template <class E>
struct Reader<E, std::enable_if_t<std::is_enum_v<E>>> {
  static std::string type() {
    std::string s;
    for (auto& [name, value] : EnumNames<E>::names) s += (s.empty() ? "" : " | ") + std::string(name);
    return s;
  }
  static std::string print(E v) {
    for (auto& [name, value] : EnumNames<E>::names)
      if (value == v) return name;
    return "";
  }
  static std::string schema(Limits) {
    std::string s;
    for (auto& [name, value] : EnumNames<E>::names) s += (s.empty() ? "" : ",") + detail::json_string(name);
    return "{\"enum\":[" + s + "]}";
  }
  static void read(const yaml::Value& v, E& out, Limits) {
    auto text = v.text();
    if (!text) return;
    std::vector<std::string> known;
    for (auto& [name, value] : EnumNames<E>::names) {
      if (*text == name) {
        out = value;
        return;
      }
      known.emplace_back(name);
    }
    auto near = yaml::did_you_mean(*text, known);
    v.error("unknown value '" + *text + "'",
            near.empty() ? "one of " + type() : "did you mean '" + near + "'?");
  }
};

template <class T>
struct Reader<std::optional<T>> {
  static std::string type() { return Reader<T>::type(); }
  static std::string print(const std::optional<T>& v) { return v ? Reader<T>::print(*v) : ""; }
  static std::string schema(Limits l) { return Reader<T>::schema(l); }
  static void read(const yaml::Value& v, std::optional<T>& out, Limits l) {
    Reader<T>::read(v, out.emplace(), l);
  }
};

template <class T>
struct Reader<std::vector<T>> {
  static std::string type() { return "list of " + Reader<T>::type(); }
  static std::string print(const std::vector<T>& v) {
    std::string s;
    for (auto& x : v) s += (s.empty() ? "" : ", ") + Reader<T>::print(x);
    return v.empty() ? "" : "[" + s + "]";
  }
  static std::string schema(Limits l) {
    return R"({"anyOf":[{"type":"array","items":)" + Reader<T>::schema(l) + "}," + Reader<T>::schema(l) +
           "]}";
  }
  static void read(const yaml::Value& v, std::vector<T>& out, Limits l) {
    out.clear();
    for (auto& item : v.items()) Reader<T>::read(item, out.emplace_back(), l);
  }
};

/// A dictionary: keys are names the user chooses.
template <class T>
struct Reader<std::map<std::string, T>> {
  static std::string type() { return "map of name to " + Reader<T>::type(); }
  static std::string print(const std::map<std::string, T>&) { return ""; }
  static std::string schema(Limits l) {
    return R"({"type":"object","additionalProperties":)" + Reader<T>::schema(l) + "}";
  }
  static void read(const yaml::Value& v, std::map<std::string, T>& out, Limits l) {
    out.clear();
    const auto map = v.map("map");  // named: it owns what the loop walks over
    for (auto& entry : map.entries()) Reader<T>::read(entry.value, out[entry.key], l);
  }
};

/// A struct that has a table.
template <class T>
struct Reader<T, std::void_t<decltype(table_of(static_cast<const T*>(nullptr)))>> {
  static std::string type() { return table_of(static_cast<const T*>(nullptr)).name(); }
  static std::string print(const T&) { return ""; }
  static std::string schema(Limits) { return table_of(static_cast<const T*>(nullptr)).schema(); }
  static void read(const yaml::Value& v, T& out, Limits) {
    table_of(static_cast<const T*>(nullptr)).read(v, out);
  }
};

template <class T>
class Table {
 public:
  explicit Table(std::string name) : name_(std::move(name)) {}
  const std::string& name() const { return name_; }

  /// An optional key; its default is what a default-constructed T holds.
  template <class M>
  Table& row(std::string key, M T::*member, std::string text, Limits limits = {}) {
    return add(std::move(key), member, std::move(text), limits, false);
  }
  /// A key that must be there.
  template <class M>
  Table& required(std::string key, M T::*member, std::string text, Limits limits = {}) {
    return add(std::move(key), member, std::move(text), limits, true);
  }
  /// A rule over the whole value, run after its keys are read: `[](const yaml::Value& at, T& value) { …
  /// at.error(…); }`
  Table& rule(std::function<void(const yaml::Value&, T&)> check) {
    rules_.push_back(std::move(check));
    return *this;
  }

  /// Reads a map into `out`; mistakes go to the value's diagnostics.
  void read(const yaml::Value& value, T& out) const {
    auto map = value.map(name_);
    for (auto& r : rows_) {
      if (auto v = map.find(r.key)) {
        r.read(*v, out);
      } else if (r.must) {
        map.missing(r.key);
      }
    }
    map.reject_unknown();
    for (auto& check : rules_) check(value, out);
  }

  std::string schema() const {
    std::string properties, must;
    for (auto& r : rows_) {
      auto s = r.schema();
      s.insert(1, "\"description\":" + detail::json_string(r.text) + (s == "{}" ? "" : ","));
      properties += (properties.empty() ? "" : ",") + detail::json_string(r.key) + ":" + s;
      if (r.must) must += (must.empty() ? "" : ",") + detail::json_string(r.key);
    }
    return R"({"type":["object","null"],"additionalProperties":false,"properties":{)" + properties + "}" +
           (must.empty() ? "" : ",\"required\":[" + must + "]") + "}";
  }

  /// A reference page: key, type, default, text; a line per row.
  std::string reference() const {
    std::string page = name_ + ":\n";
    for (auto& r : rows_) {
      page += "  " + r.key + "  (" + r.type +
              (r.must               ? ", required"
               : r.standard.empty() ? ""
                                    : ", default " + r.standard) +
              ")\n      " + r.text + "\n";
    }
    return page;
  }

 private:
  struct Row {
    std::string key, type, standard, text;
    bool must = false;
    std::function<void(const yaml::Value&, T&)> read;
    std::function<std::string()> schema;
  };
  template <class M>
  Table& add(std::string key, M T::*member, std::string text, Limits limits, bool must) {
    Row r{std::move(key), Reader<M>::type(), Reader<M>::print(T{}.*member), std::move(text), must, {}, {}};
    r.read = [member, limits](const yaml::Value& v, T& out) { Reader<M>::read(v, out.*member, limits); };
    r.schema = [limits] { return Reader<M>::schema(limits); };
    rows_.push_back(std::move(r));
    return *this;
  }
  std::string name_;
  std::vector<Row> rows_;
  std::vector<std::function<void(const yaml::Value&, T&)>> rules_;
};

/// Reads a whole configuration file: its value, or every mistake rendered for a person.
template <class T>
std::expected<T, std::string> load_text(const std::string& file, const std::string& text) {
  yaml::Diagnostics diagnostics(file, text);
  T out{};
  if (auto root = yaml::parse(diagnostics, text)) Reader<T>::read(*root, out, {});
  if (!diagnostics.ok()) return std::unexpected(diagnostics.render());
  return out;
}

template <class T>
std::expected<T, std::string> load_file(const std::string& path) {
  auto text = yaml::read_file(path);
  if (!text) return std::unexpected(text.error().text() + "\n");
  return load_text<T>(path, *text);
}

}  // namespace lab::config
