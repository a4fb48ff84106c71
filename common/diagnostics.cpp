#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "common/yaml.hpp"

namespace lab::yaml {

Diagnostics::Diagnostics(std::string file, std::string text) : file_(std::move(file)) {
  std::istringstream in(std::move(text));
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    lines_.push_back(line);
  }
}

void Diagnostics::error(Position at, std::string what, std::string remedy, std::size_t width) {
  constexpr std::size_t kMost = 100;  // a file that is not YAML at all must not print a book
  ++reported_;
  if (mistakes_.size() >= kMost) return;
  Mistake mistake{at, std::move(what), std::move(remedy), width};
  const bool known = std::ranges::any_of(
      mistakes_, [&](const Mistake& m) { return m.at == mistake.at && m.what == mistake.what; });
  if (!known) mistakes_.push_back(std::move(mistake));
}

std::vector<Mistake> Diagnostics::list() const {
  auto sorted = mistakes_;
  std::ranges::stable_sort(sorted, {}, &Mistake::at);
  return sorted;
}

namespace {

/// How many columns a terminal gives to UTF-8 text, wide characters aside: its code points.
std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

/// Moves `at` to the beginning of the character it stands in.
std::size_t character_at(std::string_view text, std::size_t at) {
  while (at > 0 && at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) --at;
  return at;
}

}  // namespace

std::string Diagnostics::render() const {
  std::string out;
  for (const auto& m : list()) {
    const auto place = m.at.line > 0 ? fmt::format("{}:{}:{}", file_, m.at.line, m.at.column) : file_;
    out += fmt::format("{}: error: {}{}{}\n", place, m.what, m.remedy.empty() ? "" : "; ", m.remedy);
    if (m.at.line <= 0 || static_cast<std::size_t>(m.at.line) > lines_.size()) continue;
    // A long line is shown around the place; tabs count as one column, as in the position.
    std::string line = lines_[static_cast<std::size_t>(m.at.line) - 1];
    std::ranges::replace(line, '\t', ' ');
    auto column = static_cast<std::size_t>(std::max(m.at.column, 1)) - 1;
    constexpr std::size_t kShown = 100;
    if (line.size() > kShown) {
      const auto start =
          character_at(line, column > kShown / 2 ? std::min(column - kShown / 2, line.size()) : 0);
      line = line.substr(start, character_at(line, std::min(start + kShown, line.size())) - start);
      column -= start;
    }
    column = std::min(column, line.size());
    const auto marked = columns(std::string_view(line).substr(column, m.width));
    out += fmt::format("{:>5} | {}\n      | {}^{}\n", m.at.line, line,
                       std::string(columns(std::string_view(line).substr(0, column)), ' '),
                       std::string(marked > 1 ? marked - 1 : 0, '~'));
  }
  return out;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
  // Damerau-Levenshtein distance (optimal string alignment): a swap of neighbours is one slip.
  auto distance = [](std::string_view a, std::string_view b) {
    std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
    for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i)
      for (std::size_t j = 1; j <= b.size(); ++j) {
        const std::size_t differs = a[i - 1] == b[j - 1] ? 0 : 1;
        d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + differs});
        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
          d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    return d[a.size()][b.size()];
  };
  if (word.size() > 64) return {};
  std::string best;
  std::size_t best_distance = word.size() <= 3 ? 1 : word.size() <= 6 ? 2 : 3;
  for (const auto& candidate : known) {
    if (candidate.size() > 64 || candidate.size() <= 1) continue;
    // What a person began to write, or wrote too much of, is nearer than any slip: `net` for `networks`.
    const bool begun = word.size() >= 3 && (candidate.starts_with(word) || word.starts_with(candidate)) &&
                       candidate.size() >= 3;
    const auto far = begun ? std::size_t{1} : distance(word, candidate);
    if (far < best_distance || (far == best_distance && best.empty())) {
      best = candidate;
      best_distance = far;
    }
  }
  return best;
}

}  // namespace lab::yaml
