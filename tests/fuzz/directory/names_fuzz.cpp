// Any text as a login name: its filter is one libldap accepts and asks for exactly this value; its DN reads
// back. As a password of Active Directory: whole characters or refused. As a referral: a server whose URL
// reads back.
#include <cstdlib>

#include "directory/dn.hpp"
#include "directory/flavour.hpp"
#include "directory/referral.hpp"
#include "directory/wire.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lab::directory;
  const std::string_view name(reinterpret_cast<const char*>(data), std::min<std::size_t>(size, 300));
  static Wire wire;
  for (auto flavour : {Flavour::OpenLdap, Flavour::ActiveDirectory})
    for (auto& search : {search_login(flavour, "dc=helper,dc=bac", name),
                         search_address(flavour, "dc=helper,dc=bac", name)}) {
      auto id = wire.search(search);
      if (!id) std::abort();
      wire.abandon(*id);
    }
  // RFC 4511 4.5.1.7: as an assertion value the name goes over the wire byte by byte.
  auto id = wire.search({.base = "",
                         .scope = Scope::Base,
                         .filter = "(uid=" + escape_filter(name) + ")",
                         .attributes = {},
                         .size_limit = 0});
  if (!id || !wire.take_output().contains(name)) std::abort();
  wire.abandon(*id);
  if (leaf_of_dn("cn=" + escape_dn(name) + ",dc=a") != name) std::abort();
  (void)wire.take_output();
  if (auto quoted = unicode_password(name); quoted && (quoted->size() % 2 != 0 || quoted->size() < 4))
    std::abort();
  if (auto referral = parse_referral(std::string(name))) {
    auto again = ServerUrl::parse(referral->server.text());
    if (!again || *again != referral->server || again->is_local()) std::abort();
  }
  return 0;
}
