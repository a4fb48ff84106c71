/// folder -- the data folder of one directory, and files in it that are whole or not there:
///
///   db/data.mdb          slapd's database
///   db/applied.ldif      the tree of the topology as it was last put into the database (passwords hashed)
///   db/applied.ldif.new  the same while the database is being filled
///   db/copied            of a replica: the database has once been whole
///   db.set-aside         the database of an original that has become a replica
///   slapd.conf, lab.schema, slapadd.conf, slapd.pid, lock
///
/// applied.ldif gets its name when the database and it are on disk: a database without it is a fill that was
/// interrupted, and is done again. That happens while slapd starts, and before anybody is told that it is
/// ready.
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
  /// Whether the database is a whole copy of another server's.
  bool copied() const;
  Result<void> set_copied() const;
  /// Makes room for a copy, and keeps what is there: an original's people may have changed something last.
  Result<void> set_aside() const;
  /// Removes what an interrupted fill left, and makes room for a new one.
  Result<void> begin_fill();
  /// Where the tree that fills the database is to be written.
  std::string filling() const { return database() + "/applied.ldif.new"; }
  /// Brings the filled database to disk and says that it is complete.
  Result<void> finish_fill() const;

  std::string path(const std::string& name) const { return root_ + "/" + name; }
  std::string database() const { return path("db"); }
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
