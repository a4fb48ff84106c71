/// metrics -- what the server counts: questions by type and transport, answers by code, how long they took.
/// Each thread that answers counts for itself, so that counting costs no more than an addition; whoever asks
/// gets the sum.
#pragma once
#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "dns/answer.hpp"
#include "dns/wire.hpp"

namespace lab::dns {

/// Things counted besides questions and answers.
enum class Event : std::uint8_t {
  Dropped,          ///< what came was no question
  Truncated,        ///< answers that say: ask again over TCP
  CookieGood,       ///< questions with a server cookie of ours
  CookieBad,        ///< with another's, or an old one: answered with BADCOOKIE
  RateSlipped,      ///< answered with TC alone: the client asks too fast
  RateDropped,      ///< not answered: the client asks too fast
  Recursive,        ///< other servers were asked
  Connections,      ///< accepted, over TCP, TLS and HTTPS
  ConnectionsFull,  ///< refused: too many were open
  HandshakeFailed,  ///< TLS
  HttpErrors,       ///< requests over HTTPS that held no question
};
inline constexpr std::size_t kEvents = 11;
/// `cookie_good`.
const char* event_text(Event event);

/// The sums, at one moment.
struct Totals {
  static constexpr std::size_t kLatencies = 24;
  std::array<std::uint64_t, kTransports> by_transport{};
  std::array<std::uint64_t, 260> by_type{};  ///< the last one: all types from 259 on
  std::array<std::uint64_t, 25> by_rcode{};  ///< the last one: all codes from 24 on
  std::array<std::uint64_t, 6> by_opcode{};
  std::array<std::uint64_t, kEvents> events{};
  /// Answers that took less than 2^n microseconds, and not less than half of that.
  std::array<std::uint64_t, kLatencies> by_latency{};
  std::uint64_t bytes_in = 0, bytes_out = 0;

  std::uint64_t questions() const;
  /// Microseconds within which `share` (0 to 1) of the answers were given.
  std::uint64_t latency(double share) const;
};

/// Counters of one thread: only that thread adds, any may read.
class Counters {
 public:
  void question(Transport transport, Opcode opcode, Type type, std::size_t bytes) {
    add(by_transport_[static_cast<std::size_t>(transport)]);
    add(by_opcode_[std::min<std::size_t>(static_cast<std::size_t>(opcode), by_opcode_.size() - 1)]);
    add(by_type_[std::min<std::size_t>(type, by_type_.size() - 1)]);
    add(bytes_in_, bytes);
  }
  /// `reply`: a whole message.
  void answer(std::span<const std::uint8_t> reply) { answer(reply, rcode_of(reply)); }
  void answer(std::span<const std::uint8_t> reply, unsigned rcode) {
    add(by_rcode_[std::min<std::size_t>(rcode, by_rcode_.size() - 1)]);
    if ((reply[2] & 0x02U) != 0) event(Event::Truncated);
    add(bytes_out_, reply.size());
  }
  void latency(std::chrono::nanoseconds time, std::uint64_t answers = 1) {
    const auto us = static_cast<std::uint64_t>(time.count()) / 1000;
    add(by_latency_[std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(us)),
                                          Totals::kLatencies - 1)],
        answers);
  }
  void event(Event e, std::uint64_t n = 1) { add(events_[static_cast<std::size_t>(e)], n); }
  void add_to(Totals& totals) const;

 private:
  using Counter = std::atomic<std::uint64_t>;
  static void add(Counter& c, std::uint64_t n = 1) {  // one writer: no locked instruction
    c.store(c.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  static unsigned rcode_of(std::span<const std::uint8_t> reply);

  std::array<Counter, kTransports> by_transport_{};
  std::array<Counter, 260> by_type_{};
  std::array<Counter, 25> by_rcode_{};
  std::array<Counter, 6> by_opcode_{};
  std::array<Counter, kEvents> events_{};
  std::array<Counter, Totals::kLatencies> by_latency_{};
  Counter bytes_in_{0}, bytes_out_{0};
};

/// Hands out counters and adds them up. Safe from any thread.
class Metrics {
 public:
  /// For a thread of one's own; stays as long as the metrics do.
  Counters& counters();
  /// For answers that come from any thread: slow ones.
  void late_answer(std::span<const std::uint8_t> reply, std::chrono::nanoseconds time);
  void event(Event e);
  Totals totals() const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Counters>> all_;
  Counters late_;
};

/// One JSON object: questions by transport, type and opcode, answers by code, events, latency.
std::string totals_json(const Totals& totals);
/// The same for people, a line per number that is not 0.
std::string totals_text(const Totals& totals);

}  // namespace lab::dns
