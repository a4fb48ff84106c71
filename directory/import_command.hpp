/// import_command -- brings a class list into the running directory: login names nobody has yet, passwords
/// made up and printed once, groups made as needed, cards to hand out. All lines are checked first: a list with
/// a mistake changes nothing.
#pragma once
#include <string>
#include <vector>

#include "common/error.hpp"
#include "directory/administrator.hpp"

namespace lab::directory {

struct ImportOptions {
  std::string file;                 ///< CSV
  std::vector<std::string> groups;  ///< for everybody in it
  std::string cards;                ///< where to write cards; empty: none; a name in .html is a page to print
  bool dry_run = false;             ///< only say what would be done
};

Result<void> import_class(Administrator& admin, const Settings& settings, const ImportOptions& options);

/// People as the CSV that `import` reads, without passwords.
std::string people_csv(const std::vector<Entry>& people);

/// A number below `n` from the kernel.
std::uint32_t random_below(std::uint32_t n);

}  // namespace lab::directory
