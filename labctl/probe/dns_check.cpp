#include <fmt/format.h>
#include <ldns/ldns.h>

#include <algorithm>
#include <memory>

#include "common/address.hpp"
#include "common/freer.hpp"
#include "labctl/probe/lease.hpp"
#include "labctl/probe/verdict.hpp"

namespace lab::probe {
namespace {

using Resolver = std::unique_ptr<ldns_resolver, Freer<ldns_resolver_deep_free>>;
using Packet = std::unique_ptr<ldns_pkt, Freer<ldns_pkt_free>>;
using Name = std::unique_ptr<ldns_rdf, Freer<ldns_rdf_deep_free>>;

struct Answer {
  std::string failure;               ///< why there is none: "no answer from 192.168.56.10", "NXDOMAIN"
  std::vector<std::string> data;     ///< record data in presentation form
  std::vector<std::string> targets;  ///< the last field of each: where an MX or SRV leads
};

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// Asks the node's own resolver (its /etc/resolv.conf), as any program there would.
Answer ask(const std::string& name, const std::string& type, const Surroundings& world) {
  Answer answer;
  ldns_resolver* raw = nullptr;
  if (ldns_resolver_new_frm_file(&raw, nullptr) != LDNS_STATUS_OK ||
      ldns_resolver_nameserver_count(raw) == 0) {
    ldns_resolver_deep_free(raw);
    return {"no name server in /etc/resolv.conf", {}, {}};
  }
  const Resolver resolver(raw);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(world.patience).count();
  ldns_resolver_set_timeout(raw, {std::max<long>(1, seconds / 2), 0});
  ldns_resolver_set_retry(raw, 2);
  const auto address = type == "PTR" ? IpAddress::parse(name) : std::nullopt;
  const Name owner(ldns_dname_new_frm_str((address ? address->reverse_name() : name).c_str()));
  if (!owner) return {"'" + name + "' is not a name", {}, {}};
  const auto wanted = ldns_get_rr_type_by_name(type.c_str());
  ldns_pkt* received = nullptr;
  const auto status =
      ldns_resolver_query_status(&received, raw, owner.get(), wanted, LDNS_RR_CLASS_IN, LDNS_RD);
  const Packet packet(received);
  if (status != LDNS_STATUS_OK || !packet) {
    char* server = ldns_rdf2str(ldns_resolver_nameservers(raw)[0]);
    answer.failure = fmt::format("no answer from the name server {}", server == nullptr ? "?" : server);
    std::free(server);
    return answer;
  }
  const auto* records = ldns_pkt_answer(packet.get());
  for (std::size_t i = 0; i < ldns_rr_list_rr_count(records); ++i) {
    const auto* record = ldns_rr_list_rr(records, i);
    if (ldns_rr_get_type(record) != wanted) continue;
    std::string data;
    std::string last;
    for (std::size_t field = 0; field < ldns_rr_rd_count(record); ++field) {
      char* part = ldns_rdf2str(ldns_rr_rdf(record, field));
      last = part == nullptr ? "" : part;
      std::free(part);
      data += (data.empty() ? "" : " ") + last;
    }
    answer.data.push_back(data);
    answer.targets.push_back(last);
  }
  if (!answer.data.empty()) return answer;
  const auto code = ldns_pkt_get_rcode(packet.get());
  char* word = ldns_pkt_rcode2str(code);
  answer.failure = code == LDNS_RCODE_NOERROR ? fmt::format("the name exists, but has no {} record", type)
                   : word == nullptr          ? "an error"
                                              : word;
  std::free(word);
  return answer;
}

std::string listed(const std::vector<std::string>& items) {
  return fmt::format("{}", fmt::join(items, " and "));
}

}  // namespace

namespace {

/// What the check expects; where it names a lease, the leased address too.
std::vector<std::string> expectation(const plan::DnsCheck& check) {
  auto expect = check.expect;
  if (check.lease_file.empty()) return expect;
  const auto lease = read_lease(check.lease_file);
  std::string leased = "the address leased (none is recorded)";
  if (lease && check.type != "AAAA") leased = lease->address;
  if (lease && check.type == "AAAA" && !lease->addresses6.empty()) leased = lease->addresses6.front();
  expect.push_back(std::move(leased));
  return expect;
}

}  // namespace

Verdict verify(const plan::DnsCheck& check, const Surroundings& world) {
  const auto wanted_data = expectation(check);
  const auto expected = fmt::format("{} {} → {}", check.name, check.type, listed(wanted_data));
  const auto answer = ask(check.name, check.type, world);
  if (!answer.failure.empty()) return broken(answer.failure, expected);
  for (const auto& wanted : wanted_data) {
    const bool there = std::ranges::any_of(
        answer.data, [&](const std::string& data) { return lower(data) == lower(wanted); });
    if (!there) return broken(listed(answer.data), expected);
  }
  if (check.exact && answer.data.size() != wanted_data.size())
    return broken(listed(answer.data), expected + " and no other");
  if (check.then.empty()) return holds(listed(answer.data));
  const auto target = ask(answer.targets.front(), "A", world);
  if (!target.failure.empty())
    return broken(fmt::format("{}, but {}: {}", answer.data.front(), answer.targets.front(), target.failure),
                  fmt::format("{} → {}", expected, listed(check.then)));
  for (const auto& wanted : check.then)
    if (std::ranges::find(target.data, wanted) == target.data.end())
      return broken(fmt::format("{} → {}", answer.data.front(), listed(target.data)),
                    fmt::format("{} → {}", expected, listed(check.then)));
  return holds(fmt::format("{} → {}", listed(answer.data), listed(target.data)));
}

}  // namespace lab::probe
