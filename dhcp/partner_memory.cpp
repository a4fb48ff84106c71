#include "dhcp/partner_memory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace lab::dhcp {
namespace {

Error trouble(const std::string& path) {
  return {"cannot remember that the partner is down: " + std::string(std::strerror(errno)), path,
          "the folder of the leases must be writable"};
}

bool sync_folder_of(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path();
  const int fd = open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool good = fsync(fd) == 0;
  close(fd);
  return good;
}

}  // namespace

std::optional<PartnerMemory::Sole> PartnerMemory::recall(ServerTime now) const {
  std::ifstream in(path_);
  std::string word;
  std::int64_t own = 0, whole = 0, alive = 0;
  if (!(in >> word >> own >> whole >> alive) || word != "sole") return std::nullopt;
  const auto at = [](std::int64_t seconds) { return ServerTime(std::chrono::seconds(seconds)); };
  if (at(alive) > now || now - at(alive) > kWorth) return std::nullopt;
  return Sole{at(own), at(whole), at(alive)};
}

Result<void> PartnerMemory::keep(const Sole& sole) const {
  const auto seconds = [](ServerTime t) { return t.time_since_epoch().count(); };
  const auto text =
      fmt::format("sole {} {} {}\n", seconds(sole.own_from), seconds(sole.whole_from), seconds(sole.alive));
  const auto fresh = path_ + ".new";
  const int fd = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return std::unexpected(trouble(fresh));
  const bool written =
      write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(fd) == 0;
  close(fd);
  if (!written || rename(fresh.c_str(), path_.c_str()) != 0 || !sync_folder_of(path_))
    return std::unexpected(trouble(path_));
  return {};
}

Result<void> PartnerMemory::forget() const {
  if (unlink(path_.c_str()) != 0) {
    if (errno == ENOENT) return {};
    return std::unexpected(trouble(path_));
  }
  if (!sync_folder_of(path_)) return std::unexpected(trouble(path_));
  return {};
}

}  // namespace lab::dhcp
