/// reception -- one message on its way in, by DATA or in chunks: kept in memory up to a limit, its line ends
/// checked, its Received line already on top. What all messages in flight hold together is bounded too.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "mail/smtp/data_decoder.hpp"
#include "mail/smtp/machine.hpp"

namespace lab::mail::smtp {

/// Bytes that messages being received may hold together.
struct MemoryBudget {
  std::uint64_t limit = Limits{}.in_memory;
  std::uint64_t used = 0;
};

class Reception {
 public:
  /// `trace`: what stands on top; `max_message`: of what follows it. `expected`: bytes the client announced,
  /// or 0.
  Reception(MemoryBudget& budget, std::string trace, std::uint64_t max_message, std::uint64_t expected);
  ~Reception();
  Reception(const Reception&) = delete;
  Reception& operator=(const Reception&) = delete;

  /// After DATA: takes bytes up to the end of the message, returns how many.
  std::size_t feed_data(std::string_view bytes);
  bool data_done() const { return decoder_.done(); }
  /// After BDAT: takes them all.
  void feed_chunk(std::string_view bytes);
  std::uint64_t dropped() const { return decoder_.dropped() + dropped_; }

  /// What is wrong with the message as a message; Stored: nothing. `max_received`: Received lines it may
  /// have.
  Taken verdict(int max_received);
  /// Puts header lines under the Received line.
  void insert_below_trace(std::string_view lines) { message_->insert(trace_size_, lines); }
  /// The message below our own lines.
  std::string_view original() const { return std::string_view(*message_).substr(trace_size_); }
  std::shared_ptr<const std::string> message() const { return message_; }

 private:
  bool room_for(std::size_t bytes);

  MemoryBudget& budget_;
  std::uint64_t held_ = 0;
  std::shared_ptr<std::string> message_;
  std::size_t trace_size_;
  std::size_t limit_;
  DataDecoder decoder_;
  LineEndings chunk_ends_;
  std::uint64_t dropped_ = 0;
  bool out_of_memory_ = false;
};

}  // namespace lab::mail::smtp
