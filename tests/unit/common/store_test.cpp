#include "common/store.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <latch>
#include <stdexcept>
#include <thread>

namespace lab::store {
namespace {

struct Folder : ::testing::Test {
  std::string path = [] {
    std::string name = std::filesystem::temp_directory_path() / "lab-store-XXXXXX";
    return std::string(mkdtemp(name.data()));
  }();
  std::string file = path + "/test.db";
  ~Folder() override { std::filesystem::remove_all(path); }
  std::unique_ptr<SQLite::Database> fresh() const {
    auto database = open(file);
    migrate(*database, {"CREATE TABLE t(n INTEGER PRIMARY KEY)"});
    return database;
  }
  int rows() const { return open(file, {.read_only = true})->execAndGet("SELECT count(*) FROM t").getInt(); }
};
GroupCommit::Job insert(int n) {
  return [n](SQLite::Database& database) { database.exec(fmt::format("INSERT INTO t VALUES({})", n)); };
}

TEST_F(Folder, AnAnsweredJobIsThereAfterAKill) {
  int answered[2];
  ASSERT_EQ(pipe(answered), 0);
  const pid_t child = fork();
  if (child == 0) {
    GroupCommit group(fresh());
    for (int n = 0;; ++n)
      if (group.run(insert(n))) (void)!write(answered[1], &n, sizeof n);
  }
  close(answered[1]);
  int last = -1;
  while (last < 40) ASSERT_EQ(read(answered[0], &last, sizeof last), static_cast<ssize_t>(sizeof last));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  for (int n = 0; read(answered[0], &n, sizeof n) == static_cast<ssize_t>(sizeof n);) last = n;
  EXPECT_GE(rows(), last + 1);
}

TEST_F(Folder, AFailedJobTakesNoOtherWithIt) {
  std::atomic<int> well = 0;
  std::atomic<int> failed = 0;
  {
    GroupCommit group(fresh());
    for (int n = 0; n < 100; ++n)
      group.submit(n % 10 == 3 ? GroupCommit::Job([n](SQLite::Database& database) {
                     insert(1000 + n)(database);
                     throw std::runtime_error("no");
                   })
                               : insert(n),
                   [&](const Error* error) { ++(error == nullptr ? well : failed); });
  }
  EXPECT_EQ(well, 90);
  EXPECT_EQ(failed, 10);
  EXPECT_EQ(rows(), 90);
}

TEST_F(Folder, ALoneJobIsOnDiskBeforeItsSubmissionReturns) {
  GroupCommit group(fresh());
  std::string said;
  group.submit_lone(insert(1), [&](const Error* error) { said += error == nullptr ? "done " : "failed "; });
  EXPECT_EQ(said, "done ");
  EXPECT_EQ(rows(), 1);
}

TEST_F(Folder, WhatIsTriedNowIsOnDiskOrWasNeverBegun) {
  GroupCommit group(fresh());
  EXPECT_TRUE(group.try_now(insert(1)));
  EXPECT_FALSE(group.try_now([](SQLite::Database& database) {
    insert(2)(database);
    throw std::runtime_error("no");
  }));
  std::promise<void> under_way, go_on;
  group.submit(
      [&](SQLite::Database& database) {
        under_way.set_value();
        go_on.get_future().wait();
        insert(3)(database);
      },
      {});
  under_way.get_future().wait();
  EXPECT_FALSE(group.try_now(insert(4))) << "the disk is not free";
  go_on.set_value();
  EXPECT_TRUE(group.run(insert(5)));
  EXPECT_EQ(rows(), 3);
}

TEST_F(Folder, ALoneJobThatFailsLeavesNothingAndStopsNobody) {
  std::string said;
  {
    GroupCommit group(fresh());
    const auto hear = [&](const Error* error) { said += error == nullptr ? "done " : error->what + " "; };
    group.submit_lone(
        [](SQLite::Database& database) {
          insert(1)(database);
          throw std::runtime_error("no");
        },
        hear);
    group.submit(insert(2), {});
    group.submit_lone(insert(3), hear);
  }
  EXPECT_EQ(said, "no done ");
  EXPECT_EQ(rows(), 2);
}

TEST_F(Folder, ManyThreadsAreAllAnswered) {
  std::atomic<int> well = 0;
  {
    GroupCommit group(fresh());
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        const auto submit = t % 2 == 0 ? &GroupCommit::submit : &GroupCommit::submit_lone;
        for (int n = 0; n < 50; ++n)
          (group.*submit)(insert(t * 1000 + n),
                          [&](const Error* error) { well += error == nullptr ? 1 : 0; });
      });
  }
  EXPECT_EQ(well, 200);
  EXPECT_EQ(rows(), 200);
}

TEST_F(Folder, RefusesAFileOfANewerVersion) {
  auto database = fresh();
  database->exec("PRAGMA user_version=9");
  EXPECT_THROW(migrate(*database, {"CREATE TABLE t(n)"}), SQLite::Exception);
}

TEST_F(Folder, MigratesStepByStepOnce) {
  auto database = fresh();
  migrate(*database, {"CREATE TABLE t(n INTEGER PRIMARY KEY)", "ALTER TABLE t ADD COLUMN m"});
  migrate(*database, {"CREATE TABLE t(n INTEGER PRIMARY KEY)", "ALTER TABLE t ADD COLUMN m"});
  EXPECT_EQ(database->execAndGet("PRAGMA user_version").getInt(), 2);
}

}  // namespace
}  // namespace lab::store
