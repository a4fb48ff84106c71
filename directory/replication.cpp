#include "directory/replication.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace lab::directory {
namespace {

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) out += c == '"' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
  return out + "\"";
}

std::string account(const Settings& s, const std::string& password) {
  return fmt::format(
      "bindmethod=simple binddn={} credentials={} tls_cacert={} tls_reqcert=demand network-timeout=3 "
      "timeout=5",
      quoted(s.replication->dn), quoted(password), quoted(s.tls.ca));
}

}  // namespace

std::string chain_conf(const Settings& s, const std::string& password) {
  // "mode=self": as whoever asked. Without "chain-return-error" a person whose original is down would be sent
  // there by a referral, which is no help.
  return fmt::format(
      "overlay chain\n"
      "chain-uri {}\n"
      "chain-idassert-bind {} mode=self\n"
      "chain-return-error TRUE\n",
      s.replica_of, account(s, password));
}

std::string syncrepl_conf(const Settings& s, const std::string& password) {
  // keepalive: a link that died without a word is noticed within half a minute; retry: each second, for ever.
  return fmt::format(
      "syncrepl rid=001 provider={} type=refreshAndPersist searchbase={} schemachecking=off retry=\"1 +\" "
      "keepalive=15:3:5 {}\n"
      "updateref {}\n",
      s.replica_of, quoted(s.suffix), account(s, password), s.replica_of);
}

std::vector<std::string> may_speak_for(const Settings& s) {
  return {"{0}ldap:///ou=people," + s.suffix + "??one?(objectClass=inetOrgPerson)"};
}

Result<std::string> memory_file(const std::string& text) {
  // Inherited by slapd on purpose: no MFD_CLOEXEC.
  const int fd = ::memfd_create("replication", 0);
  if (fd < 0 || ::write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return fail(std::string("cannot keep a file in memory: ") + std::strerror(errno));
  return fmt::format("/proc/self/fd/{}", fd);
}

}  // namespace lab::directory
