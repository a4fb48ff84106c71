#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>

#include "directory/apparmor.hpp"
#include "labctl/command/commands.hpp"
#include "labctl/command/context.hpp"
#include "labctl/command/terminal.hpp"
#include "labctl/runtime/namespaces.hpp"
#include "labctl/runtime/netlink.hpp"

namespace lab::command {

namespace json = boost::json;

namespace {

struct Finding {
  std::string what;
  bool ok = false, needed = true;
  std::string detail, remedy;
};

/// Runs `probe` in a child, so that this process stays where it is; its Error comes back as text.
Result<void> in_child(const std::function<Result<void>()>& probe) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail("cannot make a pipe");
  const pid_t child = fork();
  if (child == 0) {
    const auto done = probe();
    const auto text = done ? std::string() : done.error().what;
    (void)!write(ends[1], text.data(), text.size());
    _exit(done ? 0 : 1);
  }
  close(ends[1]);
  std::string text(512, '\0');
  const auto size = read(ends[0], text.data(), text.size());
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return fail(text.empty() ? "the probe was killed" : text);
}

Result<void> make_namespaces() { return runtime::enter_lab_namespaces(); }

Result<void> make_links() {
  if (auto entered = runtime::enter_lab_namespaces(); !entered) return entered;
  auto links = runtime::Netlink::open();
  if (!links) return std::unexpected(links.error());
  links->add_bridge("br-doctor", 100, 1500);
  plan::Interface interface;
  interface.name = "eth0";
  interface.mac = *MacAddress::parse("02:00:00:00:00:01");
  const runtime::Fd self(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  links->add_port("doctor-eth0", 101, 100, interface, 10, self.get());
  return links->flush();
}

Result<void> mount_proc() {
  if (auto entered = runtime::enter_lab_namespaces(); !entered) return entered;
  const pid_t first = fork();
  if (first == 0) _exit(runtime::mount_lab_filesystems({}) ? 0 : 1);
  int status = 0;
  waitpid(first, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail("cannot mount a new /proc");
}

std::string find_program(const std::string& name) {
  for (const char* folder : {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}) {
    const auto path = fmt::format("{}/{}", folder, name);
    if (access(path.c_str(), X_OK) == 0) return path;
  }
  return {};
}

std::string namespaces_remedy() {
  const auto obstacle = runtime::namespace_obstacle();
  if (obstacle.find("apparmor") != std::string::npos)
    return fmt::format(
        "Ubuntu forbids user namespaces to programs without an AppArmor profile. One of these helps:\n"
        "a profile for this labctl alone (survives a restart):\n"
        "  printf 'abi <abi/4.0>,\\ninclude <tunables/global>\\nprofile labctl {} flags=(unconfined) {{ "
        "userns, }}\\n' | sudo tee /etc/apparmor.d/labctl\n"
        "  sudo apparmor_parser -r /etc/apparmor.d/labctl\n"
        "or for every program, until the next restart: sudo sysctl "
        "kernel.apparmor_restrict_unprivileged_userns=0\n"
        "or run labctl as root: sudo labctl up",
        bin_folder() + "/labctl");
  if (obstacle.find("userns_clone") != std::string::npos)
    return "sudo sysctl kernel.unprivileged_userns_clone=1, or run labctl as root";
  if (obstacle.find("max_user") != std::string::npos)
    return "sudo sysctl user.max_user_namespaces=10000, or run labctl as root";
  if (!obstacle.empty()) return obstacle;
  return "the kernel or a container's seccomp profile forbids it (Docker: --security-opt "
         "seccomp=unconfined); as root it may work: sudo labctl up";
}

std::vector<Finding> examine() {
  std::vector<Finding> findings;
  auto add = [&](std::string what, const Result<void>& result, std::string remedy) {
    findings.push_back({std::move(what), result.has_value(), true, result ? "" : result.error().what,
                        result ? "" : std::move(remedy)});
  };
  const auto obstacle = runtime::namespace_obstacle();
  auto namespaces = in_child(make_namespaces);
  if (!namespaces && !obstacle.empty()) namespaces = fail(namespaces.error().what + ": " + obstacle);
  add(geteuid() == 0 ? "namespaces (as root)" : "namespaces without root", namespaces, namespaces_remedy());
  if (namespaces) {
    add("bridges and veth pairs", in_child(make_links),
        "the kernel needs the modules bridge and veth: sudo modprobe -a bridge veth");
    add("a /proc of its own", in_child(mount_proc),
        "inside a container, let it mount /proc: docker run --security-opt systempaths=unconfined, or "
        "--privileged");
  }
  struct Tool {
    const char *program, *package, *use;
    bool needed;
  };
  static constexpr Tool kTools[] = {{"slapd", "slapd", "the directory", true},
                                    {"ip", "iproute2", "looking at interfaces inside nodes", false},
                                    {"dig", "bind9-dnsutils", "DNS look-ups inside nodes", false},
                                    {"ldapsearch", "ldap-utils", "looking into the directory", false},
                                    {"swaks", "swaks", "sending test mails", false},
                                    {"curl", "curl", "mail and web from the command line", false},
                                    {"mutt", "mutt", "a mail reader", false},
                                    {"ping", "iputils-ping", "ping inside nodes", false},
                                    {"krb5kdc", "krb5-kdc krb5-admin-server", "directory: {kerberos: true}", false},
                                    {"kinit", "krb5-user", "Kerberos log-in inside nodes", false},
                                    {"udhcpc", "udhcpc", "dhcp_client: udhcpc", false},
                                    {"dhclient", "isc-dhcp-client", "dhcp_client: dhclient", false},
                                    {"dhcpcd", "dhcpcd-base", "dhcp_client: dhcpcd", false}};
  for (const auto& tool : kTools) {
    const auto path = find_program(tool.program);
    findings.push_back({fmt::format("{} ({})", tool.program, tool.use), !path.empty(), tool.needed, path,
                        path.empty() ? fmt::format("sudo apt-get install -y {}", tool.package) : ""});
  }
  for (const char* daemon :
       {"lab-dnsd", "lab-dhcpd", "lab-dhclient", "lab-directory", "lab-kdc", "lab-maild", "lab-probe"}) {
    const auto path = bin_folder() + "/" + daemon;
    const bool there = access(path.c_str(), X_OK) == 0;
    findings.push_back(
        {daemon, there, true, there ? path : "missing beside labctl", there ? "" : "./bootstrap.sh build"});
  }
  // lab-directory gets round it by itself; who finds a copy of slapd in a lab's state folder learns here why.
  constexpr const char* kSlapd = "/usr/sbin/slapd";
  if (directory::confines(directory::read_apparmor_facts(), kSlapd))
    findings.push_back({"AppArmor and slapd", true, false,
                        fmt::format("its profile keeps {} to /var/lib/ldap: labs run a copy of it from their "
                                    "state folder, which the profile does not bind",
                                    kSlapd),
                        ""});
  std::ifstream maximum("/proc/sys/user/max_net_namespaces");
  long most = 0;
  maximum >> most;
  constexpr long kComfortable = 100;
  if (most > 0 && most < kComfortable)
    findings.push_back({"network namespaces allowed", false, false,
                        fmt::format("user.max_net_namespaces is {}", most),
                        "sudo sysctl user.max_net_namespaces=10000 for labs with many nodes"});
  return findings;
}

}  // namespace

int doctor(bool as_json) {
  const auto findings = examine();
  const bool able = std::ranges::none_of(findings, [](const Finding& f) { return f.needed && !f.ok; });
  if (as_json) {
    json::array all;
    for (const auto& f : findings)
      all.push_back(
          {{"what", f.what}, {"ok", f.ok}, {"needed", f.needed}, {"detail", f.detail}, {"remedy", f.remedy}});
    fmt::print("{}\n", json::serialize(all));
    return able ? kDone : kFailed;
  }
  Columns columns;
  for (const auto& f : findings)
    columns.add({f.ok       ? styled(Style::Good, "✓")
                 : f.needed ? styled(Style::Bad, "✗")
                            : styled(Style::Warn, "–"),
                 f.what, f.ok ? styled(Style::Dim, f.detail) : f.detail});
  fmt::print("{}", columns.text());
  for (const auto& f : findings)
    if (!f.ok) {
      std::string remedy = f.remedy;
      for (std::size_t at = 0; (at = remedy.find('\n', at)) != std::string::npos; at += 5)
        remedy.replace(at, 1, "\n    ");
      fmt::print("\n{}{}\n    {}\n", f.what, f.needed ? "" : " (optional)", remedy);
    }
  fmt::print("\n{}\n",
             able ? "This machine can run labs." : "This machine cannot run labs yet; see above what helps.");
  return able ? kDone : kFailed;
}

}  // namespace lab::command
