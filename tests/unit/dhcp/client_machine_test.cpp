// The client's state machine, driven with a clock of the test's own (RFC 2131 4.4).
#include "dhcp/client_machine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lab::dhcp {
namespace {

using namespace std::chrono_literals;

class ClientTest : public testing::Test {
 protected:
  void start(std::optional<IpAddress> remembered = std::nullopt) { take(machine_.start(now_, remembered)); }
  void wait_for_deadline() {
    ASSERT_TRUE(machine_.deadline());
    now_ = *machine_.deadline();
    take(machine_.on_deadline(now_));
  }
  Message answer(MessageType type, const char* address = "192.168.56.100") {
    Message m;
    m.op = Message::kBootReply;
    m.xid = sent().xid;
    m.chaddr = sent().chaddr;
    m.set_type(type);
    m.yiaddr = *IpAddress::parse(address);
    m.options.set_address(option::kServerId, *IpAddress::parse("192.168.56.10"));
    m.options.set_uint32(option::kLeaseTime, 3600);
    m.options.set_uint32(option::kSubnetMask, 0xFFFFFF00);
    return m;
  }
  void receive(const Message& m) { take(machine_.on_message(m, now_)); }
  void lease() {
    start();
    receive(answer(MessageType::Offer));
    receive(answer(MessageType::Ack));
    ASSERT_EQ(machine_.state(), ClientState::Bound);
  }
  void take(const ClientActions& actions) {
    said_.clear();
    configured_.reset();
    deconfigured_ = false;
    sent_now_ = false;
    for (const auto& action : actions) {
      if (const auto* send = std::get_if<SendMessage>(&action)) {
        sent_ = *send;
        sent_now_ = true;
      }
      if (const auto* set = std::get_if<Configure>(&action)) configured_ = set->lease;
      if (std::holds_alternative<Deconfigure>(action)) deconfigured_ = true;
      if (const auto* say = std::get_if<Say>(&action)) said_ = say->text;
    }
  }
  const Message& sent() const { return sent_.message; }

  ClientTime now_{1000000s};
  std::uint32_t random_ = 1;
  ClientMachine machine_{
      {.hardware = *MacAddress::parse("02:4c:61:00:00:05"), .client_id = {}, .hostname = "pc1"},
      [this] { return random_++; }};
  SendMessage sent_;
  bool sent_now_ = false, deconfigured_ = false;
  std::optional<ClientLease> configured_;
  std::string said_;
};

TEST_F(ClientTest, LeasesByFourMessages) {
  start();
  EXPECT_EQ(sent().type(), MessageType::Discover);
  EXPECT_EQ(sent().options.text(option::kHostName), "pc1");
  receive(answer(MessageType::Offer));
  EXPECT_EQ(sent().type(), MessageType::Request);
  EXPECT_EQ(sent().options.address(option::kRequestedAddress)->text(), "192.168.56.100");
  EXPECT_EQ(sent().options.address(option::kServerId)->text(), "192.168.56.10");
  EXPECT_EQ(sent().ciaddr, IpAddress{});
  receive(answer(MessageType::Ack));
  ASSERT_TRUE(configured_);
  EXPECT_EQ(configured_->address.text(), "192.168.56.100");
  EXPECT_EQ(configured_->prefix, 24U);
  EXPECT_EQ(configured_->renew, 1800s);
  EXPECT_EQ(configured_->rebind, 3150s);
}

TEST_F(ClientTest, FirstRetransmissionComesWithinAQuarterOfASecondThenSlowsDown) {
  start();
  std::vector<std::chrono::milliseconds> waits;
  for (int i = 0; i < 14; ++i) {
    waits.push_back(*machine_.deadline() - now_);
    wait_for_deadline();
    EXPECT_EQ(sent().type(), MessageType::Discover);
  }
  EXPECT_GE(waits.front(), 100ms);
  EXPECT_LE(waits.front(), 250ms);
  EXPECT_EQ(waits.back(), 64s);  // RFC 2131 4.1
}

TEST_F(ClientTest, SecsTellsHowLongTheClientHasTried) {
  start();
  EXPECT_EQ(sent().secs, 0);
  while (now_ < ClientTime(1000010s)) wait_for_deadline();
  EXPECT_GE(sent().secs, 10);
}

TEST_F(ClientTest, UnansweredRequestBeginsAnew) {
  start();
  receive(answer(MessageType::Offer));
  const auto xid = sent().xid;
  for (int i = 0; i < kClientLimits.request_tries; ++i) {
    EXPECT_EQ(sent().type(), MessageType::Request);
    wait_for_deadline();
  }
  EXPECT_EQ(sent().type(), MessageType::Discover);
  EXPECT_NE(sent().xid, xid);
}

TEST_F(ClientTest, AnswersForOthersAreIgnored) {
  start();
  Message other = answer(MessageType::Offer);
  other.xid ^= 1;
  receive(other);
  EXPECT_EQ(machine_.state(), ClientState::Selecting);
  other = answer(MessageType::Offer);
  other.chaddr[5] ^= 1;
  receive(other);
  EXPECT_EQ(machine_.state(), ClientState::Selecting);
  other = answer(MessageType::Offer);
  other.options.set(option::kClientId, {1, 2, 3});  // RFC 6842
  receive(other);
  EXPECT_EQ(machine_.state(), ClientState::Selecting);
  other = answer(MessageType::Offer);
  other.options.erase(option::kServerId);
  receive(other);
  EXPECT_EQ(machine_.state(), ClientState::Selecting);
}

TEST_F(ClientTest, RemembersItsAddressAfterAReboot) {
  start(IpAddress::parse("192.168.56.100"));
  EXPECT_EQ(sent().type(), MessageType::Request);
  EXPECT_EQ(sent().options.address(option::kRequestedAddress)->text(), "192.168.56.100");
  EXPECT_FALSE(sent().options.has(option::kServerId));
  EXPECT_EQ(sent().ciaddr, IpAddress{});
  receive(answer(MessageType::Ack));
  EXPECT_TRUE(configured_);
}

TEST_F(ClientTest, RefusedRebootBeginsAnewAtOnce) {
  start(IpAddress::parse("10.9.9.9"));
  receive(answer(MessageType::Nak, "0.0.0.0"));
  EXPECT_EQ(sent().type(), MessageType::Discover);
  EXPECT_FALSE(sent().options.has(option::kRequestedAddress));
}

TEST_F(ClientTest, SilenceToARebootBeginsAnewWithinTwoSeconds) {
  const auto began = now_;
  start(IpAddress::parse("192.168.56.100"));
  while (sent().type() == MessageType::Request) wait_for_deadline();
  EXPECT_EQ(sent().type(), MessageType::Discover);
  EXPECT_LE(now_ - began, 2s);
  EXPECT_EQ(sent().options.address(option::kRequestedAddress)->text(), "192.168.56.100");
}

TEST_F(ClientTest, RefusedAgainAndAgainItSlowsDown) {
  start(IpAddress::parse("10.9.9.9"));
  for (int i = 0; i < 5; ++i) {
    receive(answer(MessageType::Nak, "0.0.0.0"));
    while (machine_.state() != ClientState::Selecting) wait_for_deadline();
    receive(answer(MessageType::Offer));
  }
  receive(answer(MessageType::Nak, "0.0.0.0"));
  EXPECT_FALSE(sent_now_);
  EXPECT_GE(*machine_.deadline() - now_, 8s);
}

TEST_F(ClientTest, RenewsByUnicastAtHalfTime) {
  lease();
  const auto obtained = now_;
  wait_for_deadline();
  EXPECT_EQ(now_ - obtained, 1800s);
  EXPECT_EQ(machine_.state(), ClientState::Renewing);
  EXPECT_TRUE(sent_.to_server);
  EXPECT_EQ(sent().ciaddr.text(), "192.168.56.100");
  EXPECT_FALSE(sent().options.has(option::kServerId));
  EXPECT_FALSE(sent().options.has(option::kRequestedAddress));
  receive(answer(MessageType::Ack));
  EXPECT_EQ(machine_.state(), ClientState::Bound);
}

TEST_F(ClientTest, RebindsByBroadcastThenLosesTheAddress) {
  lease();
  const auto obtained = now_;
  while (machine_.state() != ClientState::Rebinding) wait_for_deadline();
  EXPECT_EQ(now_ - obtained, 3150s);
  EXPECT_FALSE(sent_.to_server);
  EXPECT_EQ(sent().ciaddr.text(), "192.168.56.100");
  while (machine_.state() == ClientState::Rebinding) wait_for_deadline();
  EXPECT_EQ(now_ - obtained, 3600s);
  EXPECT_TRUE(deconfigured_);
  EXPECT_EQ(sent().type(), MessageType::Discover);
}

TEST_F(ClientTest, RenewalsAreNotAFlood) {
  lease();
  int requests = 0;
  while (machine_.state() != ClientState::Selecting) {
    wait_for_deadline();
    ++requests;
  }
  EXPECT_LE(requests, 16);
}

TEST_F(ClientTest, LeaseForEverIsNeverRenewed) {
  start();
  receive(answer(MessageType::Offer));
  Message ack = answer(MessageType::Ack);
  ack.options.set_uint32(option::kLeaseTime, 0xFFFFFFFF);
  receive(ack);
  EXPECT_FALSE(machine_.deadline());
}

TEST_F(ClientTest, RenewalMayMoveTheClient) {
  lease();
  wait_for_deadline();
  receive(answer(MessageType::Ack, "192.168.56.50"));
  EXPECT_TRUE(deconfigured_);
  ASSERT_TRUE(configured_);
  EXPECT_EQ(configured_->address.text(), "192.168.56.50");
}

TEST_F(ClientTest, DeclinesAnAddressInUseAndWaits) {
  lease();
  take(machine_.on_conflict(now_));
  EXPECT_EQ(sent().type(), MessageType::Decline);
  EXPECT_EQ(sent().options.address(option::kRequestedAddress)->text(), "192.168.56.100");
  EXPECT_EQ(sent().options.address(option::kServerId)->text(), "192.168.56.10");
  EXPECT_TRUE(deconfigured_);
  EXPECT_GE(*machine_.deadline() - now_, 10s);  // RFC 2131 3.1
  wait_for_deadline();
  EXPECT_EQ(sent().type(), MessageType::Discover);
}

TEST_F(ClientTest, ReleaseIsSentToTheServer) {
  lease();
  take(machine_.release(now_));
  EXPECT_EQ(sent().type(), MessageType::Release);
  EXPECT_TRUE(sent_.to_server);
  EXPECT_EQ(sent().ciaddr.text(), "192.168.56.100");
  EXPECT_FALSE(machine_.deadline());
}

TEST_F(ClientTest, ClasslessRoutesReplaceTheRouter) {  // RFC 3442
  start();
  receive(answer(MessageType::Offer));
  Message ack = answer(MessageType::Ack);
  ack.options.set_address(option::kRouters, *IpAddress::parse("192.168.56.1"));
  ack.options.set(option::kClasslessRoutes, {8, 10, 192, 168, 56, 2});
  receive(ack);
  EXPECT_TRUE(configured_->routers.empty());
  ASSERT_EQ(configured_->routes.size(), 1U);
  EXPECT_EQ(configured_->routes[0].destination.text(), "10.0.0.0/8");
}

TEST_F(ClientTest, AMaskThatIsNoMaskIsIgnored) {
  start();
  receive(answer(MessageType::Offer));
  Message ack = answer(MessageType::Ack);
  ack.options.set_uint32(option::kSubnetMask, 0xFF00FF00);
  receive(ack);
  EXPECT_EQ(configured_->prefix, 24U);  // by class
}

}  // namespace
}  // namespace lab::dhcp
