#include "labctl/runtime/masquerade.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "common/freer.hpp"

namespace lab::runtime {
namespace {

constexpr char kTable[] = "labctl", kChain[] = "postrouting";
constexpr std::uint32_t kSourceNat = 100;  // NF_IP_PRI_NAT_SRC of linux/netfilter_ipv4.h

using Message = std::unique_ptr<nl_msg, Freer<nlmsg_free>>;

/// Requests that the kernel carries out together or not at all.
class Batch {
 public:
  Batch() { mark(NFNL_MSG_BATCH_BEGIN); }

  nl_msg* add(int type, int flags) {
    auto& message = messages_.emplace_back(
        nlmsg_alloc_simple((NFNL_SUBSYS_NFTABLES << 8) | type, NLM_F_REQUEST | NLM_F_ACK | flags));
    nfgenmsg header{.nfgen_family = AF_INET, .version = NFNETLINK_V0, .res_id = 0};
    nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO);
    return message.get();
  }

  Result<void> send() {
    mark(NFNL_MSG_BATCH_END);
    const std::unique_ptr<nl_sock, Freer<nl_socket_free>> socket(nl_socket_alloc());
    if (const int error = nl_connect(socket.get(), NETLINK_NETFILTER); error < 0)
      return fail(fmt::format("cannot talk to the kernel's packet filter: {}", nl_geterror(error)), {},
                  "the kernel needs nf_tables (CONFIG_NF_TABLES, CONFIG_NFT_MASQ)");
    std::vector<char> bytes;
    std::size_t answers = 0;
    for (const auto& message : messages_) {
      auto* header = nlmsg_hdr(message.get());
      header->nlmsg_seq = nl_socket_use_seq(socket.get());
      header->nlmsg_pid = nl_socket_get_local_port(socket.get());
      if ((header->nlmsg_flags & NLM_F_ACK) != 0) ++answers;
      const auto* begin = reinterpret_cast<const char*>(header);
      bytes.insert(bytes.end(), begin, begin + NLMSG_ALIGN(header->nlmsg_len));
    }
    if (nl_sendto(socket.get(), bytes.data(), bytes.size()) < 0)
      return fail(std::string("cannot talk to the kernel's packet filter: ") + std::strerror(errno));
    alignas(nlmsghdr) std::array<char, 16384> buffer;
    while (answers > 0) {
      const auto size = recv(nl_socket_get_fd(socket.get()), buffer.data(), buffer.size(), 0);
      if (size < 0 && errno == EINTR) continue;
      if (size < 0)
        return fail(std::string("cannot hear the kernel's packet filter: ") + std::strerror(errno));
      auto left = static_cast<int>(size);
      for (auto* header = reinterpret_cast<nlmsghdr*>(buffer.data()); nlmsg_ok(header, left);
           header = nlmsg_next(header, &left)) {
        if (header->nlmsg_type != NLMSG_ERROR) continue;
        --answers;
        const auto* answer = static_cast<const nlmsgerr*>(nlmsg_data(header));
        if (answer->error != 0)
          return fail(fmt::format("the kernel's packet filter refuses to translate addresses: {}",
                                  std::strerror(-answer->error)),
                      {}, "it needs nf_tables with NAT (CONFIG_NF_TABLES, CONFIG_NFT_MASQ)");
      }
    }
    return {};
  }

 private:
  void mark(int type) {
    auto& message = messages_.emplace_back(nlmsg_alloc_simple(type, NLM_F_REQUEST));
    nfgenmsg header{
        .nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES)};
    nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO);
  }
  std::vector<Message> messages_;
};

/// One step of a rule: `name` with what `fill` puts into it.
template <class Fill>
void expression(nl_msg* message, const char* name, Fill fill) {
  auto* element = nla_nest_start(message, NFTA_LIST_ELEM);
  nla_put_string(message, NFTA_EXPR_NAME, name);
  auto* data = nla_nest_start(message, NFTA_EXPR_DATA);
  fill();
  nla_nest_end_keep_empty(message, data);
  nla_nest_end(message, element);
}

}  // namespace

Result<void> masquerade(const std::string& interface) {
  Batch batch;
  // As nft does it: add, so that there is something to delete; delete; add anew.
  const auto table = [&](int type, int flags) {
    nla_put_string(batch.add(type, flags), NFTA_TABLE_NAME, kTable);
  };
  table(NFT_MSG_NEWTABLE, NLM_F_CREATE);
  table(NFT_MSG_DELTABLE, 0);
  if (interface.empty()) return batch.send();
  table(NFT_MSG_NEWTABLE, NLM_F_CREATE);

  auto* chain = batch.add(NFT_MSG_NEWCHAIN, NLM_F_CREATE);
  nla_put_string(chain, NFTA_CHAIN_TABLE, kTable);
  nla_put_string(chain, NFTA_CHAIN_NAME, kChain);
  auto* hook = nla_nest_start(chain, NFTA_CHAIN_HOOK);
  nla_put_u32(chain, NFTA_HOOK_HOOKNUM, htonl(NF_INET_POST_ROUTING));
  nla_put_u32(chain, NFTA_HOOK_PRIORITY, htonl(kSourceNat));
  nla_nest_end(chain, hook);
  nla_put_string(chain, NFTA_CHAIN_TYPE, "nat");

  auto* rule = batch.add(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
  nla_put_string(rule, NFTA_RULE_TABLE, kTable);
  nla_put_string(rule, NFTA_RULE_CHAIN, kChain);
  auto* steps = nla_nest_start(rule, NFTA_RULE_EXPRESSIONS);
  expression(rule, "meta", [&] {
    nla_put_u32(rule, NFTA_META_DREG, htonl(NFT_REG_1));
    nla_put_u32(rule, NFTA_META_KEY, htonl(NFT_META_OIFNAME));
  });
  expression(rule, "cmp", [&] {
    std::array<char, IFNAMSIZ> name{};
    std::memcpy(name.data(), interface.data(), std::min(interface.size(), name.size() - 1));
    nla_put_u32(rule, NFTA_CMP_SREG, htonl(NFT_REG_1));
    nla_put_u32(rule, NFTA_CMP_OP, htonl(NFT_CMP_EQ));
    auto* value = nla_nest_start(rule, NFTA_CMP_DATA);
    nla_put(rule, NFTA_DATA_VALUE, static_cast<int>(name.size()), name.data());
    nla_nest_end(rule, value);
  });
  expression(rule, "masq", [] {});
  nla_nest_end(rule, steps);
  return batch.send();
}

}  // namespace lab::runtime
