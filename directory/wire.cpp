#include "directory/wire.hpp"

#include <dlfcn.h>
#include <ldap.h>
#include <openldap.h>
#include <sys/epoll.h>

#include <cerrno>
#include <cstring>
#include <new>

namespace lab::directory {
namespace {

/// What libldap believes to be its connection.
struct Memory {
  std::string in;         // fed, not yet read by libldap
  std::size_t in_at = 0;  // how much of it has been read
  std::string out;        // written by libldap, not yet taken
  bool has_input() const { return in_at < in.size(); }
};

Memory& memory_of(Sockbuf_IO_Desc* d) { return *static_cast<Memory*>(d->sbiod_pvt); }

int memory_setup(Sockbuf_IO_Desc* d, void* memory) {
  d->sbiod_pvt = memory;
  return 0;
}
int memory_remove(Sockbuf_IO_Desc*) { return 0; }
int memory_close(Sockbuf_IO_Desc*) { return 0; }

// "Data ready" makes ldap_result read at once; else it would poll a descriptor that does not exist.
int memory_ctrl(Sockbuf_IO_Desc* d, int option, void*) {
  return option == LBER_SB_OPT_DATA_READY && memory_of(d).has_input() ? 1 : 0;
}

ber_slen_t memory_read(Sockbuf_IO_Desc* d, void* to, ber_len_t most) {
  auto& m = memory_of(d);
  if (!m.has_input()) {
    errno = EWOULDBLOCK;
    return -1;
  }
  const auto n = std::min<std::size_t>(most, m.in.size() - m.in_at);
  std::memcpy(to, m.in.data() + m.in_at, n);
  m.in_at += n;
  return static_cast<ber_slen_t>(n);
}

ber_slen_t memory_write(Sockbuf_IO_Desc* d, void* from, ber_len_t n) {
  memory_of(d).out.append(static_cast<const char*>(from), n);
  return static_cast<ber_slen_t>(n);
}

Sockbuf_IO memory_io{memory_setup, memory_remove, memory_ctrl, memory_read, memory_write, memory_close};

/// libldap starts Cyrus SASL, which loads every mechanism it finds, with Kerberos and a database library
/// behind them: 2 MB and 4 ms for nothing, as EXTERNAL needs none. The function is looked up because its
/// header is in another package.
void start_libldap() {
  static const bool once = [] {
    constexpr int kPluginPath = 0;  // SASL_PATH_TYPE_PLUGIN
    using SetPath = int (*)(int, char*);
    char nowhere[] = "/nonexistent";
    if (auto set_path = reinterpret_cast<SetPath>(dlsym(RTLD_DEFAULT, "sasl_set_path")))
      set_path(kPluginPath, nowhere);
    return true;
  }();
  (void)once;
}

/// A descriptor for libldap to poll between two messages: an epoll that watches nothing is never ready. It
/// takes -1 for "not connected" and would connect by itself, and a closed one for an error.
int never_ready() {
  static const int fd = ::epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) throw std::bad_alloc();
  return fd;
}

berval view(std::string_view s) { return {s.size(), const_cast<char*>(s.data())}; }

/// BerVarray-like arrays of pointers for libldap's calls: valid while the strings are.
class Values {
 public:
  explicit Values(const std::vector<std::string>& list) {
    for (auto& value : list) values_.push_back(view(value));
    for (auto& value : values_) pointers_.push_back(&value);
    pointers_.push_back(nullptr);
  }
  berval** get() { return pointers_.data(); }

 private:
  std::vector<berval> values_;
  std::vector<berval*> pointers_;
};

std::vector<LDAPMod*> pointers_to(std::vector<LDAPMod>& mods) {
  std::vector<LDAPMod*> list;
  for (auto& m : mods) list.push_back(&m);
  list.push_back(nullptr);
  return list;
}

constexpr int kCritical = 1;

/// A control libldap has made, freed in its way.
class Control {
 public:
  Control() = default;
  Control(Control&& other) noexcept : control_(std::exchange(other.control_, nullptr)) {}
  Control& operator=(Control&& other) noexcept {
    std::swap(control_, other.control_);
    return *this;
  }
  ~Control() {
    if (control_ != nullptr) ldap_control_free(control_);
  }
  LDAPControl** out() { return &control_; }
  LDAPControl* get() const { return control_; }

 private:
  LDAPControl* control_ = nullptr;
};

/// RFC 4533 2.2: refreshAndPersist, from where the cookie says.
Control sync_request(const std::string& cookie) {
  const std::unique_ptr<BerElement, void (*)(BerElement*)> ber(ber_alloc_t(LBER_USE_DER),
                                                               [](BerElement* b) { ber_free(b, 1); });
  berval from = view(cookie), value{};
  Control control;
  if (!ber || ber_printf(ber.get(), "{eO}", LDAP_SYNC_REFRESH_AND_PERSIST, &from) < 0 ||
      ber_flatten2(ber.get(), &value, 0) != 0 ||
      ldap_control_create(LDAP_CONTROL_SYNC, kCritical, &value, 1, control.out()) != LDAP_SUCCESS)
    throw std::bad_alloc();
  return control;
}

/// The control of an answer; nullptr for one without a value, which libldap takes for granted and aborts
/// over.
LDAPControl* with_value(const char* oid, LDAPControl** controls) {
  auto* control = controls == nullptr ? nullptr : ldap_control_find(oid, controls, nullptr);
  return control == nullptr || control->ldctl_value.bv_val == nullptr ? nullptr : control;
}

std::string page_cookie_of(LDAP* ld, LDAPControl** controls) {
  auto* control = with_value(LDAP_CONTROL_PAGEDRESULTS, controls);
  ber_int_t estimate = 0;
  berval cookie{};
  if (control == nullptr || ldap_parse_pageresponse_control(ld, control, &estimate, &cookie) != LDAP_SUCCESS)
    return {};
  std::string text(cookie.bv_val == nullptr ? "" : cookie.bv_val,
                   cookie.bv_val == nullptr ? 0 : cookie.bv_len);
  ber_memfree(cookie.bv_val);
  return text;
}

PolicyError policy_of(LDAP* ld, LDAPControl** controls) {
  auto* control = with_value(LDAP_CONTROL_PASSWORDPOLICYRESPONSE, controls);
  if (control == nullptr) return PolicyError::None;
  ber_int_t expire = -1, grace = -1;
  LDAPPasswordPolicyError error = PP_noError;
  if (ldap_parse_passwordpolicy_control(ld, control, &expire, &grace, &error) != LDAP_SUCCESS)
    return PolicyError::None;
  // The server may send any number, and libldap has put it into the enumeration unseen.
  int code = 0;
  static_assert(sizeof code == sizeof error);
  std::memcpy(&code, &error, sizeof code);
  switch (code) {
    case PP_noError: return PolicyError::None;
    case PP_passwordExpired: return PolicyError::PasswordExpired;
    case PP_accountLocked: return PolicyError::AccountLocked;
    case PP_changeAfterReset: return PolicyError::ChangeAfterReset;
    default: return PolicyError::Other;
  }
}

std::optional<Entry> entry_of(LDAP* ld, LDAPMessage* message) {
  BerElement* ber = nullptr;
  berval dn{};
  if (ldap_get_dn_ber(ld, message, &ber, &dn) != LDAP_SUCCESS) return std::nullopt;
  Entry entry{.dn = std::string(dn.bv_val, dn.bv_len), .attributes = {}};
  berval name{};
  BerVarray list = nullptr;
  bool good = true;
  while ((good = ldap_get_attribute_ber(ld, message, ber, &name, &list) == LDAP_SUCCESS) &&
         name.bv_val != nullptr) {
    std::vector<std::string> values;
    for (auto* v = list; v != nullptr && v->bv_val != nullptr; ++v) values.emplace_back(v->bv_val, v->bv_len);
    entry.add(std::string_view(name.bv_val, name.bv_len), std::move(values));
    ber_memfree(list);
    list = nullptr;
  }
  ber_free(ber, 0);
  if (!good) return std::nullopt;
  return entry;
}

}  // namespace

struct Wire::Impl {
  Memory memory;
  LDAP* ld = nullptr;
  bool each = false;
  std::optional<Error> broken;

  ~Impl() {
    if (ld != nullptr) ldap_unbind_ext(ld, nullptr, nullptr);
  }
  /// The id of the request libldap has just written, or why it refused. `id` is a reference because the call
  /// that gives the status, in the same list of arguments, is what sets it.
  static Result<int> sent(int status, const int& id) {
    if (status != LDAP_SUCCESS)
      return fail(std::string("cannot write an LDAP request: ") + ldap_err2string(status));
    return id;
  }
  static Result<int> gone() { return fail("the LDAP connection has been closed"); }
  std::optional<Reply> reply_of(LDAPMessage* message, int type);
  std::optional<Reply> part_of(LDAPMessage* message, int type);
};

std::string Reply::text() const {
  std::string text = fmt::format("{} {}", code, ldap_err2string(code));
  return diagnostic.empty() ? text : text + " (" + diagnostic + ")";
}

Wire::Wire(WireLimits limits) : impl_(std::make_unique<Impl>()) {
  start_libldap();
  if (ldap_init_fd(never_ready(), LDAP_PROTO_EXT, nullptr, &impl_->ld) != LDAP_SUCCESS)
    throw std::bad_alloc();
  auto* ld = impl_->ld;
  // Set one by one, so that the machine's ldap.conf decides nothing.
  const int version = LDAP_VERSION3, none = 0, never = LDAP_DEREF_NEVER;
  ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version);
  ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
  ldap_set_option(ld, LDAP_OPT_SIZELIMIT, &none);
  ldap_set_option(ld, LDAP_OPT_TIMELIMIT, &none);
  ldap_set_option(ld, LDAP_OPT_DEREF, &never);
  Sockbuf* socket = nullptr;
  ldap_get_option(ld, LDAP_OPT_SOCKBUF, &socket);
  ber_len_t most = limits.message;
  ber_sockbuf_ctrl(socket, LBER_SB_OPT_SET_MAX_INCOMING, &most);
  if (ber_sockbuf_add_io(socket, &memory_io, LBER_SBIOD_LEVEL_PROVIDER, &impl_->memory) != 0)
    throw std::bad_alloc();
}

Wire::~Wire() = default;
Wire::Wire(Wire&&) noexcept = default;
Wire& Wire::operator=(Wire&&) noexcept = default;

Result<int> Wire::bind(const std::string& dn, std::string_view password) {
  if (impl_->ld == nullptr) return Impl::gone();
  // RFC 4513 5.1.2: a name with an empty password is an anonymous bind, which succeeds and proves nothing.
  if (password.empty()) return fail("an empty password cannot be checked");
  LDAPControl policy{};
  policy.ldctl_oid = const_cast<char*>(LDAP_CONTROL_PASSWORDPOLICYREQUEST);
  LDAPControl* controls[] = {&policy, nullptr};
  const berval secret = view(password);
  int id = 0;
  const int status = ldap_sasl_bind(impl_->ld, dn.c_str(), LDAP_SASL_SIMPLE, const_cast<berval*>(&secret),
                                    controls, nullptr, &id);
  return Impl::sent(status, id);
}

Result<int> Wire::bind_external() {
  if (impl_->ld == nullptr) return Impl::gone();
  berval as_myself = view("");
  int id = 0;
  return Impl::sent(ldap_sasl_bind(impl_->ld, nullptr, "EXTERNAL", &as_myself, nullptr, nullptr, &id), id);
}

Result<int> Wire::start_tls() {
  if (impl_->ld == nullptr) return Impl::gone();
  int id = 0;
  return Impl::sent(ldap_extended_operation(impl_->ld, LDAP_EXOP_START_TLS, nullptr, nullptr, nullptr, &id),
                    id);
}

void Wire::deliver_each() { impl_->each = true; }

Result<int> Wire::search(const Search& search) {
  if (impl_->ld == nullptr) return Impl::gone();
  Control page, follow;
  std::vector<LDAPControl*> controls;
  if (search.page > 0) {
    berval cookie = view(search.page_cookie);
    if (ldap_create_page_control(impl_->ld, search.page, &cookie, kCritical, page.out()) != LDAP_SUCCESS)
      throw std::bad_alloc();
    controls.push_back(page.get());
  }
  if (search.follow_from) {
    follow = sync_request(*search.follow_from);
    controls.push_back(follow.get());
  }
  controls.push_back(nullptr);
  std::vector<char*> names;
  for (auto& name : search.attributes) names.push_back(const_cast<char*>(name.c_str()));
  names.push_back(nullptr);
  const int scope = search.scope == Scope::Base  ? LDAP_SCOPE_BASE
                    : search.scope == Scope::One ? LDAP_SCOPE_ONELEVEL
                                                 : LDAP_SCOPE_SUBTREE;
  int id = 0;
  const int status = ldap_search_ext(impl_->ld, search.base.c_str(), scope, search.filter.c_str(),
                                     search.attributes.empty() ? nullptr : names.data(), 0, controls.data(),
                                     nullptr, nullptr, search.size_limit, &id);
  return Impl::sent(status, id);
}

Result<int> Wire::add(const Entry& entry) {
  if (impl_->ld == nullptr) return Impl::gone();
  std::vector<Values> values;
  std::vector<LDAPMod> mods;
  values.reserve(entry.attributes.size());
  for (auto& [name, list] : entry.attributes) {
    LDAPMod m{};
    m.mod_op = LDAP_MOD_ADD | LDAP_MOD_BVALUES;
    m.mod_type = const_cast<char*>(name.c_str());
    m.mod_bvalues = values.emplace_back(list).get();
    mods.push_back(m);
  }
  int id = 0;
  return Impl::sent(
      ldap_add_ext(impl_->ld, entry.dn.c_str(), pointers_to(mods).data(), nullptr, nullptr, &id), id);
}

Result<int> Wire::modify(const std::string& dn, const std::vector<Modification>& changes) {
  if (impl_->ld == nullptr) return Impl::gone();
  std::vector<Values> values;
  std::vector<LDAPMod> mods;
  values.reserve(changes.size());
  for (auto& change : changes) {
    LDAPMod m{};
    m.mod_op = LDAP_MOD_BVALUES | (change.kind == Modification::Kind::Add      ? LDAP_MOD_ADD
                                   : change.kind == Modification::Kind::Delete ? LDAP_MOD_DELETE
                                                                               : LDAP_MOD_REPLACE);
    m.mod_type = const_cast<char*>(change.attribute.c_str());
    m.mod_bvalues = change.values.empty() ? nullptr : values.emplace_back(change.values).get();
    mods.push_back(m);
  }
  int id = 0;
  return Impl::sent(ldap_modify_ext(impl_->ld, dn.c_str(), pointers_to(mods).data(), nullptr, nullptr, &id),
                    id);
}

Result<int> Wire::remove(const std::string& dn) {
  if (impl_->ld == nullptr) return Impl::gone();
  int id = 0;
  return Impl::sent(ldap_delete_ext(impl_->ld, dn.c_str(), nullptr, nullptr, &id), id);
}

Result<int> Wire::change_password(const std::string& dn, std::string_view fresh, std::string_view old) {
  if (impl_->ld == nullptr) return Impl::gone();
  berval user = view(dn), before = view(old), next = view(fresh);
  int id = 0;
  return Impl::sent(
      ldap_passwd(impl_->ld, &user, old.empty() ? nullptr : &before, &next, nullptr, nullptr, &id), id);
}

void Wire::abandon(int id) {
  if (impl_->ld != nullptr) ldap_abandon_ext(impl_->ld, id, nullptr, nullptr);
}

void Wire::unbind() {
  if (impl_->ld != nullptr) ldap_unbind_ext(std::exchange(impl_->ld, nullptr), nullptr, nullptr);
}

std::string Wire::take_output() { return std::exchange(impl_->memory.out, {}); }

void Wire::feed(std::span<const char> bytes) {
  auto& m = impl_->memory;
  if (!m.has_input()) {
    m.in.clear();
    m.in_at = 0;
  }
  m.in.append(bytes.data(), bytes.size());
}

std::optional<Reply> Wire::next() {
  // Without input libldap would poll; with it, each turn reads a message or a part of one.
  while (impl_->ld != nullptr && !impl_->broken && impl_->memory.has_input()) {
    timeval now{};
    LDAPMessage* message = nullptr;
    const int type =
        ldap_result(impl_->ld, LDAP_RES_ANY, impl_->each ? LDAP_MSG_ONE : LDAP_MSG_ALL, &now, &message);
    if (type > 0) {
      auto reply = impl_->reply_of(message, type);
      ldap_msgfree(message);
      if (reply) return reply;
      impl_->broken = Error{"the server's answer cannot be read", "", ""};
    } else if (type < 0) {
      int why = 0;
      ldap_get_option(impl_->ld, LDAP_OPT_RESULT_CODE, &why);
      impl_->broken =
          Error{std::string("the other end does not speak LDAP: ") + ldap_err2string(why), "", ""};
    }
  }
  return std::nullopt;
}

std::optional<Reply> Wire::Impl::reply_of(LDAPMessage* message, int type) {
  if (type == LDAP_RES_SEARCH_ENTRY || type == LDAP_RES_SEARCH_REFERENCE || type == LDAP_RES_INTERMEDIATE)
    return part_of(message, type);
  Reply reply;
  reply.id = ldap_msgid(message);
  for (auto* m = ldap_first_entry(ld, message); m != nullptr; m = ldap_next_entry(ld, m)) {
    auto entry = entry_of(ld, m);
    if (!entry) return std::nullopt;
    reply.entries.push_back(std::move(*entry));
  }
  for (auto* m = ldap_first_reference(ld, message); m != nullptr; m = ldap_next_reference(ld, m)) {
    char** urls = nullptr;
    if (ldap_parse_reference(ld, m, &urls, nullptr, 0) != LDAP_SUCCESS) return std::nullopt;
    for (auto** url = urls; url != nullptr && *url != nullptr; ++url) reply.references.emplace_back(*url);
    ldap_memvfree(reinterpret_cast<void**>(urls));
  }
  char* diagnostic = nullptr;
  char** referrals = nullptr;
  LDAPControl** controls = nullptr;
  if (ldap_parse_result(ld, message, &reply.code, nullptr, &diagnostic, &referrals, &controls, 0) !=
      LDAP_SUCCESS)
    return std::nullopt;
  if (diagnostic != nullptr) reply.diagnostic = diagnostic;
  for (auto** r = referrals; r != nullptr && *r != nullptr; ++r) reply.referrals.emplace_back(*r);
  if (type == LDAP_RES_BIND) reply.policy = policy_of(ld, controls);
  if (type == LDAP_RES_SEARCH_RESULT) reply.page_cookie = page_cookie_of(ld, controls);
  ldap_memfree(diagnostic);
  ldap_memvfree(reinterpret_cast<void**>(referrals));
  ldap_controls_free(controls);
  return reply;
}

std::optional<Reply> Wire::Impl::part_of(LDAPMessage* message, int type) {
  Reply reply;
  reply.id = ldap_msgid(message);
  reply.part = Reply::Part::Other;
  if (type == LDAP_RES_SEARCH_ENTRY) {
    auto entry = entry_of(ld, message);
    if (!entry) return std::nullopt;
    reply.entries.push_back(std::move(*entry));
    reply.part = Reply::Part::Change;
  } else if (type == LDAP_RES_INTERMEDIATE) {
    char* name = nullptr;
    berval* value = nullptr;
    // libldap aborts over a name without a letter in it. What it calls a DN is the first text of a message;
    // it ends it with a zero, in place of what comes next: the value's tag (RFC 4511 4.13), which has to be
    // there again.
    constexpr auto kValueTag = static_cast<char>(0x81);
    berval first{};
    (void)ldap_get_dn_ber(ld, message, nullptr, &first);
    if (first.bv_val == nullptr || first.bv_len == 0 || *first.bv_val == '\0') return std::nullopt;
    first.bv_val[first.bv_len] = kValueTag;
    if (ldap_parse_intermediate(ld, message, &name, &value, nullptr, 0) != LDAP_SUCCESS) return std::nullopt;
    // RFC 4533 2.5: [1] refreshDelete and [2] refreshPresent end the telling of what was before.
    if (name != nullptr && std::string_view(name) == LDAP_SYNC_INFO && value != nullptr &&
        value->bv_len > 0) {
      const auto tag = static_cast<ber_tag_t>(static_cast<unsigned char>(value->bv_val[0]));
      if (tag == LDAP_TAG_SYNC_REFRESH_DELETE || tag == LDAP_TAG_SYNC_REFRESH_PRESENT)
        reply.part = Reply::Part::UpToDate;
    }
    ldap_memfree(name);
    ber_bvfree(value);
  }
  return reply;
}

const std::optional<Error>& Wire::broken() const { return impl_->broken; }

}  // namespace lab::directory
