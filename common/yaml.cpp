#include "common/yaml.hpp"

#include <fmt/format.h>
#include <yaml-cpp/anchor.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>

#include "common/yaml_syntax.hpp"

namespace lab::yaml {

struct Value::Impl {
  YAML::Node node;
  Position at;
  Diagnostics* diagnostics = nullptr;
};

namespace {

constexpr std::size_t kMaxFile = 1 << 20;   // a topology of 1,000 users is about 100 KiB
constexpr int kMaxDepth = 64;               // ours nests 8 deep
constexpr std::size_t kMaxNodes = 100'000;  // after aliases are followed: stops the "billion laughs"

Position position(const YAML::Mark& mark);

/// Counts documents and stops at the second one. yaml-cpp's own LoadAll never ends where a file begins with
/// ',': it finds an empty document there, and another one at the same place, and so on.
struct DocumentCounter : YAML::EventHandler {
  struct Enough {};
  int count = 0;
  YAML::Mark first, second;
  void OnDocumentStart(const YAML::Mark& mark) override {
    (count == 0 ? first : second) = mark;
    if (++count == 2) throw Enough{};
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
  }
  void OnMapEnd() override {}
};

struct SecondDocument {
  Position at;
  bool stray = false;  ///< where the first one began: there is something that is no YAML
};

std::optional<SecondDocument> second_document(const std::string& text) {
  std::istringstream in(text);
  YAML::Parser parser(in);
  DocumentCounter counter;
  try {
    while (parser.HandleNextDocument(counter)) {
    }
  } catch (const DocumentCounter::Enough&) {
    return SecondDocument{position(counter.second), counter.second.pos == counter.first.pos};
  }
  return std::nullopt;
}

Position position(const YAML::Mark& mark) {
  return mark.is_null() ? Position{} : Position{mark.line + 1, mark.column + 1};
}

std::shared_ptr<const Value::Impl> wrap(const YAML::Node& node, Position fallback, Diagnostics& diagnostics) {
  auto at = position(node.Mark());
  return std::make_shared<const Value::Impl>(Value::Impl{node, at.line > 0 ? at : fallback, &diagnostics});
}

/// Walks the document once: bounds depth and size, reports duplicate keys (yaml-cpp keeps them silently).
bool inspect(const YAML::Node& node, int depth, std::size_t& count, Diagnostics& diagnostics) {
  if (depth > kMaxDepth) {
    diagnostics.error(position(node.Mark()), fmt::format("nested more than {} levels deep", kMaxDepth));
    return false;
  }
  if (++count > kMaxNodes) {
    diagnostics.error(position(node.Mark()),
                      fmt::format("more than {} values once aliases are followed", kMaxNodes));
    return false;
  }
  if (node.IsMap()) {
    std::map<std::string, int> seen;
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) {
        diagnostics.error(position(entry.first.Mark()), "a key must be plain text");
        return false;
      }
      const auto& key = entry.first.Scalar();
      const auto [at, fresh] = seen.emplace(key, entry.first.Mark().line + 1);
      if (!fresh)
        diagnostics.error(position(entry.first.Mark()), fmt::format("'{}' is here a second time", key),
                          fmt::format("it stands in line {} already", at->second), key.size());
      if (!inspect(entry.second, depth + 1, count, diagnostics)) return false;
    }
  } else if (node.IsSequence()) {
    for (const auto& item : node)
      if (!inspect(item, depth + 1, count, diagnostics)) return false;
  }
  return true;
}

/// Where the text stops being UTF-8 (RFC 3629: shortest forms only, no surrogates, nothing past U+10FFFF).
std::size_t first_bad_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t more = byte < 0x80                   ? 0
                             : byte >= 0xc2 && byte < 0xe0 ? 1
                             : (byte & 0xf0) == 0xe0       ? 2
                             : byte >= 0xf0 && byte < 0xf5 ? 3
                                                           : 4;
    if (more == 4 || i + more >= text.size()) return i;
    for (std::size_t k = 1; k <= more; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      const unsigned low = k > 1 ? 0x80 : byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
      const unsigned high = k > 1 ? 0xbf : byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
      if (next < low || next > high) return i;
    }
    i += more + 1;
  }
  return std::string::npos;
}

std::string shown(std::string_view text) {
  constexpr std::size_t kShown = 60;
  std::string out;
  for (const char c : text.substr(0, kShown))
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return "'" + out + (text.size() > kShown ? "…'" : "'");
}

/// A whole number with a unit behind it: "200M" -> 200, "M".
std::optional<std::pair<std::uint64_t, std::string_view>> quantity(std::string_view text) {
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return std::pair{value, text.substr(static_cast<std::size_t>(end - text.data()))};
}

}  // namespace

Value::Value(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

Value::Kind Value::kind() const {
  switch (impl_->node.Type()) {
    case YAML::NodeType::Scalar: return Kind::Scalar;
    case YAML::NodeType::Sequence: return Kind::List;
    case YAML::NodeType::Map: return Kind::Map;
    case YAML::NodeType::Undefined:
    case YAML::NodeType::Null: break;
  }
  return Kind::Null;
}

bool Value::quoted() const { return impl_->node.Tag() == "!"; }
Position Value::at() const { return impl_->at; }
Diagnostics& Value::diagnostics() const { return *impl_->diagnostics; }

std::string_view Value::raw() const {
  return impl_->node.IsScalar() ? std::string_view(impl_->node.Scalar()) : std::string_view();
}

void Value::error(std::string what, std::string remedy) const {
  diagnostics().error(at(), std::move(what), std::move(remedy),
                      std::max<std::size_t>(raw().size() + (quoted() ? 2 : 0), 1));
}

namespace {
std::nullopt_t expected(const Value& v, std::string_view what) {
  switch (v.kind()) {
    case Value::Kind::Null: v.error(fmt::format("expected {}; got nothing", what)); break;
    case Value::Kind::List: v.error(fmt::format("expected {}; got a list", what)); break;
    case Value::Kind::Map: v.error(fmt::format("expected {}; got a map", what)); break;
    case Value::Kind::Scalar: v.error(fmt::format("expected {}; got {}", what, shown(v.raw()))); break;
  }
  return std::nullopt;
}
}  // namespace

std::optional<std::string> Value::text() const {
  if (kind() != Kind::Scalar) return expected(*this, "text");
  return std::string(raw());
}

std::optional<bool> Value::boolean() const {
  const auto t = raw();
  if (t == "true" || t == "yes" || t == "on") return true;
  if (t == "false" || t == "no" || t == "off") return false;
  return expected(*this, "true or false");
}

std::optional<std::int64_t> Value::integer(std::int64_t min, std::int64_t max) const {
  const auto t = raw();
  std::int64_t value = 0;
  auto [end, error] = std::from_chars(t.data(), t.data() + t.size(), value);
  if (t.empty() || error != std::errc() || end != t.data() + t.size())
    return expected(*this, "a whole number");
  if (value < min || value > max)
    return expected(*this, max == std::numeric_limits<std::int64_t>::max()
                               ? fmt::format("a number of at least {}", min)
                               : fmt::format("a number from {} to {}", min, max));
  return value;
}

std::optional<double> Value::number(double min, double max) const {
  const auto t = raw();
  double value = 0;
  auto [end, error] = std::from_chars(t.data(), t.data() + t.size(), value);
  if (t.empty() || error != std::errc() || end != t.data() + t.size() || !std::isfinite(value))
    return expected(*this, "a number");
  if (value < min || value > max) return expected(*this, fmt::format("a number from {} to {}", min, max));
  return value;
}

std::optional<std::chrono::milliseconds> Value::duration() const {
  static constexpr std::pair<std::string_view, std::uint64_t> kUnits[] = {
      {"", 1000},      {"ms", 1},        {"s", 1000},      {"m", 60'000},
      {"min", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
  constexpr std::uint64_t kMax = std::uint64_t{86'400'000} * 36'500;  // a century
  if (const auto q = quantity(raw()))
    for (const auto& [unit, factor] : kUnits)
      if (q->second == unit && q->first <= kMax / factor) return std::chrono::milliseconds(q->first * factor);
  return expected(*this, "a duration such as 20ms, 30s, 10m, 1h or 7d");
}

std::optional<std::uint64_t> Value::bytes() const {
  static constexpr std::pair<std::string_view, unsigned> kUnits[] = {
      {"", 0},   {"B", 0},   {"k", 10}, {"K", 10},  {"kB", 10}, {"KB", 10},
      {"M", 20}, {"MB", 20}, {"G", 30}, {"GB", 30}, {"T", 40}};
  if (const auto q = quantity(raw()))
    for (const auto& [unit, shift] : kUnits)
      if (q->second == unit && q->first <= (std::uint64_t{1} << 62 >> shift)) return q->first << shift;
  return expected(*this, "a size such as 64k, 200M or 1G");
}

std::optional<IpAddress> Value::address() const {
  if (auto a = IpAddress::parse(raw())) return a;
  return expected(*this, "an IP address such as 192.168.56.10");
}

std::optional<Network> Value::network() const {
  if (auto n = Network::parse(raw())) return n;
  const auto slash = raw().find('/');
  if (slash != std::string_view::npos) {
    const auto address = IpAddress::parse(raw().substr(0, slash));
    const auto prefix = quantity(raw().substr(slash + 1));
    if (address && prefix && prefix->second.empty() && prefix->first <= address->bits()) {
      error(fmt::format("{} is an address inside a network, not a network", shown(raw())),
            fmt::format("the network is {}",
                        Network::of(*address, static_cast<unsigned>(prefix->first)).text()));
      return std::nullopt;
    }
  }
  return expected(*this, "a network such as 192.168.56.0/24");
}

std::optional<AddressRange> Value::range() const {
  if (auto r = AddressRange::parse(raw())) return r;
  return expected(*this,
                  "a range such as 192.168.56.100-192.168.56.200, from the lower to the higher address");
}

std::optional<MacAddress> Value::mac() const {
  if (auto m = MacAddress::parse(raw())) return m;
  return expected(*this, "a MAC address such as 02:00:00:00:00:01");
}

std::optional<Endpoint> Value::endpoint() const {
  if (auto e = Endpoint::parse(raw())) return e;
  return expected(*this, "an address with a port such as 192.168.56.10:53 or [fd00::1]:53");
}

std::vector<Value> Value::items() const {
  if (kind() == Kind::Null) return {};
  if (kind() != Kind::List) return {*this};
  std::vector<Value> out;
  for (const auto& item : impl_->node) out.emplace_back(wrap(item, at(), diagnostics()));
  return out;
}

Map Value::map(std::string what) const {
  std::vector<Entry> entries;
  if (kind() == Kind::Map) {
    for (const auto& entry : impl_->node) {
      const auto key_at = position(entry.first.Mark());
      entries.push_back({entry.first.Scalar(), key_at, Value(wrap(entry.second, key_at, diagnostics()))});
    }
  } else if (kind() != Kind::Null) {
    expected(*this,
             what == "map" ? "a map of names to values" : fmt::format("{} as a map of keys to values", what));
  }
  return {std::move(what), at(), std::move(entries), impl_};
}

Map::Map(std::string what, Position at, std::vector<Entry> entries, std::shared_ptr<const Value::Impl> owner)
    : what_(std::move(what)), at_(at), entries_(std::move(entries)), owner_(std::move(owner)) {}

Diagnostics& Map::diagnostics() const { return *owner_->diagnostics; }

std::optional<Value> Map::find(std::string_view key) const {
  asked_.emplace_back(key);
  for (const auto& entry : entries_)
    if (entry.key == key) return entry.value;
  return std::nullopt;
}

void Map::reject_unknown() const {
  for (const auto& entry : entries_) {
    if (std::ranges::find(asked_, entry.key) != asked_.end()) continue;
    const auto near = did_you_mean(entry.key, asked_);
    std::string remedy;
    if (!near.empty()) {
      remedy = fmt::format("did you mean '{}'?", near);
    } else if (asked_.size() <= 16) {
      remedy = fmt::format("{} knows {}", what_.empty() ? "this place" : what_, fmt::join(asked_, ", "));
    }
    diagnostics().error(entry.key_at, fmt::format("unknown key {}", shown(entry.key)), remedy,
                        entry.key.size());
  }
}

void Map::missing(std::string_view key) const {
  diagnostics().error(at_, fmt::format("{}: '{}' is missing", what_.empty() ? "here" : what_, key));
}

std::optional<Value> parse(Diagnostics& diagnostics, const std::string& text) {
  if (text.size() > kMaxFile) {
    diagnostics.error({}, fmt::format("the file is larger than {} KiB", kMaxFile >> 10));
    return std::nullopt;
  }
  if (const auto zero = text.find('\0'); zero != std::string::npos) {
    diagnostics.error(
        {static_cast<int>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(zero), '\n')) +
             1,
         1},
        "a zero byte: this is not a text file");
    return std::nullopt;
  }
  if (const auto bad = first_bad_utf8(text); bad != std::string::npos) {
    const auto start = text.rfind('\n', bad) == std::string::npos ? 0 : text.rfind('\n', bad) + 1;
    diagnostics.error(
        {static_cast<int>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(bad), '\n')) +
             1,
         static_cast<int>(bad - start) + 1},
        fmt::format("the byte 0x{:02x} is not UTF-8 text", static_cast<unsigned char>(text[bad])),
        "save the file in UTF-8");
    return std::nullopt;
  }
  try {
    if (const auto second = second_document(text)) {
      if (second->stray)
        diagnostics.error(second->at, "nothing can begin like this",
                          "a file begins with a key, such as 'lab:'");
      else
        diagnostics.error(second->at, "a second document begins here", "one file holds one document");
      return std::nullopt;
    }
    const YAML::Node root = YAML::Load(text);
    std::size_t count = 0;
    if (!inspect(root, 0, count, diagnostics)) return std::nullopt;
    return Value(wrap(root, {1, 1}, diagnostics));
  } catch (const YAML::Exception& e) {
    auto mistake = explain_syntax(text, position(e.mark), e.msg);
    diagnostics.error(mistake.at, std::move(mistake.what), std::move(mistake.remedy), mistake.width);
  } catch (const std::exception& e) {
    diagnostics.error({}, std::string("this is not valid YAML: ") + e.what());
  }
  return std::nullopt;
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail("cannot read it: " + std::string(std::strerror(errno)), path);
  std::string text(kMaxFile + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || (in.fail() && !in.eof()))
    return fail("cannot read it: " + std::string(std::strerror(errno)), path);
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kMaxFile)
    return fail(fmt::format("the file is larger than {} KiB", kMaxFile >> 10), path);
  return text;
}

}  // namespace lab::yaml
