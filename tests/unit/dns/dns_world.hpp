// A small language for DNS tests: zones in master file format, questions as `dig` takes them, answers as
// text.
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "dns/responder.hpp"
#include "dns/zone_file.hpp"

namespace lab::dns::test {

using Bytes = std::vector<std::uint8_t>;

inline Name name(std::string_view text) { return Name::parse(text).value(); }

/// A zone that must load.
ZonePtr zone(std::string_view apex, std::string_view text);
/// The first problem of a zone that must not load, `test.zone:3: what`.
std::string refusal(std::string_view apex, std::string_view text);

struct Question {
  std::string name;
  std::string type = "A";
  bool edns = false;
  std::uint16_t udp_size = 1232;
  bool dnssec_ok = false;
  std::uint8_t version = 0;
  std::uint16_t qclass = 1;
};
Bytes encode(const Question& question);

/// A reply taken apart. Records are lines of zone-file form.
struct Reply {
  bool sent = false;
  std::string rcode;
  bool aa = false, tc = false, rd = false, ra = false;
  std::string question;
  std::vector<std::string> answer, authority, additional;
  bool has_opt = false, dnssec_ok = false;
  std::uint16_t opt_size = 0;
  std::size_t size = 0;
  Bytes bytes;
  std::string options;  // of the OPT, as they stand
};
/// Fails the test when the bytes are no well-formed response.
Reply decode(std::span<const std::uint8_t> bytes);

/// A server of some zones.
class World {
 public:
  World& serve(std::string_view apex, std::string_view text);
  World& serve(ZonePtr zone);
  Reply ask(const Question& question, Transport transport = Transport::Udp) const {
    return send(encode(question), transport);
  }
  Reply ask(std::string_view name, std::string_view type, Transport transport = Transport::Udp) const {
    return ask(Question{.name = std::string(name), .type = std::string(type)}, transport);
  }
  Reply send(const Bytes& message, Transport transport = Transport::Udp) const;
  ResponderOptions options;
  const ZoneSet& zones() const { return zones_; }

 private:
  ZoneSet zones_;
};

}  // namespace lab::dns::test
