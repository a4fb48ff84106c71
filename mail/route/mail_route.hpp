/// mail_route -- which hosts take mail for a domain (RFC 5321 5.1): its MX records in order of preference,
/// the domain itself where it has none, nobody where it says so (null MX, RFC 7505). A server that finds
/// itself among them sends only to those it prefers to itself, or mail would go in circles.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <random>
#include <string>
#include <vector>

#include "mail/route/resolver.hpp"

namespace lab::mail::route {

struct MailHost {
  std::string name;
  std::vector<IpAddress> addresses;
};

struct MailRoute {
  enum class Outcome {
    Found,  ///< try `hosts` in this order
    Later,  ///< the name servers do not answer, or not sensibly
    Never,  ///< there is nowhere to send it
  };
  Outcome outcome = Outcome::Later;
  std::string status;  ///< enhanced status code where not Found: "5.1.2" (RFC 3463)
  std::string why;     ///< one sentence, shown to the sender
  std::vector<MailHost> hosts;
};

struct RouteLimits {
  std::size_t hosts = 10;      ///< tried for one domain in one attempt
  std::size_t addresses = 20;  ///< of all of them together
};

/// MX records in the order to try them: by preference, chance among equals (RFC 5321 5.1); those not
/// preferred to `self` left out.
std::vector<Mx> in_order(std::vector<Mx> records, const std::string& self, std::mt19937_64& random);

/// `domain`: a domain or an address literal, as after the @.
boost::asio::awaitable<MailRoute> find_route(Lookup& lookup, std::string domain, std::string self,
                                             std::mt19937_64& random);

}  // namespace lab::mail::route
