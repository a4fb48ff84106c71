#include "dns/transfer.hpp"

#include <algorithm>
#include <utility>

#include "dns/rdata.hpp"
#include "dns/zone_builder.hpp"

namespace lab::dns {
namespace {

// Messages of this size keep all names within reach of a compression pointer; only a record that is longer
// gets more.
constexpr std::size_t kMessageSize = 0x4000;

}  // namespace

std::vector<ChangePtr> changes_since(const std::vector<ChangePtr>& history, std::uint32_t serial,
                                     std::uint32_t present) {
  auto at =
      std::find_if(history.rbegin(), history.rend(), [&](const ChangePtr& c) { return c->from == serial; });
  if (at == history.rend()) return {};
  std::vector<ChangePtr> out(at.base() - 1, history.end());
  for (std::size_t i = 0; i + 1 < out.size(); ++i)
    if (out[i]->to != out[i + 1]->from) return {};
  return out.back()->to == present ? out : std::vector<ChangePtr>{};
}

OutgoingTransfer::OutgoingTransfer(const Request& request, ZonePtr zone, std::vector<ChangePtr> changes,
                                   const ReplyOptions& options, std::uint16_t udp_size)
    : question_(request.message.begin(),
                request.message.begin() + static_cast<std::ptrdiff_t>(request.question_end)),
      edns_(request.edns),
      options_(options),
      udp_size_(udp_size),
      zone_(std::move(zone)),
      held_(std::move(changes)) {
  edns_.cookie = {};  // stands in a message that will be gone
  std::fill(question_.begin() + 6, question_.begin() + 12, std::uint8_t{0});
  incremental_ = !held_.empty();
  if (incremental_) {
    flatten(held_);
  } else {
    nodes_ = zone_->in_order();
  }
}

// RFC 1995 4: the new SOA; for each change the old SOA, what went, the new SOA, what came; the new SOA again.
void OutgoingTransfer::flatten(const std::vector<ChangePtr>& changes) {
  auto put = [&](const ZoneRecord& r) {
    auto& [name, layout] = changes_.emplace_back(&r.owner, RRsetLayout());
    layout.add({r.type, 0, r.ttl, {r.rdata}});
  };
  auto put_soa_first = [&](const std::vector<ZoneRecord>& records) {
    for (const ZoneRecord& r : records)
      if (r.type == type::SOA) put(r);
    for (const ZoneRecord& r : records)
      if (r.type != type::SOA) put(r);
  };
  for (const ChangePtr& change : changes) {
    put_soa_first(change->diff.removed);
    put_soa_first(change->diff.added);
  }
}

// The next RRset to send; false at the end.
bool OutgoingTransfer::item(Item& out) {
  const Node& apex = zone_->apex_node();
  const RRsetView soa = apex.find(type::SOA);
  if (soas_ == 0) {
    out = {apex.name().data(), apex.name().size(), soa};
    return true;
  }
  if (incremental_) {
    if (set_ < changes_.size()) {
      const auto& [name, layout] = changes_[set_];
      out = {name->data(), name->size(), layout.views()[0]};
      return true;
    }
  } else {
    for (; node_ < nodes_.size(); ++node_, set_ = 0)
      for (; set_ < nodes_[node_]->rrset_count(); ++set_) {
        const RRsetView set = nodes_[node_]->rrset(set_);
        if (set.type == type::SOA) continue;
        out = {nodes_[node_]->name().data(), nodes_[node_]->name().size(), set};
        return true;
      }
  }
  if (soas_ == 2) return false;
  out = {apex.name().data(), apex.name().size(), soa};
  return true;
}

std::size_t OutgoingTransfer::next(std::span<std::uint8_t> out, std::size_t reserve) {
  if (done_) return 0;
  Request request;
  parse_request(question_, request);
  if (!first_) request.qname = {};  // RFC 5936 2.2.1: only the first message repeats the question
  if (first_ && edns_.present) reserve += Response::kOptSize + options_.bytes().size();
  for (std::size_t size : {std::min(kMessageSize, out.size()), out.size()}) {
    Response response(request, out, size, reserve);
    response.set_authoritative(true);
    Item what{};
    bool full = false;
    while (!full && item(what)) {
      auto at = what.set.begin();
      for (std::uint16_t i = 0; i < sent_of_set_; ++i) ++at;
      Owner owner{{what.name, what.name_size}, 0};
      const auto left = static_cast<std::uint16_t>(what.set.count - sent_of_set_);
      const std::uint16_t added = response.add_some(Section::Answer, owner, what.set, at, left);
      records_ += added;
      if (added < left) {
        sent_of_set_ = static_cast<std::uint16_t>(sent_of_set_ + added);
        full = true;
        break;
      }
      sent_of_set_ = 0;
      const bool is_frame = soas_ == 0 || (incremental_ ? set_ >= changes_.size() : node_ >= nodes_.size());
      if (is_frame) {
        ++soas_;
      } else {
        ++set_;
      }
    }
    if (response.count(Section::Answer) == 0 && full) continue;  // one record longer than usual
    if (!full) done_ = true;
    return response.finish(std::exchange(first_, false) ? edns_ : Edns{}, udp_size_, options_);
  }
  done_ = true;
  return 0;
}

std::size_t OutgoingTransfer::single_soa(const Request& request, const Zone& zone,
                                         std::span<std::uint8_t> out, const ReplyOptions& options,
                                         std::uint16_t udp_size) {
  Response response(request, out, out.size(),
                    request.edns.present ? Response::kOptSize + options.bytes().size() : 0);
  response.set_authoritative(true);
  Owner owner{request.qname, Response::kQuestionAt};
  response.add(Section::Answer, owner, zone.apex_node().find(type::SOA));
  return response.finish(request.edns, udp_size, options);
}

IncomingTransfer::IncomingTransfer(Name apex, ZonePtr ours)
    : apex_(std::move(apex)), ours_(std::move(ours)) {}

IncomingTransfer::State IncomingTransfer::fail_with(std::string why) {
  why_ = std::move(why);
  return State::Failed;
}

IncomingTransfer::State IncomingTransfer::take(std::span<const std::uint8_t> m) {
  if (m.size() < kHeaderSize || (m[2] & 0x80U) == 0) return fail_with("the primary sent no response");
  if (const auto code = static_cast<Rcode>(m[3] & 15U); code != Rcode::NoError)
    return fail_with("the primary said " + rcode_text(code));
  std::size_t at = kHeaderSize;
  for (unsigned i = get16(&m[4]); i > 0; --i) {
    at = skip_name(m, at);
    if (at == 0 || m.size() - at < 4) return fail_with("a question is malformed");
    at += 4;
  }
  for (unsigned i = get16(&m[6]); i > 0; --i) {
    const auto r = read_record(m, at);
    if (!r) return fail_with("a record is malformed");
    at = r->end;
    std::size_t owner_at = r->owner_at;
    auto owner = Name::from_message(m, owner_at);
    auto rdata = rdata_from_message(r->type, m, r->rdata_at, r->rdata_size);
    if (!owner || !rdata || r->rrclass != rrclass::IN) return fail_with("a record is malformed");
    if (finished_) return fail_with("records follow the end of the transfer");
    if (record(std::move(*owner), r->type, r->ttl, std::move(*rdata)) == State::Failed) return State::Failed;
  }
  note_expire(m, at);
  if (finished_) return State::Done;
  // An IXFR whose one message holds one SOA: nothing newer is there (RFC 1995 2).
  if (count_ == 1 && ours_ && !serial_after(serial_, ours_->serial())) {
    up_to_date_ = finished_ = true;
    return State::Done;
  }
  if (count_ == 0) return fail_with("the primary sent an empty answer");
  return State::More;
}

// RFC 7314 2: an option of four bytes; one of another length says nothing. `at`: behind the answer section.
void IncomingTransfer::note_expire(std::span<const std::uint8_t> m, std::size_t at) {
  for (unsigned i = get16(&m[8]) + unsigned{get16(&m[10])}; i > 0; --i) {
    const auto r = read_record(m, at);
    if (!r) return;
    at = r->end;
    if (r->type != type::OPT) continue;
    for (auto options = m.subspan(r->rdata_at, r->rdata_size); options.size() >= 4;) {
      const std::size_t length = get16(&options[2]);
      if (options.size() - 4 < length) return;
      if (get16(options.data()) == option::EXPIRE && length == 4) expire_ = get32(&options[4]);
      options = options.subspan(4 + length);
    }
  }
}

IncomingTransfer::State IncomingTransfer::record(Name owner, Type type, std::uint32_t ttl,
                                                 std::string rdata) {
  ++count_;
  if (rdata.size() > ZoneBuilder::kMaxRdata)
    return fail_with(
        fmt::format("{} {} is longer than this server can send it again", owner.text(), type_text(type)));
  const bool soa = type == type::SOA;
  if (soa && !(owner == apex_)) return fail_with("a SOA of another zone");
  const std::uint32_t serial = soa ? Soa::parse(as_bytes(rdata)).serial : 0;
  if (count_ == 1) {
    if (!soa) return fail_with("the first record is not the SOA");
    serial_ = serial;
    whole_.push_back({std::move(owner), type, ttl, std::move(rdata)});
    return State::More;
  }
  if (kind_ == Kind::Unknown)
    kind_ = soa && ours_ && serial == ours_->serial() && serial != serial_ ? Kind::Changes : Kind::Whole;
  if (kind_ == Kind::Whole) {
    if (soa) {
      if (serial != serial_) return fail_with("the zone changed during the transfer");
      finished_ = true;
    } else if (owner.is_within(apex_)) {  // RFC 5936 3.5: what is not in the zone is no part of it
      whole_.push_back({std::move(owner), type, ttl, std::move(rdata)});
    }
    return State::More;
  }
  if (!owner.is_within(apex_)) return fail_with(owner.text() + " is not in the zone");
  if (soa) {
    if (!removing_ && !changes_.empty() && serial == serial_ && changes_.back().added[0].type == type::SOA &&
        Soa::parse(as_bytes(changes_.back().added[0].rdata)).serial == serial_) {
      finished_ = true;
      return State::More;
    }
    removing_ = !removing_;
    if (removing_) changes_.emplace_back();
  }
  (removing_ ? changes_.back().removed : changes_.back().added)
      .push_back({std::move(owner), type, ttl, std::move(rdata)});
  return State::More;
}

Result<ZonePtr> IncomingTransfer::result() {
  if (up_to_date_) return ZonePtr();
  if (kind_ == Kind::Changes) {
    ZonePtr zone = ours_;
    for (const ZoneDiff& change : changes_) {
      ZoneEditor editor(zone);
      for (const ZoneRecord& r : change.removed)
        if (!editor.remove(r.owner, r.type, r.rdata))
          return fail(
              fmt::format("the changes remove {} {}, which is not there", r.owner.text(), type_text(r.type)));
      for (const ZoneRecord& r : change.added) editor.add(r.owner, r.type, r.ttl, r.rdata);
      auto next = editor.finish();
      if (!next) return next;
      zone = *next;
    }
    return zone;
  }
  ZoneBuilder builder(apex_);
  for (const ZoneRecord& r : whole_) builder.add(r.owner, r.type, r.ttl, as_bytes(r.rdata));
  std::vector<ZoneBuilder::Problem> problems, remarks;
  auto zone = builder.build(problems, remarks);
  if (!zone) return fail(problems[0].what, problems[0].name.text());
  return zone;
}

}  // namespace lab::dns
