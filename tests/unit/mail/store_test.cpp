// What the store promises to those who deliver, read, flag and delete.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/wait.h>

#include <csignal>
#include <random>
#include <thread>

#include "mail/store/watch.hpp"
#include "store_world.hpp"

using namespace lab::mail;
using namespace lab::mail::test;

namespace {

const std::string kAli = "ali@helper.bac", kAwa = "awa@helper.bac";

Accepted<Changed> flag(StoreWorld& world, UidSet uids, FlagChange change, std::int64_t system,
                       std::vector<std::string> keywords = {}) {
  const auto id = world.state(kAli, "INBOX").id;
  return world.change([&](Writer& w) {
    return w.store_flags({.mailbox = id, .uids = uids, .change = change, .flags = {system, keywords}});
  });
}

int count(StoreWorld& world, const std::string& sql) {
  SQLite::Database database(world.path());
  return database.execAndGet(sql).getInt();
}

}  // namespace

TEST(Store, MakesTheFiveMailboxesOnce) {
  StoreWorld world;
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(world.wait([&](auto done) { world->ensure_mailbox(kAli, done); }), "");
  std::string names;
  for (const auto& m : world->read()->mailboxes(kAli)) names += m.name + m.special + " ";
  EXPECT_EQ(names, "Drafts\\Drafts INBOX Junk\\Junk Sent\\Sent Trash\\Trash ");
  EXPECT_EQ(world->read()->subscriptions(kAli).size(), 5U);
}

TEST(Store, WelcomesExactlyOnceHoweverOftenOneLogsIn) {
  StoreWorld world;
  const auto login = [&] {
    return world.wait([&](auto done) { world->first_login(kAli, 0, letter("welcome"), done); });
  };
  EXPECT_EQ(login(), "");
  EXPECT_EQ(login(), "");
  world.reopen();
  EXPECT_EQ(login(), "");
  EXPECT_EQ(world.list(kAli), "1: welcome");
}

TEST(Store, WelcomesThoseWhoHadMailBeforeTheirFirstLogin) {
  StoreWorld world;
  world.deliver({kAli}, letter("early"));
  world.wait([&](auto done) { world->first_login(kAli, 1000, letter("welcome"), done); });
  EXPECT_EQ(world.list(kAli), "1: early, 2: welcome");
  EXPECT_EQ(world->quota(kAli).limit, 1000U);
}

TEST(Store, KeepsOneTextForManyRecipientsAndForgetsItWithTheLast) {
  StoreWorld world;
  EXPECT_EQ(world.deliver({kAli, kAwa}, letter("both")), "");
  EXPECT_EQ(count(world, "SELECT count(*) FROM content"), 1);
  EXPECT_EQ(world.text(kAwa, "INBOX", 1), "Return-Path: <awa@helper.bac>\r\n" + letter("both"));
  for (const auto& user : {kAli, kAwa}) {
    const auto id = world.state(user, "INBOX").id;
    EXPECT_EQ(world.change([&](Writer& w) { return w.expunge(id, {{1, 1}}, false); }).gone, (UidSet{{1, 1}}));
  }
  EXPECT_EQ(count(world, "SELECT (SELECT count(*) FROM content) + (SELECT count(*) FROM chunk)"), 0);
  EXPECT_EQ(world->quota(kAli).used, 0U);
}

TEST(Store, DeliversToAllOrToNobody) {
  StoreWorld world;
  const auto error = world.wait([&](auto done) {
    world->deliver({.recipients = {kAli},
                    .return_path = "",
                    .message = std::make_shared<const std::string>(letter("undone")),
                    .received = 1,
                    .also = [](SQLite::Database&) { throw std::runtime_error("the queue is full"); }},
                   done);
  });
  EXPECT_EQ(error, world.path() + ": the queue is full");
  EXPECT_EQ(world.list(kAli), "(no such mailbox)");
}

TEST(Store, PutsJunkIntoJunk) {
  StoreWorld world;
  world.deliver({kAli}, letter("spam"), "Junk");
  world.deliver({kAli}, letter("odd"), "Nowhere");
  EXPECT_EQ(world.list(kAli, "Junk"), "1: spam");
  EXPECT_EQ(world.list(kAli), "1: odd");
}

TEST(Store, ReadsAnyPieceOfALargeMessage) {
  StoreWorld world;
  std::string body;
  for (int i = 0; body.size() < 3 * kChunk + 100; ++i) body += std::to_string(i) + "\n";
  world.deliver({kAli}, letter("large", body));
  const auto whole = world.text(kAli, "INBOX", 1);
  EXPECT_EQ(whole, "Return-Path: <awa@helper.bac>\r\n" + letter("large", body));
  auto snapshot = world->read();
  snapshot->contents(world.state(kAli, "INBOX").id, 1, 1, [&](const MessageRow& row) {
    const auto header = row.header_size();
    for (const std::size_t begin : {std::size_t{0}, header - 1, header, header + kChunk - 1, header + kChunk,
                                    whole.size() - 1, whole.size(), whole.size() + 5})
      for (const std::size_t length :
           {std::size_t{0}, std::size_t{1}, std::size_t{2}, kChunk, whole.size(), std::size_t{1} << 40})
        EXPECT_EQ(world->read()->text(row.content(), header, begin, begin + length),
                  begin > whole.size() ? "" : whole.substr(begin, length));
    return true;
  });
}

TEST(Store, CountsUnseenAndDeletedAsFlagsChange) {
  StoreWorld world;
  for (const auto* subject : {"a", "b", "c"}) world.deliver({kAli}, letter(subject));
  EXPECT_EQ(world.state(kAli, "INBOX").unseen, 3U);
  EXPECT_EQ(flag(world, {{1, 2}}, FlagChange::Add, kSeen | kDeleted)->messages.size(), 2U);
  EXPECT_EQ(world.state(kAli, "INBOX").unseen, 1U);
  EXPECT_EQ(world.state(kAli, "INBOX").deleted, 2U);
  EXPECT_EQ(world->read()->first_unseen(world.state(kAli, "INBOX").id), 3U);
  flag(world, {{2, 2}}, FlagChange::Set, 0, {"$Forwarded", "Corrigé"});
  EXPECT_EQ(world.list(kAli), "1: a [9], 2: b [96], 3: c");
  const auto id = world.state(kAli, "INBOX").id;
  EXPECT_EQ(world.change([&](Writer& w) { return w.expunge(id, {{1, 100}}, true); }).gone, (UidSet{{1, 1}}));
  EXPECT_EQ(world.state(kAli, "INBOX").deleted, 0U);
  EXPECT_EQ(world.state(kAli, "INBOX").unseen, 2U);
}

TEST(Store, NeverUsesAUidOrModseqTwice) {
  StoreWorld world;
  world.deliver({kAli}, letter("a"));
  world.deliver({kAli}, letter("b"));
  const auto before = world.state(kAli, "INBOX");
  world.change([&](Writer& w) { return w.expunge(before.id, {{1, 2}}, false); });
  world.reopen();
  world.deliver({kAli}, letter("c"));
  const auto after = world.state(kAli, "INBOX");
  EXPECT_EQ(world.list(kAli), "3: c");
  EXPECT_EQ(after.uidvalidity, before.uidvalidity);
  EXPECT_GT(after.modseq, before.modseq + 1);
  EXPECT_EQ(world->read()->expunged(after.id, before.modseq), (UidSet{{1, 2}}));
}

TEST(Store, NeverGivesATextTheIdOfAnother) {
  StoreWorld world;
  world.deliver({kAli}, letter("mine"));
  const auto content = [&](const std::string& user) {
    std::int64_t id = 0;
    world->read()->messages(world.state(user, "INBOX").id, 1, UINT32_MAX,
                            [&](const MessageRow& row) { return id = row.content(), true; });
    return id;
  };
  const auto mine = content(kAli);
  const auto inbox = world.state(kAli, "INBOX").id;
  world.change([&](Writer& w) { return w.expunge(inbox, {{1, 1}}, false); });
  world.deliver({kAwa}, letter("hers"));
  EXPECT_NE(content(kAwa), mine) << "a session still reading 'mine' would read 'hers'";
  EXPECT_EQ(world->read()->text(mine, 100, 0, 1000), "");
}

TEST(Store, RefusesToStoreWhatChangedSince) {
  StoreWorld world;
  world.deliver({kAli}, letter("a"));
  world.deliver({kAli}, letter("b"));
  const auto known = static_cast<std::uint64_t>(world.state(kAli, "INBOX").modseq);
  flag(world, {{2, 2}}, FlagChange::Add, kFlagged);
  const auto id = world.state(kAli, "INBOX").id;
  const auto changed = world.change([&](Writer& w) {
    return w.store_flags({.mailbox = id,
                          .uids = {{1, 2}},
                          .change = FlagChange::Add,
                          .flags = {kSeen, {}},
                          .unchanged_since = known});
  });
  EXPECT_EQ(changed->refused, (UidSet{{2, 2}}));
  EXPECT_EQ(world.list(kAli), "1: a [1], 2: b [4]");
}

TEST(Store, CopiesWithKeywordsAndMovesWithoutATrace) {
  StoreWorld world;
  for (const auto* subject : {"a", "b", "c"}) world.deliver({kAli}, letter(subject));
  flag(world, {{2, 2}}, FlagChange::Add, kSeen, {"second"});
  const auto id = world.state(kAli, "INBOX").id;
  auto copied = world.change([&](Writer& w) { return w.copy(id, {{2, 3}}, kAli, "Sent", false); });
  EXPECT_EQ(copied->to, (std::vector<std::uint32_t>{1, 2}));
  auto moved = world.change([&](Writer& w) { return w.copy(id, {{1, 2}}, kAli, "Trash", true); });
  EXPECT_EQ(moved->source.gone, (UidSet{{1, 2}}));
  EXPECT_EQ(world.list(kAli), "3: c");
  EXPECT_EQ(world.list(kAli, "Trash"), "1: a, 2: b [33]");
  EXPECT_EQ(world.state(kAli, "Trash").keywords, "second");
  EXPECT_EQ(world.change([&](Writer& w) {
                   return w.copy(id, {{3, 3}}, kAli, "No", false);
                 })
                .error(),
            Refusal::NoSuchMailbox);
  EXPECT_EQ(world->quota(kAli).messages, 5U);
}

TEST(Store, HoldsTheQuotaForAppendAndCopy) {
  StoreWorld world;
  const auto size = letter("a").size() + std::string("Return-Path: <awa@helper.bac>\r\n").size();
  world.wait([&](auto done) { world->first_login(kAli, size + 10, "", done); });
  world.deliver({kAli}, letter("a"));
  EXPECT_FALSE(world->quota(kAli).room_for(11));
  const auto content = Content::of(std::make_shared<const std::string>(letter("b")));
  EXPECT_EQ(world.change([&](Writer& w) {
                   return w.append(kAli, "Sent", {{content, {}, {}}});
                 })
                .error(),
            Refusal::OverQuota);
  const auto id = world.state(kAli, "INBOX").id;
  EXPECT_EQ(world.change([&](Writer& w) {
                   return w.copy(id, {{1, 1}}, kAli, "Sent", false);
                 })
                .error(),
            Refusal::OverQuota);
  EXPECT_TRUE(world.change([&](Writer& w) {
                     return w.copy(id, {{1, 1}}, kAli, "Trash", true);
                   })
                  .has_value())
      << "moving needs no room";
}

TEST(Store, CreatesRenamesAndDeletesMailboxesWithThoseBelow) {
  StoreWorld world;
  const auto names = [&] {
    std::string out;
    for (const auto& m : world->read()->mailboxes(kAli))
      if (m.special.empty()) out += m.name + " ";
    return out;
  };
  world.change([&](Writer& w) { return w.create(kAli, "a/b/c"); });
  EXPECT_EQ(names(), "INBOX a a/b a/b/c ");
  EXPECT_EQ(world.change([&](Writer& w) { return w.create(kAli, "inbox"); }).error(), Refusal::AlreadyExists);
  world.change([&](Writer& w) { return w.rename(kAli, "a", "été/x"); });
  EXPECT_EQ(names(), "INBOX été été/x été/x/b été/x/b/c ");
  EXPECT_EQ(world.change([&](Writer& w) { return w.rename(kAli, "été", "été/y"); }).error(), Refusal::InUse);
  EXPECT_EQ(world.change([&](Writer& w) { return w.remove(kAli, "Inbox"); }).error(), Refusal::InUse);
  world.deliver({kAli}, letter("m"));
  world.change([&](Writer& w) { return w.rename(kAli, "INBOX", "old"); });
  EXPECT_EQ(world.list(kAli), "");
  EXPECT_EQ(world.list(kAli, "old"), "1: m");
  const auto validity = world.state(kAli, "old").uidvalidity;
  world.change([&](Writer& w) { return w.remove(kAli, "old"); });
  EXPECT_EQ(world->quota(kAli).used, 0U);
  world.change([&](Writer& w) { return w.create(kAli, "old"); });
  EXPECT_GT(world.state(kAli, "old").uidvalidity, validity)
      << "a cache of the deleted mailbox must not be believed";
}

TEST(Store, TellsListenersAfterTheCommit) {
  StoreWorld world;
  world.wait([&](auto done) { world->ensure_mailbox(kAli, done); });
  std::atomic<int> woken = 0;
  std::uint32_t seen = 0;
  auto listener = world->watch().listen(world.state(kAli, "INBOX").id, [&] { ++woken; });
  EXPECT_TRUE(listener->changed());
  EXPECT_FALSE(listener->changed());
  world.deliver({kAwa}, letter("not mine"));
  EXPECT_EQ(woken, 0);
  world.deliver({kAli}, letter("mine"));
  EXPECT_EQ(woken, 1);
  EXPECT_TRUE(listener->changed());
  seen = world.state(kAli, "INBOX").messages;
  EXPECT_EQ(seen, 1U);
}

TEST(Store, TakesConcurrentDeliveriesAppendsAndExpungesWithoutLosingOne) {
  StoreWorld world;
  world.deliver({kAli, kAwa}, letter("first"));
  const auto id = world.state(kAli, "INBOX").id;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        if (t == 0) {
          std::promise<void> done;
          world->change(
              [&](Writer& w) {
                w.copy(id, {{1, 1}}, kAli, "Trash", false);
              },
              [&](const lab::Error*) { done.set_value(); });
          done.get_future().wait();
        } else {
          EXPECT_EQ(world.deliver({kAli, kAwa}, letter("m" + std::to_string(t * 1000 + i))), "");
        }
        world->quota(kAli);
      }
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(world.state(kAli, "INBOX").messages, 151U);
  EXPECT_EQ(world.state(kAwa, "INBOX").messages, 151U);
  EXPECT_EQ(world.state(kAli, "Trash").messages, 50U);
  EXPECT_EQ(count(world, "SELECT count(*) FROM content"), 151);
}

// An acknowledged message is readable after kill -9 at any moment, and nothing half-written is.
TEST(Store, KeepsEveryAcknowledgedMessageThroughKills) {
  StoreWorld world;
  std::mt19937 random(7);
  std::set<std::string> acknowledged;
  for (int round = 0; round < 8; ++round) {
    const auto path = world.path();
    int pipe_ends[2];
    ASSERT_EQ(::pipe(pipe_ends), 0);
    const auto child = ::fork();
    if (child == 0) {
      ::close(pipe_ends[0]);
      Store store({.path = path});
      for (int i = 0;; ++i) {
        const auto subject = "r" + std::to_string(round) + "n" + std::to_string(i);
        store.deliver(
            {.recipients = {kAli, kAwa},
             .return_path = "",
             .message = std::make_shared<const std::string>(letter(subject, std::string(20000, 'x'))),
             .received = 1,
             .also = {}},
            [subject, out = pipe_ends[1]](const lab::Error* error) {
              const auto line = subject + "\n";
              if (error == nullptr && ::write(out, line.data(), line.size()) < 0) _exit(1);
            });
        if (i % 10 == 9) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
    ::close(pipe_ends[1]);
    // Half of them while the store may still be opening, half amid deliveries, however slow the machine is.
    pollfd told_first{pipe_ends[0], POLLIN, 0};
    if (round % 2 == 1) {
      EXPECT_EQ(::poll(&told_first, 1, 60000), 1);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 80));
    ::kill(child, SIGKILL);
    std::string told;
    char buffer[4096];
    for (ssize_t n = 0; (n = ::read(pipe_ends[0], buffer, sizeof buffer)) > 0;)
      told.append(buffer, static_cast<std::size_t>(n));
    ::close(pipe_ends[0]);
    ::waitpid(child, nullptr, 0);
    for (std::size_t begin = 0, end = 0; (end = told.find('\n', begin)) != std::string::npos; begin = end + 1)
      acknowledged.insert(told.substr(begin, end - begin));

    world.reopen();
    for (const auto& user : {kAli, kAwa}) {
      std::set<std::string> there;
      auto snapshot = world->read();
      const auto box = snapshot->mailbox(user, "INBOX");
      if (!box) continue;
      std::uint32_t messages = 0;
      snapshot->messages(box->id, 1, UINT32_MAX, [&](const MessageRow& row) {
        there.emplace(row.subject());
        ++messages;
        EXPECT_LT(row.uid(), box->uidnext);
        return true;
      });
      EXPECT_EQ(messages, box->messages);
      EXPECT_TRUE(std::includes(there.begin(), there.end(), acknowledged.begin(), acknowledged.end()));
    }
    EXPECT_EQ(count(world,
                    "SELECT count(*) FROM content c WHERE links <> (SELECT count(*) FROM message WHERE "
                    "content = c.id)"),
              0);
  }
  EXPECT_GT(acknowledged.size(), 0U);
}

TEST(UidSet, JoinsNeighboursInAnyOrder) {
  UidSet set;
  for (const std::uint32_t n : {5U, 1U, 3U, 2U, 9U}) set.add(n);
  EXPECT_EQ(set, (UidSet{{1, 3}, {5, 5}, {9, 9}}));
  set.add(8, 4);
  EXPECT_EQ(set.ranges(), (std::vector<UidSet::Range>{{1, 9}}));
  set.add(UINT32_MAX);
  EXPECT_TRUE(set.contains(UINT32_MAX));
  EXPECT_FALSE(set.contains(10));
  EXPECT_EQ(set.size(), 10U);
}

TEST(UidMap, NumbersAsAPlainListWould) {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::uint32_t> plain;
    UidMap map;
    std::uint32_t uid = 1;
    for (int step = 0; step < 6; ++step) {
      for (auto n = random() % 20; n > 0;
           --n, uid += static_cast<std::uint32_t>(1 + (random() % 4 == 0 ? random() % 3 : 0)))
        map.append(uid), plain.push_back(uid);
      UidSet gone;
      for (const auto u : plain)
        if (random() % 4 == 0) gone.add(u);
      gone.add(uid + 5);
      std::vector<std::uint32_t> expected;
      for (std::size_t i = plain.size(); i-- > 0;)
        if (gone.contains(plain[i])) {
          expected.push_back(static_cast<std::uint32_t>(i + 1));
          plain.erase(plain.begin() + static_cast<std::ptrdiff_t>(i));
        }
      ASSERT_EQ(map.remove(gone), expected);
      ASSERT_EQ(map.size(), plain.size());
      for (std::size_t i = 0; i < plain.size(); ++i) {
        ASSERT_EQ(map.uid_at(static_cast<std::uint32_t>(i + 1)), plain[i]);
        ASSERT_EQ(map.number_of(plain[i]), i + 1);
      }
      ASSERT_EQ(map.number_of(uid + 5), 0U);
      const auto first = static_cast<std::uint32_t>(1 + random() % 10);
      UidSet some;
      for (std::size_t i = first; i <= plain.size() && i <= first + 5; ++i) some.add(plain[i - 1]);
      ASSERT_EQ(map.uids_of({{first, first + 5}}), some);
      ASSERT_EQ(map.known({{1, UINT32_MAX}}), map.all());
    }
  }
}
