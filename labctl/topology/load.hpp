/// load -- reads a topology file: the whole of it, or every mistake in it at once, each with its place and a
/// way out. Nothing is started from a file that has one.
#pragma once
#include <expected>
#include <functional>
#include <string>

#include "common/error.hpp"
#include "labctl/topology/topology.hpp"

namespace lab::topology {

/// The mistakes of a file, ready to show.
struct Rejection {
  std::string text;  ///< one block per mistake, in file order
  std::size_t mistakes = 0;
};

/// Reads a file (of a zone, of a CA) named in the topology; `path` is relative to the topology's folder.
using ZonefileReader = std::function<Result<std::string>(const std::string& path)>;

/// `file` is how messages call it, and where the lab's name comes from if `lab:` is left out.
std::expected<Topology, Rejection> load_text(const std::string& file, const std::string& text,
                                             const ZonefileReader& read_zonefile);
std::expected<Topology, Rejection> load_file(const std::string& path);

/// JSON schema (draft 2020-12) of a topology file, for editors.
std::string schema();
/// Every key with type, default and meaning.
std::string reference();

}  // namespace lab::topology
