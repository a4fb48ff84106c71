#include "mail/route/mail_route.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace lab::mail::route {
namespace {

using Outcome = DnsAnswer::Outcome;

MailRoute no_route(MailRoute::Outcome outcome, std::string status, std::string why) {
  MailRoute route;
  route.outcome = outcome;
  route.status = std::move(status);
  route.why = std::move(why);
  return route;
}

// RFC 5321 4.1.3: mail to [192.168.56.10] goes to that very address.
MailRoute literal_route(const std::string& domain) {
  auto inside = std::string_view(domain).substr(1, domain.size() - 2);
  if (inside.starts_with("IPv6:")) inside.remove_prefix(5);
  auto address = IpAddress::parse(inside);
  if (!address) return no_route(MailRoute::Outcome::Never, "5.1.2", domain + " is not an address");
  MailRoute route;
  route.outcome = MailRoute::Outcome::Found;
  route.hosts = {{domain, {*address}}};
  return route;
}

boost::asio::awaitable<bool> add_host(Lookup& lookup, MailRoute& route, std::string name, std::size_t& room) {
  MailHost host;
  host.name = name;
  bool answered = true;
  for (auto type : {Type::A, Type::Aaaa}) {
    auto answer = co_await lookup.ask(name, type);
    answered = answered && answer.outcome != Outcome::Failed;
    for (auto& address : answer.addresses) {
      if (room == 0) break;
      --room;
      host.addresses.push_back(address);
    }
  }
  if (!host.addresses.empty()) route.hosts.push_back(std::move(host));
  co_return answered;
}

}  // namespace

std::vector<Mx> in_order(std::vector<Mx> records, const std::string& self, std::mt19937_64& random) {
  std::shuffle(records.begin(), records.end(), random);
  std::stable_sort(records.begin(), records.end(),
                   [](const Mx& a, const Mx& b) { return a.preference < b.preference; });
  auto me = std::find_if(records.begin(), records.end(), [&](const Mx& mx) { return mx.host == self; });
  if (me == records.end()) return records;
  auto limit = me->preference;
  std::erase_if(records, [&](const Mx& mx) { return mx.preference >= limit; });
  return records;
}

boost::asio::awaitable<MailRoute> find_route(Lookup& lookup, std::string domain, std::string self,
                                             std::mt19937_64& random) {
  if (domain.starts_with('[')) co_return literal_route(domain);
  auto answer = co_await lookup.ask(domain, Type::Mx);
  std::vector<Mx> records;
  switch (answer.outcome) {
    case Outcome::NoName:
      co_return no_route(MailRoute::Outcome::Never, "5.1.2", fmt::format("there is no domain {}", domain));
    case Outcome::Failed:
    case Outcome::Truncated:
      co_return no_route(MailRoute::Outcome::Later, "4.4.3",
                         fmt::format("the name servers do not tell the MX records of {}", domain));
    case Outcome::NoData: records = {{0, domain}}; break;  // RFC 5321 5.1: the implicit MX
    case Outcome::Found: {
      if (answer.mx.size() == 1 && answer.mx[0].host.empty())
        co_return no_route(MailRoute::Outcome::Never, "5.1.10",
                           fmt::format("{} takes no mail (null MX)", domain));
      std::erase_if(answer.mx, [](const Mx& mx) { return mx.host.empty(); });
      records = in_order(std::move(answer.mx), self, random);
      if (records.empty())
        co_return no_route(
            MailRoute::Outcome::Never, "5.4.6",
            fmt::format("the MX records of {} lead back to {}, which does not take its mail", domain, self));
      break;
    }
  }
  MailRoute route;
  bool all_answered = true;
  auto room = RouteLimits{}.addresses;
  if (records.size() > RouteLimits{}.hosts) records.resize(RouteLimits{}.hosts);
  for (auto& mx : records) {
    bool answered = co_await add_host(lookup, route, mx.host, room);
    all_answered = all_answered && answered;
  }
  if (!route.hosts.empty()) {
    route.outcome = MailRoute::Outcome::Found;
    co_return route;
  }
  if (!all_answered)
    co_return no_route(MailRoute::Outcome::Later, "4.4.3",
                       fmt::format("the name servers do not tell the address of {}", records[0].host));
  co_return no_route(MailRoute::Outcome::Never, "5.4.4",
                     fmt::format("the mail host {} of {} has no address", records[0].host, domain));
}

}  // namespace lab::mail::route
