#include "directory/certify.hpp"

#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <thread>

#include "common/yaml.hpp"
#include "directory/flavour.hpp"
#include "directory/folder.hpp"

namespace lab::directory {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::system_clock;
using namespace std::chrono_literals;

constexpr auto kLife = 397 * 24h;
constexpr auto kMargin = 30 * 24h;      // a certificate that ends sooner is renewed
constexpr auto kSlack = 1h;             // a client whose clock is a little behind still finds it valid
constexpr auto kListLife = 30 * 24h;    // of the list of revoked certificates
constexpr const char* kAttribute = "userCertificate;binary";  // RFC 4523 2.1: always as DER, and said so

struct Job {
  User user;
  std::string published;  // DER in the directory
  std::string key_path, certificate_path;
  ca::Identity identity;
  std::string serial;
  bool issued = false;
  std::string replaced;  // serial of the one that no longer counts
  Error wrong;
};

std::string text_of(const std::string& path) {
  if (::access(path.c_str(), R_OK) != 0) return {};
  auto text = yaml::read_file(path);
  return text ? *text : std::string();
}

/// Whether the certificate kept is this person's, of this CA, and good for a while.
bool good(const Job& job, const ca::Facts& facts, const ca::Facts& root, Clock::time_point now) {
  // Nothing lasts longer than the authority itself: a new one would end no later.
  const auto long_enough = std::min(Clock::time_point(now + kMargin), root.not_after);
  return facts.issuer == root.subject && facts.not_after >= long_enough && facts.not_before >= root.not_before &&
         facts.emails == job.user.addresses;
}

void prepare(Job& job, const ca::Identity& root, const ca::Facts& root_facts, const CertifyOptions& o) {
  const auto now = Clock::now();
  job.identity = {text_of(job.certificate_path), text_of(job.key_path)};
  if (!job.identity.certificate.empty() && !job.identity.key.empty())
    if (const auto facts = ca::inspect(job.identity.certificate)) {
      job.serial = facts->serial;
      if (!o.renew && good(job, *facts, root_facts, now)) return;
      job.replaced = facts->serial;
    }
  auto leaf = ca::issue(root, {.common_name = job.user.display_name,
                               .dns_names = {},
                               .addresses = {},
                               .emails = job.user.addresses,
                               .not_before = std::max(now - kSlack, root_facts.not_before),
                               .not_after = std::min(now + kLife, root_facts.not_after),
                               .key = ca::KeyKind::Rsa2048});
  if (!leaf) {
    job.wrong = leaf.error();
    return;
  }
  job.identity = std::move(*leaf);
  job.issued = true;
  if (const auto facts = ca::inspect(job.identity.certificate)) job.serial = facts->serial;
  // The key first: a certificate whose key is lost would be published for nothing.
  if (auto done = write_durably(job.key_path, job.identity.key); !done) job.wrong = done.error();
  if (auto done = write_durably(job.certificate_path, job.identity.certificate); !done)
    job.wrong = done.error();
}

/// The CA's memory of what it took back: a line each, "SERIAL SECONDS UID", beside its certificate; and the
/// list made of it.
Result<void> revoke(const std::vector<std::pair<std::string, std::string>>& serials, const ca::Identity& root,
                    const std::string& ca_certificate) {
  if (serials.empty()) return {};
  const auto folder = fs::path(ca_certificate).parent_path().string();
  const auto path = folder + "/revoked";
  const auto now = Clock::now();
  std::string text = text_of(path);
  for (auto& [serial, uid] : serials)
    if (!text.contains(serial + " "))
      text += fmt::format("{} {} {}\n", serial, Clock::to_time_t(now), uid);
  if (auto done = write_durably(path, text); !done) return done;
  std::vector<ca::Revoked> all;
  std::istringstream lines(text);
  std::string serial, uid;
  for (std::time_t when = 0; lines >> serial >> when >> uid;)
    all.push_back({serial, Clock::from_time_t(when)});
  auto list = ca::make_crl(root, all, static_cast<std::int64_t>(all.size()), now - kSlack, now + kListLife);
  if (!list) return std::unexpected(list.error());
  return write_durably(folder + "/ca.crl", *list);
}

Result<std::vector<Job>> jobs_for(Administrator& admin, const Settings& settings,
                                  const std::vector<std::string>& uids, const std::string& folder) {
  auto people = admin.people();
  if (!people) return std::unexpected(people.error());
  std::vector<Job> jobs;
  for (auto& entry : *people) {
    auto user = user_of(Flavour::OpenLdap, entry);
    if (!uids.empty() && std::find(uids.begin(), uids.end(), user.uid) == uids.end()) continue;
    Job job;
    job.published = entry.first(kAttribute);
    const auto base = fmt::format("{}/{}@{}", folder, user.uid, settings.domain);
    job.key_path = base + ".key";
    job.certificate_path = base + ".crt";
    job.user = std::move(user);
    jobs.push_back(std::move(job));
  }
  for (auto& uid : uids)
    if (std::none_of(jobs.begin(), jobs.end(), [&](auto& job) { return job.user.uid == uid; }))
      return fail("there is no user '" + uid + "'", {}, "'user list' shows who is there");
  return jobs;
}

}  // namespace

Result<std::vector<Certified>> certify(Administrator& admin, const Settings& settings,
                                       std::vector<std::string> uids, const CertifyOptions& o) {
  const auto certificate = yaml::read_file(o.ca_certificate);
  if (!certificate) return std::unexpected(certificate.error());
  const auto key = yaml::read_file(o.ca_key);
  if (!key) return std::unexpected(key.error());
  const ca::Identity root{*certificate, *key};
  const auto root_facts = ca::inspect(root.certificate);
  if (!root_facts) return std::unexpected(root_facts.error());
  std::error_code wrong;
  fs::create_directories(o.folder, wrong);
  if (wrong) return fail("cannot make the folder: " + wrong.message(), o.folder);
  ::chmod(o.folder.c_str(), 0700);
  // Two at once would each make a key and publish the one the other did not keep.
  const int lock = ::open((o.folder + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0 || ::flock(lock, LOCK_EX) != 0)
    return fail(std::string("cannot lock it: ") + std::strerror(errno), o.folder);
  struct Closer {
    int fd;
    ~Closer() { ::close(fd); }
  } const closer{lock};

  auto jobs = jobs_for(admin, settings, uids, o.folder);
  if (!jobs) return std::unexpected(jobs.error());
  std::vector<std::pair<std::string, std::string>> revoked;
  std::vector<Certified> done;
  if (o.revoke) {
    for (auto& job : *jobs) {
      if (const auto facts = ca::inspect(text_of(job.certificate_path)))
        revoked.emplace_back(facts->serial, job.user.uid), job.serial = facts->serial;
      if (auto taken = admin.publish_certificate(job.user.uid, {}); !taken) return std::unexpected(taken.error());
      for (auto* path : {&job.key_path, &job.certificate_path}) fs::remove(*path, wrong);
      done.push_back({job.user.uid, job.user.addresses.front(), job.serial, false});
    }
    if (auto listed = revoke(revoked, root, o.ca_certificate); !listed) return std::unexpected(listed.error());
    return done;
  }

  std::atomic<std::size_t> next = 0;
  auto work = [&] {
    for (std::size_t i = 0; (i = next++) < jobs->size();) prepare((*jobs)[i], root, *root_facts, o);
  };
  {
    std::vector<std::jthread> helpers;
    const auto most = std::min<std::size_t>(std::thread::hardware_concurrency(), jobs->size());
    for (std::size_t i = 1; i < most; ++i) helpers.emplace_back(work);
    work();
  }
  for (auto& job : *jobs) {
    if (!job.wrong.what.empty()) return std::unexpected(job.wrong);
    const auto der = ca::to_der(job.identity.certificate);
    if (!der) return std::unexpected(der.error());
    if (*der != job.published)
      if (auto published = admin.publish_certificate(job.user.uid, *der); !published)
        return std::unexpected(published.error());
    if (job.issued && !job.replaced.empty()) revoked.emplace_back(job.replaced, job.user.uid);
    done.push_back({job.user.uid, job.user.addresses.front(), job.serial, job.issued});
  }
  if (auto listed = revoke(revoked, root, o.ca_certificate); !listed) return std::unexpected(listed.error());
  return done;
}

}  // namespace lab::directory
