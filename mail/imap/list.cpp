#include "mail/imap/list.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "mail/imap/utf7.hpp"
#include "mail/message/imap_text.hpp"
#include "mail/store/names.hpp"

namespace lab::mail::imap {
namespace {

struct Entry {
  const MailboxName* mailbox = nullptr;
  bool subscribed = false, parent = false, subscribed_below = false;
};

using Tree = std::map<std::string, Entry, std::less<>>;

/// All levels above a name, as nodes of the tree.
template <class Mark>
void mark_above(Tree& tree, std::string_view name, Mark mark) {
  for (auto slash = name.rfind('/'); slash != std::string_view::npos;
       slash = name.substr(0, slash).rfind('/'))
    mark(tree[std::string(name.substr(0, slash))]);
}

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view name) {
  // Which places of the pattern the name read so far can have reached.
  std::vector<char> at(pattern.size() + 1, 0), next(pattern.size() + 1, 0);
  const auto skip_wildcards = [&](std::vector<char>& places) {
    for (std::size_t i = 0; i < pattern.size(); ++i)
      if (places[i] != 0 && (pattern[i] == '*' || pattern[i] == '%')) places[i + 1] = 1;
  };
  at[0] = 1;
  skip_wildcards(at);
  for (const char c : name) {
    std::fill(next.begin(), next.end(), 0);
    for (std::size_t i = 0; i < pattern.size(); ++i) {
      if (at[i] == 0) continue;
      if (pattern[i] == '*' || (pattern[i] == '%' && c != '/'))
        next[i] = 1;
      else if (pattern[i] == c)
        next[i + 1] = 1;
    }
    skip_wildcards(next);
    at.swap(next);
  }
  return at[pattern.size()] != 0;
}

std::string written_name(std::string_view name) { return message::quote(encode_utf7(name)); }

std::vector<Listed> list(const List& request, const std::vector<MailboxName>& mailboxes,
                         const std::vector<std::string>& subscriptions) {
  Tree tree;
  for (const auto& mailbox : mailboxes) {
    tree[mailbox.name].mailbox = &mailbox;
    mark_above(tree, mailbox.name, [](Entry& e) { e.parent = true; });
  }
  for (const auto& name : subscriptions) {
    tree[name].subscribed = true;
    mark_above(tree, name, [](Entry& e) { e.subscribed_below = true; });
  }
  std::vector<std::string> patterns;
  for (const auto& pattern : request.patterns)
    patterns.push_back(canonical_mailbox(request.reference + pattern));
  const bool subscribed_only = request.lsub || request.only_subscribed;

  std::vector<Listed> out;
  for (const auto& [name, entry] : tree) {
    const bool matched = std::any_of(patterns.begin(), patterns.end(),
                                     [&](const auto& p) { return matches_pattern(p, name); });
    if (!matched) continue;
    if (request.only_special && (entry.mailbox == nullptr || entry.mailbox->special.empty())) continue;
    Listed line{
        .name = name, .attributes = {}, .selectable = entry.mailbox != nullptr, .child_subscribed = false};
    const auto add = [&](std::string_view attribute) {
      line.attributes += (line.attributes.empty() ? "" : " ") + std::string(attribute);
    };
    if (subscribed_only) {
      // RFC 3501 6.3.9: with `%`, a name is shown as \Noselect where only names below it are subscribed.
      const bool percent =
          std::any_of(patterns.begin(), patterns.end(), [](const auto& p) { return p.ends_with('%'); });
      if (!entry.subscribed &&
          !(entry.subscribed_below && (request.lsub ? percent : request.recursive_match)))
        continue;
      line.child_subscribed = request.recursive_match && entry.subscribed_below;
      if (!entry.subscribed && request.lsub) {
        add("\\Noselect");
        line.selectable = false;
      }
    } else if (entry.mailbox == nullptr && !entry.parent) {
      continue;  // subscribed, but there is no such mailbox
    }
    if (entry.mailbox == nullptr && !request.lsub)
      add(request.only_subscribed ? "\\NonExistent" : "\\Noselect");
    if (entry.subscribed && request.return_subscribed) add("\\Subscribed");
    add(entry.parent ? "\\HasChildren" : "\\HasNoChildren");
    if (entry.mailbox != nullptr && !entry.mailbox->special.empty()) add(entry.mailbox->special);
    out.push_back(std::move(line));
  }
  return out;
}

}  // namespace lab::mail::imap
