#include "directory/kdc/principals.hpp"

#include <kadm5/admin.h>
#include <krb5.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
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

Result<std::vector<std::string>> Principals::people() {
  char** names = nullptr;
  int count = 0;
  char all[] = "*";
  if (const auto code = kadm5_get_principals(impl_->database, all, &names, &count); code != 0)
    return impl_->failure("cannot list the principals", code);
  std::vector<std::string> out;
  for (int i = 0; i < count; ++i) {
    const std::string name(names[i]);
    if (name.find('/') == std::string::npos) out.push_back(name.substr(0, name.rfind('@')));
  }
  kadm5_free_name_list(impl_->database, names, count);
  return out;
}

Result<void> Principals::set_password(const std::string& uid, const std::string& password) {
  const Name name(impl_->context, uid + "@" + impl_->realm);
  if (name.code() != 0) return impl_->failure("'" + uid + "' cannot be a principal", name.code());
  auto secret = password;
  auto code = kadm5_chpass_principal(impl_->database, name.get(), secret.data());
  if (code == KADM5_UNK_PRINC) {
    kadm5_principal_ent_rec entry{};
    entry.principal = name.get();
    entry.attributes = KRB5_KDB_REQUIRES_PRE_AUTH;
    code = kadm5_create_principal(impl_->database, &entry, KADM5_PRINCIPAL | KADM5_ATTRIBUTES, secret.data());
  }
  if (code != 0) return impl_->failure("cannot set the key of " + uid, code);
  return {};
}

Result<void> Principals::apply(const KeyChange& change) {
  using Kind = KeyChange::Kind;
  if (change.kind == Kind::SetPassword) return set_password(change.uid, change.password);
  const Name name(impl_->context, change.uid + "@" + impl_->realm);
  if (name.code() != 0) return impl_->failure("'" + change.uid + "' cannot be a principal", name.code());
  kadm5_ret_t code = 0;
  switch (change.kind) {
    case Kind::SetPassword: break;
    case Kind::Forget: code = kadm5_randkey_principal(impl_->database, name.get(), nullptr, nullptr); break;
    case Kind::Remove: code = kadm5_delete_principal(impl_->database, name.get()); break;
    case Kind::Lock:
    case Kind::Unlock: {
      kadm5_principal_ent_rec entry{};
      code = kadm5_get_principal(impl_->database, name.get(), &entry, KADM5_PRINCIPAL_NORMAL_MASK);
      if (code != 0) break;
      if (change.kind == Kind::Lock)
        entry.attributes |= KRB5_KDB_DISALLOW_ALL_TIX;
      else
        entry.attributes &= ~KRB5_KDB_DISALLOW_ALL_TIX;
      code = kadm5_modify_principal(impl_->database, &entry, KADM5_ATTRIBUTES);
      kadm5_free_principal_ent(impl_->database, &entry);
      break;
    }
  }
  // Somebody without a key yet: there is nothing to lock, forget or remove.
  if (code != 0 && code != KADM5_UNK_PRINC) return impl_->failure("cannot change the key of " + change.uid, code);
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
