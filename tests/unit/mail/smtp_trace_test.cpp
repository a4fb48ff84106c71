#include "mail/message/header_scan.hpp"
#include "mail/message/trace.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace lab::message {
namespace {

TEST(HeaderScan, SeesWhatTransportNeeds) {
  auto scan = scan_header(
      "Received: a\r\nReceived: b\r\n\tfolded\r\nMessage-Id:\r\n <x@y>\r\nDATE: now\r\nSubject: two\r\n "
      "words\r\n\r\nFrom: body\r\n");
  EXPECT_EQ(scan.received, 2);
  EXPECT_EQ(scan.id, "<x@y>");
  EXPECT_TRUE(scan.date);
  EXPECT_FALSE(scan.from);
  EXPECT_EQ(scan.subject, "two words");
}

TEST(HeaderScan, TakesAnyBytes) {
  for (auto text : {"", "\r\n", "no colon\r\n", ":\r\n", "A: b", "A: b\r\n c", "\r", "A: b\r\n\t"})
    scan_header(text);
}

TEST(Trace, TheReceivedLineTellsTheHop) {
  ::setenv("TZ", "Africa/Ouagadougou", 1);
  ::tzset();
  Hop hop{.helo = "pc1",
          .peer = "192.168.56.100:41234",
          .by = "mail.helper.bac",
          .protocol = "ESMTPSA",
          .id = "k3v9x",
          .tls = "TLSv1.3 TLS_AES_256_GCM_SHA384",
          .only_recipient = "awa@helper.bac",
          .when = 1795467463};
  EXPECT_EQ(received_line(hop),
            "Received: from pc1 ([192.168.56.100])\r\n\tby mail.helper.bac with ESMTPSA id k3v9x\r\n"
            "\t(TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n\tfor <awa@helper.bac>;\r\n\tMon, 23 Nov 2026 20:57:43 "
            "+0000\r\n");
}

TEST(Trace, AClientCannotWriteItsOwnHeaderLines) {
  Hop hop{.helo = "x);\r\nX-Evil: 1",
          .peer = "[fd00::1]:25",
          .by = "m",
          .protocol = "SMTP",
          .id = "1",
          .tls = "",
          .only_recipient = "",
          .when = 0};
  auto line = received_line(hop);
  EXPECT_EQ(line.find("\r\nX-Evil"), std::string::npos);
  EXPECT_NE(line.find("([IPv6:fd00::1])"), std::string::npos);
}

}  // namespace
}  // namespace lab::message
