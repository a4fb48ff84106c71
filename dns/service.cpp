#include "dns/service.hpp"

#include <openssl/rand.h>

#include <stdexcept>

#include "common/events.hpp"
#include "common/log.hpp"
#include "dns/describe.hpp"
#include "dns/rdata.hpp"

namespace lab::dns {
namespace {

bool any_contains(const std::vector<Network>& networks, const IpAddress& address) {
  return std::any_of(networks.begin(), networks.end(), [&](const Network& n) { return n.contains(address); });
}

bool allows(const Permission& permission, const Caller& caller) {
  if (any_contains(permission.networks, caller.peer.address)) return true;
  return caller.key && std::any_of(permission.keys.begin(), permission.keys.end(), [&](const std::string& k) {
           return Name::parse(k).value() == *caller.key;
         });
}

std::uint64_t seconds_now() {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
          .count());
}

constexpr std::size_t kLongestPlainReply = 2048;  // header, question, options, padding

void random_bytes(std::span<std::uint8_t> out) {
  if (RAND_bytes(out.data(), static_cast<int>(out.size())) != 1)
    throw std::runtime_error("the system has no random numbers to give");
}

Cookies::Secret random_secret() {
  Cookies::Secret secret;
  random_bytes(secret);
  return secret;
}

Name qname(const Request& request) { return Name::trusted(request.qname.data(), request.qname.size()); }

}  // namespace

Access::Access(const Config& config) {
  if (config.update) update = {config.update->networks, config.update->keys};
  if (config.recursion) recursion = config.recursion->networks;
  for (const auto& [name, key] : config.keys)
    keys.push_back(TsigKey::make(name, key.algorithm, key.secret).value());
  for (const auto& [name, zone] : config.zones)
    zones[Name::parse(name).value()] = {zone.transfer, zone.primaries, zone.key};
}

std::string Caller::text() const {
  return key ? fmt::format("{} (key {})", peer.text(), key->text()) : peer.text();
}

Service::Service(const Config& config, ZoneStore& store, boost::asio::any_io_executor executor)
    : store_(store),
      executor_(std::move(executor)),
      own_secret_(random_secret()),
      access_(std::make_shared<const Access>(config)),
      settings_(settings_of(config, nullptr)) {
  limits_ = config.rate_limit;
  ViewId id = kMainView;
  for (const auto& [name, view] : config.views) {
    ++id;
    for (const Endpoint& at : view.listen) views_[at] = id;
  }
  set_recursion(config.recursion);
}

std::shared_ptr<const Settings> Service::settings_of(const Config& config, const Settings* before) const {
  auto next = std::make_shared<Settings>();
  ResponderOptions& options = next->options;
  options.udp_size = config.udp_size;
  options.nsid = config.nsid;
  options.keepalive =
      static_cast<std::uint16_t>(std::min<std::int64_t>(config.tcp.idle.count() / 100, 65535));
  options.cookies =
      Cookies(config.cookie_secret.empty() ? own_secret_ : parse_secret(config.cookie_secret).value());
  options.good_for = [this](const Zone& zone) { return good_for(zone); };
  if (before && config.rate_limit == limits_) {
    next->limiter = before->limiter;  // who was limited stays so
  } else if (config.rate_limit) {
    std::array<std::uint8_t, 8> key;
    random_bytes(key);
    next->limiter = std::make_shared<RateLimiter>(*config.rate_limit,
                                                  get32(key.data()) | std::uint64_t{get32(&key[4])} << 32);
  }
  return next;
}

void Service::set_recursion(const std::optional<RecursionConfig>& config) {
  // Who may ask is in Access: only what libunbound was told makes another one, without what it has learnt.
  const auto how = [](std::optional<RecursionConfig> c) {
    if (c) c->networks.clear();
    return c;
  };
  const std::lock_guard lock(recursor_mutex_);
  if (how(config) != how(recursion_))
    recursor_ = config ? std::make_shared<Recursor>(executor_, *config) : nullptr;
  recursion_ = config;
  recursing_ = recursor_ != nullptr;
}

std::shared_ptr<Recursor> Service::recursor() const {
  const std::lock_guard lock(recursor_mutex_);
  return recursor_;
}

void Service::configure(const Config& config) {
  access_.replace(std::make_shared<const Access>(config));
  settings_.replace(settings_of(config, settings_.get().get()));
  limits_ = config.rate_limit;
  set_recursion(config.recursion);
}

// RFC 7314 3: the original is good as long as its SOA says, a copy as long as is left of that.
std::uint32_t Service::good_for(const Zone& zone) const {
  const std::uint32_t whole = zone.soa().expire;
  const auto access = access_.get();
  const auto found = access->zones.find(zone.apex());
  if (found == access->zones.end() || found->second.primaries.empty()) return whole;
  const std::int64_t left = store_.refreshed(zone.apex()) + whole - static_cast<std::int64_t>(seconds_now());
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(left, 0, whole));
}

ViewId Service::view_at(const Endpoint& listen) const {
  const auto at = views_.find(listen);
  return at == views_.end() ? kMainView : at->second;
}

Asker Service::asker(Transport transport, const IpAddress& peer, ViewId view) const {
  return {.transport = transport,
          .may_recurse = recursing_ && view == kMainView && any_contains(access_.get()->recursion, peer),
          .recursion_offered = recursing_ && view == kMainView,
          .address = peer.bytes(),
          .now = static_cast<std::uint32_t>(seconds_now())};
}

std::vector<std::uint8_t> Service::reply(const Caller& caller, const Request& request, Rcode code,
                                         bool authoritative) const {
  std::vector<std::uint8_t> bytes(kLongestPlainReply);
  bytes.resize(plain_reply(settings_.get()->options, asker(caller), request, code, bytes));
  if (authoritative) bytes[2] |= 4;
  return bytes;
}

void Service::handle(Action action, const Request& request, std::span<const std::uint8_t> known,
                     const Caller& caller, Send send) {
  switch (action) {
    case Action::Update: return update(request, caller, std::move(send));
    case Action::Recurse: return recurse(request, known, caller, std::move(send));
    case Action::Notify: return notify(request, caller, std::move(send));
    case Action::Signed: return signed_message(request, caller, std::move(send));
    case Action::Transfer: return send(unsigned_transfer(request, caller).reply);
    case Action::Reply:
    case Action::Drop: break;
  }
}

std::optional<std::vector<std::uint8_t>> Service::refuse_signature(const Request& request,
                                                                   const Caller& caller, Tsig& tsig) {
  const auto access = access_.get();
  const std::uint64_t now = seconds_now();
  const TsigCheck check = tsig.check_request(request.message, request.tsig_at, access->keys, now);
  if (check.error == Rcode::NoError) return std::nullopt;
  if (check.error == Rcode::FormErr) return reply(caller, request, Rcode::FormErr);
  std::vector<std::uint8_t> bytes = reply(caller, request, Rcode::NotAuth);  // RFC 8945 5.2
  const char* why = check.error == Rcode::BadKey ? "the key or its algorithm is not known here"
                    : check.error == kBadSig
                        ? "the signature is wrong: another secret, or a changed message"
                        : "it was signed at another time: the clocks differ by more than five minutes";
  std::size_t owner = request.tsig_at;
  const auto used = Name::from_message(request.message, owner);
  const std::string key = used ? used->text() : "";
  log::warning("{}: message about {} signed with key {} refused with {}: {}", caller.peer.text(),
               qname(request).text(), key, rcode_text(check.error), why);
  if (request.qtype == type::AXFR || request.qtype == type::IXFR) {
    transfers_.failed(qname(request), TransferLog::Direction::Out,
                      {.peer = caller.peer.text(),
                       .kind = type_text(request.qtype),
                       .key = key,
                       .rcode = rcode_text(check.error),
                       .why = why});
  }
  if (check.error == Rcode::BadTime) {
    tsig.sign(bytes, now, Rcode::BadTime, check.time);
  } else {
    std::size_t at = owner + 10;
    const auto algorithm = Name::from_message(request.message, at);
    Tsig::append_unsigned(bytes, *used, *algorithm, check.error, check.time);
  }
  return bytes;
}

// Checks the signature, deals with what was signed, signs the reply.
void Service::signed_message(const Request& request, const Caller& caller, Send send) {
  Tsig tsig;
  if (auto refusal = refuse_signature(request, caller, tsig)) return send(std::move(*refusal));
  const std::vector<std::uint8_t> inner = without_tsig(request.message, request.tsig_at);
  Send send_signed = [tsig, send = std::move(send)](std::vector<std::uint8_t> bytes) mutable {
    tsig.sign(bytes, seconds_now());
    send(std::move(bytes));
  };
  Asker who = asker(caller.transport, caller.peer.address, caller.view);
  who.reserve = tsig.key()->signature_size();
  std::vector<std::uint8_t> out(kMaxMessage);
  Request q;
  const Outcome outcome = respond(*zones(caller.view).get(), settings_.get()->options, who, inner, out, q);
  out.resize(outcome.size);
  if (outcome.action == Action::Reply) return send_signed(std::move(out));
  handle(outcome.action, q, out, {caller.peer, caller.transport, tsig.key()->name, caller.view},
         std::move(send_signed));
}

void Service::update(const Request& request, const Caller& caller, Send send) {
  if (!allows(access_.get()->update, caller)) {
    log::warning(
        "{}: update of {} refused: {} is in none of the networks of 'update', nor is the message signed by "
        "one of its keys",
        caller.text(), qname(request).text(), caller.peer.address.text());
    return send(reply(caller, request, Rcode::Refused));
  }
  std::vector<std::uint8_t> message(request.message.begin(), request.message.end());
  store_.update(message, caller.text(), [this, message, caller, send = std::move(send)](Rcode code) {
    Request q;
    parse_request(message, q);
    send(reply(caller, q, code));
  });
}

void Service::notify(const Request& request, const Caller& caller, Send send) {
  const Name apex = qname(request);
  const auto access = access_.get();
  const auto zone = access->zones.find(apex);
  const bool ours = zone != access->zones.end() && !zone->second.primaries.empty();
  const bool signed_by_primary =
      ours && caller.key && !zone->second.key.empty() && Name::parse(zone->second.key).value() == *caller.key;
  const bool known =
      signed_by_primary ||
      (ours && std::any_of(zone->second.primaries.begin(), zone->second.primaries.end(),
                           [&](const Endpoint& p) { return p.address == caller.peer.address; }));
  if (!known) {
    log::info("{}: notify of {} refused: {}", caller.text(), apex.text(),
              ours ? "it is none of the zone's primaries" : "this server is no secondary of it");
    return send(reply(caller, request, ours ? Rcode::Refused : Rcode::NotAuth));
  }
  send(reply(caller, request, Rcode::NoError, true));  // RFC 1996 3.7
  if (notified_) notified_(apex);
}

TransferAnswer Service::transfer(const Request& request, const Caller& caller) {
  if (request.tsig_at == 0) return unsigned_transfer(request, caller);
  TransferAnswer answer;
  Tsig tsig;
  if (auto refusal = refuse_signature(request, caller, tsig)) {
    answer.reply = std::move(*refusal);
    return answer;
  }
  const std::vector<std::uint8_t> inner = without_tsig(request.message, request.tsig_at);
  Request q;
  parse_request(inner, q);
  Caller known = caller;
  known.key = tsig.key()->name;
  answer = unsigned_transfer(q, known);
  if (!answer.stream) tsig.sign(answer.reply, seconds_now());
  answer.tsig = std::move(tsig);
  return answer;
}

TransferAnswer Service::unsigned_transfer(const Request& request, const Caller& caller) {
  const Name apex = qname(request);
  const char* const what = request.qtype == type::AXFR ? "AXFR" : "IXFR";
  auto refuse = [&](Rcode code, const char* why) {
    log::info("{}: {} of {} refused with {}: {}", caller.text(), what, apex.text(), rcode_text(code), why);
    transfers_.failed(apex, TransferLog::Direction::Out,
                      {.peer = caller.peer.text(),
                       .kind = what,
                       .key = caller.key ? caller.key->text() : "",
                       .rcode = rcode_text(code),
                       .why = why});
    TransferAnswer answer;
    answer.reply = reply(caller, request, code);
    return answer;
  };
  const auto access = access_.get();
  const auto permission = access->zones.find(apex);
  const ZoneStore::Version version = store_.version(apex);
  if (!version.zone || permission == access->zones.end())
    return refuse(Rcode::NotAuth, "not a zone of this server");
  if (!allows(permission->second.transfer, caller))
    return refuse(Rcode::Refused, "the zone's 'transfer' names neither this address nor its key");
  if (permission->second.transfer.tls && caller.transport != Transport::Tls)
    return refuse(Rcode::Refused, "the zone is given over TLS alone ('transfer: {tls: true}')");
  if (caller.old_tls)  // RFC 9103 7.1
    return refuse(Rcode::Refused, "zones are not given over TLS older than 1.3");
  if (!version.zone->available()) return refuse(Rcode::ServFail, "this server has no valid copy itself");
  TransferAnswer answer;
  const auto settings = settings_.get();
  ReplyOptions extra = reply_options(settings->options, asker(caller), request);
  extra.pad_to = 0;  // a stream of messages tells its length anyway
  add_expire(settings->options, request, *version.zone, extra);
  std::vector<ChangePtr> changes;
  if (request.qtype == type::IXFR) {
    // RFC 1995 3: the asker's SOA stands in the authority section.
    const auto soa =
        request.authorities == 1 ? read_record(request.message, request.authorities_at) : std::nullopt;
    const auto rdata = soa && soa->type == type::SOA
                           ? rdata_from_message(type::SOA, request.message, soa->rdata_at, soa->rdata_size)
                           : std::nullopt;
    if (!rdata) return refuse(Rcode::FormErr, "the SOA is missing");
    const std::uint32_t theirs = Soa::parse(as_bytes(*rdata)).serial, present = version.zone->serial();
    if (!serial_after(present, theirs) || !has_stream(caller.transport)) {
      // RFC 1995 2: nothing newer, or too much for a datagram: the SOA says which.
      answer.reply.resize(kMaxMessage);
      answer.reply.resize(OutgoingTransfer::single_soa(request, *version.zone, answer.reply, extra,
                                                       settings->options.udp_size));
      return answer;
    }
    changes = changes_since(version.history, theirs, present);
  }
  log::info("{}: {} of {} serial {}{}", caller.text(), what, apex.text(), version.zone->serial(),
            request.qtype == type::IXFR ? changes.empty() ? ", whole: the history does not reach back"
                                                          : fmt::format(", {} changes", changes.size())
                                        : "");
  transfers_.done(apex, TransferLog::Direction::Out,
                  {.peer = caller.peer.text(),
                   .kind = what,
                   .key = caller.key ? caller.key->text() : "",
                   .rcode = {},
                   .why = {},
                   .serial = version.zone->serial(),
                   .records = version.zone->names()});
  answer.stream = std::make_unique<OutgoingTransfer>(request, version.zone, std::move(changes), extra,
                                                     settings->options.udp_size);
  return answer;
}

void count_outcome(Counters& counters, Transport transport, const Request& request, const Outcome& outcome,
                   std::span<const std::uint8_t> reply) {
  if (outcome.action == Action::Drop) return counters.event(Event::Dropped);
  counters.question(transport, request.opcode, request.qtype, request.message.size());
  if (outcome.cookie_good) counters.event(Event::CookieGood);
  if (outcome.action == Action::Recurse) counters.event(Event::Recursive);
  if (outcome.action != Action::Reply) return;
  if (outcome.rcode == Rcode::BadCookie) counters.event(Event::CookieBad);
  counters.answer(reply, static_cast<unsigned>(outcome.rcode));
}

void Service::recurse(const Request& request, std::span<const std::uint8_t> known, const Caller& caller,
                      Send send) {
  const auto resolver = recursor();
  if (!resolver) return send(reply(caller, request, Rcode::Refused));  // a reload has just taken it away
  std::vector<std::uint8_t> message(request.message.begin(), request.message.end());
  std::vector<std::uint8_t> ours(known.begin(), known.end());
  // An alias of ours is ours to tell; only what it leads to is asked elsewhere.
  const auto target = alias_target(known);
  resolver->find(
      target ? *target : Name::trusted(request.qname.data(), request.qname.size()), request.qtype,
      [this, resolver, message = std::move(message), ours = std::move(ours), alias = target.has_value(),
       caller, send = std::move(send)](const Recursor::Found& found) {
        Request q;
        parse_request(message, q);
        if (!found.why_bogus.empty()) log::warning("{}", found.why_bogus);
        // Nobody else answers: what we know by ourselves (an alias, a delegation) is better than nothing.
        const bool something = (ours[3] & 15U) == 0;
        if (found.rcode == Rcode::ServFail && found.why_bogus.empty() && something) return send(ours);
        const Asker who = asker(caller);
        const auto settings = settings_.get();
        const ResponderOptions& options = settings->options;
        ReplyOptions extra = reply_options(options, who, q);
        if (!found.why_bogus.empty())
          extra.add_error(ErrorInfo::DnssecBogus, found.why_bogus);
        else if (found.rcode == Rcode::ServFail)
          extra.add_error(ErrorInfo::NoReachableAuthority);
        send(recursive_reply(q, alias ? std::span<const std::uint8_t>(ours) : std::span<const std::uint8_t>(),
                             found, size_limit(options, caller.transport, q, kMaxMessage), options.udp_size,
                             extra));
      });
}

void Service::tell(const Request& request, const std::string& reply, const Endpoint& peer,
                   Transport transport) {
  const std::uint64_t session = ++dialogues_;
  const std::string from = transport == Transport::Udp
                               ? peer.text()
                               : fmt::format("{} {}", peer.text(), transport_text(transport));
  events::emit({.protocol = "dns",
                .session = session,
                .direction = events::Direction::In,
                .peer = from,
                .text = describe_request(request)});
  events::emit({.protocol = "dns",
                .session = session,
                .direction = events::Direction::Out,
                .peer = from,
                .text = reply});
}

}  // namespace lab::dns
