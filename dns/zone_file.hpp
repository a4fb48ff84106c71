/// zone_file -- reads zones in master file format (RFC 1035 5, RFC 2308 4): $ORIGIN, $TTL, $INCLUDE,
/// parentheses, relative names, names and TTLs left out. Every mistake of a file is reported with file and
/// line; a zone with one is refused whole. The entries are cut here; the data of each is read by ldns, except
/// for the few types that big zones are made of.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.hpp"
#include "dns/zone.hpp"
#include "dns/zone_builder.hpp"

namespace lab::dns {

struct ZoneFileLimits {
  unsigned include_depth = 8;      ///< nested $INCLUDEs, so that a file that includes itself ends
  std::size_t problems = 25;       ///< reported for one zone; nobody reads more at a time
  std::size_t line_tokens = 4096;  ///< words of one entry; a TXT of 64 KiB has 256 strings
};

/// Gives the text of an included file; `where` names it in messages. An error becomes a problem of the zone.
struct IncludedFile {
  std::string where, text;
};
using Includer = std::function<Result<IncludedFile>(const std::string& path)>;

/// Records on their way into a builder, and what was wrong with them.
class ZoneFileReader {
 public:
  ZoneFileReader(ZoneBuilder& builder, Includer includer, ZoneFileLimits limits = {});
  /// Reads one file's text; `file` names it in messages. May be called again, for more of the same zone.
  void read(const std::string& file, std::string_view text);
  /// `file:line` of a place given to the builder.
  std::string where(ZoneBuilder::Place place) const;
  const std::vector<Error>& problems() const { return problems_; }

 private:
  struct Context;
  void read(Context& context);
  bool next_entry(Context& context);
  void directive(Context& context);
  void record(Context& context);
  void include(Context& context);
  bool rdata(Context& context, Type type, std::span<const std::string_view> words);
  bool rdata_by_ldns(Context& context, Type type, std::span<const std::string_view> words);
  void problem(const Context& context, std::string what, std::string remedy = {});

  ZoneBuilder& builder_;
  Includer includer_;
  ZoneFileLimits limits_;
  std::vector<std::string> files_;
  std::vector<Error> problems_;
  std::vector<std::string_view> words_;
  std::string rdata_;
};

/// A zone read from files, or what is wrong with it.
struct ZoneLoad {
  ZonePtr zone;  ///< null when there are problems
  std::vector<Error> problems;
  std::vector<Error> remarks;  ///< put right, but worth a line in the log
};

/// Reads a zone from a text; `file` names it in messages.
ZoneLoad load_zone_text(const Name& apex, const std::string& file, std::string_view text,
                        const Includer& includer = {});
/// Reads a zone from disk; included files must lie in the folder of `path` or below it.
ZoneLoad load_zone_file(const Name& apex, const std::string& path);

/// A TTL: seconds, or with units, `1h30m` (RFC 2308 has seconds only; every server reads units).
std::optional<std::uint32_t> parse_ttl(std::string_view text);

}  // namespace lab::dns
