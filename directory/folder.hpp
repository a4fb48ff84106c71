/// folder -- the data folder of one directory, and files in it that are whole or not there:
///
///   db/data.mdb        slapd's database
///   db/applied.ldif    the tree of the topology as it was last put into the database (passwords hashed)
///   db.new/            a database being filled; one found at start is a fill that was interrupted: it is
///   done again slapd.conf, lab.schema, slapadd.conf, slapd.pid, lock
///
/// db.new becomes db by one rename after everything in it is on disk, so a database that exists is complete.
#pragma once
#include <optional>
#include <string>

#include "common/error.hpp"

namespace lab::directory {

class Folder {
 public:
  explicit Folder(std::string root) : root_(std::move(root)) {}

  /// Makes the folder (mode 0700) and takes its lock, which the process and what it becomes by exec hold
  /// until they end: two servers on one database would destroy it.
  Result<void> open();
  /// For a process that forks and goes its own way.
  void release_lock() const;
  /// Whether a complete database is there.
  bool filled() const;
  /// Removes what an interrupted fill left and makes an empty db.new.
  Result<void> begin_fill();
  /// Syncs db.new and gives it its name.
  Result<void> finish_fill();

  std::string path(const std::string& name) const { return root_ + "/" + name; }
  std::string database() const { return path("db"); }
  std::string new_database() const { return path("db.new"); }
  /// What was last put into the database; nullopt when that is not known.
  std::optional<std::string> applied() const;
  Result<void> set_applied(const std::string& ldif) const;

 private:
  std::string root_;
  int lock_ = -1;
};

/// Writes the file so that after a crash it holds the old text or the new one, whole. Mode 0600.
Result<void> write_durably(const std::string& path, const std::string& text);
/// Writes a file that is made anew at each start. Mode 0600.
Result<void> write_file(const std::string& path, const std::string& text);

}  // namespace lab::directory
