/// dialogue -- runs coroutines of both ends of a stream in one thread until all have ended, and what they
/// need: a certificate of a lab CA made for the test.
#pragma once
#include <gtest/gtest.h>

#include <boost/asio.hpp>
#include <fstream>
#include <string>

#include "common/ca.hpp"
#include "common/tls.hpp"
#include "mail/stream.hpp"

namespace lab::mail::test {

/// Runs `a` and `b` together; a dialogue that hangs fails the test instead of hanging it.
inline void run(boost::asio::io_context& io, awaitable<void> a, awaitable<void> b) {
  int ended = 0;
  auto end = [&](std::exception_ptr error) {
    if (++ended == 2) io.stop();  // deadlines still pending must not be waited for
    if (error) std::rethrow_exception(error);
  };
  boost::asio::co_spawn(io, std::move(a), end);
  boost::asio::co_spawn(io, std::move(b), end);
  io.run_for(std::chrono::seconds(20));
  EXPECT_EQ(ended, 2) << "the dialogue hangs";
}

/// A CA and a certificate for `mail.helper.bac`, as contexts of both sides.
struct TestTls {
  tls::Context server, client;

  TestTls() {
    auto now = std::chrono::system_clock::now();
    auto root = ca::create_root("test CA", now - std::chrono::hours(1), now + std::chrono::hours(1));
    ca::Request request;
    request.common_name = "mail.helper.bac";
    request.dns_names = {"mail.helper.bac"};
    request.not_before = now - std::chrono::hours(1);
    request.not_after = now + std::chrono::hours(1);
    auto leaf = ca::issue(*root, request);
    auto base = testing::TempDir() + "stream_test_" + std::to_string(::getpid());
    std::ofstream(base + ".crt") << leaf->certificate;
    std::ofstream(base + ".key") << leaf->key;
    std::ofstream(base + ".ca") << root->certificate;
    server = tls::server_context({base + ".crt", base + ".key"}).value();
    client = tls::client_context(base + ".ca").value();
    for (auto end : {".crt", ".key", ".ca"}) std::remove((base + end).c_str());
  }
};

inline const TestTls& test_tls() {
  static const TestTls tls;
  return tls;
}

}  // namespace lab::mail::test
