#include "directory/secrets.hpp"

#include <sys/random.h>

#include <atomic>
#include <cerrno>
#include <system_error>
#include <thread>

namespace lab::directory {

StoredPasswords store_passwords(const Settings& s, const std::map<std::string, std::string>& accounts,
                                const std::vector<Entry>& previous, const std::function<Salt()>& fresh_salt) {
  struct Job {
    std::string dn;
    const std::string* password;
    std::string stored;  // of the last time; then of this time
  };
  std::map<std::string_view, std::string_view> before;
  for (auto& entry : previous) before[entry.dn] = entry.first("userPassword");
  std::vector<Job> jobs;
  auto plan = [&](std::string dn, const std::string& password) {
    auto known = before.find(dn);
    jobs.push_back({std::move(dn), &password, std::string(known == before.end() ? "" : known->second)});
  };
  for (auto& [dn, password] : accounts) plan(dn, password);
  for (auto& [uid, person] : s.users)
    if (person.password) plan(person_dn(s, uid), *person.password);

  std::atomic<std::size_t> next = 0;
  auto work = [&] {
    for (std::size_t i = 0; (i = next++) < jobs.size();) {
      auto& job = jobs[i];
      if (!password_matches(job.stored, *job.password))
        job.stored = hash_password(*job.password, fresh_salt());
    }
  };
  {
    constexpr std::size_t kWorthAThread = 2;  // 1 ms of hashing
    const auto cores = std::max<std::size_t>(1, std::thread::hardware_concurrency());
    std::vector<std::jthread> helpers;
    for (std::size_t i = 1; i < std::min(cores, jobs.size() / kWorthAThread); ++i) helpers.emplace_back(work);
    work();
  }
  StoredPasswords stored;
  for (auto& job : jobs) stored.emplace(std::move(job.dn), std::move(job.stored));
  return stored;
}

Salt random_salt() {
  Salt salt;
  if (::getrandom(salt.data(), salt.size(), 0) != static_cast<ssize_t>(salt.size()))
    throw std::system_error(errno, std::generic_category(), "getrandom");
  return salt;
}

}  // namespace lab::directory
