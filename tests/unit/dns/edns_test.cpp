// EDNS as a client sees it: cookies, padding, keepalive, extended errors.
#include "dns/edns.hpp"

#include <gmock/gmock.h>

#include "dns_world.hpp"

namespace lab::dns {
namespace {

using test::Bytes;
using test::encode;
using test::Reply;
using test::World;

Bytes hex(std::string_view text) {
  Bytes out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    out.push_back(static_cast<std::uint8_t>(std::stoul(std::string(text.substr(i, 2)), nullptr, 16)));
  return out;
}

Cookies::Secret secret(std::string_view text) {
  const Bytes bytes = hex(text);
  Cookies::Secret s;
  std::copy(bytes.begin(), bytes.end(), s.begin());
  return s;
}

Bytes option_bytes(std::uint16_t code, const Bytes& data) {
  Bytes out(4);
  put16(out.data(), code);
  put16(&out[2], static_cast<std::uint16_t>(data.size()));
  out.insert(out.end(), data.begin(), data.end());
  return out;
}

class Options : public testing::Test {
 protected:
  Options() { world.serve("helper.bac", "$TTL 60\n@ SOA ns root 1 2 3 4 300\n@ NS ns\nns A 10.0.0.1\n"); }

  static Bytes with(Bytes message, const Bytes& options) {
    put16(&message[message.size() - 2], static_cast<std::uint16_t>(options.size()));
    message.insert(message.end(), options.begin(), options.end());
    return message;
  }
  static Bytes question(const Bytes& options) {
    return with(encode({.name = "ns.helper.bac", .edns = true}), options);
  }
  // The data of an option of a reply; empty when it has none.
  static Bytes option_of(const Reply& reply, std::uint16_t code) {
    const auto bytes = as_bytes(reply.options);
    for (std::size_t at = 0; at < bytes.size(); at += 4U + get16(&bytes[at + 2]))
      if (get16(&bytes[at]) == code)
        return {bytes.begin() + static_cast<std::ptrdiff_t>(at) + 4,
                bytes.begin() + static_cast<std::ptrdiff_t>(at) + 4 + get16(&bytes[at + 2])};
    return {};
  }

  World world;
  const Bytes client_ = hex("2464c4abcf10c957");
};

TEST(Cookie, IsTheOneOfTheRfc) {  // RFC 9018 A.1 and A.4
  const Cookies v4(secret("e5e973e5a6b2a43f48e7dc849e37bfcf"));
  const Bytes client = hex("2464c4abcf10c957"), address = {198, 51, 100, 100};
  EXPECT_THAT(v4.reply(client, address, 1559731985),
              testing::ElementsAreArray(hex("2464c4abcf10c957010000005cf79f111f8130c3eee29480")));
  const Cookies v6(secret("dd3bdf9344b678b185a6f5cb60fca715"));
  EXPECT_THAT(v6.reply(hex("22681ab97d52c298"), hex("20010db80220000159ded0f4876982b8"), 1559741817),
              testing::ElementsAreArray(hex("22681ab97d52c298010000005cf7c57926556bd0934c72f8")));
}

TEST(Cookie, LivesForAnHourAndIsRenewedAfterHalfOfIt) {
  const Cookies cookies(secret("000102030405060708090a0b0c0d0e0f"));
  const Bytes address = {10, 0, 0, 1}, client(8, 7);
  const auto made = cookies.reply(client, address, 10000);
  EXPECT_EQ(cookies.check(made, address, 10000), Cookies::State::Good);
  EXPECT_EQ(cookies.check(made, address, 10000 + 3600), Cookies::State::Good);
  EXPECT_EQ(cookies.check(made, address, 10000 + 3601), Cookies::State::Bad);
  EXPECT_EQ(cookies.check(made, address, 10000 - 300), Cookies::State::Good) << "another server's clock";
  EXPECT_EQ(cookies.check(made, address, 10000 - 301), Cookies::State::Bad);
  EXPECT_EQ(cookies.check(made, Bytes{10, 0, 0, 2}, 10000), Cookies::State::Bad) << "another client's";
  EXPECT_EQ(cookies.reply(made, address, 10000 + 1800), made);
  EXPECT_NE(cookies.reply(made, address, 10000 + 1801), made);
}

TEST_F(Options, GivesACookieToWhoAsks) {
  const Reply reply = world.send(question(option_bytes(option::COOKIE, client_)));
  EXPECT_EQ(reply.rcode, "NOERROR");
  EXPECT_EQ(reply.answer.size(), 1U);
  const Bytes cookie = option_of(reply, option::COOKIE);
  ASSERT_EQ(cookie.size(), Cookies::kSize);
  EXPECT_TRUE(std::equal(client_.begin(), client_.end(), cookie.begin()));
  const Reply again = world.send(question(option_bytes(option::COOKIE, cookie)));
  EXPECT_EQ(again.rcode, "NOERROR");
  EXPECT_EQ(option_of(again, option::COOKIE), cookie);
}

TEST_F(Options, AWrongServerCookieIsBadcookieOverUdpAlone) {  // RFC 7873 5.2.4
  Bytes cookie = client_;
  cookie.insert(cookie.end(), 16, 0x55);
  const Bytes asked = question(option_bytes(option::COOKIE, cookie));
  const Reply reply = world.send(asked);
  EXPECT_EQ(reply.rcode, "BADCOOKIE");
  EXPECT_TRUE(reply.answer.empty());
  const Bytes right = option_of(reply, option::COOKIE);
  EXPECT_EQ(world.send(question(option_bytes(option::COOKIE, right))).rcode, "NOERROR");
  EXPECT_EQ(world.send(asked, Transport::Tcp).rcode, "NOERROR");
}

TEST_F(Options, ACookieOfAnImpossibleLengthIsFormerr) {  // RFC 7873 5.2.2
  for (const std::size_t size : {0U, 1U, 7U, 9U, 15U, 41U})
    EXPECT_EQ(world.send(question(option_bytes(option::COOKIE, Bytes(size, 1)))).rcode, "FORMERR") << size;
}

TEST_F(Options, NoQuestionButACookieIsAnsweredWithOne) {  // RFC 7873 5.4
  Bytes m = {0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(world.send(m).rcode, "FORMERR") << "RFC 9619: without a cookie there must be a question";
  const Reply reply = world.send(with(m, option_bytes(option::COOKIE, client_)));
  EXPECT_EQ(reply.rcode, "NOERROR");
  EXPECT_EQ(option_of(reply, option::COOKIE).size(), Cookies::kSize);
}

TEST_F(Options, AnUnknownVersionIsBadversWhateverItsOptions) {  // RFC 6891 6.1.3
  Bytes m =
      with(encode({.name = "ns.helper.bac", .edns = true, .version = 1}), option_bytes(option::COOKIE, {1}));
  const Reply reply = world.send(m);
  EXPECT_EQ(reply.rcode, "BADVERS");
  EXPECT_TRUE(reply.has_opt);
}

TEST_F(Options, PadsWhereOthersCannotReadAndTheClientPads) {  // RFC 7830 4, RFC 8467 4.1
  const Bytes padded = question(option_bytes(option::PADDING, Bytes(50)));
  EXPECT_EQ(world.send(padded, Transport::Tls).size, 468U);
  EXPECT_EQ(world.send(padded, Transport::Https).size, 468U);
  EXPECT_LT(world.send(padded, Transport::Tcp).size, 100U);
  EXPECT_LT(world.send(padded, Transport::Udp).size, 100U);
  EXPECT_LT(world.send(question({}), Transport::Tls).size, 100U);
}

TEST_F(Options, TellsHowLongAConnectionMayBeSilent) {  // RFC 7828
  world.options.keepalive = 123;
  const Bytes asked = question(option_bytes(option::KEEPALIVE, {}));
  EXPECT_EQ(option_of(world.send(asked, Transport::Tcp), option::KEEPALIVE), (Bytes{0, 123}));
  EXPECT_EQ(option_of(world.send(asked, Transport::Udp), option::KEEPALIVE), Bytes());
  EXPECT_EQ(option_of(world.send(question({}), Transport::Tcp), option::KEEPALIVE), Bytes());
}

TEST_F(Options, TellsHowLongAZoneIsGood) {  // RFC 7314
  const auto of = [&](std::string_view name, std::string_view type) {
    return option_of(
        world.send(with(encode({.name = std::string(name), .type = std::string(type), .edns = true}),
                        option_bytes(option::EXPIRE, {}))),
        option::EXPIRE);
  };
  EXPECT_EQ(of("helper.bac", "SOA"), (Bytes{0, 0, 0, 4}));
  EXPECT_EQ(of("helper.bac", "NS"), Bytes());
  EXPECT_EQ(of("ns.helper.bac", "SOA"), Bytes()) << "no top of a zone";
  EXPECT_EQ(of("www.example.org", "SOA"), Bytes());
  world.options.good_for = [](const Zone&) { return 259U; };
  EXPECT_EQ(of("helper.bac", "SOA"), (Bytes{0, 0, 1, 3})) << "of a copy, what is left";
}

TEST_F(Options, AllOfThemTogetherComeBack) {
  world.options.nsid = "srv";
  Bytes all = option_bytes(option::COOKIE, client_);
  for (const auto code : {option::NSID, option::KEEPALIVE, option::PADDING, std::uint16_t{65001}}) {
    const Bytes one = option_bytes(code, {});
    all.insert(all.end(), one.begin(), one.end());
  }
  const Reply reply = world.send(question(all), Transport::Tls);
  EXPECT_EQ(reply.size, 468U);
  EXPECT_EQ(option_of(reply, option::NSID), (Bytes{'s', 'r', 'v'}));
  EXPECT_EQ(option_of(reply, option::COOKIE).size(), Cookies::kSize);
  EXPECT_EQ(option_of(reply, option::KEEPALIVE).size(), 2U);
  EXPECT_EQ(option_of(reply, 65001), Bytes());
}

}  // namespace
}  // namespace lab::dns
