#include "mail/gssapi.hpp"

#include <dlfcn.h>
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>

#include <cstdlib>

namespace lab::mail {
namespace {

/// The library's functions, found at run time.
struct Library {
  decltype(&gss_acquire_cred_from) acquire_cred_from = nullptr;
  decltype(&gss_release_cred) release_cred = nullptr;
  decltype(&gss_accept_sec_context) accept_sec_context = nullptr;
  decltype(&gss_delete_sec_context) delete_sec_context = nullptr;
  decltype(&gss_inquire_context) inquire_context = nullptr;
  decltype(&gss_display_name) display_name = nullptr;
  decltype(&gss_release_name) release_name = nullptr;
  decltype(&gss_display_status) display_status = nullptr;
  decltype(&gss_release_buffer) release_buffer = nullptr;
  decltype(&gss_wrap) wrap = nullptr;
  decltype(&gss_unwrap) unwrap = nullptr;
};

Result<Library> load() {
  constexpr const char* kName = "libgssapi_krb5.so.2";
  void* handle = ::dlopen(kName, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr)
    return fail("Kerberos' library cannot be loaded", kName, "install it with: apt install libgssapi-krb5-2");
  Library library;
  bool all = true;
  auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(handle, name));
    all = all && function != nullptr;
  };
  find(library.acquire_cred_from, "gss_acquire_cred_from");
  find(library.release_cred, "gss_release_cred");
  find(library.accept_sec_context, "gss_accept_sec_context");
  find(library.delete_sec_context, "gss_delete_sec_context");
  find(library.inquire_context, "gss_inquire_context");
  find(library.display_name, "gss_display_name");
  find(library.release_name, "gss_release_name");
  find(library.display_status, "gss_display_status");
  find(library.release_buffer, "gss_release_buffer");
  find(library.wrap, "gss_wrap");
  find(library.unwrap, "gss_unwrap");
  if (!all) return fail("Kerberos' library lacks a function", kName, "it is older than MIT Kerberos 1.11");
  return library;
}

/// 1.2.840.113554.1.2.2: Kerberos 5 (RFC 4121 1)
gss_OID_desc kerberos_oid() {
  static char bytes[] = "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02";
  return {9, bytes};
}

// RFC 4752 3.3
constexpr unsigned char kNoLayer = 1;
constexpr std::size_t kLayerAndSize = 4;

class Buffer {
 public:
  explicit Buffer(const Library& library) : library_(library) {}
  ~Buffer() {
    OM_uint32 minor = 0;
    library_.release_buffer(&minor, &value_);
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  gss_buffer_t get() { return &value_; }
  std::string text() const { return {static_cast<const char*>(value_.value), value_.length}; }
  bool empty() const { return value_.length == 0; }

 private:
  const Library& library_;
  gss_buffer_desc value_{0, nullptr};
};

gss_buffer_desc view(std::string_view bytes) { return {bytes.size(), const_cast<char*>(bytes.data())}; }

class Exchange final : public TokenExchange {
 public:
  Exchange(const Library& library, const std::string& keytab, std::string service)
      : library_(library), service_(std::move(service)) {
    gss_key_value_element_desc element{"keytab", keytab.c_str()};
    const gss_key_value_set_desc store{1, &element};
    auto mechanism = kerberos_oid();
    gss_OID_set_desc mechanisms{1, &mechanism};
    OM_uint32 minor = 0;
    const auto major = library_.acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &mechanisms,
                                                  GSS_C_ACCEPT, &store, &credential_, nullptr, nullptr);
    if (GSS_ERROR(major)) why_ = reason(minor);
  }
  ~Exchange() override {
    OM_uint32 minor = 0;
    library_.release_name(&minor, &client_);
    library_.delete_sec_context(&minor, &context_, GSS_C_NO_BUFFER);
    library_.release_cred(&minor, &credential_);
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  State feed(std::string_view token) override {
    reply_.clear();
    if (!why_.empty()) return State::Refused;
    switch (phase_) {
      case Phase::Context: return token.empty() ? State::Continue : accept(token);
      case Phase::Confirmed: return token.empty() ? offer_layers() : refuse("an empty answer is due here");
      case Phase::Layers: return choose(token);
    }
    return State::Refused;
  }
  const std::string& reply() const override { return reply_; }
  const Credentials& credentials() const override { return credentials_; }
  const std::string& why() const override { return why_; }

 private:
  enum class Phase { Context, Confirmed, Layers };

  State refuse(std::string why) {
    why_ = std::move(why);
    return State::Refused;
  }

  std::string reason(OM_uint32 minor) const {
    Buffer text(library_);
    OM_uint32 ignored = 0, more = 0;
    auto mechanism = kerberos_oid();
    library_.display_status(&ignored, minor, GSS_C_MECH_CODE, &mechanism, &more, text.get());
    return text.empty() ? "no reason is known" : text.text();
  }

  State accept(std::string_view token) {
    auto input = view(token);
    Buffer output(library_);
    OM_uint32 minor = 0, flags = 0;
    const auto major = library_.accept_sec_context(&minor, &context_, credential_, &input,
                                                   GSS_C_NO_CHANNEL_BINDINGS, &client_, nullptr, output.get(),
                                                   &flags, nullptr, nullptr);
    if (GSS_ERROR(major)) return refuse(reason(minor));
    reply_ = output.text();
    if ((major & GSS_S_CONTINUE_NEEDED) != 0) return State::Continue;
    if (!reply_.empty()) {  // the client has to hear it first, and answers with nothing
      phase_ = Phase::Confirmed;
      return State::Continue;
    }
    return offer_layers();
  }

  /// RFC 4752 3.1: which protection of what follows is to be had: none, as TLS is around it all.
  State offer_layers() {
    const std::string offer{static_cast<char>(kNoLayer), 0, 0, 0};
    auto input = view(offer);
    Buffer output(library_);
    OM_uint32 minor = 0;
    if (GSS_ERROR(library_.wrap(&minor, context_, 0, GSS_C_QOP_DEFAULT, &input, nullptr, output.get())))
      return refuse(reason(minor));
    reply_ = output.text();
    phase_ = Phase::Layers;
    return State::Continue;
  }

  State choose(std::string_view token) {
    auto input = view(token);
    Buffer output(library_);
    OM_uint32 minor = 0;
    if (GSS_ERROR(library_.unwrap(&minor, context_, &input, output.get(), nullptr, nullptr)))
      return refuse(reason(minor));
    const auto answer = output.text();
    if (answer.size() < kLayerAndSize || static_cast<unsigned char>(answer[0]) != kNoLayer)
      return refuse("a security layer is asked for that was not offered");
    const auto target = name_of_target();
    if (!target.starts_with(service_ + "/"))
      return refuse("the ticket is for " + target + ", not for " + service_);
    credentials_.principal = name_of(client_);
    credentials_.name = credentials_.principal.substr(0, credentials_.principal.find('@'));
    credentials_.act_as = answer.substr(kLayerAndSize);
    return State::Done;
  }

  std::string name_of(gss_name_t name) const {
    Buffer text(library_);
    OM_uint32 minor = 0;
    library_.display_name(&minor, name, text.get(), nullptr);
    return text.text();
  }
  std::string name_of_target() const {
    gss_name_t target = GSS_C_NO_NAME;
    OM_uint32 minor = 0;
    library_.inquire_context(&minor, context_, nullptr, &target, nullptr, nullptr, nullptr, nullptr, nullptr);
    auto text = target == GSS_C_NO_NAME ? std::string() : name_of(target);
    library_.release_name(&minor, &target);
    return text;
  }

  const Library& library_;
  std::string service_;
  gss_cred_id_t credential_ = GSS_C_NO_CREDENTIAL;
  gss_ctx_id_t context_ = GSS_C_NO_CONTEXT;
  gss_name_t client_ = GSS_C_NO_NAME;
  Phase phase_ = Phase::Context;
  std::string reply_, why_;
  Credentials credentials_;
};

class Loaded final : public Gssapi {
 public:
  Loaded(const Library& library, std::string keytab) : library_(library), keytab_(std::move(keytab)) {}
  std::unique_ptr<TokenExchange> begin(std::string service) override {
    return std::make_unique<Exchange>(library_, keytab_, std::move(service));
  }

 private:
  Library library_;
  std::string keytab_;
};

}  // namespace

Result<std::shared_ptr<Gssapi>> Gssapi::open(const std::string& keytab, const std::string& replay_cache) {
  auto library = load();
  if (!library) return std::unexpected(library.error());
  // The library's own place would be /var/tmp, outside of the lab.
  ::setenv("KRB5RCACHENAME", ("file2:" + replay_cache).c_str(), 1);
  return std::make_shared<Loaded>(*library, keytab);
}

}  // namespace lab::mail
