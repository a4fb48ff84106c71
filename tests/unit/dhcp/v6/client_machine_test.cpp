#include "dhcp/v6/client_machine.hpp"

#include "tests/unit/dhcp/v6/world.hpp"

namespace lab::dhcp::v6 {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

/// A client and a server that talk over a perfect wire, until a test cuts it.
class Client6 : public World {
 protected:
  void perform(const ClientActions& actions) {
    for (const auto& action : actions) {
      if (const auto* sent = std::get_if<SendMessage>(&action)) {
        said_.push_back(name(sent->message.type));
        last_ = sent->message;
        if (!connected_) continue;
        send(sent->message, pc1_);
        if (outcome_.reply) {
          const Message reply = *outcome_.reply;
          said_.push_back(name(reply.type));
          perform(client_.on_message(reply, client_now()));
        }
      } else if (const auto* configure = std::get_if<Configure>(&action)) {
        configured_ = configure->lease;
      } else if (std::holds_alternative<Deconfigure>(action)) {
        configured_.reset();
      }
    }
  }
  ClientTime client_now() const { return ClientTime(now_.time_since_epoch()) + extra_; }
  /// Lets time pass up to the client's next deadline.
  void tick() {
    ASSERT_TRUE(client_.deadline());
    const auto to = *client_.deadline();
    extra_ = to - ClientTime(now_.time_since_epoch());
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(extra_);
    now_ += whole;
    extra_ -= whole;
    perform(client_.on_deadline(to));
  }
  std::string holds() const {
    if (!configured_) return "nothing";
    std::string all;
    for (const auto& e : configured_->entries)
      all += (all.empty() ? "" : " ") + text(e.kind, e.address, e.length);
    return all;
  }

  ClientMachine client_{{.duid = link_layer_duid(pc1_.hardware), .iaid = 1, .hostname = "pc1"},
                        [] { return 0x1234567U; }};
  std::chrono::milliseconds extra_{0};
  std::vector<std::string> said_;
  Message last_;
  std::optional<ClientLease> configured_;
  bool connected_ = true;
};

TEST_F(Client6, LeasesWithTwoMessages) {
  perform(client_.start(client_now(), std::nullopt));
  EXPECT_THAT(said_, ElementsAre("SOLICIT", "REPLY"));
  EXPECT_EQ(holds(), "fd00:56::1:0");
  EXPECT_THAT(configured_->name_servers, ElementsAre(ip("fd00:56::10")));
  EXPECT_THAT(configured_->search, ElementsAre("helper.bac"));
  EXPECT_EQ(configured_->fqdn, "pc1.helper.bac");
  EXPECT_EQ(*client_.deadline(), client_now() + 1800s);
}

TEST_F(Client6, LeasesWithFourMessagesAndDoesNotWaitForAnUnbeatableServer) {
  auto scope = lan_scope();
  scope.rapid_commit = false;
  scope.preference = 255;
  configure({scope});
  perform(client_.start(client_now(), std::nullopt));
  EXPECT_THAT(said_, ElementsAre("SOLICIT", "ADVERTISE", "REQUEST", "REPLY"));
  EXPECT_EQ(holds(), "fd00:56::1:0");
}

TEST_F(Client6, GathersOffersForTheFirstWaitAndTakesTheBest) {
  auto scope = lan_scope();
  scope.rapid_commit = false;
  scope.preference = 10;
  configure({scope});
  perform(client_.start(client_now(), std::nullopt));
  EXPECT_THAT(said_, ElementsAre("SOLICIT", "ADVERTISE"));
  Message worse = *outcome_.reply;
  worse.options.set(option::kServerId, {0, 3, 0, 1, 9, 9, 9, 9, 9, 9});
  worse.options.set_uint8(option::kPreference, 1);
  perform(client_.on_message(worse, client_now()));
  tick();
  EXPECT_EQ(holds(), "fd00:56::1:0");
}

TEST_F(Client6, AsksAgainEverMoreSlowly) {
  connected_ = false;
  perform(client_.start(client_now(), std::nullopt));
  auto last = client_now();
  std::vector<std::int64_t> waits;
  for (int i = 0; i < 12; ++i) {
    waits.push_back((*client_.deadline() - last).count());
    last = *client_.deadline();
    tick();
  }
  EXPECT_GE(waits[0], 250);
  EXPECT_GT(waits[3], waits[1]);
  EXPECT_LE(*std::ranges::max_element(waits), 64000);
  EXPECT_GT(last_.options.uint16(option::kElapsedTime).value_or(0), 0) << "the server sees how long we wait";
}

TEST_F(Client6, RenewsThenRebindsThenBeginsAnew) {
  perform(client_.start(client_now(), std::nullopt));
  said_.clear();
  tick();
  EXPECT_THAT(said_, ElementsAre("RENEW", "REPLY"));
  connected_ = false;
  said_.clear();
  for (int i = 0; i < 100 && configured_; ++i) tick();
  EXPECT_FALSE(configured_) << "at its end the lease is gone";
  EXPECT_THAT(said_, testing::Contains("REBIND"));
  EXPECT_EQ(said_.back(), "SOLICIT");
  connected_ = true;
  tick();
  EXPECT_EQ(holds(), "fd00:56::1:0");
}

TEST_F(Client6, ConfirmsARememberedLease) {
  perform(client_.start(client_now(), std::nullopt));
  const auto remembered = configured_;
  ClientMachine again({.duid = link_layer_duid(pc1_.hardware), .iaid = 1, .hostname = "pc1"},
                      [] { return 99U; });
  std::swap(client_, again);
  said_.clear();
  configured_.reset();
  perform(client_.start(client_now() + 60s, remembered));
  EXPECT_THAT(said_, ElementsAre("CONFIRM", "REPLY"));
  EXPECT_EQ(holds(), "fd00:56::1:0");
  EXPECT_EQ(client_.deadline(), remembered->obtained + 1800s) << "the lease runs on, it does not begin anew";
}

TEST_F(Client6, OnAnotherNetworkTheRememberedLeaseIsNothing) {
  perform(client_.start(client_now(), std::nullopt));
  auto remembered = configured_;
  remembered->entries.front().address = ip("fd00:99::5");
  said_.clear();
  perform(client_.start(client_now(), remembered));
  EXPECT_THAT(said_, ElementsAre("CONFIRM", "REPLY", "SOLICIT", "REPLY"));
  EXPECT_EQ(holds(), "fd00:56::1:0");
}

TEST_F(Client6, WithoutAnAnswerTheRememberedLeaseIsUsed) {  // RFC 8415 18.2.3
  perform(client_.start(client_now(), std::nullopt));
  const auto remembered = configured_;
  connected_ = false;
  configured_.reset();
  perform(client_.start(client_now(), remembered));
  for (int i = 0; i < 4; ++i) tick();
  EXPECT_EQ(holds(), "fd00:56::1:0");
}

TEST_F(Client6, DeclinesWhatAnotherMachineHas) {
  perform(client_.start(client_now(), std::nullopt));
  said_.clear();
  perform(client_.on_conflict(ip("fd00:56::1:0"), client_now()));
  EXPECT_THAT(said_, ElementsAre("DECLINE", "REPLY", "SOLICIT", "REPLY"));
  EXPECT_EQ(holds(), "fd00:56::1:1");
}

TEST_F(Client6, AsksAboutTheNetworkOnly) {
  perform(client_.start_stateless(client_now()));
  EXPECT_THAT(said_, ElementsAre("INFORMATION-REQUEST", "REPLY"));
  EXPECT_TRUE(configured_->entries.empty());
  EXPECT_THAT(configured_->name_servers, ElementsAre(ip("fd00:56::10")));
  EXPECT_EQ(*client_.deadline(), client_now() + 3600s) << "the refresh time the server gives";
}

TEST_F(Client6, AsksForAPrefixToo) {
  ClientMachine router({.duid = link_layer_duid(pc1_.hardware),
                        .iaid = 1,
                        .hostname = "pc1",
                        .rapid_commit = true,
                        .wants_prefix = true},
                       [] { return 7U; });
  std::swap(client_, router);
  perform(client_.start(client_now(), std::nullopt));
  EXPECT_EQ(holds(), "fd00:56::1:0 fd00:100::/56");
}

TEST_F(Client6, GivesItsLeaseBack) {
  perform(client_.start(client_now(), std::nullopt));
  said_.clear();
  perform(client_.release(client_now()));
  EXPECT_THAT(said_, ElementsAre("RELEASE", "REPLY"));
  EXPECT_EQ(server_.leases().find(ip("fd00:56::1:0"))->state, LeaseState::Released);
  EXPECT_EQ(holds(), "nothing");
}

TEST_F(Client6, FollowsAServerThatChangesItsMind) {
  perform(client_.start(client_now(), std::nullopt));
  auto scope = lan_scope();
  scope.reservations.push_back({.name = "pc1",
                                .mac = pc1_.hardware,
                                .duid = {},
                                .address = ip("fd00:56::50"),
                                .prefix = {},
                                .options = {}});
  configure({scope});
  tick();
  EXPECT_EQ(holds(), "fd00:56::50");
}

TEST_F(Client6, IgnoresAnswersToOthers) {
  connected_ = false;
  perform(client_.start(client_now(), std::nullopt));
  Message m = last_;
  m.type = MessageType::Reply;
  m.options.add(option::kServerId, server_duid());
  m.options.add(option::kRapidCommit);
  m.options.set(option::kClientId, {0, 3, 0, 1, 9, 9, 9, 9, 9, 9});
  EXPECT_TRUE(client_.on_message(m, client_now()).empty());
  m.options.set(option::kClientId, link_layer_duid(pc1_.hardware));
  m.transaction ^= 1;
  EXPECT_TRUE(client_.on_message(m, client_now()).empty());
}

TEST_F(Client6, AServerThatAlwaysRefusesIsNotFlooded) {
  auto scope = lan_scope();
  scope.rapid_commit = false;
  scope.preference = 255;
  configure({scope});
  perform(client_.start(client_now(), std::nullopt));
  ASSERT_EQ(holds(), "fd00:56::1:0");
  configured_.reset();
  connected_ = false;
  perform(client_.start(client_now(), std::nullopt));
  Message offer = *outcome_.reply;
  offer.type = MessageType::Advertise;
  offer.transaction = last_.transaction;
  offer.options.set_uint8(option::kPreference, 255);
  perform(client_.on_message(offer, client_now()));
  ASSERT_EQ(said_.back(), "REQUEST");
  Message refusal{.type = MessageType::Reply, .transaction = last_.transaction, .options = {}};
  refusal.options.add(option::kClientId, link_layer_duid(pc1_.hardware));
  refusal.options.add(option::kServerId, server_duid());
  refusal.options.add(option::kStatusCode, encode_status({StatusCode::UnspecFail, ""}));
  const auto before = said_.size();
  perform(client_.on_message(refusal, client_now()));
  EXPECT_EQ(said_.size(), before) << "it waits before it asks again";
  EXPECT_GT(*client_.deadline(), client_now());
}

}  // namespace
}  // namespace lab::dhcp::v6
