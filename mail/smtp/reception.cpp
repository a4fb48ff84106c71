#include "mail/smtp/reception.hpp"

#include <algorithm>

#include "mail/message/header_scan.hpp"

namespace lab::mail::smtp {
namespace {

constexpr std::size_t kUsual = std::size_t{8} * 1024;  // most messages fit
constexpr std::size_t kReserveAtMost =
    std::size_t{1024} * 1024;  // of what a client announces: it has not sent it yet

}  // namespace

Reception::Reception(MemoryBudget& budget, std::string trace, std::uint64_t max_message,
                     std::uint64_t expected)
    : budget_(budget),
      message_(std::make_shared<std::string>(std::move(trace))),
      trace_size_(message_->size()),
      limit_(trace_size_ + max_message),
      decoder_(*message_, limit_) {
  message_->reserve(trace_size_ + std::clamp<std::size_t>(expected, kUsual, kReserveAtMost));
}

Reception::~Reception() { budget_.used -= held_; }

bool Reception::room_for(std::size_t bytes) {
  if (out_of_memory_) return false;
  if (budget_.used + bytes > budget_.limit) {
    out_of_memory_ = true;
    decoder_.keep_nothing();
    message_->clear();
    message_->shrink_to_fit();
    trace_size_ = 0;
    return false;
  }
  budget_.used += bytes;
  held_ += bytes;
  return true;
}

std::size_t Reception::feed_data(std::string_view bytes) {
  if (message_->size() < limit_) room_for(bytes.size());
  return decoder_.feed(bytes);
}

void Reception::feed_chunk(std::string_view bytes) {
  chunk_ends_.feed(bytes);
  auto kept = bytes.substr(0, limit_ - std::min(limit_, message_->size()));
  if (!kept.empty() && !room_for(kept.size())) kept = {};
  message_->append(kept);
  dropped_ += bytes.size() - kept.size();
}

Taken Reception::verdict(int max_received) {
  chunk_ends_.finish();
  if (out_of_memory_) return Taken::NoMemory;
  if (dropped() > 0) return Taken::TooLarge;
  if (decoder_.bare_line_end() || chunk_ends_.broken()) return Taken::BareLineEnd;
  if (message::scan_header(*message_).received > max_received) return Taken::Loop;
  return Taken::Stored;
}

}  // namespace lab::mail::smtp
