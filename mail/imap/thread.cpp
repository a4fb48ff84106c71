#include "mail/imap/thread.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace lab::mail::imap {
namespace {

// Looking for a loop stops after so many ancestors and counts as one: no correspondence is that long.
constexpr int kLongestChain = 10000;

}  // namespace

std::uint32_t ThreadTable::node_of(std::uint64_t id) {
  const auto [entry, made] = by_id_.try_emplace(id, static_cast<std::uint32_t>(nodes_.size()));
  if (made) nodes_.emplace_back();
  return entry->second;
}

std::uint32_t ThreadTable::subject_of(std::string_view base) {
  if (base.empty()) return 0;
  return subjects_.try_emplace(std::string(base), static_cast<std::uint32_t>(subjects_.size() + 1))
      .first->second;
}

bool ThreadTable::above(std::uint32_t node, std::uint32_t descendant) const {
  int steps = 0;
  for (auto at = descendant; at != kNone; at = nodes_[at].parent)
    if (at == node || ++steps > kLongestChain) return true;
  return false;
}

void ThreadTable::link(std::uint32_t parent, std::uint32_t child, bool replace) {
  auto& node = nodes_[child];
  if (parent == child || (node.parent != kNone && !replace)) return;
  if (node.has_children && above(child, parent)) return;  // what has no children is above nobody
  node.parent = parent;
  nodes_[parent].has_children = true;
}

// RFC 5256 3, REFERENCES (1)
void ThreadTable::add(const MessageRow& row) {
  const auto ids = row.thread_ids();
  const auto id = [&](std::size_t i) {
    std::uint64_t value = 0;
    std::memcpy(&value, ids.data() + i * 8, 8);
    return value;
  };
  const auto count = references_ ? ids.size() / 8 : 0;
  std::uint32_t self = kNone;
  if (count > 0 && id(0) != 0) {
    self = node_of(id(0));
    if (nodes_[self].uid != 0) self = kNone;  // a second message with the same id counts as one without
  }
  if (self == kNone) self = new_dummy();
  auto& node = nodes_[self];
  node.uid = row.uid();
  node.sent = row.sent().unix;
  node.subject = subject_of(row.base_subject());
  node.reply = row.reply();
  std::uint32_t previous = kNone;
  for (std::size_t i = 1; i < count; ++i) {
    const auto referred = node_of(id(i));
    if (previous != kNone) link(previous, referred, false);
    previous = referred;
  }
  if (previous != kNone) link(previous, self, true);
}

std::uint32_t ThreadTable::new_dummy() {
  nodes_.emplace_back();
  if (!children_.empty()) children_.emplace_back();
  return static_cast<std::uint32_t>(nodes_.size() - 1);
}

std::int64_t ThreadTable::date(std::uint32_t node) const {
  return nodes_[node].uid != 0 || children_[node].empty() ? nodes_[node].sent
                                                          : nodes_[children_[node].front()].sent;
}

std::uint32_t ThreadTable::order(std::uint32_t node) const {
  return nodes_[node].uid != 0 || children_[node].empty() ? nodes_[node].uid
                                                          : nodes_[children_[node].front()].uid;
}

void ThreadTable::sort(std::vector<std::uint32_t>& siblings) const {
  if (siblings.size() < 2) return;
  std::sort(siblings.begin(), siblings.end(), [&](std::uint32_t a, std::uint32_t b) {
    const auto x = date(a), y = date(b);
    return x != y ? x < y : order(a) < order(b);
  });
}

// (2) to (4): nodes without a message vanish, their children move up; at the top such a node stays while it
// holds several together.
void ThreadTable::by_references(std::vector<std::uint32_t>& roots) {
  const auto count = static_cast<std::uint32_t>(nodes_.size());
  std::vector<std::uint32_t> stands_for(count, kNone),
      path;  // of an empty node: the message above it, or the topmost empty one
  const auto resolve = [&](std::uint32_t node) {
    path.clear();
    while (nodes_[node].uid == 0 && nodes_[node].parent != kNone && stands_for[node] == kNone) {
      path.push_back(node);
      node = nodes_[node].parent;
    }
    const auto result = nodes_[node].uid == 0 && stands_for[node] != kNone ? stands_for[node] : node;
    for (const auto each : path) stands_for[each] = result;
    return result;
  };
  for (std::uint32_t i = 0; i < count; ++i) {
    if (nodes_[i].uid == 0) continue;
    if (nodes_[i].parent == kNone)
      roots.push_back(i);
    else
      children_[resolve(nodes_[i].parent)].push_back(i);
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    sort(children_[i]);
    if (nodes_[i].uid != 0 || children_[i].empty()) continue;
    if (children_[i].size() == 1) {
      roots.push_back(children_[i].front());
      children_[i].clear();
    } else {
      roots.push_back(i);
    }
  }
}

// (5): threads of one subject become one, a reply below what it replies to.
void ThreadTable::gather_subjects(std::vector<std::uint32_t>& roots) {
  const auto subject = [&](std::uint32_t root) {
    return nodes_[nodes_[root].uid != 0 ? root : children_[root].front()].subject;
  };
  const auto empty = [&](std::uint32_t root) { return nodes_[root].uid == 0; };
  const auto reply = [&](std::uint32_t root) { return !empty(root) && nodes_[root].reply; };
  std::vector<std::uint32_t> table(subjects_.size() + 1, kNone);
  for (const auto root : roots) {
    const auto s = subject(root);
    if (s == 0) continue;
    auto& entry = table[s];
    if (entry == kNone || (empty(root) && !empty(entry)) || (!empty(entry) && reply(entry) && !reply(root)))
      entry = root;
  }
  const auto first = table;
  std::vector<std::uint32_t> kept;
  for (const auto root : roots) {
    const auto s = subject(root);
    if (s == 0) kept.push_back(root);
    if (s == 0 || root == first[s]) continue;
    const auto entry = table[s];
    if (empty(root) && empty(entry)) {
      for (const auto child : children_[root]) children_[entry].push_back(child);
    } else if (empty(entry) || (reply(root) && !reply(entry))) {
      children_[entry].push_back(root);
    } else {
      table[s] = new_dummy();
      children_[table[s]] = {entry, root};
    }
  }
  for (const auto root : table)
    if (root != kNone) kept.push_back(root);
  roots = std::move(kept);
}

// ORDEREDSUBJECT: the first of each subject, all the others below it.
void ThreadTable::by_subject(std::vector<std::uint32_t>& roots) {
  std::vector<std::uint32_t> all(nodes_.size());
  for (std::uint32_t i = 0; i < all.size(); ++i) all[i] = i;
  sort(all);
  std::vector<std::uint32_t> first(subjects_.size() + 1, kNone);
  for (const auto node : all) {
    auto& entry = first[nodes_[node].subject];
    if (entry == kNone) {
      entry = node;
      roots.push_back(node);
    } else {
      children_[entry].push_back(node);
    }
  }
}

std::string ThreadTable::text(const std::function<std::uint32_t(std::uint32_t uid)>& number) {
  if (nodes_.empty()) return {};
  children_.resize(nodes_.size());
  std::vector<std::uint32_t> roots;
  if (references_) {
    by_references(roots);
    sort(roots);
    gather_subjects(roots);
    for (const auto root : roots) sort(children_[root]);
  } else {
    by_subject(roots);
  }
  sort(roots);

  // A chain is written in a row, a fork in parentheses. `open` is what is still to be written, the next on
  // top.
  constexpr std::uint32_t kOpen = kNone - 1, kClose = kNone - 2;
  std::string out;
  std::vector<std::uint32_t> open;
  for (const auto root : roots) {
    open.assign({kClose, root, kOpen});
    while (!open.empty()) {
      const auto node = open.back();
      open.pop_back();
      const bool after_number = !out.empty() && out.back() != '(' && out.back() != ')';
      if (node == kClose) {
        out += ')';
        continue;
      }
      if (node == kOpen) {
        out += after_number ? " (" : "(";
        continue;
      }
      if (nodes_[node].uid != 0) {
        if (after_number) out += ' ';
        out += fmt::format_int(number(nodes_[node].uid)).c_str();
      }
      const auto& below = children_[node];
      if (below.size() == 1) {
        open.push_back(below.front());
      } else {
        for (auto each = below.rbegin(); each != below.rend(); ++each)
          open.insert(open.end(), {kClose, *each, kOpen});
      }
    }
  }
  return out;
}

}  // namespace lab::mail::imap
