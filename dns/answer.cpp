#include "dns/answer.hpp"

#include <algorithm>
#include <cstring>

#include "dns/rdata.hpp"

namespace lab::dns {
namespace {

class Answerer {
 public:
  Answerer(const ZoneSet& zones, const Request& request, Transport transport, Response& response,
           const AnswerLimits& limits)
      : zones_(zones), request_(request), transport_(transport), out_(response), limits_(limits) {}

  Reach run() {
    owner_ = {request_.qname, Response::kQuestionAt};
    name_.assign(request_.qname.data(), request_.qname.size());
    zone_ = zone_of_question();
    if (!zone_) {
      out_.set_rcode(Rcode::Refused);
      return Reach::Beyond;
    }
    if (!zone_->available()) {
      out_.set_rcode(Rcode::ServFail);  // RFC 1034 4.3.5: an expired copy is no longer authoritative
      return Reach::Ours;
    }
    out_.set_authoritative(true);
    // The DS of this zone is in its parent, which others serve: ours is only the word that it is not here.
    const bool parents_ds =
        request_.qtype == type::DS && name_.labels() > 0 && name_.labels() == zone_->apex_labels();
    while (step()) {
      // An alias: on with its target, where that is ours; else the asker goes on (RFC 1034 4.3.2 3a).
      if (++hops_ > std::min(limits_.chain, kHops)) break;
      name_.assign(owner_.name.data(), owner_.name.size());
      zone_ = zones_.find(name_);
      if (!zone_ || !zone_->available()) {
        add_proofs();
        return Reach::Beyond;
      }
    }
    add_proofs();
    if (!out_.truncated()) add_additional();
    return referred_ || parents_ds ? Reach::Beyond : Reach::Ours;
  }

 private:
  // RFC 4035 3.1.4.1: the DS of a zone is its parent's, where we serve both.
  const Zone* zone_of_question() const {
    if (request_.qtype == type::DS && name_.labels() > 0)
      if (const Zone* parent = zones_.find(name_, name_.labels() - 1)) return parent;
    return zones_.find(name_);
  }

  // One name of the chain; true when owner_ is now the next one.
  bool step() {
    const unsigned depth = name_.labels();
    unsigned encloser = depth;
    const Node* node;
    if (!zone_->has_cuts()) {
      node = existing(depth);
      while (!node && --encloser > zone_->apex_labels() && !existing(encloser)) continue;
    } else {
      // Downwards from the apex: what stands below a delegation or a DNAME is hidden, even if the name
      // exists.
      node = &zone_->apex_node();
      for (encloser = zone_->apex_labels();; ++encloser) {
        const bool here = encloser == depth;
        if (encloser > zone_->apex_labels() && node->has(type::NS) && !(here && request_.qtype == type::DS))
          return refer(*node, encloser);
        if (here) break;
        if (const RRsetView dname = node->find(type::DNAME)) return substitute(*node, dname, encloser);
        const Node* next = existing(encloser + 1);
        if (!next) {
          node = nullptr;
          break;
        }
        node = next;
      }
    }
    if (!node) {
      const Node* above =
          encloser == zone_->apex_labels() ? &zone_->apex_node() : zone_->find(name_, encloser);
      // RFC 4592 3.3.1: the wildcard directly below the closest encloser, and no other.
      if (above->has_wildcard()) node = zone_->find_wildcard(name_, encloser);
      if (!node) {
        out_.set_rcode(Rcode::NxDomain);
        add_soa();
        deny_name(encloser);
        return false;
      }
      wildcard_ = true;
      const bool more = at(*node, encloser);
      wildcard_ = false;
      return more;
    }
    return at(*node, depth);
  }

  // The node of the last `labels` labels, if such a name exists.
  const Node* existing(unsigned labels) const {
    const Node* node = zone_->find(name_, labels);
    return node && !node->is_hashed_owner() ? node : nullptr;
  }

  // The name exists, or a wildcard directly below `encloser` stands in for it.
  bool at(const Node& node, unsigned encloser) {
    const Type qtype = request_.qtype;
    if (const RRsetView set = node.find(qtype)) {
      put(set, node);
      deny_closer(encloser);
      return false;
    }
    if (qtype == type::ANY || qtype == type::RRSIG) {
      some_of(node, encloser);
      return false;
    }
    if (const RRsetView cname = node.find(type::CNAME); cname && qtype != type::NSEC) {
      deny_closer(encloser);
      return follow(cname, &node);
    }
    add_soa();  // RFC 2308 2.2: the name has other records
    deny_type(node, encloser);
    return false;
  }

  void put(const RRsetView& set, const Node& node) {
    if (!out_.add(Section::Answer, owner_, set) || !sign(Section::Answer, owner_, node, set))
      return out_.set_truncated();
    answered_ = set;
  }

  bool dnssec() const { return request_.edns.dnssec_ok && zone_->is_signed(); }

  // RFC 4035 3.1.1: signatures go with what they sign, to those who ask for them.
  bool sign(Section section, Owner& owner, const Node& node, const RRsetView& set) {
    return sign(section, owner, node, set.type, set.ttl);
  }
  bool sign(Section section, Owner& owner, const Node& node, Type type, std::uint32_t ttl) {
    if (!dnssec()) return true;
    const RRsetView signatures = node.signatures(type);
    return !signatures || out_.add(section, owner, signatures, ttl);
  }

  // RFC 4035 3.1.3: the NSEC or NSEC3 of a name, once in an answer. A chain of aliases collects them: answers
  // come first.
  void prove(const Node& node) {
    if (proof_count_ < kProofs && std::find(proofs_, proofs_ + proof_count_, &node) == proofs_ + proof_count_)
      proofs_[proof_count_++] = &node;
  }
  void add_proofs() {
    for (; proofs_added_ < proof_count_; ++proofs_added_) {
      const Node& node = *proofs_[proofs_added_];
      const Type kind = node.is_hashed_owner() ? type::NSEC3 : type::NSEC;
      Owner at{node.name(), 0};
      const RRsetView nsec = node.find(kind), signatures = node.signatures(kind);
      if (!out_.add(Section::Authority, at, nsec) ||
          (signatures && !out_.add(Section::Authority, at, signatures)))
        return out_.set_truncated();
    }
  }

  // No such name: nor a wildcard that could stand in for it (RFC 4035 3.1.3.2, RFC 5155 7.2.2).
  void deny_name(unsigned encloser) {
    if (!dnssec()) return;
    if (zone_->denial() == Denial::Nsec) {
      prove(zone_->covering(name_.suffix(name_.labels())));
    } else {
      encloser = prove_encloser(encloser);
    }
    std::uint8_t star[kMaxName + 2] = {1, '*'};
    const std::size_t size = name_.suffix_size(encloser) + 2;
    if (size > kMaxName) return;
    std::memcpy(star + 2, name_.suffix(encloser), size - 2);
    if (zone_->denial() == Denial::Nsec) {
      prove(zone_->covering(star));
    } else {
      prove_hash({star, size});
    }
  }

  // A wildcard answered: no closer name does (RFC 4035 3.1.3.3, RFC 5155 7.2.6). Nothing to say otherwise.
  void deny_closer(unsigned encloser) {
    if (!wildcard_ || !dnssec()) return;
    if (zone_->denial() == Denial::Nsec) return prove(zone_->covering(name_.suffix(name_.labels())));
    prove_hash(suffix(encloser + 1));
  }

  // The name, or the wildcard in its place, has no such type (RFC 4035 3.1.3.1, 3.1.3.4; RFC 5155 7.2.3 to
  // 7.2.5).
  void deny_type(const Node& node, unsigned encloser) {
    if (!dnssec()) return;
    if (zone_->denial() == Denial::Nsec) {
      // An empty non-terminal has no NSEC of its own; the one before it shows that.
      prove(node.has(type::NSEC) ? node : zone_->covering(node.key().data()));
      return deny_closer(encloser);
    }
    if (wildcard_) prove_encloser(encloser);
    // Without a match the zone left unsigned delegations out of its chain (RFC 5155 7.2.4, 7.2.7).
    if (!prove_hash(node.key()) && !wildcard_) prove_encloser(encloser - 1);
  }

  std::span<const std::uint8_t> suffix(unsigned labels) const {
    return {name_.suffix(labels), name_.suffix_size(labels)};
  }
  // The NSEC3 that matches or covers a name; whether it matches.
  bool prove_hash(std::span<const std::uint8_t> name) {
    bool matches = false;
    const Node& node = zone_->covering(nsec3_hash(zone_->nsec3(), name), matches);
    prove(node);
    return matches;
  }
  // RFC 5155 7.2.1: the closest encloser exists, the name one label longer does not.
  unsigned prove_encloser(unsigned encloser) {
    for (bool matches = false;; --encloser) {
      const Node& node = zone_->covering(nsec3_hash(zone_->nsec3(), suffix(encloser)), matches);
      if (!matches && encloser > zone_->apex_labels()) continue;
      prove(node);
      break;
    }
    prove_hash(suffix(encloser + 1));
    return encloser;
  }

  // RFC 8482 4.1: one RRset, with its signatures for those who want them, is a good answer to ANY. Over TCP
  // the asker has shown its address, and gets all of them.
  void some_of(const Node& node, unsigned encloser) {
    bool any = false;
    for (std::size_t i = 0; i < node.rrset_count(); ++i) {
      const RRsetView set = node.rrset(i);
      const bool signature = set.type == type::RRSIG, one = transport_ == Transport::Udp;
      if (request_.qtype == type::RRSIG ? !signature : one && (signature || set.type == type::NSEC)) continue;
      if (!out_.add(Section::Answer, owner_, set) ||
          (one && !signature && !sign(Section::Answer, owner_, node, set)))
        return out_.set_truncated();
      any = true;
      if (one) break;
    }
    if (any) return deny_closer(encloser);
    add_soa();
    deny_type(node, encloser);
  }

  // `node`: whose CNAME this is; null for one made from a DNAME, which nobody signs (RFC 6672 5.3.1).
  bool follow(const RRsetView& cname, const Node* node) {
    std::uint16_t target_at = 0;
    if (!out_.add(Section::Answer, owner_, cname, cname.ttl, &target_at) ||
        (node && !sign(Section::Answer, owner_, *node, cname))) {
      out_.set_truncated();
      return false;
    }
    // An alias that leads back is not followed again: no record stands twice in an answer (RFC 2181 5).
    followed_[hops_] = owner_.name;
    owner_ = {*cname.begin(), target_at};
    for (unsigned i = 0; i <= hops_; ++i)
      if (same_name(followed_[i], owner_.name)) return false;
    return true;
  }

  static bool same_name(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(),
                      [](std::uint8_t x, std::uint8_t y) { return kLower[x] == kLower[y]; });
  }

  // RFC 6672 3.1: the DNAME, a CNAME made from it, and on with the new name.
  bool substitute(const Node& node, const RRsetView& dname, unsigned labels) {
    Owner at{{name_.suffix(labels), name_.suffix_size(labels)}, 0};
    const auto target = *dname.begin();
    const std::size_t prefix = owner_.name.size() - name_.suffix_size(labels);
    if (!out_.add(Section::Answer, at, dname) || !sign(Section::Answer, at, node, dname)) {
      out_.set_truncated();
      return false;
    }
    if (prefix + target.size() > kMaxName) {
      out_.set_rcode(Rcode::YxDomain);
      return false;
    }
    if (synthesized_ == kSynthesized) return false;
    std::uint8_t* const rdata = made_[synthesized_++];
    const std::size_t size = prefix + target.size();
    put16(rdata, static_cast<std::uint16_t>(size));
    std::memcpy(rdata + 2, owner_.name.data(), prefix);
    std::memcpy(rdata + 2 + prefix, target.data(), target.size());
    const RRsetView cname{type::CNAME, 0, 1, dname.ttl, {rdata, size + 2}};
    const bool more = follow(cname, nullptr);
    return more && request_.qtype != type::CNAME && request_.qtype != type::ANY;
  }

  // The name is somebody else's: the delegation's NS and the addresses without which they cannot be reached.
  bool refer(const Node& cut, unsigned labels) {
    referred_ = true;
    if (hops_ == 0) out_.set_authoritative(false);
    Owner at = apex_owner(cut, labels);
    const RRsetView ns = cut.find(type::NS);
    if (!out_.add(Section::Authority, at, ns)) {
      out_.set_truncated();
      return false;
    }
    if (dnssec()) {
      // RFC 4035 3.1.4: the child's DS, or the proof that it has none.
      const RRsetView ds = cut.find(type::DS);
      if (ds && (!out_.add(Section::Authority, at, ds) || !sign(Section::Authority, at, cut, ds)))
        out_.set_truncated();
      if (!ds && zone_->denial() == Denial::Nsec3) {
        if (!prove_hash(suffix(labels))) prove_encloser(labels - 1);
      } else if (!ds && cut.has(type::NSEC)) {
        prove(cut);
      }
      add_proofs();
      if (out_.truncated()) return false;
    }
    look_ahead(ns);
    LookupName target;
    // RFC 9471 3: servers named below the cut are unreachable without glue; when it does not fit, the asker
    // must know.
    for (const bool below : {true, false})
      for (const auto name : ns) {
        target.assign(name.data(), name.size());
        if (!is_within(target, *zone_)) continue;
        const bool in_domain = target.labels() >= labels && target.hash(labels) == name_.hash(labels);
        if (in_domain != below) continue;
        if (!add_addresses(*zone_, target, name) && below) {
          out_.set_truncated();
          return false;
        }
      }
    return false;
  }

  Owner apex_owner(const Node& node, unsigned labels) const {
    // Where the chain has not left the question, an ancestor's name stands inside it.
    if (hops_ == 0)
      return {node.name(),
              static_cast<std::uint16_t>(kHeaderSize + request_.qname.size() - name_.suffix_size(labels))};
    return {node.name(), 0};
  }

  void add_soa() {
    Owner at{zone_->apex_node().name(), 0};
    if (hops_ == 0) at = apex_owner(zone_->apex_node(), zone_->apex_labels());
    const RRsetView soa = zone_->apex_node().find(type::SOA);
    if (!out_.add(Section::Authority, at, soa, zone_->negative_ttl()) ||
        !sign(Section::Authority, at, zone_->apex_node(), type::SOA, zone_->negative_ttl()))
      out_.set_truncated();
    answered_ = {};
  }

  // RFC 1034 4.3.2 6, RFC 1035 3.3.9, RFC 2782: addresses of the hosts the answer names. What does not fit is
  // left out.
  void add_additional() {
    if (!answered_ ||
        (answered_.type != type::MX && answered_.type != type::SRV && answered_.type != type::NS &&
         answered_.type != type::SVCB && answered_.type != type::HTTPS))
      return;
    look_ahead(answered_);
    LookupName target;
    unsigned names = 0;
    for (const auto rdata : answered_) {
      if (++names > limits_.additional_names) return;
      const auto name = target_name(answered_.type, rdata);
      if (name.size() <= 1) continue;  // RFC 2782, RFC 7505: the root means "no such service"
      target.assign(name.data(), name.size());
      if (!is_within(target, *zone_) || is_hidden(target)) continue;
      if (!add_addresses(*zone_, target, name)) return;
    }
  }

  // The hosts that records name lie anywhere in a big zone: fetched from memory side by side.
  void look_ahead(const RRsetView& set) const {
    if (set.count < 2 || !zone_->is_big()) return;
    constexpr unsigned kMost = 8;
    std::uint64_t hashes[kMost];
    unsigned count = 0;
    LookupName target;
    for (const auto rdata : set) {
      const auto name = target_name(set.type, rdata);
      if (count == kMost) break;
      target.assign(name.data(), name.size());
      if (is_within(target, *zone_)) zone_->prefetch(hashes[count++] = target.hash());
    }
    for (unsigned i = 0; i < count; ++i) zone_->prefetch_node(hashes[i]);
  }

  bool add_addresses(const Zone& zone, const LookupName& target, std::span<const std::uint8_t> name) {
    const Node* node = zone.find(target);
    if (!node) return true;
    Owner at{name, 0};
    for (const Type type : {type::A, type::AAAA})
      if (const RRsetView set = node->find(type); set && !out_.add(Section::Additional, at, set))
        return false;
    return true;
  }

  static bool is_within(const LookupName& name, const Zone& zone) {
    return name.labels() >= zone.apex_labels() && name.hash(zone.apex_labels()) == zone.apex_hash();
  }

  // Whether the name stands below a delegation or a DNAME.
  bool is_hidden(const LookupName& name) const {
    if (!zone_->has_cuts()) return false;
    for (unsigned n = zone_->apex_labels(); n <= name.labels(); ++n) {
      const Node* node = zone_->find(name, n);
      if (!node) return false;
      if (n > zone_->apex_labels() && node->has(type::NS)) return true;
      if (n < name.labels() && node->has(type::DNAME)) return true;
    }
    return false;
  }

  static constexpr unsigned kHops = 31;
  static constexpr unsigned kProofs = 4 * 16;  // at most three for each name of a chain
  static constexpr unsigned kSynthesized = 8;  // DNAMEs substituted for one question

  const ZoneSet& zones_;
  const Request& request_;
  const Transport transport_;
  Response& out_;
  const AnswerLimits& limits_;
  LookupName name_;
  Owner owner_;  // name_ as it is to be written
  const Zone* zone_ = nullptr;
  RRsetView answered_;
  unsigned hops_ = 0, synthesized_ = 0;
  std::span<const std::uint8_t> followed_[kHops + 1];  // owners of the aliases so far
  bool referred_ = false, wildcard_ = false;
  const Node* proofs_[kProofs];  // whose NSEC was sent
  unsigned proof_count_ = 0, proofs_added_ = 0;
  std::uint8_t made_[kSynthesized][2 + kMaxName + 1];
};

}  // namespace

Reach answer(const ZoneSet& zones, const Request& request, Transport transport, Response& response,
             const AnswerLimits& limits) {
  return Answerer(zones, request, transport, response, limits).run();
}

}  // namespace lab::dns
