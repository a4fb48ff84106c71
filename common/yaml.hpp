/// yaml -- the one YAML reader: values with their place in the file, and every mistake of a file reported at
/// once as `file:line:column: error: …` with the offending line shown and what would be right. Input is
/// bounded (1 MiB, 64 levels, 100,000 nodes after aliases); reading never throws.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/address.hpp"
#include "common/error.hpp"

namespace lab::yaml {

struct Position {
  int line = 0, column = 0;  ///< from 1; 0 = unknown
  friend auto operator<=>(const Position&, const Position&) = default;
};

/// One mistake. `width`: how many characters of the line it covers (for the ^~~~ marker).
struct Mistake {
  Position at;
  std::string what, remedy;
  std::size_t width = 1;
};

/// Collects the mistakes of one file and prints them for a person.
class Diagnostics {
 public:
  Diagnostics(std::string file, std::string text);
  void error(Position at, std::string what, std::string remedy = {}, std::size_t width = 1);
  bool ok() const { return mistakes_.empty(); }
  /// How often `error` was called: a reader compares it before and after to know whether a value was good.
  std::size_t count() const { return reported_; }
  const std::string& file() const { return file_; }
  /// In file order.
  std::vector<Mistake> list() const;
  /// `file:1:2: error: what; remedy`, then the source line and a marker under it; one block per mistake.
  std::string render() const;

 private:
  std::string file_;
  std::vector<std::string> lines_;
  std::vector<Mistake> mistakes_;
  std::size_t reported_ = 0;
};

/// Of `known`, the word a person most likely meant by `word`; empty when none is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& known);

class Map;

/// A node of the document. The typed readings report a mistake and return nullopt when the value is not what
/// is asked for: `expected a duration such as 30s, 10m, 1h; got 'soon'`.
class Value {
 public:
  enum class Kind { Null, Scalar, List, Map };
  struct Impl;
  explicit Value(std::shared_ptr<const Impl>);

  Kind kind() const;
  bool is_null() const { return kind() == Kind::Null; }
  bool quoted() const;  ///< the scalar was written in quotes (so `"1"` is text)
  Position at() const;
  Diagnostics& diagnostics() const;
  std::string_view raw() const;  ///< a scalar as written, unquoted; else empty
  void error(std::string what, std::string remedy = {}) const;

  std::optional<std::string> text() const;
  std::optional<bool> boolean() const;
  std::optional<std::int64_t> integer(std::int64_t min, std::int64_t max) const;
  std::optional<double> number(double min, double max) const;
  std::optional<std::chrono::milliseconds> duration() const;  ///< `20ms`, `30s`, `10m`, `1h`, `7d`
  std::optional<std::uint64_t> bytes() const;  ///< `200M`, `5k`, `1G` (powers of 1024), plain bytes
  std::optional<IpAddress> address() const;
  std::optional<Network> network() const;
  std::optional<AddressRange> range() const;
  std::optional<MacAddress> mac() const;
  std::optional<Endpoint> endpoint() const;
  /// A list; a lone scalar or map reads as a list of one; null as an empty one.
  std::vector<Value> items() const;
  /// A map; null reads as an empty one. Anything else is reported, then empty. `what` names it in messages:
  /// "service dhcp".
  Map map(std::string what) const;

 private:
  std::shared_ptr<const Impl> impl_;
};

struct Entry {
  std::string key;
  Position key_at;
  Value value;
};

/// A map's entries in file order. Looked-up keys are remembered, so that `reject_unknown` can name the rest.
class Map {
 public:
  Map(std::string what, Position at, std::vector<Entry> entries, std::shared_ptr<const Value::Impl>);
  std::optional<Value> find(std::string_view key) const;
  const std::vector<Entry>& entries() const { return entries_; }
  Position at() const { return at_; }
  Diagnostics& diagnostics() const;
  /// Reports every key that no `find` asked for, with the nearest known one as remedy.
  void reject_unknown() const;
  /// Reports that `key` is missing.
  void missing(std::string_view key) const;

 private:
  std::string what_;
  Position at_;
  std::vector<Entry> entries_;
  std::shared_ptr<const Value::Impl> owner_;
  mutable std::vector<std::string> asked_;
};

/// Parses `text`. Syntax errors go to `diagnostics` too (then nullopt). Duplicate keys are mistakes.
std::optional<Value> parse(Diagnostics& diagnostics, const std::string& text);

/// Reads a file of at most 1 MiB.
Result<std::string> read_file(const std::string& path);

}  // namespace lab::yaml
