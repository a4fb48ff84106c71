#include "dns/framing.hpp"

#include <algorithm>

namespace lab::dns {

std::span<std::uint8_t> FrameReader::room() {
  if (begin_ > 0) {
    std::copy(bytes_.begin() + static_cast<std::ptrdiff_t>(begin_),
              bytes_.begin() + static_cast<std::ptrdiff_t>(end_), bytes_.begin());
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == 0 && bytes_.size() > kFirst) {
    bytes_.resize(kFirst);  // the long message is over: an idle connection holds little
    bytes_.shrink_to_fit();
  }
  if (end_ == bytes_.size()) bytes_.resize(std::min(bytes_.size() * 4, kLongest));
  return std::span(bytes_).subspan(end_);
}

std::optional<std::span<const std::uint8_t>> FrameReader::next() {
  if (end_ - begin_ < 2) return std::nullopt;
  const std::size_t size = get16(&bytes_[begin_]);
  if (end_ - begin_ - 2 < size) return std::nullopt;
  const auto message = std::span<const std::uint8_t>(bytes_).subspan(begin_ + 2, size);
  begin_ += 2 + size;
  return message;
}

void append_frame(std::vector<std::uint8_t>& out, std::span<const std::uint8_t> message) {
  std::uint8_t length[2];
  put16(length, static_cast<std::uint16_t>(message.size()));
  out.insert(out.end(), length, length + 2);
  out.insert(out.end(), message.begin(), message.end());
}

}  // namespace lab::dns
