#include "dhcp/explain.hpp"

#include <limits>

#include "dhcp/option_types.hpp"

namespace lab::dhcp {
namespace {

constexpr std::size_t kLabelWidth = 22;

std::string pad(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

std::string address_of(const Message& m, std::uint8_t code) {
  auto address = m.options.address(code);
  return address ? address->text() : "an address";
}

std::string for_how_long(const Message& m) {
  auto seconds = m.options.uint32(option::kLeaseTime);
  return seconds ? " for " + duration_text(*seconds) : "";
}

std::string request_sentence(const Message& m) {
  if (m.options.has(option::kServerId))
    return "I take " + address_of(m, option::kRequestedAddress) + " from server " +
           address_of(m, option::kServerId) + ".";
  if (m.options.has(option::kRequestedAddress))
    return "I am back. May I use " + address_of(m, option::kRequestedAddress) + " again?";
  return "May I keep " + m.ciaddr.text() + " a while longer?";
}

/// What is worth a line on the projector, in the order to read it. Codes the fixed fields and the sentence
/// tell are absent.
std::string option_lines(const Message& m, std::string_view indent) {
  std::string lines;
  for (const auto& o : m.options.list()) {
    const OptionDefinition* known = definition(o.code);
    std::string label = known == nullptr ? "option" : known->plain;
    std::string value;
    switch (o.code) {
      case option::kMessageType: continue;
      case option::kLeaseTime:
      case option::kRenewalTime:
      case option::kRebindingTime:
        value =
            m.options.uint32(o.code) ? duration_text(*m.options.uint32(o.code)) : option_text(o.code, o.data);
        break;
      case option::kParameterList:
        for (const auto code : o.data) {
          const OptionDefinition* wish = definition(code);
          value += (value.empty() ? "" : ", ") +
                   (wish == nullptr ? "option " + std::to_string(code) : std::string(wish->plain));
        }
        break;
      default: value = option_text(o.code, o.data);
    }
    lines += "\n";
    lines += indent;
    lines += pad(label + " (" + std::to_string(o.code) + ")", kLabelWidth + 6) + " " + printable_text(value);
  }
  return lines;
}

}  // namespace

std::string printable_text(std::string_view bytes) {
  std::string text(bytes);
  for (auto& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7F) c = '?';
  return text;
}

std::string duration_text(std::uint32_t seconds) {
  if (seconds == std::numeric_limits<std::uint32_t>::max()) return "ever";
  struct Unit {
    std::uint32_t seconds;
    const char* name;
  };
  static constexpr Unit kUnits[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
  std::string text;
  int parts = 0;
  for (const auto& unit : kUnits) {
    if (seconds < unit.seconds || parts == 2) continue;
    text += (text.empty() ? "" : " ") + std::to_string(seconds / unit.seconds) + " " + unit.name;
    seconds %= unit.seconds;
    ++parts;
  }
  return text.empty() ? "0 s" : text;
}

std::string sentence(const Message& m) {
  const auto type = m.type();
  if (!type) return "A message of an unknown type.";
  switch (*type) {
    case MessageType::Discover: return "Is there a DHCP server? I need an address.";
    case MessageType::Offer: return "You may have " + m.yiaddr.text() + for_how_long(m) + ".";
    case MessageType::Request: return request_sentence(m);
    case MessageType::Decline:
      return "I do not take " + address_of(m, option::kRequestedAddress) +
             ": another machine uses it already.";
    case MessageType::Ack:
      if (m.yiaddr == IpAddress{}) return "Here is what you asked to know.";
      return m.yiaddr.text() + " is yours" + for_how_long(m) + ".";
    case MessageType::Nak: return "No: you cannot use that address here. Begin again.";
    case MessageType::Release: return "I give " + m.ciaddr.text() + " back.";
    case MessageType::LeaseQuery: return "Who has this lease?";
    case MessageType::LeaseUnassigned: return "Nobody has " + m.ciaddr.text() + " now.";
    case MessageType::LeaseUnknown: return "I know nothing of that.";
    case MessageType::LeaseActive: return m.hardware_text() + " has " + m.ciaddr.text() + for_how_long(m) + " more.";
    case MessageType::Inform: return "I am " + m.ciaddr.text() + " already; tell me about this network.";
  }
  return "";
}

std::string summary(const Message& m) {
  const auto type = m.type();
  std::string line = type ? name(*type) : "BOOTP";
  line += m.op == Message::kBootRequest ? " from " : " to ";
  line += m.hardware_text();
  if (auto host = m.options.text(option::kHostName)) line += " (" + printable_text(*host) + ")";
  if (m.giaddr != IpAddress{}) line += " through relay " + m.giaddr.text();
  std::string what = sentence(m);
  if (what.ends_with('.')) what.pop_back();
  return line + ": " + what;
}

std::string explanation(const Message& m, const Endpoint& from, const Endpoint& to, bool outgoing) {
  static constexpr std::string_view kIndent = "      ";
  const auto type = m.type();
  std::string text = (outgoing ? "\u2192 " : "\u2190 ") + pad(type ? name(*type) : "BOOTP", 13) + " " +
                     from.text() + " \u2192 " + to.text();
  text += "\n  \u201c" + sentence(m) + "\u201d";
  const auto line = [&](const char* label, const std::string& value) {
    text += "\n";
    text += kIndent;
    text += pad(label, kLabelWidth + 6) + " " + value;
  };
  line("hardware address", m.hardware_text());
  if (m.ciaddr != IpAddress{}) line("my address (ciaddr)", m.ciaddr.text());
  if (m.yiaddr != IpAddress{}) line("your address (yiaddr)", m.yiaddr.text());
  if (m.siaddr != IpAddress{}) line("boot server (siaddr)", m.siaddr.text());
  if (m.giaddr != IpAddress{}) line("relay (giaddr)", m.giaddr.text());
  if (!m.file.empty()) line("boot file (file)", printable_text(m.file));
  return text + option_lines(m, kIndent);
}

}  // namespace lab::dhcp
