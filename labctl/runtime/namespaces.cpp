#include "labctl/runtime/namespaces.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

namespace lab::runtime {
namespace {

std::unexpected<Error> os_error(std::string what, std::string remedy = {}) {
  return fail(fmt::format("{}: {}", what, std::strerror(errno)), {}, std::move(remedy));
}

Result<void> write_proc(const std::string& path, const std::string& text) {
  const Fd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file || write(file.get(), text.data(), text.size()) < 0)
    return os_error(fmt::format("cannot write '{}' to {}", text, path));
  return {};
}

std::string first_word(const std::string& path) {
  std::ifstream in(path);
  std::string word;
  in >> word;
  return word;
}

/// The file a path leads to in the end; it need not exist.
std::string final_target(const std::string& path) {
  std::error_code error;
  const auto target = std::filesystem::weakly_canonical(path, error);
  return error ? path : target.string();
}

Result<void> bind_file(const std::string& from, const std::string& path) {
  const auto target = final_target(path);
  // /etc/resolv.conf often leads into /run, which is the lab's own: the target is made there.
  if (target.starts_with("/run/") && access(target.c_str(), F_OK) != 0)
    if (auto made = write_file(target, "", 0644); !made) return made;
  if (access(target.c_str(), F_OK) != 0) return {};  // the machine has no such file: nothing there to hide
  if (mount(from.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0)
    return os_error(fmt::format("cannot mount {} over {}", from, target));
  return {};
}

Result<void> set_up_inside(const plan::Node& node, const std::string& folder) {
  if (sethostname(node.name.c_str(), node.name.size()) != 0) return os_error("cannot set the host name");
  if (auto placed = place_files(node.etc, folder); !placed) return placed;
  // So that tools which read /sys/class/net see this node's interfaces; some containers forbid it, and little
  // is lost.
  (void)mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, nullptr);
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq lo{};
  std::strcpy(lo.ifr_name, "lo");
  lo.ifr_flags = IFF_UP | IFF_RUNNING;
  if (ioctl(socket.get(), SIOCSIFFLAGS, &lo) != 0) return os_error("cannot bring lo up");
  return write_sysctls(node.sysctls);
}

}  // namespace

Result<void> write_sysctls(const std::map<std::string, std::string>& sysctls) {
  for (const auto& [key, value] : sysctls) {
    std::string name = key;
    std::ranges::replace(name, '.', '/');
    const auto path = "/proc/sys/" + name;
    // A kernel without IPv6 has no such settings, and nothing to set.
    if (name.starts_with("net/ipv6/") && access("/proc/sys/net/ipv6", F_OK) != 0) continue;
    if (auto written = write_proc(path, value); !written) return written;
  }
  return {};
}

Result<void> enter_lab_namespaces() {
  const auto uid = geteuid();
  const auto gid = getegid();
  if (uid != 0) {
    if (unshare(CLONE_NEWUSER) != 0) return os_error("cannot make a user namespace", namespace_obstacle());
    // user_namespaces(7): setgroups must be given up before an ordinary user may map a group.
    for (const auto& [path, text] : {std::pair{std::string("/proc/self/setgroups"), std::string("deny")},
                                     {std::string("/proc/self/uid_map"), fmt::format("0 {} 1", uid)},
                                     {std::string("/proc/self/gid_map"), fmt::format("0 {} 1", gid)}})
      if (auto written = write_proc(path, text); !written)
        return fail(written.error().what, {}, namespace_obstacle());
  }
  if (unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC) != 0)
    return os_error("cannot make network namespaces", namespace_obstacle());
  return {};
}

Result<void> mount_lab_filesystems(const std::vector<std::string>& keep) {
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return os_error("cannot make mounts private", namespace_obstacle());
  if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
    return os_error("cannot mount /proc",
                    "inside a container, it must allow nested namespaces (docker run --security-opt "
                    "systempaths=unconfined)");
  // Opened before /run is covered, bound into the new one afterwards.
  std::vector<std::pair<Fd, std::string>> kept;
  for (const auto& folder : keep) {
    const auto real = final_target(folder);
    if (real.starts_with("/run/")) kept.emplace_back(Fd(open(real.c_str(), O_PATH | O_CLOEXEC)), real);
  }
  // An empty /run: the machine's own resolver, name cache and buses must not answer inside the lab.
  if (mount("labctl", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=256m") != 0)
    return os_error("cannot mount the lab's own /run");
  for (const auto& [fd, path] : kept) {
    std::error_code ignored;
    std::filesystem::create_directories(path, ignored);
    if (mount(fmt::format("/proc/self/fd/{}", fd.get()).c_str(), path.c_str(), nullptr, MS_BIND | MS_REC,
              nullptr) != 0)
      return os_error(fmt::format("cannot keep {} visible in the lab", path));
  }
  return {};
}

Result<Spaces> Spaces::of_this_process() {
  Spaces spaces;
  spaces.net.reset(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  spaces.mnt.reset(open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC));
  spaces.uts.reset(open("/proc/thread-self/ns/uts", O_RDONLY | O_CLOEXEC));
  if (!spaces.net || !spaces.mnt || !spaces.uts)
    return os_error("cannot open the namespaces",
                    errno == EMFILE ? "raise the limit of open files (ulimit -n)" : "");
  return spaces;
}

Result<void> Spaces::enter() const {
  if (setns(net.get(), CLONE_NEWNET) != 0 || setns(uts.get(), CLONE_NEWUTS) != 0 ||
      setns(mnt.get(), CLONE_NEWNS) != 0)
    return os_error("cannot enter the node's namespaces");
  return {};
}

Result<Spaces> make_node_spaces(const plan::Node& node, const std::string& folder, const Spaces& home) {
  if (unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWUTS) != 0)
    return os_error(fmt::format("{}: cannot make its namespaces", node.name),
                    "sysctl user.max_net_namespaces tells how many are allowed");
  auto done = set_up_inside(node, folder);
  auto spaces = Spaces::of_this_process();
  if (auto back = home.enter(); !back) return std::unexpected(back.error());
  if (!done) return fail(node.name + ": " + done.error().what, {}, done.error().remedy);
  return spaces;
}

Result<void> place_files(const std::vector<plan::File>& files, const std::string& folder) {
  for (const auto& file : files) {
    const auto copy = folder + file.path;
    if (access(copy.c_str(), F_OK) == 0) {
      // Mounted already: a new file under the same name would not be seen through the mount.
      std::ofstream out(copy, std::ios::trunc | std::ios::binary);
      out << file.content;
      if (!out.flush()) return os_error(fmt::format("cannot write {}", copy));
      continue;
    }
    if (auto written = write_file(copy, file.content, file.mode); !written) return written;
    if (auto bound = bind_file(copy, file.path); !bound) return bound;
  }
  return {};
}

Result<void> write_file(const std::string& path, const std::string& content, unsigned mode, bool durable) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  const auto temporary = path + ".new";
  (void)unlink(temporary.c_str());
  const Fd file(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!file) return os_error(fmt::format("cannot write {}", path));
  for (std::size_t done = 0; done < content.size();) {
    const auto n = write(file.get(), content.data() + done, content.size() - done);
    if (n < 0) return os_error(fmt::format("cannot write {}", path));
    done += static_cast<std::size_t>(n);
  }
  (void)fchmod(file.get(), mode);  // whatever the umask is
  if (durable && fsync(file.get()) != 0) return os_error(fmt::format("cannot write {}", path));
  if (rename(temporary.c_str(), path.c_str()) != 0) return os_error(fmt::format("cannot write {}", path));
  return {};
}

std::string namespace_obstacle() {
  if (geteuid() == 0)
    return "root without CAP_SYS_ADMIN, as in a plain container, cannot: run labctl outside it, or with "
           "docker run --privileged";
  if (first_word("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1")
    return "kernel.apparmor_restrict_unprivileged_userns is 1 (Ubuntu 23.10 and newer)";
  if (first_word("/proc/sys/kernel/unprivileged_userns_clone") == "0")
    return "kernel.unprivileged_userns_clone is 0 (Debian 10 and older, hardened kernels)";
  if (first_word("/proc/sys/user/max_user_namespaces") == "0") return "user.max_user_namespaces is 0";
  return {};
}

}  // namespace lab::runtime
