#include "directory/kdc/mirror.hpp"

#include <ldap.h>

#include <algorithm>
#include <ctime>

#include "common/log.hpp"
#include "directory/flavour.hpp"
#include "directory/password.hpp"
#include "directory/secrets.hpp"

namespace lab::directory::kdc {
namespace {

constexpr std::string_view kByAdministrator = "000001010000Z";  // draft-behera-ldap-password-policy 5.3.3

/// "20261126023307Z", perhaps with a fraction (RFC 4517 3.3.13), as seconds since 1970; -1 for what is none.
std::time_t seconds_of(std::string_view text) {
  std::tm utc{};
  const std::string digits(text.substr(0, 14));
  const char* end = ::strptime(digits.c_str(), "%Y%m%d%H%M%S", &utc);
  return end != nullptr && *end == '\0' ? ::timegm(&utc) : -1;
}

Search entry_search(const std::string& dn, std::vector<std::string> attributes) {
  Search s;
  s.base = dn;
  s.scope = Scope::Base;
  s.attributes = std::move(attributes);
  return s;
}

}  // namespace

Mirror::Mirror(const Settings& settings, Principals principals, MirrorLimits limits)
    : settings_(settings), limits_(limits), principals_(std::move(principals)) {}

Mirror::~Mirror() {
  {
    const std::scoped_lock lock(queue_);
    stopped_ = true;
  }
  news_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Result<void> Mirror::bring_people() {
  const auto prepared = principals_.prepared();
  if (!prepared) return std::unexpected(prepared.error());
  for (auto& uid : *prepared) {
    inherited_[uid] = Clock::now() + limits_.patience;
    due_.insert(uid);
  }
  const auto there = principals_.people();
  if (!there) return std::unexpected(there.error());
  const std::set<std::string> known(there->begin(), there->end());
  for (auto& [uid, password] : settings_.users) {
    if (known.contains(uid)) continue;
    if (auto set = principals_.set_password(uid, password); !set) return set;
    if (auto marked = principals_.set_mark(uid, hash_password(password, random_salt())); !marked)
      return marked;
  }
  return {};
}

Result<void> Mirror::write_keytabs() {
  for (auto& [name, keytab] : settings_.keytabs)
    if (auto done = principals_.write_keytab(keytab.file, keytab.services); !done) return done;
  return {};
}

void Mirror::start() {
  thread_ = std::thread([this] { run(); });
}

Result<void> Mirror::expect(const std::string& uid, const std::string& password) {
  const std::scoped_lock realm(realm_);
  if (auto kept = principals_.prepare(uid, password); !kept) return kept;
  const std::scoped_lock lock(queue_);
  expected_[uid].push_back({.password = password, .until = Clock::now() + limits_.patience, .seen = false});
  inherited_.erase(uid);  // its place is taken
  look_later(uid, Clock::now() + limits_.again);
  news_.notify_all();
  return {};
}

void Mirror::look_at(const std::string& uid) {
  const std::scoped_lock lock(queue_);
  due_.insert(uid);
  news_.notify_all();
}

std::vector<std::string> Mirror::expected(const std::string& uid) {
  const std::scoped_lock lock(queue_);
  std::vector<std::string> passwords;
  if (const auto found = expected_.find(uid); found != expected_.end())
    for (auto& one : found->second) passwords.push_back(one.password);
  return passwords;
}

bool Mirror::inherited(const std::string& uid) {
  const std::scoped_lock lock(queue_);
  return inherited_.contains(uid);
}

bool Mirror::undecided(const std::string& uid) { return !expected(uid).empty() || inherited(uid); }

void Mirror::look_later(const std::string& uid, Clock::time_point when) {
  const auto [planned, fresh] = later_.emplace(uid, when);
  if (!fresh) planned->second = std::min(planned->second, when);
}

std::string Mirror::next() {
  std::unique_lock lock(queue_);
  while (!stopped_) {
    const auto now = Clock::now();
    auto wake = Clock::time_point::max();
    for (auto it = later_.begin(); it != later_.end();)
      if (it->second <= now) {
        due_.insert(it->first);
        it = later_.erase(it);
      } else {
        wake = std::min(wake, (it++)->second);
      }
    if (everybody_) return "*";
    if (!due_.empty()) return due_.extract(due_.begin()).value();
    if (wake == Clock::time_point::max())
      news_.wait(lock);
    else
      news_.wait_until(lock, wake);
  }
  return {};
}

bool Mirror::connect() {
  auto opened = LocalSession::open(settings_.directory, limits_.answer);
  if (opened) session_ = std::make_unique<LocalSession>(std::move(*opened));
  return opened.has_value();
}

void Mirror::run() {
  for (std::string uid; !(uid = next()).empty();) {
    const bool all = uid == "*";
    Result<void> done;
    if (session_ || connect()) {
      done = all ? find_everybody() : look(uid);
      if (!done) log::warning("kerberos: {}", done.error().text());
    } else {
      done = fail("the directory is not up");
    }
    std::unique_lock lock(queue_);
    if (done) {
      if (all) everybody_ = false;
      const auto under_way = expected_.find(uid);
      if (under_way != expected_.end()) {
        auto& told = under_way->second;
        std::erase_if(told, [](auto& e) { return e.until < Clock::now(); });
        const bool seen = !told.empty() && std::ranges::all_of(told, &Expected::seen);
        // Once none is left, a last look takes away what was prepared.
        look_later(uid, seen ? told.front().until : Clock::now() + limits_.again);
        if (told.empty()) expected_.erase(under_way);
      }
      if (const auto left = inherited_.find(uid); left != inherited_.end()) {
        if (left->second < Clock::now()) inherited_.erase(left);
        look_later(uid, Clock::now() + limits_.again);
      }
      continue;
    }
    // A directory that comes back may have been told of anything in between.
    session_.reset();
    everybody_ = true;
    if (!all) due_.insert(uid);
    news_.wait_for(lock, limits_.again, [&] { return stopped_; });
  }
}

Result<void> Mirror::find_everybody() {
  Search s;
  s.base = "ou=people," + settings_.suffix;
  s.scope = Scope::One;
  s.filter = "(uid=*)";
  s.attributes = {"uid"};
  auto found = session_->search(s);
  if (!found) return std::unexpected(found.error());
  if (!found->ok()) return fail("reading who is there: " + found->text(), s.base);
  const std::scoped_lock realm(realm_);
  const auto principals = principals_.people();
  if (!principals) return std::unexpected(principals.error());
  const std::scoped_lock lock(queue_);
  for (auto& entry : found->entries) due_.insert(user_of(Flavour::OpenLdap, entry).uid);
  due_.insert(principals->begin(), principals->end());
  return {};
}

Result<void> Mirror::look(const std::string& uid) {
  const auto dn = "uid=" + uid + ",ou=people," + settings_.suffix;
  auto found =
      session_->search(entry_search(dn, {"userPassword", "pwdAccountLockedTime", "pwdPolicySubentry"}));
  if (!found) return std::unexpected(found.error());
  if (found->code == LDAP_NO_SUCH_OBJECT) {
    const std::scoped_lock realm(realm_);
    // Somebody may be about to be added.
    if (!undecided(uid))
      if (auto gone = principals_.drop_prepared(uid); !gone) return gone;
    return principals_.remove(uid);
  }
  if (!found->ok() || found->entries.empty()) return fail("reading it: " + found->text(), dn);
  return follow(uid, found->entries.front());
}

Result<void> Mirror::follow(const std::string& uid, const Entry& entry) {
  // slapd's hashes end with a zero byte, which no mark can hold.
  const std::string stored(entry.first("userPassword"));
  if (auto done = follow_password(uid, stored.c_str()); !done) return done;
  return follow_lock(uid, entry);
}

Result<void> Mirror::follow_password(const std::string& uid, const std::string& stored) {
  const std::scoped_lock realm(realm_);
  const auto mark = principals_.mark(uid);
  if (!mark) return std::unexpected(mark.error());
  const auto told = expected(uid);
  auto tidy = [&]() -> Result<void> {
    return undecided(uid) ? Result<void>() : principals_.drop_prepared(uid);
  };
  if (*mark && **mark == stored) return tidy();
  auto marked = [&](std::string_view what) -> Result<void> {
    if (auto done = principals_.set_mark(uid, stored); !done) return done;
    if (!what.empty()) log::info("kerberos: {}: {}", uid, what);
    return {};
  };
  for (auto& password : told) {
    if (!password_matches(stored, password)) continue;
    // The last one told is the one that was prepared.
    const auto taken = password == told.back() ? principals_.take_prepared(uid) : Result<bool>(false);
    if (!taken) return std::unexpected(taken.error());
    if (!*taken)
      if (auto set = principals_.set_password(uid, password); !set) return set;
    if (auto done = marked("new password"); !done) return done;
    {
      const std::scoped_lock lock(queue_);
      for (auto& one : expected_[uid])
        if (one.password == password) one.seen = true;
    }
    return password == told.back() ? principals_.drop_prepared(uid) : Result<void>();
  }
  if (const auto known = settings_.users.find(uid);
      known != settings_.users.end() && password_matches(stored, known->second)) {
    const bool of_it_already = *mark && password_matches(**mark, known->second);
    if (!of_it_already)
      if (auto set = principals_.set_password(uid, known->second); !set) return set;
    if (auto done = marked(of_it_already ? "" : "the topology's password"); !done) return done;
    return tidy();
  }
  // Told before this program was ended, and carried out since. (What was told since then and is over by now
  // was refused, and is nobody's password.)
  if (inherited(uid)) {
    const auto taken = principals_.take_prepared(uid);
    if (!taken) return std::unexpected(taken.error());
    if (*taken) {
      if (auto done = marked("new password"); !done) return done;
      {
        const std::scoped_lock lock(queue_);
        inherited_.erase(uid);
      }
      return tidy();
    }
  }
  if (!*mark) return {};  // nobody knows the password, and there is no key yet
  if (auto done = principals_.forget(uid); !done) return done;
  return marked("password changed elsewhere, the key no longer counts");
}

Result<std::chrono::seconds> Mirror::lock_duration(const Entry& entry) {
  auto policy = std::string(entry.first("pwdPolicySubentry"));
  if (policy.empty()) policy = "cn=default,ou=policies," + settings_.suffix;
  auto found = session_->search(entry_search(policy, {"pwdLockoutDuration"}));
  if (!found) return std::unexpected(found.error());
  long seconds = 0;
  if (found->ok() && !found->entries.empty())
    seconds = std::atol(std::string(found->entries.front().first("pwdLockoutDuration")).c_str());
  return std::chrono::seconds(seconds);
}

Result<void> Mirror::follow_lock(const std::string& uid, const Entry& entry) {
  const auto since = entry.first("pwdAccountLockedTime");
  bool locked = !since.empty();
  if (locked && since != kByAdministrator) {
    const auto duration = lock_duration(entry);
    if (!duration) return std::unexpected(duration.error());
    if (*duration > std::chrono::seconds(0)) {
      const auto left = std::chrono::seconds(seconds_of(since) - std::time(nullptr)) + *duration;
      locked = left > std::chrono::seconds(0);
      if (locked) {
        const std::scoped_lock lock(queue_);
        look_later(uid, Clock::now() + left);
      }
    }
  }
  const std::scoped_lock realm(realm_);
  const auto news = principals_.set_locked(uid, locked);
  if (!news) return std::unexpected(news.error());
  if (*news) log::info("kerberos: {}: {}", uid, locked ? "locked" : "unlocked");
  return {};
}

}  // namespace lab::directory::kdc
