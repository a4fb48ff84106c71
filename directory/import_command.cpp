#include "directory/import_command.hpp"

#include <fmt/format.h>
#include <sys/random.h>

#include <stdexcept>

#include "common/yaml.hpp"
#include "directory/class_cards.hpp"
#include "directory/class_list.hpp"
#include "directory/flavour.hpp"
#include "directory/folder.hpp"

namespace lab::directory {
namespace {

/// A cell of a CSV file (RFC 4180 2).
std::string cell(std::string_view text) {
  if (text.find_first_of("\",\n") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

/// Gives every pupil a login name nobody else has. A pupil who is there already keeps theirs and is left out.
std::vector<Pupil> newcomers(std::vector<Pupil> pupils, const std::vector<Entry>& people) {
  std::map<std::string, std::string> taken;  // uid -> name
  for (auto& entry : people) taken.emplace(entry.first("uid"), entry.first("cn"));
  std::vector<Pupil> fresh;
  for (auto& p : pupils) {
    const auto wanted = p.uid.empty() ? login_name(p.name) : p.uid;
    auto uid = wanted;
    for (int n = 2; taken.contains(uid) && taken[uid] != p.name && p.uid.empty(); ++n)
      uid = wanted + std::to_string(n);
    if (taken.contains(uid)) continue;
    p.uid = uid;
    taken.emplace(uid, p.name);
    fresh.push_back(std::move(p));
  }
  return fresh;
}

std::string address_of(const Pupil& pupil, const Settings& settings) {
  if (pupil.mail.empty()) return pupil.uid + "@" + settings.domain;
  const auto& first = pupil.mail.front();
  return first.contains('@') ? first : first + "@" + settings.domain;
}

Error joined(const std::vector<Error>& mistakes) {
  Error all;
  for (auto& mistake : mistakes) all.what += (all.what.empty() ? "" : "\n") + mistake.text();
  all.what += fmt::format("\n{} {}; nothing was changed", mistakes.size(),
                          mistakes.size() == 1 ? "mistake" : "mistakes");
  return all;
}

Person person_of(const Pupil& pupil, const Settings& settings) {
  Person person;
  person.name = pupil.name.empty() ? pupil.uid : pupil.name;
  person.password = pupil.password;
  for (auto& address : pupil.mail)
    person.mail.push_back(address.contains('@') ? address : address + "@" + settings.domain);
  return person;
}

Result<void> write_cards(const std::vector<Pupil>& people, const Settings& settings,
                         const std::string& file) {
  std::vector<Card> cards;
  for (auto& p : people) cards.push_back({p.name, p.uid, p.password, address_of(p, settings)});
  const auto language = language_of_environment();
  const bool page = file.ends_with(".html") || file.ends_with(".htm");
  return write_file(file, page ? html_cards(cards, settings.domain, language) : text_cards(cards, language));
}

}  // namespace

std::uint32_t random_below(std::uint32_t n) {
  std::uint32_t value = 0;
  // The bias of the remainder is below 2^-18 for the small numbers asked for.
  if (::getrandom(&value, sizeof value, 0) != static_cast<ssize_t>(sizeof value))
    throw std::runtime_error("getrandom");
  return value % n;
}

Result<void> import_class(Administrator& admin, const Settings& settings, const ImportOptions& o) {
  auto text = yaml::read_file(o.file);
  if (!text) return std::unexpected(text.error());
  auto pupils = parse_class_list(o.file, *text);
  if (!pupils) return std::unexpected(joined(pupils.error()));
  auto people = admin.people();
  if (!people) return std::unexpected(people.error());
  const auto all = pupils->size();
  auto fresh = newcomers(std::move(*pupils), *people);
  std::map<std::string, std::vector<std::string>> members;
  for (auto& p : fresh) {
    for (auto& group : o.groups) p.groups.push_back(group);
    for (auto& group : p.groups) members[group].push_back(p.uid);
    if (p.password.empty()) p.password = readable_password(random_below);
  }
  if (o.dry_run) {
    for (auto& p : fresh) fmt::print("{}  {}  {}\n", p.uid, p.name, fmt::join(p.groups, ","));
    fmt::print(stderr, "{} of {} would come in, {} are there already\n", fresh.size(), all,
               all - fresh.size());
    return {};
  }

  auto known = admin.groups();
  if (!known) return std::unexpected(known.error());
  for (auto& [group, uids] : members)
    if (std::none_of(known->begin(), known->end(), [&](auto& e) { return same_name(e.first("cn"), group); }))
      if (auto done = admin.add_group(group, {}); !done) return done;
  std::vector<std::pair<std::string, Person>> persons;
  for (auto& p : fresh) persons.emplace_back(p.uid, person_of(p, settings));
  const auto added = admin.add_users(persons);
  // Who is in is told with the password, also when somebody else could not come in.
  std::vector<Pupil> in;
  for (auto& p : fresh)
    if (added.uids.contains(p.uid)) in.push_back(p);
  fmt::print("login,password,name,mail,groups\n");
  for (auto& p : in)
    fmt::print("{},{},{},{},{}\n", p.uid, cell(p.password), cell(p.name), address_of(p, settings),
               cell(fmt::format("{}", fmt::join(p.groups, "|"))));
  if (!o.cards.empty())
    if (auto done = write_cards(in, settings, o.cards); !done) return done;
  for (auto& [group, uids] : members) {
    std::erase_if(uids, [&](auto& uid) { return !added.uids.contains(uid); });
    if (auto done = admin.join(group, uids); !done) return done;
  }
  fmt::print(stderr, "{} of {} came in, {} were there already\n", in.size(), all, all - fresh.size());
  if (!added.failed) return {};
  const auto& line = fresh[*added.failed].line;
  return fail(added.error.text(), fmt::format("{}:{}", o.file, line),
              "the others are in; mend the line and import again");
}

std::string people_csv(const std::vector<Entry>& people) {
  std::string out = "login,name,mail,groups\n";
  for (auto& entry : people) {
    const auto user = user_of(Flavour::OpenLdap, entry);
    out += fmt::format("{},{},{},{}\n", user.uid, cell(user.display_name),
                       cell(fmt::format("{}", fmt::join(user.addresses, "|"))),
                       cell(fmt::format("{}", fmt::join(user.groups, "|"))));
  }
  return out;
}

}  // namespace lab::directory
