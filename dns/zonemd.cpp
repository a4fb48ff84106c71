#include "dns/zonemd.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>

#include "common/freer.hpp"
#include "dns/rdata.hpp"
#include "dns/zone_editor.hpp"

namespace lab::dns {
namespace {

constexpr std::uint8_t kSimple = 1, kSha384 = 1, kSha512 = 2;  // RFC 8976 5.2, 5.3

// RFC 8976 3.3.1: every record in canonical order and form, but the apex's ZONEMD and what signs it. Names
// hidden by a delegation are part of it, too.
std::string digest(const Zone& zone, std::uint8_t algorithm) {
  const std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  EVP_DigestInit_ex(context.get(), algorithm == kSha512 ? EVP_sha512() : EVP_sha384(), nullptr);
  std::vector<std::string> records;
  for (const Node* node : zone.in_order()) {
    std::vector<RRsetView> sets;
    for (std::size_t i = 0; i < node->rrset_count(); ++i) {
      const RRsetView set = node->rrset(i);
      const bool apex = node == &zone.apex_node();
      if (apex && (set.type == type::ZONEMD || set.covers == type::ZONEMD)) continue;
      sets.push_back(set);
    }
    // RRsets in order of their types; signatures of one name are one RRset here.
    std::stable_sort(sets.begin(), sets.end(),
                     [](const RRsetView& a, const RRsetView& b) { return a.type < b.type; });
    for (std::size_t i = 0; i < sets.size();) {
      records.clear();
      std::size_t end = i;
      for (; end < sets.size() && sets[end].type == sets[i].type; ++end)
        for (const auto rdata : sets[end]) {
          std::uint8_t ttl[4];
          put32(ttl, sets[end].ttl);
          // The TTL goes along, but the order is that of the data.
          records.push_back(canonical_rdata(sets[i].type, rdata) + std::string(as_text(ttl)));
        }
      std::sort(records.begin(), records.end(), [](const std::string& a, const std::string& b) {
        return std::string_view(a).substr(0, a.size() - 4) < std::string_view(b).substr(0, b.size() - 4);
      });
      for (const std::string& record : records) {
        std::uint8_t fixed[10];
        put16(fixed, sets[i].type);
        put16(fixed + 2, rrclass::IN);
        std::copy(record.end() - 4, record.end(), fixed + 4);
        put16(fixed + 8, static_cast<std::uint16_t>(record.size() - 4));
        EVP_DigestUpdate(context.get(), node->key().data(), node->key().size());
        EVP_DigestUpdate(context.get(), fixed, sizeof fixed);
        EVP_DigestUpdate(context.get(), record.data(), record.size() - 4);
      }
      i = end;
    }
  }
  std::uint8_t out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_DigestFinal_ex(context.get(), out, &size);
  return std::string(as_text(std::span(out).first(size)));
}

}  // namespace

std::string zonemd_rdata(const Zone& zone) {
  std::uint8_t head[6];
  put32(head, zone.serial());
  head[4] = kSimple;
  head[5] = kSha384;
  return std::string(as_text(head)) + digest(zone, kSha384);
}

DigestCheck check_zonemd(const Zone& zone) {
  const RRsetView set = zone.apex_node().find(type::ZONEMD);
  if (!set) return DigestCheck::None;
  bool known = false;
  for (const auto rdata : set) {
    if (rdata.size() < 6 || rdata[4] != kSimple || (rdata[5] != kSha384 && rdata[5] != kSha512)) continue;
    known = true;
    if (get32(rdata.data()) == zone.serial() && as_text(rdata.subspan(6)) == digest(zone, rdata[5]))
      return DigestCheck::Good;
  }
  return known ? DigestCheck::Bad : DigestCheck::Unknown;
}

Result<ZonePtr> with_zonemd(const ZonePtr& zone) {
  ZoneEditor editor(zone);
  editor.replace(zone->apex(), type::ZONEMD, zone->apex_node().find(type::SOA).ttl, zonemd_rdata(*zone));
  return editor.finish();
}

}  // namespace lab::dns
