#include "directory/kdc/principals.hpp"

#include <kadm5/admin.h>
#include <krb5.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace lab::directory::kdc {

struct Principals::Impl {
  krb5_context context = nullptr;
  void* database = nullptr;
  std::string realm;

  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (database != nullptr) kadm5_destroy(database);
    if (context != nullptr) krb5_free_context(context);
  }
  std::unexpected<Error> failure(const std::string& what, long code) const {
    const char* text = krb5_get_error_message(context, static_cast<krb5_error_code>(code));
    std::string why = text;
    krb5_free_error_message(context, text);
    return fail(what + ": " + why);
  }
};

namespace {

constexpr const char* kNext = "/next";              // no login name has a '/'
constexpr const char* kMark = "lab-password-hash";  // kadmin(8), get_strings

krb5_error_code copy_data(const krb5_data& from, krb5_data& to) {
  to = {};
  to.data = static_cast<char*>(std::malloc(from.length + 1));
  if (to.data == nullptr) return ENOMEM;
  std::memcpy(to.data, from.data, from.length);
  to.length = from.length;
  return 0;
}

/// A principal's name in the library's form.
class Name {
 public:
  Name(krb5_context context, const std::string& text) : context_(context) {
    code_ = krb5_parse_name(context, text.c_str(), &name_);
  }
  ~Name() { krb5_free_principal(context_, name_); }
  Name(const Name&) = delete;
  Name& operator=(const Name&) = delete;
  krb5_principal get() const { return name_; }
  krb5_error_code code() const { return code_; }

 private:
  krb5_context context_;
  krb5_principal name_ = nullptr;
  krb5_error_code code_ = 0;
};

}  // namespace

Principals::Principals(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Principals::Principals(Principals&&) noexcept = default;
Principals::~Principals() = default;

Result<Principals> Principals::open(const std::string& realm) {
  auto impl = std::make_unique<Impl>();
  impl->realm = realm;
  if (const auto code = kadm5_init_krb5_context(&impl->context); code != 0)
    return fail("cannot start Kerberos' library (error " + std::to_string(code) + ")");
  kadm5_config_params parameters{};
  parameters.mask = KADM5_CONFIG_REALM;
  auto own_realm = realm;
  parameters.realm = own_realm.data();
  char who[] = "lab-kdc/admin";
  if (const auto code = kadm5_init(impl->context, who, nullptr, nullptr, &parameters, KADM5_STRUCT_VERSION,
                                   KADM5_API_VERSION_4, nullptr, &impl->database);
      code != 0)
    return impl->failure("cannot open the realm's database", code);
  return Principals(std::move(impl));
}

Result<std::vector<std::string>> Principals::names() {
  char** names = nullptr;
  int count = 0;
  char all[] = "*";
  if (const auto code = kadm5_get_principals(impl_->database, all, &names, &count); code != 0)
    return impl_->failure("cannot list the principals", code);
  std::vector<std::string> out;
  for (int i = 0; i < count; ++i) {
    const std::string_view name(names[i]);
    out.emplace_back(name.substr(0, name.rfind('@')));
  }
  kadm5_free_name_list(impl_->database, names, count);
  return out;
}

Result<std::vector<std::string>> Principals::people() {
  auto all = names();
  if (all) std::erase_if(*all, [](auto& name) { return name.contains('/'); });
  return all;
}

Result<std::vector<std::string>> Principals::prepared() {
  auto all = names();
  if (!all) return all;
  std::erase_if(*all, [](auto& name) { return !name.ends_with(kNext); });
  for (auto& name : *all) name.resize(name.size() - std::strlen(kNext));
  return all;
}

Result<void> Principals::set_key(const std::string& who, const std::string& password, bool usable) {
  const Name name(impl_->context, who + "@" + impl_->realm);
  if (name.code() != 0) return impl_->failure("'" + who + "' cannot be a principal", name.code());
  auto secret = password;
  auto code = kadm5_chpass_principal(impl_->database, name.get(), secret.data());
  if (code == KADM5_UNK_PRINC) {
    kadm5_principal_ent_rec entry{};
    entry.principal = name.get();
    entry.attributes = KRB5_KDB_REQUIRES_PRE_AUTH | (usable ? 0 : KRB5_KDB_DISALLOW_ALL_TIX);
    code = kadm5_create_principal(impl_->database, &entry, KADM5_PRINCIPAL | KADM5_ATTRIBUTES, secret.data());
  }
  if (code != 0) return impl_->failure("cannot set the key of " + who, code);
  return {};
}

Result<void> Principals::set_password(const std::string& uid, const std::string& password) {
  return set_key(uid, password, true);
}

Result<void> Principals::prepare(const std::string& uid, const std::string& password) {
  return set_key(uid + kNext, password, false);
}

Result<bool> Principals::take_prepared(const std::string& uid) {
  const Name next(impl_->context, uid + kNext + "@" + impl_->realm),
      name(impl_->context, uid + "@" + impl_->realm);
  kadm5_key_data* keys = nullptr;
  int count = 0;
  auto code = kadm5_get_principal_keys(impl_->database, next.get(), 0, &keys, &count);
  if (code == KADM5_UNK_PRINC) return false;
  // A key is made of a password and the principal's name (RFC 3962 4): these ones keep the name they were
  // made with.
  krb5_data salt{};
  if (code == 0) code = krb5_principal2salt(impl_->context, next.get(), &salt);
  for (int i = 0; i < count && code == 0; ++i) {
    keys[i].kvno = 0;  // the next one
    keys[i].salt.type = KRB5_KDB_SALTTYPE_SPECIAL;
    krb5_free_data_contents(impl_->context, &keys[i].salt.data);
    code = copy_data(salt, keys[i].salt.data);
  }
  krb5_free_data_contents(impl_->context, &salt);
  if (code == 0) code = kadm5_setkey_principal_4(impl_->database, name.get(), 0, keys, count);
  if (code == KADM5_UNK_PRINC) {
    kadm5_principal_ent_rec entry{};
    entry.principal = name.get();
    entry.attributes = KRB5_KDB_REQUIRES_PRE_AUTH;
    code = kadm5_create_principal(impl_->database, &entry, KADM5_PRINCIPAL | KADM5_ATTRIBUTES, nullptr);
    if (code == 0) code = kadm5_setkey_principal_4(impl_->database, name.get(), 0, keys, count);
  }
  kadm5_free_kadm5_key_data(impl_->context, count, keys);
  if (code != 0) return impl_->failure("cannot set the key of " + uid, code);
  return true;
}

Result<void> Principals::remove(const std::string& uid) {
  const Name name(impl_->context, uid + "@" + impl_->realm);
  const auto code = kadm5_delete_principal(impl_->database, name.get());
  if (code != 0 && code != KADM5_UNK_PRINC) return impl_->failure("cannot remove " + uid, code);
  return {};
}

Result<void> Principals::drop_prepared(const std::string& uid) { return remove(uid + kNext); }

Result<void> Principals::forget(const std::string& uid) {
  const Name name(impl_->context, uid + "@" + impl_->realm);
  const auto code = kadm5_randkey_principal(impl_->database, name.get(), nullptr, nullptr);
  if (code != 0 && code != KADM5_UNK_PRINC) return impl_->failure("cannot change the key of " + uid, code);
  return {};
}

Result<bool> Principals::set_locked(const std::string& uid, bool locked) {
  const Name name(impl_->context, uid + "@" + impl_->realm);
  kadm5_principal_ent_rec entry{};
  auto code = kadm5_get_principal(impl_->database, name.get(), &entry, KADM5_PRINCIPAL_NORMAL_MASK);
  if (code == KADM5_UNK_PRINC) return false;
  const bool was = (entry.attributes & KRB5_KDB_DISALLOW_ALL_TIX) != 0;
  if (code == 0 && was != locked) {
    entry.attributes ^= KRB5_KDB_DISALLOW_ALL_TIX;
    code = kadm5_modify_principal(impl_->database, &entry, KADM5_ATTRIBUTES);
  }
  kadm5_free_principal_ent(impl_->database, &entry);
  if (code != 0) return impl_->failure("cannot lock or unlock " + uid, code);
  return was != locked;
}

Result<std::optional<std::string>> Principals::mark(const std::string& uid) {
  const Name name(impl_->context, uid + "@" + impl_->realm);
  krb5_string_attr* texts = nullptr;
  int count = 0;
  const auto code = kadm5_get_strings(impl_->database, name.get(), &texts, &count);
  if (code == KADM5_UNK_PRINC) return std::nullopt;
  if (code != 0) return impl_->failure("cannot read about " + uid, code);
  std::string found;
  for (int i = 0; i < count; ++i)
    if (std::strcmp(texts[i].key, kMark) == 0) found = texts[i].value;
  kadm5_free_strings(impl_->database, texts, count);
  return found;
}

Result<void> Principals::set_mark(const std::string& uid, const std::string& text) {
  const Name name(impl_->context, uid + "@" + impl_->realm);
  const auto code = kadm5_set_string(impl_->database, name.get(), kMark, text.c_str());
  if (code != 0 && code != KADM5_UNK_PRINC) return impl_->failure("cannot write about " + uid, code);
  return {};
}

Result<void> Principals::write_keytab(const std::string& file, const std::vector<std::string>& services) {
  const auto draft = file + ".new";
  ::unlink(draft.c_str());
  krb5_keytab table = nullptr;
  if (const auto code = krb5_kt_resolve(impl_->context, ("WRFILE:" + draft).c_str(), &table); code != 0)
    return impl_->failure("cannot open the keytab " + draft, code);
  const auto before = ::umask(0077);
  Result<void> done;
  for (auto& service : services) {
    const Name name(impl_->context, service + "@" + impl_->realm);
    if (name.code() != 0) {
      done = impl_->failure("'" + service + "' cannot be a principal", name.code());
      break;
    }
    kadm5_principal_ent_rec entry{};
    entry.principal = name.get();
    auto code = kadm5_create_principal(impl_->database, &entry, KADM5_PRINCIPAL, nullptr);
    if (code == 0) code = kadm5_randkey_principal(impl_->database, name.get(), nullptr, nullptr);
    if (code == KADM5_DUP) code = 0;
    kadm5_key_data* keys = nullptr;
    int count = 0;
    if (code == 0) code = kadm5_get_principal_keys(impl_->database, name.get(), 0, &keys, &count);
    for (int i = 0; i < count && code == 0; ++i) {
      krb5_keytab_entry one{};
      one.principal = name.get();
      one.vno = keys[i].kvno;
      one.key = keys[i].key;
      code = krb5_kt_add_entry(impl_->context, table, &one);
    }
    kadm5_free_kadm5_key_data(impl_->context, count, keys);
    if (code != 0) {
      done = impl_->failure("cannot write the key of " + service, code);
      break;
    }
  }
  ::umask(before);
  krb5_kt_close(impl_->context, table);
  if (done && ::rename(draft.c_str(), file.c_str()) != 0)
    return fail(std::string("cannot write the keytab: ") + std::strerror(errno), file);
  return done;
}

}  // namespace lab::directory::kdc
