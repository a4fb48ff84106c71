#include "dns/signer.hpp"

#include <ldns/ldns.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "dns/journal.hpp"
#include "dns/zone_builder.hpp"

namespace lab::dns {
namespace {

using LdnsBuffer = std::unique_ptr<ldns_buffer, decltype(&ldns_buffer_free)>;
using LdnsRecord = std::unique_ptr<ldns_rr, decltype(&ldns_rr_free)>;
struct ZoneDeleter {
  void operator()(ldns_dnssec_zone* z) const { ldns_dnssec_zone_deep_free(z); }
};

ldns_rdf* to_ldns(const Name& name) {
  return ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, name.size(), name.data());
}

// A record of ours as ldns has it; null when ldns cannot read it.
ldns_rr* to_ldns(const Name& owner, Type type, std::uint32_t ttl, std::span<const std::uint8_t> rdata) {
  std::uint8_t fixed[10];
  put16(fixed, type);
  put16(fixed + 2, rrclass::IN);
  put32(fixed + 4, ttl);
  put16(fixed + 8, static_cast<std::uint16_t>(rdata.size()));
  std::string wire(owner.wire());
  wire.append(as_text(fixed)).append(as_text(rdata));
  ldns_rr* rr = nullptr;
  std::size_t at = 0;
  if (ldns_wire2rr(&rr, as_bytes(wire).data(), wire.size(), &at, LDNS_SECTION_ANSWER) != LDNS_STATUS_OK)
    return nullptr;
  return rr;
}

bool add(ZoneBuilder& builder, const ldns_rr* rr) {
  const LdnsBuffer buffer(ldns_buffer_new(512), &ldns_buffer_free);
  if (ldns_rr_rdata2buffer_wire(buffer.get(), rr) != LDNS_STATUS_OK) return false;
  const ldns_rdf* owner = ldns_rr_owner(rr);
  return builder.add({ldns_rdf_data(owner), ldns_rdf_size(owner)}, static_cast<Type>(ldns_rr_get_type(rr)),
                     ldns_rr_ttl(rr), {ldns_buffer_begin(buffer.get()), ldns_buffer_position(buffer.get())},
                     0);
}

}  // namespace

struct ZoneKey::Impl {
  Impl(ldns_key* k, Name name) : key(k), keys(ldns_key_list_new()), apex(std::move(name)) {
    ldns_key_list_push_key(keys, key);
  }
  ~Impl() { ldns_key_list_free(keys); }  // and the key in it
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  LdnsRecord dnskey() const { return {ldns_key2rr(key), &ldns_rr_free}; }
  ldns_key* key;
  ldns_key_list* keys;
  Name apex;
};

ZoneKey::ZoneKey(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ZoneKey::~ZoneKey() = default;
ZoneKey::ZoneKey(ZoneKey&&) noexcept = default;
ZoneKey& ZoneKey::operator=(ZoneKey&&) noexcept = default;

Result<ZoneKey> ZoneKey::open(const std::string& path, const Name& apex) {
  ldns_key* key = nullptr;
  if (FILE* file = std::fopen(path.c_str(), "re")) {
    const ldns_status status = ldns_key_new_frm_fp(&key, file);
    std::fclose(file);
    if (status != LDNS_STATUS_OK)
      return fail(fmt::format("is no private key: {}", ldns_get_errorstr_by_id(status)), path,
                  "move it away to have a new one made");
  } else if (errno != ENOENT) {
    return fail(fmt::format("cannot read it: {}", std::strerror(errno)), path);
  } else {
    key = ldns_key_new_frm_algorithm(LDNS_SIGN_ECDSAP256SHA256, 0);
    if (!key) return fail("cannot make a key", path);
    char* text = ldns_key2str(key);
    const mode_t old = ::umask(077);
    const auto kept = replace_file(path, text ? text : "");
    ::umask(old);
    std::free(text);
    if (!kept) {
      ldns_key_deep_free(key);
      return std::unexpected(kept.error());
    }
  }
  auto impl = std::make_unique<Impl>(key, apex);
  ldns_key_set_pubkey_owner(key, to_ldns(apex));
  ldns_key_set_flags(key, LDNS_KEY_ZONE_KEY | LDNS_KEY_SEP_KEY);
  ldns_key_set_use(key, 1);
  ldns_key_set_keytag(key, ldns_calc_keytag(impl->dnskey().get()));
  return ZoneKey(std::move(impl));
}

std::string ZoneKey::ds() const {
  const LdnsRecord dnskey = impl_->dnskey();
  const LdnsRecord ds(ldns_key_rr2ds(dnskey.get(), LDNS_SHA256), &ldns_rr_free);
  const LdnsBuffer buffer(ldns_buffer_new(128), &ldns_buffer_free);
  ldns_rr_rdata2buffer_wire(buffer.get(), ds.get());
  return {reinterpret_cast<const char*>(ldns_buffer_begin(buffer.get())), ldns_buffer_position(buffer.get())};
}

Result<ZonePtr> ZoneKey::sign(const Zone& zone, std::uint32_t now) const {
  const std::unique_ptr<ldns_dnssec_zone, ZoneDeleter> work(ldns_dnssec_zone_new());
  ZoneBuilder builder(zone.apex());
  std::optional<Error> failed;
  // The SOA first: ldns learns from it which zone this is.
  auto put = [&](const Name& owner, const RRsetView& set) {
    if (set.type == type::RRSIG || set.type == type::NSEC || set.type == type::NSEC3 ||
        set.type == type::NSEC3PARAM || failed)
      return;
    for (const auto rdata : set) {
      ldns_rr* rr = to_ldns(owner, set.type, set.ttl, rdata);
      if (!rr || ldns_dnssec_zone_add_rr(work.get(), rr) != LDNS_STATUS_OK) {
        failed = Error{fmt::format("{} {} cannot be signed", owner.text(), type_text(set.type)), {}, {}};
        return;
      }
    }
  };
  put(zone.apex(), zone.apex_node().find(type::SOA));
  zone.for_each([&](const Node& node) {
    for (std::size_t i = 0; i < node.rrset_count(); ++i)
      if (const RRsetView set = node.rrset(i); set.type != type::SOA)
        put(Name::trusted(node.name().data(), node.name().size()), set);
  });
  if (failed) return std::unexpected(*failed);

  const std::uint32_t ttl = zone.apex_node().find(type::SOA).ttl;
  ldns_key_set_origttl(impl_->key, ttl);
  ldns_key_set_inception(impl_->key, now - SigningTimes::kEarlier);
  ldns_key_set_expiration(impl_->key, now + SigningTimes::kValid);
  ldns_rr* dnskey = ldns_key2rr(impl_->key);
  ldns_rr_set_ttl(dnskey, ttl);
  ldns_dnssec_zone_add_rr(work.get(), dnskey);
  ldns_rr_list* made = ldns_rr_list_new();
  ldns_status status = ldns_dnssec_zone_add_empty_nonterminals(work.get());
  if (status == LDNS_STATUS_OK)
    status = ldns_dnssec_zone_sign_flg(work.get(), made, impl_->keys, ldns_dnssec_default_replace_signatures,
                                       nullptr, 0);
  ldns_rr_list_free(made);
  if (status != LDNS_STATUS_OK)
    return fail(fmt::format("cannot sign: {}", ldns_get_errorstr_by_id(status)), zone.apex().text());

  bool good = true;
  for (ldns_rbnode_t* at = ldns_rbtree_first(work->names); at != LDNS_RBTREE_NULL;
       at = ldns_rbtree_next(at)) {
    const auto* name = static_cast<const ldns_dnssec_name*>(at->data);
    for (const ldns_dnssec_rrsets* set = name->rrsets; set; set = set->next) {
      for (const ldns_dnssec_rrs* rr = set->rrs; rr; rr = rr->next) good = good && add(builder, rr->rr);
      for (const ldns_dnssec_rrs* rr = set->signatures; rr; rr = rr->next)
        good = good && add(builder, rr->rr);
    }
    if (name->nsec) good = good && add(builder, name->nsec);
    for (const ldns_dnssec_rrs* rr = name->nsec_signatures; rr; rr = rr->next)
      good = good && add(builder, rr->rr);
  }
  std::vector<ZoneBuilder::Problem> problems, remarks;
  ZonePtr zone_signed = good ? builder.build(problems, remarks) : nullptr;
  if (!zone_signed)
    return fail(problems.empty() ? "a signed record is malformed" : problems[0].what, zone.apex().text());
  return zone_signed;
}

}  // namespace lab::dns
