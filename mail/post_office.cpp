#include "mail/post_office.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <random>
#include <set>

#include "common/yaml.hpp"
#include "directory/client.hpp"
#include "mail/password.hpp"
#include "mail/welcome.hpp"

namespace lab::mail {
namespace asio = boost::asio;

namespace {

std::string qualified(const std::string& name, const std::string& domain) {
  return name.find('@') == std::string::npos ? name + "@" + domain : name;
}

// The one password in it, without the line end that editors add.
Result<std::string> read_password(const std::string& file) {
  if (file.empty()) return std::string();
  auto text = yaml::read_file(file);
  if (!text) return text;
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
  return text;
}

Result<directory::ClientSettings> settings_of(const DirectoryConfig& config) {
  auto password = read_password(config.password_file);
  if (!password) return std::unexpected(password.error());
  directory::ClientSettings settings;
  settings.urls = config.urls;
  settings.base = config.base;
  settings.bind_dn = config.bind_dn;
  settings.password = *password;
  settings.ca_file = config.ca;
  settings.flavour = config.flavour;
  settings.referrals = config.referrals;
  directory::write_policy(settings.rules.everybody, config.policy);
  for (auto& [name, group] : config.groups) {
    auto& rules = settings.rules.groups[lower(name)];
    rules.add("labRank", std::to_string(group.order));
    directory::write_policy(rules, group.policy);
  }
  for (auto& [name, policy] : config.users)
    directory::write_policy(settings.rules.users[lower(name)], policy);
  return settings;
}

MailRules rules_of(const directory::EffectivePolicy& policy) {
  MailRules rules;
  if (policy.max_message) {
    rules.max_message = policy.max_message->value;
    rules.max_message_from = policy.max_message->from;
  }
  if (policy.send_outside) {
    rules.send_outside = policy.send_outside->value;
    rules.send_outside_from = policy.send_outside->from;
  }
  if (policy.protocols) {
    rules.protocols = policy.protocols->value;
    rules.protocols_from = policy.protocols->from;
  }
  return rules;
}

Account account_of(const directory::Authentication& answer, const std::string& domain) {
  using Outcome = directory::Authentication::Outcome;
  Account account;
  account.why = answer.why;
  switch (answer.outcome) {
    case Outcome::Ok:
      account.outcome = Account::Outcome::Ok;
      account.user = lower(answer.user.uid) + "@" + domain;
      account.display_name = answer.user.display_name;
      account.quota = answer.user.quota.value_or(0);
      account.rules = rules_of(answer.user.policy);
      return account;
    case Outcome::WrongPassword:
      account.outcome = Account::Outcome::Denied;
      account.why = "wrong password";
      return account;
    case Outcome::UnknownUser:
      account.outcome = Account::Outcome::Denied;
      account.why = "no such user";
      return account;
    case Outcome::Locked:
      account.outcome = Account::Outcome::Refused;
      account.why = "this account is locked; ask your administrator";
      return account;
    case Outcome::Disabled:
      account.outcome = Account::Outcome::Refused;
      account.why = "this account is switched off; ask your administrator";
      return account;
    case Outcome::Expired:
      account.outcome = Account::Outcome::Refused;
      account.why = "this account or its password has expired; ask your administrator";
      return account;
    case Outcome::MustChangePassword:
      account.outcome = Account::Outcome::Refused;
      account.why = "this password has to be changed first";
      return account;
    case Outcome::Unavailable: break;
  }
  account.outcome = Account::Outcome::Unavailable;
  return account;
}

}  // namespace

PostOffices::PostOffices(asio::any_io_executor executor, std::string hostname,
                         std::map<std::string, DomainConfig> domains)
    : hostname_(std::move(hostname)) {
  for (auto& [domain, config] : domains) {
    auto& office = offices_[domain];
    office.config = std::move(config);
    std::map<std::string, UserConfig> users;
    for (auto& [name, user] : office.config.users) {
      office.users_by_address[lower(name) + "@" + domain] = lower(name);
      for (auto& other : user.mail)
        if (auto address = Address::parse(qualified(other, domain)))
          office.users_by_address[address->key()] = lower(name);
      users[lower(name)] = std::move(user);
    }
    office.config.users = std::move(users);
    if (!office.config.directory) continue;
    if (auto settings = settings_of(*office.config.directory))
      office.directory = std::make_unique<directory::Client>(executor, std::move(*settings));
  }
}

PostOffices::~PostOffices() = default;

Result<void> PostOffices::check_directories(const std::map<std::string, DomainConfig>& domains) {
  for (auto& [name, domain] : domains) {
    if (!domain.directory) continue;
    auto settings = settings_of(*domain.directory);
    if (!settings) return std::unexpected(settings.error());
    if (auto checked = directory::Client::check(*settings); !checked) return checked;
  }
  return {};
}

bool PostOffices::serves(std::string_view domain) const { return offices_.find(domain) != offices_.end(); }

asio::awaitable<Account> PostOffices::static_login(const Office& office, std::string domain, std::string user,
                                                   std::string password) {
  auto& entry = office.config.users.at(user);
  bool right = false;
  if (password_is_slow(entry.password)) {
    // A thread for the moment: a tenth of a second of hashing must not hold up the others' mail.
    asio::thread_pool pool(1);
    right = co_await asio::co_spawn(
        pool, [&]() -> asio::awaitable<bool> { co_return password_matches(entry.password, password); },
        asio::use_awaitable);
  } else {
    right = password_matches(entry.password, password);
  }
  Account account;
  account.outcome = right ? Account::Outcome::Ok : Account::Outcome::Denied;
  account.why = right ? "" : "wrong password";
  account.user = user + "@" + domain;
  account.display_name = entry.name;
  account.quota = entry.quota.count;
  co_return account;
}

std::string PostOffices::office_named_by(const std::string& name) const {
  const auto slash = name.find('\\');
  if (slash != std::string::npos)
    for (auto& [domain, office] : offices_)
      if (const auto before = lower(std::string_view(name).substr(0, slash));
          before == domain || before == domain.substr(0, domain.find('.')))
        return domain;
  return offices_.begin()->first;
}

asio::awaitable<Account> PostOffices::authenticate(std::string name, std::string password) {
  Account denied;
  denied.outcome = Account::Outcome::Denied;
  denied.why = "no such user";
  auto at = name.rfind('@');
  // A bare name belongs to the only domain, or to the first one.
  auto domain =
      at == std::string::npos ? office_named_by(name) : lower(std::string_view(name).substr(at + 1));
  auto found = offices_.find(domain);
  if (found == offices_.end()) {
    denied.why = "not of a domain of this server";
    co_return denied;
  }
  auto& office = found->second;
  auto known = office.users_by_address.find(lower(at == std::string::npos ? name + "@" + domain : name));
  if (known != office.users_by_address.end())
    co_return co_await static_login(office, domain, known->second, std::move(password));
  if (!office.directory) co_return denied;
  auto answer = co_await office.directory->authenticate(std::move(name), std::move(password));
  co_return account_of(answer, domain);
}

asio::awaitable<Account> PostOffices::admit(std::string principal) {
  Account account;
  account.outcome = Account::Outcome::Denied;
  account.why = "the principal " + principal + " is nobody's here";
  const auto at = principal.rfind('@');
  // imap/host is a service, not a person.
  if (at == std::string::npos || principal.find('/') != std::string::npos) co_return account;
  const auto realm = principal.substr(at + 1), uid = principal.substr(0, at);
  for (auto& [domain, office] : offices_) {
    if (!office.config.kerberos || office.config.kerberos->realm != realm || !office.directory) continue;
    auto answer = co_await office.directory->find_user(uid);
    switch (answer.outcome) {
      case directory::Recipient::Outcome::User: break;
      case directory::Recipient::Outcome::Unavailable:
        account.outcome = Account::Outcome::Unavailable;
        account.why = answer.why;
        co_return account;
      case directory::Recipient::Outcome::Alias:
      case directory::Recipient::Outcome::Unknown: co_return account;
    }
    // A ticket lives on for hours after its owner was locked out.
    directory::Authentication known;
    known.outcome = answer.user.locked ? directory::Authentication::Outcome::Locked
                                       : directory::Authentication::Outcome::Ok;
    known.user = std::move(answer.user);
    co_return account_of(known, domain);
  }
  co_return account;
}

asio::awaitable<directory::Recipient> PostOffices::person(std::string name) {
  directory::Recipient unknown;
  unknown.outcome = directory::Recipient::Outcome::Unknown;
  const auto at = name.rfind('@');
  const auto domain =
      at == std::string::npos ? office_named_by(name) : lower(std::string_view(name).substr(at + 1));
  const auto found = offices_.find(domain);
  if (found == offices_.end()) {
    unknown.why = domain + " is no domain of this server";
    co_return unknown;
  }
  auto& office = found->second;
  if (office.users_by_address.contains(lower(at == std::string::npos ? name + "@" + domain : name)) ||
      !office.directory) {
    unknown.why = "no rules hold for whom a directory does not know";
    co_return unknown;
  }
  if (at == std::string::npos) co_return co_await office.directory->find_user(std::move(name));
  co_return co_await office.directory->find_recipient(std::move(name));
}

asio::awaitable<Destination> PostOffices::look_up(Office& office, const Address& address,
                                                  std::vector<Address>& members) {
  using Outcome = Destination::Outcome;
  Destination result;
  result.outcome = Outcome::Known;
  auto add_member = [&](const std::string& text) {
    if (auto member = Address::parse(qualified(text, address.domain()))) members.push_back(*member);
  };
  for (auto& key : {address.key(), address.key_without_tag()}) {
    auto local = key.substr(0, key.rfind('@'));
    if (auto user = office.users_by_address.find(key); user != office.users_by_address.end()) {
      result.users = {user->second + "@" + address.domain()};
      result.quotas[result.users.front()] = office.config.users.at(user->second).quota.count;
      co_return result;
    }
    for (auto& [alias, names] : office.config.aliases) {
      if (lower(alias) != local) continue;
      for (auto& name : names) add_member(name);
      co_return result;
    }
    if (!office.directory) continue;
    auto answer = co_await office.directory->find_recipient(key);
    switch (answer.outcome) {
      case directory::Recipient::Outcome::User:
        result.users = {lower(answer.user.uid) + "@" + address.domain()};
        result.quotas[result.users.front()] = answer.user.quota.value_or(0);
        co_return result;
      case directory::Recipient::Outcome::Alias:
        for (auto& member : answer.members) add_member(member);
        co_return result;
      case directory::Recipient::Outcome::Unavailable:
        result.outcome = Outcome::Unavailable;
        result.why = answer.why;
        co_return result;
      case directory::Recipient::Outcome::Unknown: break;
    }
    if (key == address.key_without_tag()) break;
  }
  // RFC 5321 4.5.1: mail to the postmaster is always taken. Where nobody is named, it waits in a mailbox of
  // that name.
  auto key = address.key();
  if (key.starts_with("postmaster@"))
    result.users = {key};
  else
    result.outcome = Outcome::Unknown;
  co_return result;
}

asio::awaitable<Destination> PostOffices::find(Address address) {
  Destination all;
  all.outcome = Destination::Outcome::Unknown;
  std::deque<Address> waiting{address};
  std::set<std::string> seen, users;
  bool first = true;
  while (!waiting.empty() && seen.size() < PostOfficeLimits{}.lookups) {
    auto next = std::move(waiting.front());
    waiting.pop_front();
    if (!seen.insert(next.key()).second) continue;
    auto office = offices_.find(next.domain());
    if (office == offices_.end()) {
      all.outcome = first ? Destination::Outcome::NotOurs : Destination::Outcome::Known;
      if (!first) all.elsewhere.push_back(next);
      first = false;
      continue;
    }
    std::vector<Address> members;
    auto one = co_await look_up(office->second, next, members);
    if (one.outcome == Destination::Outcome::Unavailable) co_return one;
    // A member who has left does not make the alias unknown: the others get the message.
    if (one.outcome == Destination::Outcome::Known) {
      const auto limit = office->second.config.max_message.count;
      if (!one.users.empty())
        all.max_message = all.max_message == 0 ? limit : std::min(all.max_message, limit);
      for (auto& user : one.users)
        if (users.insert(user).second) all.users.push_back(user);
      all.quotas.merge(one.quotas);
      waiting.insert(waiting.end(), members.begin(), members.end());
    }
    first = false;
  }
  if (all.outcome == Destination::Outcome::Unknown && !(all.users.empty() && all.elsewhere.empty()))
    all.outcome = Destination::Outcome::Known;
  co_return all;
}

std::string PostOffices::welcome(const Account& account) const {
  auto office = offices_.find(std::string_view(account.user).substr(account.user.find('@') + 1));
  if (office == offices_.end() || !office->second.config.welcome) return {};
  return welcome_message({.user = account.user,
                          .display_name = account.display_name,
                          .hostname = hostname_,
                          .random = (std::uint64_t{std::random_device{}()} << 32) | std::random_device{}(),
                          .when = std::time(nullptr)});
}

}  // namespace lab::mail
