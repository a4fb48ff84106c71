// What the transports are made of, without sockets: framing, DNS over HTTPS, rate limits, counters.
#include <gmock/gmock.h>
#include <nghttp2/nghttp2.h>

#include <cstring>

#include "dns/doh.hpp"
#include "dns/framing.hpp"
#include "dns/metrics.hpp"
#include "dns/rate_limit.hpp"
#include "dns_world.hpp"

namespace lab::dns {
namespace {

using test::Bytes;
using test::encode;
using test::World;

void feed(FrameReader& frames, std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const auto room = frames.room();
    const std::size_t n = std::min(room.size(), bytes.size());
    std::copy_n(bytes.begin(), n, room.begin());
    frames.filled(n);
    bytes = bytes.subspan(n);
    if (bytes.empty()) continue;
    ASSERT_FALSE(frames.next()) << "a message before its last byte";
  }
}

TEST(Framing, GivesMessagesWhateverPiecesTheyComeIn) {
  Bytes stream;
  const Bytes small(17, 1), big(65535, 2), none;
  for (const Bytes& m : {small, big, none, small}) append_frame(stream, m);
  FrameReader frames;
  std::vector<Bytes> got;
  for (std::size_t at = 0, step = 1; at < stream.size(); at += step, step = step * 3 % 1009) {
    auto piece = std::span<const std::uint8_t>(stream).subspan(at, std::min(step, stream.size() - at));
    while (!piece.empty()) {
      const auto room = frames.room();
      const std::size_t n = std::min(room.size(), piece.size());
      std::copy_n(piece.begin(), n, room.begin());
      frames.filled(n);
      piece = piece.subspan(n);
      while (const auto m = frames.next()) got.emplace_back(m->begin(), m->end());
    }
  }
  EXPECT_EQ(got, (std::vector<Bytes>{small, big, none, small}));
  EXPECT_EQ(frames.pending(), 0U);
}

TEST(Framing, AnIdleConnectionHoldsLittleAfterALongMessage) {
  FrameReader frames;
  Bytes stream;
  append_frame(stream, Bytes(60000, 1));
  feed(frames, stream);
  ASSERT_TRUE(frames.next());
  EXPECT_EQ(frames.room().size(), FrameReader::kFirst);
}

TEST(Base64Url, ReadsWhatRfc8484Shows) {  // RFC 8484 4.1.1
  const auto message = decode_base64url("AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB");
  ASSERT_TRUE(message);
  EXPECT_EQ(message->size(), 33U);
  EXPECT_EQ((*message)[13], 'w');
  EXPECT_FALSE(decode_base64url("AAAB="));
  EXPECT_FALSE(decode_base64url("AA+/"));
  EXPECT_FALSE(decode_base64url("A"));
  EXPECT_EQ(decode_base64url("")->size(), 0U);
}

// The other end of a DoH connection, made of nghttp2 as curl's is.
class DohClient {
 public:
  struct Response {
    std::string status;
    std::map<std::string, std::string> fields;
    std::string body;
    bool closed = false;
  };

  DohClient() {
    nghttp2_session_callbacks* c = nullptr;
    nghttp2_session_callbacks_new(&c);
    nghttp2_session_callbacks_set_on_header_callback(
        c, [](nghttp2_session*, const nghttp2_frame* f, const std::uint8_t* n, std::size_t ns,
              const std::uint8_t* v, std::size_t vs, std::uint8_t, void* self) {
          const std::string key(as_text({n, ns})), value(as_text({v, vs}));
          auto& r = static_cast<DohClient*>(self)->responses[f->hd.stream_id];
          (key == ":status" ? r.status : r.fields[key]) = value;
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        c, [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* d, std::size_t n,
              void* self) {
          static_cast<DohClient*>(self)->responses[id].body += as_text({d, n});
          return 0;
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        c, [](nghttp2_session*, std::int32_t id, std::uint32_t, void* self) {
          static_cast<DohClient*>(self)->responses[id].closed = true;
          return 0;
        });
    nghttp2_session_client_new(&session_, c, this);
    nghttp2_session_callbacks_del(c);
    nghttp2_submit_settings(session_, 0, nullptr, 0);
  }
  ~DohClient() { nghttp2_session_del(session_); }

  std::int32_t ask(const std::string& method, const std::string& path, std::string body = {},
                   const std::string& type = "application/dns-message") {
    bodies_.push_back(std::make_unique<std::pair<std::string, std::size_t>>(std::move(body), 0));
    const auto nv = [](const char* n, const std::string& v) {
      return nghttp2_nv{reinterpret_cast<std::uint8_t*>(const_cast<char*>(n)),
                        reinterpret_cast<std::uint8_t*>(const_cast<char*>(v.data())), std::strlen(n),
                        v.size(), 0};
    };
    const std::string scheme = "https", authority = "ns.helper.bac";
    const nghttp2_nv fields[] = {nv(":method", method), nv(":scheme", scheme), nv(":authority", authority),
                                 nv(":path", path), nv("content-type", type)};
    nghttp2_data_provider data{};
    data.source.ptr = bodies_.back().get();
    data.read_callback = [](nghttp2_session*, std::int32_t, std::uint8_t* out, std::size_t room,
                            std::uint32_t* flags, nghttp2_data_source* source, void*) -> ssize_t {
      auto& [text, at] = *static_cast<std::pair<std::string, std::size_t>*>(source->ptr);
      const std::size_t n = std::min(room, text.size() - at);
      std::memcpy(out, text.data() + at, n);
      at += n;
      if (at == text.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
      return static_cast<ssize_t>(n);
    };
    return nghttp2_submit_request(session_, nullptr, fields, std::size(fields),
                                  bodies_.back()->first.empty() ? nullptr : &data, nullptr);
  }

  // Carries bytes to and fro until nobody has any more; questions are answered by `world`.
  void talk(DohSession& server, const World& world) {
    for (bool moved = true; moved;) {
      moved = false;
      const std::uint8_t* data = nullptr;
      while (const auto n = nghttp2_session_mem_send(session_, &data)) {
        ASSERT_GT(n, 0);
        // One byte at a time: the session takes whatever pieces come.
        for (ssize_t i = 0; i < n; ++i) ASSERT_TRUE(server.receive({data + i, 1}));
        moved = true;
      }
      while (const auto q = server.next()) {
        Bytes out(kMaxMessage);
        Request request;
        const Outcome outcome =
            respond(world.zones(), world.options, {.transport = Transport::Https}, q->message, out, request);
        out.resize(outcome.size);
        if (outcome.action == Action::Drop)
          server.refuse(q->stream);
        else
          server.answer(q->stream, out);
      }
      Bytes out;
      server.send(out);
      if (out.empty()) continue;
      ASSERT_EQ(nghttp2_session_mem_recv(session_, out.data(), out.size()), static_cast<ssize_t>(out.size()));
      moved = true;
    }
  }

  std::map<std::int32_t, Response> responses;

 private:
  nghttp2_session* session_ = nullptr;
  std::vector<std::unique_ptr<std::pair<std::string, std::size_t>>> bodies_;
};

class Doh : public testing::Test {
 protected:
  Doh() {
    world.serve("helper.bac", "$TTL 60\n@ 3600 SOA ns root 1 2 3 4 300\n@ NS ns\nns A 10.0.0.1\nbig TXT " +
                                  std::string(200, 'x') + "\n");
  }
  static std::string text(const Bytes& m) { return std::string(as_text(m)); }
  DohClient::Response post(const std::string& body, const std::string& type = "application/dns-message") {
    return ask("POST", "/dns-query", body, type);
  }
  DohClient::Response ask(const std::string& method, const std::string& path, const std::string& body = {},
                          const std::string& type = "application/dns-message") {
    const auto id = client.ask(method, path, body, type);
    client.talk(server, world);
    EXPECT_TRUE(client.responses[id].closed);
    return client.responses[id];
  }
  World world;
  DohSession server{"/dns-query"};
  DohClient client;
};

TEST_F(Doh, AnswersAPost) {
  const auto r = post(text(encode({.name = "ns.helper.bac"})));
  EXPECT_EQ(r.status, "200");
  EXPECT_EQ(r.fields.at("content-type"), "application/dns-message");
  EXPECT_EQ(r.fields.at("cache-control"), "max-age=60");
  EXPECT_EQ(test::decode(as_bytes(r.body)).answer.size(), 1U);
}

TEST_F(Doh, AnswersAGet) {
  // `dig` for helper.bac A, whose answer is negative: the SOA's minimum says how long (RFC 2308 5).
  const auto r = ask("GET", "/dns-query?x=1&dns=AAABAAABAAAAAAAABmhlbHBlcgNiYWMAAAEAAQ");
  EXPECT_EQ(r.status, "200");
  EXPECT_EQ(r.fields.at("cache-control"), "max-age=300");
  EXPECT_EQ(test::decode(as_bytes(r.body)).authority.size(), 1U);
}

TEST_F(Doh, SaysWhatIsWrongWithARequest) {
  EXPECT_EQ(ask("GET", "/").status, "404");
  EXPECT_EQ(ask("GET", "/dns-query").status, "400");
  EXPECT_EQ(ask("GET", "/dns-query?dns=AA=").status, "400");
  EXPECT_EQ(ask("GET", "/dns-query?dns=AAAA").status, "400") << "no DNS message";
  EXPECT_EQ(ask("PUT", "/dns-query", "x").status, "405");
  EXPECT_EQ(post("x", "text/plain").status, "415");
  EXPECT_EQ(post(std::string(65536, 'x')).status, "413");
  EXPECT_EQ(ask("GET", "/dns-query?dns=" + std::string(9000, 'A')).status, "431");
  EXPECT_THAT(ask("GET", "/elsewhere").body, testing::HasSubstr("/dns-query"));
  EXPECT_EQ(server.errors(), 9U);
  EXPECT_EQ(post(text(encode({.name = "ns.helper.bac"}))).status, "200") << "the connection goes on";
}

TEST_F(Doh, AnswersManyQuestionsAtOnce) {
  std::vector<std::int32_t> ids;
  for (int i = 0; i < 200; ++i)
    ids.push_back(client.ask("POST", "/dns-query", text(encode({.name = "big.helper.bac", .type = "TXT"}))));
  client.talk(server, world);
  for (const auto id : ids) {
    EXPECT_EQ(client.responses[id].status, "200");
    EXPECT_GT(client.responses[id].body.size(), 200U);
  }
}

TEST(DohWithoutHttp2, TellsHttp1WhatIsSpokenHere) {
  DohSession server("/dns-query");
  EXPECT_FALSE(server.receive(as_bytes("GET /dns-query HTTP/1.1\r\nHost: ns\r\n\r\n")));
  Bytes out;
  server.send(out);
  EXPECT_THAT(std::string(as_text(out)),
              testing::AllOf(testing::StartsWith("HTTP/1.1 400 "), testing::HasSubstr("HTTP/2")));
  EXPECT_TRUE(server.finished());
}

class Limits : public testing::Test {
 protected:
  using Kind = RateLimiter::Kind;
  using Verdict = RateLimiter::Verdict;
  unsigned sent(RateLimiter& limiter, unsigned n, Bytes address, std::uint64_t name, std::uint64_t now,
                Kind kind = Kind::Answer) {
    unsigned sum = 0;
    for (unsigned i = 0; i < n; ++i)
      sum += limiter.judge(address, kind, name, now) == Verdict::Send ? 1U : 0U;
    return sum;
  }
  const RateLimits ten_{.responses = 10, .nxdomains = 5, .errors = 2, .slip = 2, .burst = 1, .exempt = {}};
};

TEST_F(Limits, TheSameAnswerGoesToANetworkOnlySoOften) {
  RateLimiter limiter(ten_, 42);
  EXPECT_EQ(sent(limiter, 100, {10, 0, 0, 1}, 1, 1'000'000), 10U);
  EXPECT_EQ(sent(limiter, 100, {10, 0, 0, 200}, 1, 1'000'000), 0U) << "the same /24";
  EXPECT_EQ(sent(limiter, 100, {10, 0, 1, 1}, 1, 1'000'000), 10U) << "another network";
  EXPECT_EQ(sent(limiter, 100, {10, 0, 0, 1}, 2, 1'000'000), 10U) << "another answer";
  EXPECT_EQ(sent(limiter, 100, {10, 0, 0, 1}, 1, 1'500'000), 5U) << "half a second later";
  EXPECT_EQ(sent(limiter, 100, {10, 0, 0, 1}, 1, 9'000'000), 10U);
}

TEST_F(Limits, ErrorsAndMissingNamesHaveLimitsOfTheirOwn) {
  RateLimiter limiter(ten_, 42);
  EXPECT_EQ(sent(limiter, 50, {10, 0, 0, 1}, 1, 0, Kind::NxDomain), 5U);
  EXPECT_EQ(sent(limiter, 50, {10, 0, 0, 1}, 0, 0, Kind::Error), 2U);
  RateLimiter off(RateLimits{}, 42);
  EXPECT_EQ(sent(off, 50, {10, 0, 0, 1}, 1, 0), 50U);
}

TEST_F(Limits, OneInTwoLimitedAnswersSaysComeOverTcp) {
  RateLimiter limiter(ten_, 42);
  sent(limiter, 10, {10, 0, 0, 1}, 1, 0);
  unsigned slips = 0;
  for (int i = 0; i < 100; ++i)
    slips += limiter.judge(Bytes{10, 0, 0, 1}, Kind::Answer, 1, 0) == Verdict::Slip ? 1U : 0U;
  EXPECT_EQ(slips, 50U);
}

TEST_F(Limits, AFloodFromManyNetworksDoesNotForgetTheBusyOne) {
  RateLimiter limiter(ten_, 42);
  sent(limiter, 10, {10, 0, 0, 1}, 1, 0);
  for (unsigned i = 0; i < 1000; ++i)
    limiter.judge(Bytes{11, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i), 1}, Kind::Answer,
                  1, 0);
  EXPECT_EQ(sent(limiter, 10, {10, 0, 0, 1}, 1, 0), 0U);
}

TEST(Metrics, AddUpWhatThreadsCount) {
  Metrics metrics;
  Counters &one = metrics.counters(), &two = metrics.counters();
  World world;
  world.serve("helper.bac", "$TTL 60\n@ SOA ns root 1 2 3 4 300\n@ NS ns\nns A 10.0.0.1\n");
  const auto reply = world.ask("none.helper.bac", "A").bytes;
  one.question(Transport::Udp, Opcode::Query, type::A, 40);
  one.answer(reply);
  one.latency(std::chrono::microseconds(3));
  two.question(Transport::Tls, Opcode::Query, type::MX, 40);
  two.answer(world.ask("ns.helper.bac", "A").bytes);
  two.event(Event::CookieGood);
  metrics.late_answer(reply, std::chrono::milliseconds(5));
  const std::string json = totals_json(metrics.totals());
  EXPECT_THAT(json,
              testing::HasSubstr(R"("questions":2,"transports":{"udp":1,"tls":1},"types":{"A":1,"MX":1})"));
  EXPECT_THAT(json, testing::HasSubstr(R"("rcodes":{"NOERROR":1,"NXDOMAIN":2})"));
  EXPECT_THAT(json, testing::HasSubstr(R"("events":{"cookie_good":1})"));
  EXPECT_THAT(json, testing::HasSubstr(R"("p50":4,"p99":8192)"));
  EXPECT_THAT(totals_text(metrics.totals()), testing::HasSubstr("NXDOMAIN     2\n"));
}

}  // namespace
}  // namespace lab::dns
