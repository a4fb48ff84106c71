#include "directory/class_list.hpp"

#include <array>

namespace lab::directory {
namespace {

// clang-format off
/// What U+00C0 to U+017F (Latin-1 Supplement, Latin Extended-A) are without their accents, in lower case.
constexpr std::array<const char*, 192> kPlain{
    "a", "a", "a", "a", "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i", "i",
    "d", "n", "o", "o", "o", "o", "o", "", "o", "u", "u", "u", "u", "y", "th", "ss",
    "a", "a", "a", "a", "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i", "i",
    "d", "n", "o", "o", "o", "o", "o", "", "o", "u", "u", "u", "u", "y", "th", "y",
    "a", "a", "a", "a", "a", "a", "c", "c", "c", "c", "c", "c", "c", "c", "d", "d",
    "d", "d", "e", "e", "e", "e", "e", "e", "e", "e", "e", "e", "g", "g", "g", "g",
    "g", "g", "g", "g", "h", "h", "h", "h", "i", "i", "i", "i", "i", "i", "i", "i",
    "i", "i", "ij", "ij", "j", "j", "k", "k", "k", "l", "l", "l", "l", "l", "l", "l",
    "l", "l", "l", "n", "n", "n", "n", "n", "n", "n", "ng", "ng", "o", "o", "o", "o",
    "o", "o", "oe", "oe", "r", "r", "r", "r", "r", "r", "s", "s", "s", "s", "s", "s",
    "s", "s", "t", "t", "t", "t", "t", "t", "u", "u", "u", "u", "u", "u", "u", "u",
    "u", "u", "u", "u", "w", "w", "y", "y", "y", "z", "z", "z", "z", "z", "z", "s",
};
// clang-format on

/// The text in lower case without accents; what has no plain form becomes a blank.
std::string plain(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 'A' && byte <= 'Z') {
      out += static_cast<char>(byte - 'A' + 'a');
    } else if (byte < 0x80) {
      out += text[i];
    } else if (byte >= 0xc3 && byte <= 0xc5 && i + 1 < text.size()) {
      // UTF-8 of U+00C0 to U+017F: two bytes (RFC 3629 3)
      const auto point = (byte & 0x1fU) << 6U | (static_cast<unsigned char>(text[++i]) & 0x3fU);
      if (point >= 0xc0 && point < 0x180) out += kPlain[point - 0xc0];
    } else if (byte >= 0xc0) {
      out += ' ';
    }
  }
  return out;
}

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  return first == std::string_view::npos
             ? std::string()
             : std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

struct Row {
  std::vector<std::string> cells;
  int line = 0;
};

/// RFC 4180 2: cells in quotes may hold separators, line breaks and doubled quotes.
Result<std::vector<Row>> rows_of(const std::string& file, std::string_view text, char separator) {
  std::vector<Row> rows;
  Row row{{""}, 1};
  int line = 1;
  bool quoted = false;
  auto end_row = [&] {
    for (auto& cell : row.cells) cell = trimmed(cell);
    const bool blank = std::all_of(row.cells.begin(), row.cells.end(), [](auto& c) { return c.empty(); });
    if (!blank) rows.push_back(std::move(row));
    row = Row{{""}, line + 1};
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    auto& cell = row.cells.back();
    if (quoted) {
      if (c == '"' && i + 1 < text.size() && text[i + 1] == '"')
        cell += text[++i];
      else if (c == '"')
        quoted = false;
      else
        cell += c == '\n' ? ' ' : c;
    } else if (c == '"' && trimmed(cell).empty()) {
      cell.clear();
      quoted = true;
    } else if (c == separator) {
      row.cells.emplace_back();
    } else if (c == '\n') {
      end_row();
    } else if (c != '\r') {
      cell += c;
    }
    if (c == '\n') ++line;
  }
  if (quoted) return fail("a quote is not closed", fmt::format("{}:{}", file, row.line));
  end_row();
  return rows;
}

enum class Column { None, Name, First, Last, Login, Password, Mail, Group };

Column column_of(const std::string& title) {
  static const std::map<std::string, Column> known{
      {"name", Column::Name},           {"full name", Column::Name},        {"nom complet", Column::Name},
      {"first name", Column::First},    {"firstname", Column::First},       {"given name", Column::First},
      {"prenom", Column::First},        {"prenoms", Column::First},         {"last name", Column::Last},
      {"lastname", Column::Last},       {"surname", Column::Last},          {"nom", Column::Last},
      {"nom de famille", Column::Last}, {"login", Column::Login},           {"uid", Column::Login},
      {"user", Column::Login},          {"username", Column::Login},        {"identifiant", Column::Login},
      {"password", Column::Password},   {"mot de passe", Column::Password}, {"mail", Column::Mail},
      {"email", Column::Mail},          {"e-mail", Column::Mail},           {"courriel", Column::Mail},
      {"group", Column::Group},         {"groups", Column::Group},          {"class", Column::Group},
      {"groupe", Column::Group},        {"groupes", Column::Group},         {"classe", Column::Group}};
  auto found = known.find(plain(title));
  return found == known.end() ? Column::None : found->second;
}

/// "class-a, chess" -> two; a group's name has no blanks, so they become dashes.
std::vector<std::string> several(std::string_view cell) {
  std::vector<std::string> list;
  while (!cell.empty()) {
    const auto end = std::min(cell.find_first_of(",|"), cell.size());
    if (auto item = trimmed(cell.substr(0, end)); !item.empty()) list.push_back(std::move(item));
    cell.remove_prefix(std::min(end + 1, cell.size()));
  }
  return list;
}

Pupil pupil_of(const Row& row, const std::vector<Column>& columns) {
  Pupil p;
  p.line = row.line;
  std::string first, last;
  for (std::size_t i = 0; i < row.cells.size() && i < columns.size(); ++i) {
    const auto& cell = row.cells[i];
    switch (columns[i]) {
      case Column::None: break;
      case Column::Name: p.name = cell; break;
      case Column::First: first = cell; break;
      case Column::Last: last = cell; break;
      case Column::Login: p.uid = plain(cell); break;
      case Column::Password: p.password = cell; break;
      case Column::Mail: p.mail = several(cell); break;
      case Column::Group:
        p.groups = several(cell);
        for (auto& group : p.groups) std::replace(group.begin(), group.end(), ' ', '-');
        break;
    }
  }
  if (p.name.empty()) p.name = trimmed(first + " " + last);
  return p;
}

}  // namespace

Result<std::vector<Pupil>> parse_class_list(const std::string& file, std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // spreadsheets mark UTF-8 so
  const auto top = text.substr(0, text.find('\n'));
  char separator = ',';
  for (const char c : {';', '\t'})
    if (std::count(top.begin(), top.end(), c) > std::count(top.begin(), top.end(), separator)) separator = c;
  auto rows = rows_of(file, text, separator);
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty()) return fail("the list is empty", file);

  std::vector<Column> columns;
  for (auto& cell : rows->front().cells) columns.push_back(column_of(cell));
  const bool titled = std::any_of(columns.begin(), columns.end(), [](auto c) { return c != Column::None; });
  if (titled)
    rows->erase(rows->begin());
  else
    columns = {Column::Name, Column::Group};
  std::vector<Pupil> pupils;
  for (auto& row : *rows) {
    auto pupil = pupil_of(row, columns);
    if (pupil.name.empty() && pupil.uid.empty())
      return fail("a line without a name", fmt::format("{}:{}", file, row.line));
    if (pupil.uid.empty() && login_name(pupil.name).empty())
      return fail("no login name can be made of '" + pupil.name + "'", fmt::format("{}:{}", file, row.line),
                  "add a column 'login'");
    pupils.push_back(std::move(pupil));
  }
  return pupils;
}

std::string login_name(std::string_view name) {
  std::string out;
  for (const char c : plain(name)) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (letter)
      out += c;
    else if (c == ' ' || c == '-' || c == '.')
      if (!out.empty() && out.back() != '.') out += '.';
  }
  while (out.ends_with('.')) out.pop_back();
  constexpr std::size_t kLongest = 32;  // what Unix takes (useradd(8))
  if (out.size() > kLongest) out.resize(kLongest);
  while (out.ends_with('.')) out.pop_back();
  return out;
}

std::string readable_password(const std::function<std::uint32_t(std::uint32_t)>& random) {
  constexpr std::string_view kConsonants = "bdfgkmnprstvz", kVowels = "aeiou";  // no c, h, j, l, q, w, x, y
  std::string out;
  for (int i = 0; i < 3; ++i) {
    out += kConsonants[random(static_cast<std::uint32_t>(kConsonants.size()))];
    out += kVowels[random(static_cast<std::uint32_t>(kVowels.size()))];
  }
  return fmt::format("{}-{:04}", out, random(10000));
}

}  // namespace lab::directory
