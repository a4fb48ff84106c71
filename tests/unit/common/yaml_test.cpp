#include "common/yaml.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

namespace lab::yaml {
namespace {

/// The rendered mistakes of reading `text` by `read`.
template <class Read>
std::string mistakes(const std::string& text, Read read) {
  Diagnostics diagnostics("lab.yaml", text);
  if (const auto root = parse(diagnostics, text)) read(*root);
  return diagnostics.render();
}
std::string mistakes(const std::string& text) {
  return mistakes(text, [](const Value&) {});
}

TEST(Yaml, ShowsThePlaceAndTheWayOut) {
  const auto text = mistakes("lab: x\nnetwork: lan\n", [](const Value& root) {
    const auto map = root.map("topology");
    (void)map.find("lab");
    (void)map.find("networks");
    map.reject_unknown();
  });
  EXPECT_EQ(text,
            "lab.yaml:2:1: error: unknown key 'network'; did you mean 'networks'?\n"
            "    2 | network: lan\n"
            "      | ^~~~~~~\n");
}

TEST(Yaml, ReportsAllMistakesInFileOrder) {
  const auto text = mistakes("a: x\nb: y\n", [](const Value& root) {
    const auto map = root.map("it");
    (void)map.find("b")->integer(0, 9);
    (void)map.find("a")->duration();
  });
  EXPECT_LT(text.find("lab.yaml:1:4: error: expected a duration"),
            text.find("lab.yaml:2:4: error: expected a whole number"));
}

TEST(Yaml, NamesAKeyThatStandsTwice) {
  EXPECT_NE(mistakes("a: 1\nb: 2\na: 3\n")
                .find("lab.yaml:3:1: error: 'a' is here a second time; it stands in line 1 already"),
            std::string::npos);
}

TEST(Yaml, SaysThatTabsDoNotIndent) { EXPECT_NE(mistakes("a:\n\tb: 1\n").find("tab"), std::string::npos); }

TEST(Yaml, StopsAnAliasBomb) {
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c <= 'j'; ++c)
    bomb += fmt::format("{0}: &{0} [*{1},*{1},*{1},*{1},*{1},*{1},*{1},*{1},*{1},*{1}]\n", c,
                        static_cast<char>(c - 1));
  EXPECT_NE(mistakes(bomb).find("once aliases are followed"), std::string::npos);
}

TEST(Yaml, StopsDeepNesting) {
  EXPECT_FALSE(mistakes(std::string(5000, '[') + std::string(5000, ']')).empty());
}
TEST(Yaml, RefusesAZeroByte) {
  EXPECT_NE(mistakes(std::string("a: \0b", 5)).find("not a text file"), std::string::npos);
}
TEST(Yaml, RefusesASecondDocument) {
  EXPECT_NE(mistakes("a: 1\n---\nb: 2\n").find("second document"), std::string::npos);
  EXPECT_NE(mistakes(",").find("nothing can begin like this"),
            std::string::npos);  // yaml-cpp: endless documents
}
TEST(Yaml, AnEmptyFileIsNull) {
  Diagnostics diagnostics("lab.yaml", "");
  EXPECT_TRUE(parse(diagnostics, "")->is_null());
}

TEST(Yaml, ReadsUnits) {
  Diagnostics diagnostics("lab.yaml", "");
  const auto map = parse(diagnostics, "d: 90m\nms: 20ms\nsize: 200M\nsmall: 5k\n")->map("it");
  EXPECT_EQ(map.find("d")->duration(), std::chrono::minutes(90));
  EXPECT_EQ(map.find("ms")->duration(), std::chrono::milliseconds(20));
  EXPECT_EQ(map.find("size")->bytes(), 200U << 20);
  EXPECT_EQ(map.find("small")->bytes(), 5U << 10);
}

TEST(Yaml, TellsTheNetworkAnAddressIsIn) {
  EXPECT_NE(mistakes("net: 192.168.56.10/24\n",
                     [](const Value& root) { (void)root.map("it").find("net")->network(); })
                .find("the network is 192.168.56.0/24"),
            std::string::npos);
}

TEST(Yaml, OneValueReadsAsAListOfOne) {
  Diagnostics diagnostics("lab.yaml", "");
  EXPECT_EQ(parse(diagnostics, "a: x\n")->map("it").find("a")->items().size(), 1U);
  EXPECT_EQ(parse(diagnostics, "a: [x, y]\n")->map("it").find("a")->items().size(), 2U);
}

TEST(DidYouMean, FindsTheNearWordOnly) {
  EXPECT_EQ(did_you_mean("network", {"networks", "nodes"}), "networks");
  EXPECT_EQ(did_you_mean("ndoes", {"networks", "nodes"}), "nodes");
  EXPECT_EQ(did_you_mean("banana", {"networks", "nodes"}), "");
}

}  // namespace
}  // namespace lab::yaml
