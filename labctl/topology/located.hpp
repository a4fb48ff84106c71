/// located -- values of a topology that remember where they stand in the file, so that a mistake found later,
/// by comparing two distant places, is still shown at its line and column.
#pragma once
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "common/config.hpp"

namespace lab::topology {

/// A value and its place. `clean` is false where it could not be read: the mistake is reported already, and
/// rules over the whole file leave such a value alone instead of complaining twice.
template <class T>
struct Located {
  T value{};
  yaml::Position at;
  std::size_t width = 1;
  bool clean = true;
  const T& operator*() const { return value; }
  const T* operator->() const { return &value; }
};

/// One named thing of the file: a network, a domain, a node, a user.
template <class T>
struct Named {
  std::string name;
  yaml::Position at;  ///< of the name
  bool clean = true;  ///< nothing inside was reported as a mistake
  T value{};
  const T& operator*() const { return value; }
  const T* operator->() const { return &value; }
};

/// Named things in the order of the file.
template <class T>
class Dictionary {
 public:
  using Entry = Named<T>;
  const Entry* find(std::string_view name) const {
    const auto found = std::ranges::find(entries_, name, &Entry::name);
    return found == entries_.end() ? nullptr : &*found;
  }
  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  auto begin() { return entries_.begin(); }
  auto end() { return entries_.end(); }
  Entry& add(Entry entry) { return entries_.emplace_back(std::move(entry)); }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& entry : entries_) out.push_back(entry.name);
    return out;
  }

 private:
  std::vector<Entry> entries_;
};

}  // namespace lab::topology

namespace lab::config {

template <class T>
struct Reader<topology::Located<T>> {
  static std::string type() { return Reader<T>::type(); }
  static std::string print(const topology::Located<T>& v) { return Reader<T>::print(v.value); }
  static std::string schema(Limits l) { return Reader<T>::schema(l); }
  static void read(const yaml::Value& v, topology::Located<T>& out, Limits l) {
    const auto before = v.diagnostics().count();
    out.at = v.at();
    out.width = std::max<std::size_t>(v.raw().size() + (v.quoted() ? 2 : 0), 1);
    Reader<T>::read(v, out.value, l);
    out.clean = v.diagnostics().count() == before;
  }
};

template <class T>
struct Reader<topology::Dictionary<T>> {
  static std::string type() { return "map of name to " + Reader<T>::type(); }
  static std::string print(const topology::Dictionary<T>&) { return ""; }
  static std::string schema(Limits l) {
    return R"({"type":["object","null"],"additionalProperties":)" + Reader<T>::schema(l) + "}";
  }
  static void read(const yaml::Value& v, topology::Dictionary<T>& out, Limits l) {
    const auto map = v.map("map");
    for (const auto& entry : map.entries()) {
      if (out.find(entry.key)) continue;  // the second of two equal names was reported by the parser
      const auto before = v.diagnostics().count();
      auto& named = out.add({entry.key, entry.key_at, true, {}});
      Reader<T>::read(entry.value, named.value, l);
      named.clean = v.diagnostics().count() == before;
    }
  }
};

}  // namespace lab::config
