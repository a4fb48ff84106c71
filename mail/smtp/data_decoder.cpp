#include "mail/smtp/data_decoder.hpp"

#include <algorithm>
#include <cstring>

namespace lab::mail::smtp {

void LineEndings::feed(std::string_view text) {
  for (std::size_t i = 0; i < text.size() && !broken_;) {
    if (after_cr_) {
      broken_ = text[i++] != '\n';
      after_cr_ = false;
      continue;
    }
    auto cr = text.find('\r', i);
    auto line = text.substr(i, cr == std::string_view::npos ? cr : cr - i);
    if (line.find('\n') != std::string_view::npos) broken_ = true;
    if (cr == std::string_view::npos) return;
    after_cr_ = true;
    i = cr + 1;
  }
}

void DataDecoder::put(std::string_view text) {
  auto room = limit_ - std::min(limit_, message_.size());
  message_.append(text.substr(0, room));
  if (text.size() > room) dropped_ += text.size() - room;
}

std::size_t DataDecoder::feed(std::string_view input) {
  std::size_t i = 0;
  std::size_t copied = 0;  // up to here everything is in message_; text is put in runs as long as possible
  auto put_until = [&](std::size_t end) {
    put(input.substr(copied, end - copied));
    copied = end;
  };
  while (i < input.size() && state_ != State::Done) {
    char c = input[i];
    switch (state_) {
      case State::LineStart:
        if (c == '.') {
          put_until(i);
          copied = ++i;
          state_ = State::Dot;
        } else {
          state_ = State::Text;
        }
        break;
      case State::Text: {
        auto cr = input.find('\r', i);
        auto end = std::min(cr, input.size());
        if (std::memchr(input.data() + i, '\n', end - i) != nullptr) bare_ = true;
        i = end;
        if (cr != std::string_view::npos) {
          ++i;
          state_ = State::Cr;
        }
        break;
      }
      case State::Cr:
        if (c == '\n') {
          ++i;
          state_ = State::LineStart;
        } else {
          bare_ = true;
          state_ = State::Text;
        }
        break;
      case State::Dot:
        if (c == '\r') {
          copied = ++i;
          state_ = State::DotCr;
        } else {
          state_ = State::Text;  // RFC 5321 4.5.2: the leading dot was stuffing
        }
        break;
      case State::DotCr:
        if (c == '\n') {
          copied = ++i;
          state_ = State::Done;
        } else {
          bare_ = true;
          put("\r");
          state_ = State::Text;
        }
        break;
      case State::Done: break;
    }
  }
  put_until(i);
  return i;
}

std::string dot_stuffed(std::string_view message) {
  std::string out;
  out.reserve(message.size() + message.size() / 64 + 8);
  while (!message.empty()) {
    if (message.front() == '.') out += '.';
    auto end = message.find("\r\n.");
    auto run = end == std::string_view::npos ? message : message.substr(0, end + 2);
    out += run;
    message.remove_prefix(run.size());
  }
  if (!out.empty() && !out.ends_with("\r\n")) out += "\r\n";
  return out += ".\r\n";
}

}  // namespace lab::mail::smtp
