#include "dhcp/v6/explain.hpp"

#include "dhcp/explain.hpp"
#include "dhcp/v6/client_name.hpp"
#include "dhcp/v6/identity.hpp"
#include "dhcp/v6/option_types.hpp"

namespace lab::dhcp::v6 {

namespace {

constexpr std::size_t kLabelWidth = 28;

void append_padded(std::string& out, std::string_view text, std::size_t width) {
  out.append(text);
  if (text.size() < width) out.append(width - text.size(), ' ');
}

/// `fd00:56::1:0 for 1 h`, … of every association.
std::string places(const Message& m, bool with_times) {
  std::string all;
  for (const auto& ia : associations(m.options))
    for (const auto& entry : ia.entries) {
      all += (all.empty() ? "" : " and ") + text(ia.kind, entry.address, entry.length);
      if (!with_times) continue;
      if (entry.valid == 0) {
        all += " no longer";
      } else {
        all += " for ";
        all += duration_text(entry.valid);
      }
    }
  return all;
}

bool asks_for(const Message& m, IaKind kind) {
  for (const auto& ia : associations(m.options))
    if (ia.kind == kind) return true;
  return false;
}

/// Why an answer gives nothing; empty when it gives.
std::string refusal(const Message& m) {
  auto status = status_of(m.options);
  for (const auto& ia : associations(m.options))
    if (status.code == StatusCode::Success) status = ia.status;
  if (status.code == StatusCode::Success) return {};
  std::string why = name(status.code);
  if (!status.text.empty()) (why += ": ") += printable_text(status.text);
  return why;
}

std::string who(const Message& m) {
  const Bytes* duid = m.options.find(option::kClientId);
  std::string who = "a client without DUID";
  if (duid != nullptr) {
    const auto mac = mac_in_duid(*duid);
    who = mac ? mac->text() : "DUID " + duid_text(*duid);
  }
  if (const auto host = client_host_name(m); !host.empty()) who += " (" + host + ")";
  return who;
}

bool from_server(MessageType type) {
  return type == MessageType::Advertise || type == MessageType::Reply || type == MessageType::Reconfigure;
}

std::string ia_text(const Ia& ia) {
  std::string out = "number " + std::to_string(ia.iaid);
  for (const auto& entry : ia.entries)
    out += ", " + text(ia.kind, entry.address, entry.length) + " valid for " + duration_text(entry.valid) +
           ", preferred for " + duration_text(entry.preferred);
  if (ia.t1 != 0)
    out += ", renew after " + duration_text(ia.t1) + ", ask any server after " + duration_text(ia.t2);
  if (ia.status.code != StatusCode::Success) out += ", " + std::string(name(ia.status.code));
  return out;
}

std::string value_text(const Option& o) {
  Options alone;
  switch (o.code) {
    case option::kIaNa:
    case option::kIaPd: {
      alone.add(o.code, o.data);
      const auto all = associations(alone);
      return all.empty() ? "malformed" : ia_text(all.front());
    }
    case option::kStatusCode: {
      alone.add(o.code, o.data);
      const auto status = status_of(alone);
      std::string told = name(status.code);
      if (!status.text.empty()) (told += ": ") += status.text;
      return told;
    }
    case option::kClientId:
    case option::kServerId: return duid_text(o.data);
    case option::kOptionRequest: {
      std::string wishes;
      for (std::size_t at = 0; at + 2 <= o.data.size(); at += 2) {
        const std::uint16_t code = read16(std::span(o.data).subspan(at));
        const auto* wish = definition(code);
        if (!wishes.empty()) wishes += ", ";
        if (wish == nullptr)
          (wishes += "option ") += std::to_string(code);
        else
          wishes += wish->plain;
      }
      return wishes;
    }
    case option::kClientFqdn: {
      Message named;
      named.options.add(o.code, o.data);
      return client_host_name(named);
    }
    case option::kInformationRefresh:
    case option::kSolMaxRt:
    case option::kInfMaxRt: return o.data.size() == 4 ? duration_text(read32(o.data)) : "malformed";
    default: return option_text(o.code, o.data);
  }
}

}  // namespace

std::string sentence(const Message& m) {
  const auto why = refusal(m);
  const auto given = places(m, true), named = places(m, false);
  std::string out;
  switch (m.type) {
    case MessageType::Solicit: {
      const bool address = asks_for(m, IaKind::Addresses), prefix = asks_for(m, IaKind::Prefixes);
      out.append("Is there a DHCPv6 server? I need ");
      out.append(address && prefix ? "an address and a prefix." : prefix ? "a prefix." : "an address.");
      break;
    }
    case MessageType::Advertise:
      why.empty() ? out.append("You may have ").append(given).append(".")
                  : out.append("I have nothing for you (").append(why).append(").");
      break;
    case MessageType::Request:
      out.append("I take ").append(named.empty() ? "what you offered" : named).append(".");
      break;
    case MessageType::Confirm: out.append("I am back. Is ").append(named).append(" right here still?"); break;
    case MessageType::Renew: out.append("May I keep ").append(named).append(" a while longer?"); break;
    case MessageType::Rebind:
      out.append("May I keep ").append(named).append("? My server does not answer.");
      break;
    case MessageType::Reply:
      if (!why.empty())
        out.append("No (").append(why).append(").");
      else if (given.empty())
        out.append("Yes; here is what you asked to know.");
      else
        out.append("Yours: ").append(given).append(".");
      break;
    case MessageType::Release: out.append("I give ").append(named).append(" back."); break;
    case MessageType::Decline:
      out.append("I do not take ").append(named).append(": another machine uses it already.");
      break;
    case MessageType::Reconfigure: out.append("Ask me again, something has changed."); break;
    case MessageType::InformationRequest:
      out.append("I have an address already; tell me about this network.");
      break;
    case MessageType::RelayForward:
    case MessageType::RelayReply: out.append("A relay's envelope."); break;
  }
  return out;
}

std::string summary(const Message& m) {
  std::string what = sentence(m);
  if (what.ends_with('.')) what.pop_back();
  return std::string(name(m.type)) + (from_server(m.type) ? " to " : " from ") + who(m) + ": " + what;
}

std::string summary(const Packet& packet) {
  std::string line = summary(packet.message);
  if (packet.relays.empty()) return line;
  return line + " [through " + std::to_string(packet.relays.size()) +
         (packet.relays.size() == 1 ? " relay" : " relays") + ", link " + packet.relays.back().link.text() +
         "]";
}

std::string explanation(const Message& m, const Endpoint& from, const Endpoint& to, bool outgoing) {
  constexpr std::size_t kTypeWidth = 19;
  std::string out = outgoing ? "\u2192 " : "\u2190 ";
  append_padded(out, name(m.type), kTypeWidth);
  out += " " + from.text() + " \u2192 " + to.text() + "\n  \u201c" + sentence(m) + "\u201d";
  for (const auto& o : m.options.list()) {
    const auto* known = definition(o.code);
    const std::string label = known == nullptr ? "option" : known->plain;
    out += "\n      ";
    append_padded(out, label + " (" + std::to_string(o.code) + ")", kLabelWidth);
    out += " " + printable_text(value_text(o));
  }
  return out;
}

}  // namespace lab::dhcp::v6
