/// changes -- what must be done to a running directory so that it follows a changed topology: the smallest
/// set of LDAP operations that lead from the entries of the last time to those of this time. What people
/// changed themselves stays, because only what the *topology* changed is touched: a password the file still
/// has as before is not set again.
#pragma once
#include <string>
#include <vector>

#include "directory/ldif.hpp"
#include "directory/wire.hpp"

namespace lab::directory {

struct Change {
  enum class Kind { Add, Modify, Delete };
  Kind kind = Kind::Add;
  Entry entry;                              ///< Add: what to add; else only its dn
  std::vector<Modification> modifications;  ///< Modify

  std::string text() const;  ///< "modify uid=ali,ou=people,dc=helper,dc=bac: replace cn, add mail"
};

/// In an order a server takes: first who leaves a group, then who leaves altogether (children before
/// parents), then values taken away, new entries (parents before children), values added. memberOf is left
/// out: the server keeps it from the groups.
std::vector<Change> changes_between(const std::vector<Entry>& before, const std::vector<Entry>& after);

/// What of the entry `there` the topology's `wanted` speaks of: stands for the last time's where nobody
/// remembers it, as for somebody added by hand whom the topology now names, or for a copy that becomes an
/// original. What else is there stays, and so does a password.
Entry known_part(const Entry& there, const Entry& wanted);

/// The same for a whole tree, of a copy that becomes an original: what the topology named before and does not
/// name any more (tree.hpp: kOfTopology) is in it too, and in the groups and aliases it was in. Whoever was
/// added by hand is not, and so stays.
std::vector<Entry> known_tree(const std::vector<Entry>& there, const std::vector<Entry>& wanted);

}  // namespace lab::directory
