#include "directory/class_list.hpp"

#include <array>

#include "directory/config.hpp"
#include "directory/password_limit.hpp"

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
        for (auto& group : p.groups) {
          const bool ascii = std::all_of(group.begin(), group.end(), [](char c) { return c > 0; });
          if (!ascii) group = plain(group);  // "Première S": a name that is safe everywhere
          std::replace(group.begin(), group.end(), ' ', '-');
        }
        break;
    }
  }
  if (p.name.empty()) p.name = trimmed(first + " " + last);
  return p;
}

/// What is wrong with a line; `what` is empty where nothing is.
Error mistake_of(const Row& row, const Pupil& pupil, std::size_t columns) {
  for (auto& cell : row.cells) {
    if (cell.size() > ClassListLimits::kCell)
      return {fmt::format("a cell of {} bytes", cell.size()), {}, "is a quote missing?"};
    if (std::any_of(cell.begin(), cell.end(),
                    [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
      return {"a control character nobody can type", {}, {}};
  }
  if (row.cells.size() > columns &&
      std::any_of(row.cells.begin() + static_cast<std::ptrdiff_t>(columns), row.cells.end(),
                  [](auto& cell) { return !cell.empty(); }))
    return {fmt::format("{} cells where there are {} columns", row.cells.size(), columns), {},
            "put quotes around a cell that holds the separator"};
  if (pupil.name.empty() && pupil.uid.empty()) return {"a line without a name", {}, {}};
  if (pupil.uid.empty() && login_name(pupil.name).empty())
    return {"no login name can be made of '" + pupil.name + "'", {}, "add a column 'login'"};
  if (!pupil.uid.empty())
    if (auto wrong = wrong_name(pupil.uid); !wrong.empty())
      return {"the login '" + pupil.uid + "' " + wrong, {}, {}};
  if (pupil.password.size() > kMaxPassword) return {"a password that is too long", {}, {}};
  for (auto& group : pupil.groups)
    if (auto wrong = wrong_name(group); !wrong.empty()) return {"the group '" + group + "' " + wrong, {}, {}};
  for (auto& address : pupil.mail)
    if (auto wrong = wrong_address(address.contains('@') ? address : address + "@x.y"); !wrong.empty())
      return {"the address '" + address + "' " + wrong, {}, {}};
  return {};
}

/// RFC 3629 4, as far as telling it from an older encoding needs: lead bytes with what must follow them.
bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead >= 0x80 && (lead < 0xc2 || lead > 0xf4)) return false;
    const std::size_t more = lead < 0x80 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if (text.size() - i - 1 < more) return false;
    for (std::size_t k = 0; k < more; ++k)
      if ((static_cast<unsigned char>(text[++i]) & 0xc0U) != 0x80) return false;
  }
  return true;
}

/// Letters of Windows-1252 as UTF-8; from 0xa0 on they are those of Unicode, below there are quotes and dashes.
std::string from_windows_1252(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else if (byte >= 0xa0) {
      out += static_cast<char>(0xc0U | byte >> 6U);
      out += static_cast<char>(0x80U | (byte & 0x3fU));
    } else if (byte == 0x91 || byte == 0x92) {
      out += '\'';
    } else if (byte == 0x8c || byte == 0x9c) {  // œ is U+0153, its capital U+0152
      out += byte == 0x8c ? "\xc5\x92" : "\xc5\x93";
    } else {
      out += '-';
    }
  }
  return out;
}

}  // namespace

std::expected<std::vector<Pupil>, std::vector<Error>> parse_class_list(const std::string& file,
                                                                       std::string_view text) {
  auto only = [](Error error) { return std::unexpected(std::vector{std::move(error)}); };
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
    return only({"the list is UTF-16", file, "save it as 'CSV UTF-8'"});
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // spreadsheets mark UTF-8 so
  std::string converted;
  if (!is_utf8(text)) text = converted = from_windows_1252(text);
  const auto top = text.substr(0, text.find('\n'));
  char separator = ',';
  for (const char c : {';', '\t'})
    if (std::count(top.begin(), top.end(), c) > std::count(top.begin(), top.end(), separator)) separator = c;
  auto rows = rows_of(file, text, separator);
  if (!rows) return only(rows.error());
  if (rows->empty()) return only({"the list is empty", file, {}});
  if (rows->size() > ClassListLimits::kPeople + 1)
    return only({fmt::format("the list has {} lines; {} people come in at once", rows->size(),
                             ClassListLimits::kPeople),
                 file, "cut it in two"});

  std::vector<Column> columns;
  for (auto& cell : rows->front().cells) columns.push_back(column_of(cell));
  const bool titled = std::any_of(columns.begin(), columns.end(), [](auto c) { return c != Column::None; });
  if (titled)
    rows->erase(rows->begin());
  else
    columns = {Column::Name, Column::Group};
  std::vector<Pupil> pupils;
  std::vector<Error> mistakes;
  std::map<std::string, int> logins;
  for (auto& row : *rows) {
    auto pupil = pupil_of(row, columns);
    auto wrong = mistake_of(row, pupil, columns.size());
    if (wrong.what.empty() && !pupil.uid.empty()) {
      auto [other, fresh] = logins.emplace(pupil.uid, row.line);
      if (!fresh) wrong = {fmt::format("the login '{}' is also in line {}", pupil.uid, other->second), {}, {}};
    }
    if (wrong.what.empty()) {
      pupils.push_back(std::move(pupil));
    } else {
      wrong.where = fmt::format("{}:{}", file, row.line);
      mistakes.push_back(std::move(wrong));
    }
  }
  if (!mistakes.empty()) return std::unexpected(std::move(mistakes));
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
