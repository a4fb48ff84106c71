/// class_list -- a class as a spreadsheet exports it (CSV, RFC 4180, or with semicolons), read into people:
/// login names made from names, passwords a person can type. Pure functions; randomness is given.
///
///   name;group                    or   prénom;nom;classe            or without a first line: name, group
///   Awa Ouédraogo;class-a              Awa;Ouédraogo;class-a
#pragma once
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.hpp"

namespace lab::directory {

struct Pupil {
  std::string name;      ///< "Awa Ouédraogo"
  std::string uid;       ///< empty: to be made from the name
  std::string password;  ///< empty: to be made up
  std::vector<std::string> mail, groups;
  int line = 0;  ///< of the file
  friend bool operator==(const Pupil&, const Pupil&) = default;
};

/// No class is larger, and no cell of one longer.
struct ClassListLimits {
  static constexpr std::size_t kPeople = 10'000, kCell = 254;
};

/// Columns are found by their titles, in English or French, in any order: name, first name, last name, login,
/// password, mail, group. Every mistake of the list is found at once, each an Error that names its line, so
/// that nothing is brought in of a list that has one. A list that is not UTF-8 is taken for Windows-1252, which
/// spreadsheets write.
std::expected<std::vector<Pupil>, std::vector<Error>> parse_class_list(const std::string& file,
                                                                       std::string_view text);

/// "Awa Ouédraogo" -> "awa.ouedraogo": letters without accents, words joined by dots; empty for a name
/// without any.
std::string login_name(std::string_view name);

/// "rimosa-4823": three syllables and four digits, 3·10^9 possibilities, none of them easy to mishear or
/// mistype. `random(n)` gives a number below n.
std::string readable_password(const std::function<std::uint32_t(std::uint32_t)>& random);

}  // namespace lab::directory
