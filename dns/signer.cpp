#include "dns/signer.hpp"

#include <ldns/ldns.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "common/freer.hpp"
#include "dns/journal.hpp"
#include "dns/rdata.hpp"
#include "dns/zone_builder.hpp"
#include "dns/zone_editor.hpp"
#include "dns/zonemd.hpp"

namespace lab::dns {
namespace {

using LdnsBuffer = std::unique_ptr<ldns_buffer, decltype(&ldns_buffer_free)>;
using LdnsRecord = std::unique_ptr<ldns_rr, decltype(&ldns_rr_free)>;

std::string rdata_of(const ldns_rr* rr) {
  const LdnsBuffer buffer(ldns_buffer_new(512), &ldns_buffer_free);
  ldns_rr_rdata2buffer_wire(buffer.get(), rr);
  return {reinterpret_cast<const char*>(ldns_buffer_begin(buffer.get())), ldns_buffer_position(buffer.get())};
}

constexpr std::uint8_t kAlgorithm = 13;   // ECDSAP256SHA256 (RFC 6605)
constexpr std::size_t kSignature = 64;    // r and s, 32 bytes each (RFC 6605 4)
constexpr std::size_t kRrsigPrefix = 18;  // of the data, before the signer's name (RFC 4034 3.1)

// The records the signer makes, and the ones that would be of no use beside them.
bool is_made(Type t) {
  return t == type::RRSIG || t == type::NSEC || t == type::NSEC3 || t == type::NSEC3PARAM || t == type::CDS ||
         t == type::CDNSKEY;
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
  if (::access(path.c_str(), F_OK) == 0 || errno != ENOENT) return read(path, apex);
  ldns_key* key = ldns_key_new_frm_algorithm(LDNS_SIGN_ECDSAP256SHA256, 0);
  if (!key) return fail("cannot make a key", path);
  char* text = ldns_key2str(key);
  const mode_t old = ::umask(077);
  const auto kept = replace_file(path, text ? text : "");
  ::umask(old);
  std::free(text);
  ldns_key_deep_free(key);
  if (!kept) return std::unexpected(kept.error());
  return read(path, apex);
}

Result<ZoneKey> ZoneKey::read(const std::string& path, const Name& apex) {
  FILE* file = std::fopen(path.c_str(), "re");
  if (!file) return fail(fmt::format("cannot read it: {}", std::strerror(errno)), path);
  ldns_key* key = nullptr;
  const ldns_status status = ldns_key_new_frm_fp(&key, file);
  std::fclose(file);
  if (status != LDNS_STATUS_OK)
    return fail(fmt::format("is no private key: {}", ldns_get_errorstr_by_id(status)), path,
                "move it away to have a new one made");
  if (ldns_key_algorithm(key) != LDNS_SIGN_ECDSAP256SHA256) {
    ldns_key_deep_free(key);
    return fail("is a key of another algorithm than ECDSAP256SHA256", path,
                "dnssec-keygen -a ECDSAP256SHA256 -f KSK makes one");
  }
  auto impl = std::make_unique<Impl>(key, apex);
  ldns_key_set_pubkey_owner(key, ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, apex.size(), apex.data()));
  ldns_key_set_flags(key, LDNS_KEY_ZONE_KEY | LDNS_KEY_SEP_KEY);
  ldns_key_set_use(key, 1);
  ldns_key_set_keytag(key, ldns_calc_keytag(impl->dnskey().get()));
  return ZoneKey(std::move(impl));
}

std::string ZoneKey::ds() const {
  const LdnsRecord dnskey = impl_->dnskey();
  const LdnsRecord ds(ldns_key_rr2ds(dnskey.get(), LDNS_SHA256), &ldns_rr_free);
  return rdata_of(ds.get());
}

std::uint16_t ZoneKey::tag() const { return ldns_key_keytag(impl_->key); }

// RFC 4034 3.1.8.1: the signature covers its own fields, then the RRset in canonical form and order.
std::string ZoneKey::signature(const Name& owner, const RRset& set, std::uint32_t now) const {
  const Name key = owner.lower();
  std::string rrsig(kRrsigPrefix, '\0');
  auto* p = reinterpret_cast<std::uint8_t*>(rrsig.data());
  put16(p, set.type);
  p[2] = kAlgorithm;
  p[3] = static_cast<std::uint8_t>(owner.labels() - (owner.is_wildcard() ? 1 : 0));  // RFC 4034 3.1.3
  put32(p + 4, set.ttl);
  put32(p + 8, now + SigningTimes::kValid);
  put32(p + 12, now - SigningTimes::kEarlier);
  put16(p + 16, tag());
  rrsig.append(impl_->apex.lower().wire());
  std::vector<std::string> records;
  for (const std::string& rdata : set.rdata) records.push_back(canonical_rdata(set.type, as_bytes(rdata)));
  std::sort(records.begin(), records.end());
  std::string covered = rrsig;
  for (const std::string& rdata : records) {
    std::uint8_t fixed[10];
    put16(fixed, set.type);
    put16(fixed + 2, rrclass::IN);
    put32(fixed + 4, set.ttl);
    put16(fixed + 8, static_cast<std::uint16_t>(rdata.size()));
    covered.append(key.wire()).append(as_text(fixed)).append(rdata);
  }
  const std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  std::array<std::uint8_t, 128> der{};
  std::size_t size = der.size();
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, ldns_key_evp_key(impl_->key)) != 1 ||
      EVP_DigestSign(context.get(), der.data(), &size, as_bytes(covered).data(), covered.size()) != 1)
    return {};
  const std::uint8_t* at = der.data();
  const std::unique_ptr<ECDSA_SIG, Freer<ECDSA_SIG_free>> numbers(
      d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
  std::array<std::uint8_t, kSignature> raw{};
  if (!numbers || BN_bn2binpad(ECDSA_SIG_get0_r(numbers.get()), raw.data(), 32) != 32 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(numbers.get()), raw.data() + 32, 32) != 32)
    return {};
  return rrsig.append(as_text(raw));
}

namespace {

// Everything of a zone that is its own to sign, and what only lies in it.
struct Contents {
  std::vector<SignedName> names;             // authoritative ones and delegations, in canonical order
  std::vector<std::pair<Name, RRset>> sets;  // all RRsets
  std::vector<bool> sign;                    // whether the RRset is signed
};

Contents contents_of(const Zone& zone, const std::vector<ZoneRecord>& at_apex) {
  Contents all;
  Name cut;  // what stands below the last delegation is not the zone's own (RFC 4035 2.2)
  bool has_cut = false;
  for (const Node* node : zone.in_order()) {
    const Name owner = Name::trusted(node->name().data(), node->name().size());
    const bool apex = node == &zone.apex_node();
    if (node->is_hashed_owner()) continue;
    const bool hidden = has_cut && owner.is_within(cut);
    const bool delegation = !hidden && !apex && node->has(type::NS);
    if (delegation) {
      cut = owner;
      has_cut = true;
    }
    SignedName name{owner, {}};
    std::vector<RRset> sets;
    for (RRset& set : rrsets_of(node))
      if (!is_made(set.type)) sets.push_back(std::move(set));
    for (const ZoneRecord& r : at_apex) {
      if (!apex) break;
      auto set = std::find_if(sets.begin(), sets.end(), [&](const RRset& s) { return s.type == r.type; });
      if (set == sets.end()) set = sets.insert(set, RRset{r.type, 0, r.ttl, {}});
      set->add(r.rdata);
    }
    for (RRset& set : sets) {
      const bool own = !hidden && (!delegation || set.type == type::DS);
      if (own || (delegation && set.type == type::NS)) name.types.push_back(set.type);
      all.sets.emplace_back(owner, std::move(set));
      all.sign.push_back(own);
    }
    // An empty non-terminal exists whatever stands below it; what had only records of the signer does not.
    if (!hidden && (!name.types.empty() || node->children() > 0)) all.names.push_back(std::move(name));
  }
  return all;
}

// A signature of an earlier version over the same records, if it is still young enough.
std::string_view kept_signature(const Zone* before, const Name& owner, const RRset& set, std::uint16_t tag,
                                std::uint32_t now) {
  const Node* node = before ? before->find(owner) : nullptr;
  const RRsetView old = node ? node->find(set.type) : RRsetView{};
  if (!old || old.ttl != set.ttl || old.count != set.rdata.size()) return {};
  for (const auto rdata : old)
    if (!set.contains(as_text(rdata))) return {};
  for (const auto rrsig : node->signatures(set.type)) {
    const std::uint32_t made = get32(&rrsig[12]) + SigningTimes::kEarlier;
    if (get16(&rrsig[16]) == tag && made <= now && now - made < SigningTimes::kRefresh) return as_text(rrsig);
  }
  return {};
}

}  // namespace

Result<ZoneKey::Signed> ZoneKey::sign(const Zone& zone, const Zone* before, const Signing& how,
                                      std::uint32_t now) const {
  const std::uint32_t ttl = zone.apex_node().find(type::SOA).ttl;
  const std::string dnskey = rdata_of(impl_->dnskey().get());
  // CDS and CDNSKEY (RFC 7344 4): a parent elsewhere may learn from them what its DS should be.
  std::vector<ZoneRecord> at_apex{{zone.apex(), type::DNSKEY, ttl, dnskey},
                                  {zone.apex(), type::CDS, ttl, ds()},
                                  {zone.apex(), type::CDNSKEY, ttl, dnskey}};
  const Nsec3Parameters parameters;
  if (how.denial == Denial::Nsec3) at_apex.push_back({zone.apex(), type::NSEC3PARAM, 0, parameters.rdata()});
  // RFC 8976 3.1: a placeholder, so that the chain knows of it; the digest needs everything else first.
  if (how.digest) at_apex.push_back({zone.apex(), type::ZONEMD, ttl, zonemd_rdata(zone)});
  Contents all = contents_of(zone, at_apex);
  // RFC 9077 3: as long as a negative answer, no longer.
  for (ZoneRecord& r : how.denial == Denial::Nsec3
                           ? nsec3_chain(all.names, zone.apex(), parameters, zone.negative_ttl())
                           : nsec_chain(all.names, zone.negative_ttl())) {
    all.sets.emplace_back(std::move(r.owner), RRset{r.type, 0, r.ttl, {std::move(r.rdata)}});
    all.sign.push_back(true);
  }

  ZoneBuilder builder(zone.apex());
  Signed result{nullptr, now};
  auto add_signed = [&](ZoneBuilder& to, const Name& owner, const RRset& set) -> bool {
    std::string rrsig(kept_signature(before, owner, set, tag(), now));
    if (rrsig.empty()) rrsig = signature(owner, set, now);
    if (rrsig.empty()) return false;
    result.oldest = std::min(result.oldest, get32(as_bytes(rrsig).data() + 12) + SigningTimes::kEarlier);
    return to.add(owner, type::RRSIG, set.ttl, as_bytes(rrsig));
  };
  bool good = true;
  for (std::size_t i = 0; i < all.sets.size(); ++i) {
    const auto& [owner, set] = all.sets[i];
    for (const std::string& rdata : set.rdata)
      good = good && builder.add(owner, set.type, set.ttl, as_bytes(rdata));
    if (all.sign[i] && set.type != type::ZONEMD) good = good && add_signed(builder, owner, set);
  }
  if (!good) return fail("cannot sign", zone.apex().text());
  std::vector<ZoneBuilder::Problem> problems, remarks;
  result.zone = builder.build(problems, remarks);
  if (!result.zone) return fail(problems[0].what, zone.apex().text());
  if (!how.digest) return result;

  RRset digest{type::ZONEMD, 0, ttl, {zonemd_rdata(*result.zone)}};
  ZoneEditor editor(result.zone);
  editor.replace(zone.apex(), type::ZONEMD, ttl, digest.rdata[0]);
  const std::string rrsig = signature(zone.apex(), digest, now);
  editor.add(zone.apex(), type::RRSIG, ttl, rrsig);
  auto finished = editor.finish();
  if (!finished || rrsig.empty()) return fail("cannot sign the digest", zone.apex().text());
  result.zone = *finished;
  return result;
}

}  // namespace lab::dns
