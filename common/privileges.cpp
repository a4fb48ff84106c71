#include <sys/capability.h>
#include <sys/prctl.h>

#include <cerrno>
#include <memory>
#include <string>
#include <system_error>

#include "common/runtime.hpp"

namespace lab {

void drop_privileges(std::initializer_list<std::string_view> keep) {
  auto check = [](bool ok, const char* what) {
    if (!ok) throw std::system_error(errno, std::generic_category(), what);
  };
  check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
  const std::unique_ptr<std::remove_pointer_t<cap_t>, int (*)(void*)> wanted(cap_init(), cap_free);
  const std::unique_ptr<std::remove_pointer_t<cap_t>, int (*)(void*)> have(cap_get_proc(), cap_free);
  check(wanted != nullptr && have != nullptr, "capabilities");
  for (const auto name : keep) {
    cap_value_t value = 0;
    check(cap_from_name(std::string(name).c_str(), &value) == 0, "capability name");
    cap_flag_value_t held =
        CAP_CLEAR;  // an ordinary user's daemon has none: keeping it is then no wish we can fulfil
    cap_get_flag(have.get(), value, CAP_PERMITTED, &held);
    if (held != CAP_SET) continue;
    check(cap_set_flag(wanted.get(), CAP_PERMITTED, 1, &value, CAP_SET) == 0, "capability");
    check(cap_set_flag(wanted.get(), CAP_EFFECTIVE, 1, &value, CAP_SET) == 0, "capability");
  }
  // The bounding set too: an exec of a root-owned program must not bring capabilities back.
  for (cap_value_t value = 0; cap_get_bound(value) >= 0; ++value) {
    cap_flag_value_t kept = CAP_CLEAR;
    cap_get_flag(wanted.get(), value, CAP_PERMITTED, &kept);
    if (kept == CAP_CLEAR)
      (void)cap_drop_bound(value);  // EPERM without CAP_SETPCAP: there is nothing to lose then
  }
  check(cap_set_proc(wanted.get()) == 0, "capabilities");
}

}  // namespace lab
