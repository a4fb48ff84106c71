#include "common/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lab::config {
namespace {

enum class Mode { Fast, Safe };

struct Scope {
  Network network;
  std::chrono::seconds lease{3600};
  std::vector<IpAddress> routers;
};
struct Sample {
  std::string name = "none";
  std::uint16_t port = 53;
  Mode mode = Mode::Safe;
  Bytes limit{5 << 20};
  std::map<std::string, Scope> scopes;
};

const Table<Scope>& table_of(const Scope*) {
  static const auto table =
      Table<Scope>("scope")
          .required("network", &Scope::network, "the subnet served")
          .row("lease", &Scope::lease, "how long an address is lent", {.min = 60, .max = 86400})
          .row("routers", &Scope::routers, "default routers");
  return table;
}

}  // namespace

template <>
struct EnumNames<Mode> {
  static constexpr std::pair<const char*, Mode> names[] = {{"fast", Mode::Fast}, {"safe", Mode::Safe}};
};

namespace {

const Table<Sample>& table_of(const Sample*) {
  static const auto table = Table<Sample>("sample")
                                .row("name", &Sample::name, "its name")
                                .row("port", &Sample::port, "where it listens")
                                .row("mode", &Sample::mode, "how it works")
                                .row("limit", &Sample::limit, "the largest")
                                .row("scopes", &Sample::scopes, "what it serves");
  return table;
}

using ::testing::HasSubstr;

TEST(Config, ReadsWhatIsThereAndKeepsDefaults) {
  const auto sample =
      load_text<Sample>("s.yaml",
                        "port: 5353\nmode: fast\nscopes: {lan: {network: 10.0.0.0/8, routers: 10.0.0.1}}\n")
          .value();
  EXPECT_EQ(sample.port, 5353);
  EXPECT_EQ(sample.mode, Mode::Fast);
  EXPECT_EQ(sample.name, "none");
  EXPECT_EQ(sample.scopes.at("lan").lease, std::chrono::hours(1));
  EXPECT_EQ(sample.scopes.at("lan").routers.front().text(), "10.0.0.1");
}

TEST(Config, ReportsEveryMistakeAtOnce) {
  const auto mistakes =
      load_text<Sample>("s.yaml", "prt: 1\nport: 70000\nmode: fats\nscopes: {lan: {lease: 1s}}\n").error();
  EXPECT_THAT(mistakes, HasSubstr("s.yaml:1:1: error: unknown key 'prt'; did you mean 'port'?"));
  EXPECT_THAT(mistakes, HasSubstr("s.yaml:2:7: error: expected a number from 0 to 65535; got '70000'"));
  EXPECT_THAT(mistakes, HasSubstr("s.yaml:3:7: error: unknown value 'fats'; did you mean 'fast'?"));
  EXPECT_THAT(mistakes, HasSubstr("must be from 60 to 86400 s"));
  EXPECT_THAT(mistakes, HasSubstr("scope: 'network' is missing"));
}

TEST(Config, DescribesItselfFromTheSameRows) {
  EXPECT_THAT(table_of(static_cast<const Sample*>(nullptr)).reference(),
              HasSubstr("limit  (size, default 5M)\n      the largest"));
  EXPECT_THAT(table_of(static_cast<const Sample*>(nullptr)).schema(),
              HasSubstr(R"("mode":{"description":"how it works","enum":["fast","safe"]})"));
  EXPECT_THAT(table_of(static_cast<const Scope*>(nullptr)).schema(), HasSubstr(R"("required":["network"])"));
}

}  // namespace
}  // namespace lab::config
