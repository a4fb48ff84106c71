/// zonefile -- a zone file of the topology with all it includes ($INCLUDE, RFC 1035 5.1) as one text, and for
/// each line of it where it came from.
#pragma once
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "common/error.hpp"

namespace lab::topology {

struct Zonefile {
  std::string text;
  std::vector<std::pair<std::string, int>> lines;  ///< of `text`: file and line
  /// "zones/helper.bac.zone:7" for a line of `text`, counted from 1.
  std::string where(int line) const;
};

struct ZonefileLimits {
  static constexpr unsigned kDepth = 8;               // a file that includes itself ends
  static constexpr std::size_t kBytes = 64ULL << 20;  // of all files together
};

/// `path` is relative to the topology's folder, and so is what `read` is asked for; an included file's is
/// relative to the one that includes it.
Result<Zonefile> read_zonefile(const std::string& path, const std::string& domain,
                               const std::function<Result<std::string>(const std::string& path)>& read);

}  // namespace lab::topology
