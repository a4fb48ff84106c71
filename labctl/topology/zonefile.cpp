#include "labctl/topology/zonefile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "labctl/topology/names.hpp"

namespace lab::topology {

namespace fs = std::filesystem;

std::string Zonefile::where(int line) const {
  if (line < 1 || static_cast<std::size_t>(line) > lines.size())
    return lines.empty() ? "" : lines.front().first;
  const auto& [file, number] = lines[static_cast<std::size_t>(line) - 1];
  return fmt::format("{}:{}", file, number);
}

namespace {

/// The words of a directive's line, without a comment.
std::vector<std::string> directive(const std::string& line) {
  if (!line.starts_with('$')) return {};
  std::istringstream in(line.substr(0, line.find(';')));
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  for (char& c : words[0])
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  return words;
}

std::string completed(const std::string& name, const std::string& origin) {
  if (name == "@") return origin;
  return name.ends_with('.') ? name : name + (origin == "." ? "" : ".") + origin;
}

class Reader {
 public:
  Reader(Zonefile& out, const std::function<Result<std::string>(const std::string&)>& read)
      : out_(out), read_(read) {}

  Result<void> take(const std::string& path, std::string origin, unsigned depth) {
    const auto text = read_(path);
    if (!text) return std::unexpected(text.error());
    std::istringstream in(*text);
    int number = 0;
    for (std::string line; std::getline(in, line);) {
      ++number;
      const auto words = directive(line);
      if (words.empty() || words[0] != "$INCLUDE") {
        if (words.size() == 2 && words[0] == "$ORIGIN") origin = completed(words[1], origin);
        put(line, path, number);
      } else if (auto included = include(words, path, number, origin, depth); !included) {
        return included;
      }
      if (out_.text.size() > ZonefileLimits::kBytes) return fail("the zone is too big", path);
    }
    return {};
  }

 private:
  Result<void> include(const std::vector<std::string>& words, const std::string& path, int number,
                       const std::string& origin, unsigned depth) {
    const auto place = fmt::format("{}:{}", path, number);
    if (words.size() < 2 || words.size() > 3)
      return fail("$INCLUDE takes a file and, if wanted, an origin", place);
    if (depth + 1 >= ZonefileLimits::kDepth)
      return fail("$INCLUDEs are nested too deeply", place, "does a file include itself?");
    auto name = words[1];
    if (name.size() >= 2 && name.front() == '"' && name.back() == '"') name = name.substr(1, name.size() - 2);
    const auto target = (fs::path(path).parent_path() / name).lexically_normal();
    if (fs::path(name).is_absolute() || *target.begin() == "..")
      return fail(fmt::format("'{}' is outside the topology's folder", name), place,
                  "included files stand beside the zone file");
    const auto inner = words.size() == 3 ? completed(words[2], origin) : origin;
    put("$ORIGIN " + inner, path, number);
    if (auto taken = take(target.string(), inner, depth + 1); !taken) {
      auto error = taken.error();
      if (error.where.empty()) error.where = place;
      return std::unexpected(error);
    }
    put("$ORIGIN " + origin, path, number);
    return {};
  }

  void put(const std::string& line, const std::string& path, int number) {
    out_.text += line + "\n";
    out_.lines.emplace_back(path, number);
  }

  Zonefile& out_;
  const std::function<Result<std::string>(const std::string&)>& read_;
};

}  // namespace

Result<Zonefile> read_zonefile(const std::string& path, const std::string& domain,
                               const std::function<Result<std::string>(const std::string& path)>& read) {
  Zonefile zonefile;
  if (auto taken = Reader(zonefile, read).take(path, domain == kRootDomain ? domain : domain + ".", 0);
      !taken)
    return std::unexpected(taken.error());
  return zonefile;
}

}  // namespace lab::topology
