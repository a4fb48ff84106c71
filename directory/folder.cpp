#include "directory/folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace lab::directory {
namespace {

namespace fs = std::filesystem;

std::unexpected<Error> system_failure(const std::string& what, const std::string& path) {
  return fail(what + ": " + std::strerror(errno), path);
}

class File {
 public:
  File(const std::string& path, int flags, mode_t mode = 0)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

Result<void> write(const std::string& path, const std::string& text, bool sync) {
  File file(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (!file) return system_failure("cannot write it", path);
  for (std::size_t at = 0; at < text.size();) {
    const auto n = ::write(file.fd(), text.data() + at, text.size() - at);
    if (n < 0 && errno != EINTR) return system_failure("cannot write it", path);
    if (n > 0) at += static_cast<std::size_t>(n);
  }
  if (sync && ::fdatasync(file.fd()) != 0) return system_failure("cannot bring it to disk", path);
  return {};
}

Result<void> sync(const std::string& path) {
  File file(path, O_RDONLY);
  if (!file || ::fsync(file.fd()) != 0) return system_failure("cannot bring it to disk", path);
  return {};
}

}  // namespace

Result<void> Folder::open() {
  std::error_code wrong;
  fs::create_directories(root_, wrong);
  if (wrong) return fail("cannot make the data folder: " + wrong.message(), root_);
  ::chmod(root_.c_str(), 0700);
  // Not close-on-exec: slapd inherits it.
  lock_ = ::open(path("lock").c_str(), O_RDWR | O_CREAT, 0600);
  if (lock_ < 0) return system_failure("cannot make the lock", path("lock"));
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0)
    return fail("another slapd uses this folder", root_,
                "stop it, or give each directory a data folder of its own");
  return {};
}

// The lock belongs to the open file, which fork shares: closing this copy leaves the other its lock.
void Folder::release_lock() const { ::close(lock_); }

bool Folder::filled() const { return fs::exists(database() + "/applied.ldif"); }

bool Folder::copied() const { return !filled() && fs::exists(database() + "/copied"); }

Result<void> Folder::set_copied() const {
  return fs::exists(database() + "/copied") ? Result<void>() : write_durably(database() + "/copied", "");
}

Result<void> Folder::set_aside() const {
  const auto place = path("db.set-aside");
  std::error_code wrong;
  fs::remove_all(place, wrong);
  if (::rename(database().c_str(), place.c_str()) != 0)
    return system_failure("cannot set it aside", database());
  return {};
}

Result<void> Folder::begin_fill() {
  std::error_code wrong;
  fs::remove_all(database(), wrong);
  if (wrong || ::mkdir(database().c_str(), 0700) != 0) return system_failure("cannot make it", database());
  return {};
}

Result<void> Folder::finish_fill() const {
  if (auto done = sync(database() + "/data.mdb"); !done) return done;
  if (auto done = sync(filling()); !done) return done;
  const auto name = database() + "/applied.ldif";
  if (::rename(filling().c_str(), name.c_str()) != 0) return system_failure("cannot give it its name", name);
  if (auto done = sync(database()); !done) return done;
  return sync(root_);
}

std::optional<std::string> Folder::applied() const {
  std::string text;
  File file(database() + "/applied.ldif", O_RDONLY);
  if (!file) return std::nullopt;
  std::array<char, 65536> buffer;
  ssize_t n = 0;
  while ((n = ::read(file.fd(), buffer.data(), buffer.size())) > 0)
    text.append(buffer.data(), static_cast<std::size_t>(n));
  if (n < 0) return std::nullopt;
  return text;
}

Result<void> Folder::set_applied(const std::string& ldif) const {
  return write_durably(database() + "/applied.ldif", ldif);
}

Result<void> write_file(const std::string& path, const std::string& text) { return write(path, text, false); }

Result<void> write_durably(const std::string& path, const std::string& text) {
  const auto draft = path + ".new";
  if (auto done = write(draft, text, true); !done) return done;
  if (::rename(draft.c_str(), path.c_str()) != 0) return system_failure("cannot replace it", path);
  return sync(fs::path(path).parent_path());
}

}  // namespace lab::directory
