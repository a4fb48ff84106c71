#include "dns/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "dns/request.hpp"

namespace lab::dns {
namespace {

constexpr const char* kEventNames[kEvents] = {
    "dropped",   "truncated",   "cookie_good",      "cookie_bad",       "rate_slipped", "rate_dropped",
    "recursive", "connections", "connections_full", "handshake_failed", "http_errors"};
constexpr const char* kEventTexts[kEvents] = {
    "messages that were no question",          "answers cut short: TC, ask again over TCP",
    "questions with a good server cookie",     "questions with a wrong or old server cookie",
    "answered with TC alone: asked too fast",  "not answered: asked too fast",
    "questions other servers were asked for",  "connections accepted",
    "connections refused: too many were open", "TLS handshakes that failed",
    "HTTP requests that held no question"};

std::string opcode_text(std::size_t opcode) {
  switch (static_cast<Opcode>(opcode)) {
    case Opcode::Query: return "QUERY";
    case Opcode::IQuery: return "IQUERY";
    case Opcode::Status: return "STATUS";
    case Opcode::Notify: return "NOTIFY";
    case Opcode::Update: return "UPDATE";
    case Opcode::Dso: break;
  }
  return fmt::format("OPCODE{}", opcode);
}

template <std::size_t N, class F>
std::string json_of(const std::array<std::uint64_t, N>& counts, F name) {
  std::string text;
  for (std::size_t i = 0; i < N; ++i)
    if (counts[i] != 0) text += fmt::format(R"({}"{}":{})", text.empty() ? "" : ",", name(i), counts[i]);
  return "{" + text + "}";
}

std::string type_name(std::size_t i) {
  return i + 1 == Totals{}.by_type.size() ? "other" : type_text(static_cast<Type>(i));
}
std::string rcode_name(std::size_t i) {
  return i + 1 == Totals{}.by_rcode.size() ? "other" : rcode_text(static_cast<Rcode>(i));
}
std::string transport_name(std::size_t i) { return transport_text(static_cast<Transport>(i)); }
std::string latency_name(std::size_t i) { return fmt::format("{}", std::uint64_t{1} << i); }

}  // namespace

const char* event_text(Event event) { return kEventNames[static_cast<std::size_t>(event)]; }

std::uint64_t Totals::questions() const {
  return std::accumulate(by_transport.begin(), by_transport.end(), std::uint64_t{0});
}

std::uint64_t Totals::latency(double share) const {
  const auto all = std::accumulate(by_latency.begin(), by_latency.end(), std::uint64_t{0});
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < by_latency.size(); ++i) {
    seen += by_latency[i];
    if (seen > 0 && static_cast<double>(seen) >= share * static_cast<double>(all))
      return std::uint64_t{1} << i;
  }
  return 0;
}

unsigned Counters::rcode_of(std::span<const std::uint8_t> reply) {
  unsigned code = reply[3] & 15U;
  // The upper bits are in the OPT record, which ends the reply of every server but for a signature.
  std::size_t at = kHeaderSize;
  for (unsigned i = get16(&reply[4]); i > 0; --i) at = skip_name(reply, at) + 4;
  for (unsigned i = unsigned{get16(&reply[6])} + get16(&reply[8]) + get16(&reply[10]); i > 0; --i) {
    const auto r = read_record(reply, at);
    if (!r) break;
    if (r->type == type::OPT) code |= r->ttl >> 24 << 4;
    at = r->end;
  }
  return code;
}

void Counters::add_to(Totals& t) const {
  const auto sum = [](auto& into, const auto& from) {
    for (std::size_t i = 0; i < from.size(); ++i) into[i] += from[i].load(std::memory_order_relaxed);
  };
  sum(t.by_transport, by_transport_);
  sum(t.by_type, by_type_);
  sum(t.by_rcode, by_rcode_);
  sum(t.by_opcode, by_opcode_);
  sum(t.events, events_);
  sum(t.by_latency, by_latency_);
  t.bytes_in += bytes_in_.load(std::memory_order_relaxed);
  t.bytes_out += bytes_out_.load(std::memory_order_relaxed);
}

Counters& Metrics::counters() {
  const std::lock_guard lock(mutex_);
  return *all_.emplace_back(std::make_unique<Counters>());
}

void Metrics::late_answer(std::span<const std::uint8_t> reply, std::chrono::nanoseconds time) {
  if (reply.size() < kHeaderSize) return;
  const std::lock_guard lock(mutex_);
  late_.answer(reply);
  late_.latency(time);
}

void Metrics::event(Event e) {
  const std::lock_guard lock(mutex_);
  late_.event(e);
}

Totals Metrics::totals() const {
  Totals totals;
  const std::lock_guard lock(mutex_);
  for (const auto& counters : all_) counters->add_to(totals);
  late_.add_to(totals);
  return totals;
}

std::string totals_json(const Totals& t) {
  return fmt::format(
      R"({{"questions":{},"transports":{},"types":{},"opcodes":{},"rcodes":{},"events":{},"bytes_in":{},"bytes_out":{},)"
      R"("latency_us":{{"p50":{},"p99":{},"below":{}}}}})",
      t.questions(), json_of(t.by_transport, transport_name), json_of(t.by_type, type_name),
      json_of(t.by_opcode, opcode_text), json_of(t.by_rcode, rcode_name),
      json_of(t.events, [](std::size_t i) { return kEventNames[i]; }), t.bytes_in, t.bytes_out, t.latency(.5),
      t.latency(.99), json_of(t.by_latency, latency_name));
}

std::string totals_text(const Totals& t) {
  std::string text =
      fmt::format("{} questions, {} bytes in, {} bytes out\n", t.questions(), t.bytes_in, t.bytes_out);
  const auto block = [&](const char* title, const auto& counts, auto name) {
    std::string lines;
    for (std::size_t i = 0; i < counts.size(); ++i)
      if (counts[i] != 0) lines += fmt::format("  {:<12} {}\n", name(i), counts[i]);
    if (!lines.empty()) text += fmt::format("{}\n{}", title, lines);
  };
  block("questions by transport", t.by_transport, transport_name);
  block("questions by type", t.by_type, type_name);
  block("questions by opcode", t.by_opcode, opcode_text);
  block("answers by code", t.by_rcode, rcode_name);
  if (t.latency(1) > 0)
    text += fmt::format("time to answer\n  {:<12} {} us\n  {:<12} {} us\n", "half below", t.latency(.5),
                        "99 % below", t.latency(.99));
  std::string others;
  for (std::size_t i = 0; i < kEvents; ++i)
    if (t.events[i] != 0) others += fmt::format("  {:<12} {}\n", t.events[i], kEventTexts[i]);
  return others.empty() ? text : text + "others\n" + others;
}

}  // namespace lab::dns
