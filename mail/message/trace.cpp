#include "mail/message/trace.hpp"

#include <fmt/core.h>

#include "mail/message/date.hpp"

namespace lab::message {
namespace {

// What a client says of itself goes into a header: nothing that could end the line or the comment there.
std::string harmless(std::string_view text) {
  std::string out;
  for (char c : text) {
    auto u = static_cast<unsigned char>(c);
    out += u <= 0x20 || u == 0x7f || c == '(' || c == ')' || c == '\\' || c == ';' || c == '<' || c == '>'
               ? '?'
               : c;
  }
  return out.empty() ? "unknown" : out;
}

std::string literal_of(std::string_view peer) {
  auto address = peer.substr(0, peer.rfind(':'));
  if (address.starts_with('[')) return fmt::format("[IPv6:{}", address.substr(1));  // RFC 5321 4.1.3
  return fmt::format("[{}]", address);
}

}  // namespace

std::string date_text(std::time_t when) {
  std::tm local{};
  ::localtime_r(&when, &local);
  return print_header_date({.unix = when, .zone = static_cast<int>(local.tm_gmtoff / 60)});
}

std::string received_line(const Hop& hop) {
  auto line = fmt::format("Received: from {} ({})\r\n\tby {} with {} id {}", harmless(hop.helo),
                          literal_of(hop.peer), hop.by, hop.protocol, hop.id);
  if (!hop.tls.empty()) line += fmt::format("\r\n\t({})", hop.tls);
  if (!hop.only_recipient.empty()) line += fmt::format("\r\n\tfor <{}>", hop.only_recipient);
  return line + ";\r\n\t" + date_text(hop.when) + "\r\n";
}

std::string make_message_id(std::time_t when, std::string_view unique, std::string_view host) {
  return fmt::format("<{}.{}@{}>", when, unique, host);
}

std::string short_id(std::uint64_t random) {
  static constexpr std::string_view kAlphabet =
      "0123456789abcdefghjkmnpqrstvwxyz";  // no i, l, o, u: read aloud in class
  std::string id;
  for (int i = 0; i < 13; ++i, random >>= 5) id += kAlphabet[random & 31];
  return id;
}

}  // namespace lab::message
