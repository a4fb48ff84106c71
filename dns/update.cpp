#include "dns/update.hpp"

#include <algorithm>
#include <map>

#include "dns/rdata.hpp"
#include "dns/record_text.hpp"

namespace lab::dns {
namespace {

struct UpdateRecord {
  Name owner;
  Type type;
  std::uint16_t rrclass;
  std::uint32_t ttl;
  bool has_data;
  std::string rdata;
};

// A rule of RFC 2136 that was broken, or a prerequisite that does not hold.
struct Refusal {
  Rcode rcode;
  std::string why;
};

class Update {
 public:
  Update(const ZonePtr& zone, const Zone* kept, const Request& request)
      : zone_(zone), kept_(kept), request_(request), editor_(zone) {}

  UpdateOutcome run() {
    try {
      const auto prerequisites = read(request_.question_end, request_.answers);
      const auto updates = read(request_.authorities_at, request_.authorities);
      check_prerequisites(prerequisites);
      for (const UpdateRecord& r : updates) prescan(r);
      for (const UpdateRecord& r : updates) perform(r);
    } catch (const Refusal& refusal) {
      return {refusal.rcode, nullptr, {}, refusal.why};
    }
    UpdateOutcome outcome;
    if (editor_.diff().empty()) return outcome;
    if (!soa_given_) editor_.set_serial(next_serial(zone_->serial()));  // RFC 2136 3.6
    auto next = editor_.finish();
    if (!next) return {Rcode::Refused, nullptr, {}, next.error().text()};
    outcome.zone = *next;
    outcome.diff = editor_.diff();
    return outcome;
  }

 private:
  std::vector<UpdateRecord> read(std::size_t at, unsigned count) const {
    std::vector<UpdateRecord> out;
    for (; count > 0; --count) {
      const auto r = read_record(request_.message, at);  // bounds were checked when the request was parsed
      std::size_t owner_at = r->owner_at;
      auto owner = Name::from_message(request_.message, owner_at);
      if (!owner) throw Refusal{Rcode::FormErr, "a name is malformed"};
      UpdateRecord u{std::move(*owner), r->type, r->rrclass, r->ttl, r->rdata_size != 0, {}};
      if (u.has_data) {
        auto rdata = rdata_from_message(r->type, request_.message, r->rdata_at, r->rdata_size);
        if (!rdata)
          throw Refusal{Rcode::FormErr,
                        fmt::format("the data of {} {} is malformed", u.owner.text(), type_text(u.type))};
        u.rdata = std::move(*rdata);
      }
      if (!u.owner.is_within(zone_->apex()))
        throw Refusal{Rcode::NotZone, u.owner.text() + " is not in the zone"};
      out.push_back(std::move(u));
      at = r->end;
    }
    return out;
  }

  // RFC 2136 3.2
  void check_prerequisites(const std::vector<UpdateRecord>& prerequisites) {
    std::map<std::pair<Name, Type>, std::vector<std::string>> exact;
    for (const UpdateRecord& r : prerequisites) {
      if (r.ttl != 0) throw Refusal{Rcode::FormErr, "a prerequisite has a TTL"};
      if (r.rrclass == rrclass::IN) {
        if (is_meta_type(r.type)) throw Refusal{Rcode::FormErr, "a prerequisite has no record type"};
        exact[{r.owner, r.type}].push_back(canonical_rdata(r.type, as_bytes(r.rdata)));
        continue;
      }
      if (r.rrclass != rrclass::ANY && r.rrclass != rrclass::NONE)
        throw Refusal{Rcode::FormErr, "a prerequisite has an unknown class"};
      if (r.has_data) throw Refusal{Rcode::FormErr, "a prerequisite has data"};
      const bool wanted = r.rrclass == rrclass::ANY;
      if (r.type == type::ANY) {
        const bool used = !editor_.rrsets(r.owner).empty();
        if (wanted && !used) throw Refusal{Rcode::NxDomain, r.owner.text() + " is not in use"};
        if (!wanted && used) throw Refusal{Rcode::YxDomain, r.owner.text() + " is in use"};
      } else {
        const bool there = editor_.find(r.owner, r.type) != nullptr;
        if (wanted && !there)
          throw Refusal{Rcode::NxRRset, fmt::format("{} has no {}", r.owner.text(), type_text(r.type))};
        if (!wanted && there)
          throw Refusal{Rcode::YxRRset, fmt::format("{} has {}", r.owner.text(), type_text(r.type))};
      }
    }
    for (auto& [key, wanted] : exact) {  // RFC 2136 2.4.2: the RRset is exactly this
      std::vector<std::string> there;
      if (const RRset* set = editor_.find(key.first, key.second))
        for (const std::string& rdata : set->rdata)
          there.push_back(canonical_rdata(key.second, as_bytes(rdata)));
      std::sort(there.begin(), there.end());
      std::sort(wanted.begin(), wanted.end());
      wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
      if (there != wanted)
        throw Refusal{Rcode::NxRRset,
                      fmt::format("{} {} is not what was expected", key.first.text(), type_text(key.second))};
    }
  }

  // RFC 2136 3.4.1: the whole section is checked before anything of it is done.
  void prescan(const UpdateRecord& r) {
    const bool any_type = r.type == type::ANY;
    const bool bad_type = is_meta_type(r.type) && !any_type;
    switch (r.rrclass) {
      case rrclass::IN:
        if (bad_type || any_type) throw Refusal{Rcode::FormErr, "an added record has no record type"};
        if (!r.has_data && !is_valid_rdata(r.type, {}))
          throw Refusal{Rcode::FormErr, "an added record has no data"};
        if (r.rdata.size() > kMaxMessage - 1500)
          throw Refusal{Rcode::FormErr, "a record is too long for a message"};
        break;
      case rrclass::ANY:
        if (bad_type || r.ttl != 0 || r.has_data)
          throw Refusal{Rcode::FormErr, "a deletion of an RRset has a TTL or data"};
        break;
      case rrclass::NONE:
        if (bad_type || any_type || r.ttl != 0)
          throw Refusal{Rcode::FormErr, "a deletion of a record has a TTL or no type"};
        break;
      default: throw Refusal{Rcode::FormErr, "an update has an unknown class"};
    }
    if (is_signers(r.type))
      throw Refusal{Rcode::Refused, type_text(r.type) + " records are made by the server itself"};
  }

  static bool is_signers(Type t) { return t == type::RRSIG || t == type::NSEC || t == type::NSEC3; }

  // RFC 2136 3.4.2
  void perform(const UpdateRecord& r) {
    switch (r.rrclass) {
      case rrclass::IN: add(r); break;
      case rrclass::ANY: remove_rrsets(r); break;
      default: remove(r); break;
    }
  }

  void add(const UpdateRecord& r) {
    if (r.type == type::SOA) {
      // 3.4.2.2: passed over where the zone has no SOA there, or a later one; a serial never goes back.
      if (!(r.owner == zone_->apex())) return;
      if (!serial_after(Soa::parse(as_bytes(r.rdata)).serial,
                        Soa::parse(as_bytes(editor_.find(r.owner, type::SOA)->rdata[0])).serial))
        return;
      editor_.replace(r.owner, type::SOA, r.ttl, r.rdata);
      soa_given_ = true;
      return;
    }
    const auto& sets = editor_.rrsets(r.owner);
    const bool has_cname = editor_.find(r.owner, type::CNAME) != nullptr;
    if (r.type == type::CNAME) {
      // 3.4.2.2: a CNAME joins no other data, whatever their TTL; it takes the place of another CNAME.
      if (std::any_of(sets.begin(), sets.end(),
                      [](const RRset& s) { return s.type != type::CNAME && !is_signers(s.type); }))
        return;
      if (has_cname && is_kept(r.owner, type::CNAME, editor_.find(r.owner, type::CNAME)->rdata[0])) return;
      editor_.replace(r.owner, r.type, r.ttl, r.rdata);
      return;
    }
    if (has_cname) return;
    if (r.type == type::DNAME) return editor_.replace(r.owner, r.type, r.ttl, r.rdata);
    editor_.add(r.owner, r.type, r.ttl, r.rdata);
  }

  void remove_rrsets(const UpdateRecord& r) {
    const std::vector<RRset> sets = editor_.rrsets(r.owner);
    for (const RRset& set : sets) {
      if (r.type != type::ANY && r.type != set.type) continue;
      if (is_signers(set.type)) continue;
      // 3.4.2.3: the apex keeps its SOA and its NS.
      if (r.owner == zone_->apex() && (set.type == type::SOA || set.type == type::NS)) continue;
      for (const std::string& rdata : set.rdata)
        if (!is_kept(r.owner, set.type, rdata)) editor_.remove(r.owner, set.type, rdata);
    }
  }

  void remove(const UpdateRecord& r) {
    if (r.type == type::SOA) return;  // 3.4.2.4
    if (r.type == type::NS && r.owner == zone_->apex()) {
      const RRset* ns = editor_.find(r.owner, type::NS);
      if (ns && ns->rdata.size() == 1) return;  // 3.4.2.4: the last one stays
    }
    if (!is_kept(r.owner, r.type, r.rdata)) editor_.remove(r.owner, r.type, r.rdata);
  }

  bool is_kept(const Name& owner, Type type, std::string_view rdata) const {
    if (!kept_) return false;
    const Node* node = kept_->find(owner);
    if (!node) return false;
    const RRsetView set = node->find(type);
    return set && RRset::of(set).contains(rdata);
  }

  const ZonePtr& zone_;
  const Zone* kept_;
  const Request& request_;
  ZoneEditor editor_;
  bool soa_given_ = false;
};

}  // namespace

UpdateOutcome apply_update(const ZonePtr& zone, const Zone* kept, const Request& request) {
  return Update(zone, kept, request).run();
}

}  // namespace lab::dns
