/// post -- a post office for tests: people in memory, mailboxes in a folder of their own, an io_context that
/// runs until a coroutine has ended.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio.hpp>
#include <filesystem>
#include <map>

#include "mail/accounts.hpp"
#include "mail/login.hpp"
#include "mail/server_context.hpp"
#include "mail/store/reader.hpp"
#include "mail/store/store.hpp"

namespace lab::mail::test {

/// helper.bac with whoever `users` names; passwords are in there too.
struct MemoryAccounts final : Accounts {
  std::map<std::string, std::string> users{{"ali@helper.bac", "Ali-2026"}, {"awa@helper.bac", "Awa-2026"}};
  std::map<std::string, Destination> aliases;
  std::map<std::string, std::uint64_t> quotas;
  MailRules rules;  ///< of everybody
  bool down = false;

  bool serves(std::string_view domain) const override { return domain == "helper.bac"; }
  boost::asio::awaitable<Account> authenticate(std::string name, std::string password) override {
    Account account;
    if (down) co_return account;
    account.user = name.find('@') == std::string::npos ? name + "@helper.bac" : name;
    auto found = users.find(account.user);
    account.outcome =
        found != users.end() && found->second == password ? Account::Outcome::Ok : Account::Outcome::Denied;
    account.rules = rules;
    co_return account;
  }
  boost::asio::awaitable<Account> admit(std::string principal) override {
    Account account;
    account.user = principal.substr(0, principal.find('@')) + "@helper.bac";
    account.outcome = users.contains(account.user) && principal.ends_with("@HELPER.BAC")
                          ? Account::Outcome::Ok
                          : Account::Outcome::Denied;
    account.rules = rules;
    co_return account;
  }
  boost::asio::awaitable<Destination> find(Address address) override {
    Destination destination;
    if (down) co_return destination;
    destination.outcome = Destination::Outcome::NotOurs;
    if (!serves(address.domain())) co_return destination;
    if (auto alias = aliases.find(address.key()); alias != aliases.end()) co_return alias->second;
    destination.outcome = Destination::Outcome::Unknown;
    if (users.count(address.key()) == 0) co_return destination;
    destination.outcome = Destination::Outcome::Known;
    destination.users = {address.key()};
    if (auto quota = quotas.find(address.key()); quota != quotas.end()) destination.quotas.insert(*quota);
    co_return destination;
  }
  std::string welcome(const Account&) const override { return {}; }
};

struct PostTest : testing::Test {
  std::string folder = testing::TempDir() + "post_" + std::to_string(::getpid());
  boost::asio::io_context io;
  MemoryAccounts accounts;
  std::unique_ptr<Store> store;
  std::unique_ptr<Login> login;
  std::unique_ptr<ServerContext> context;

  void SetUp() override {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    open();
  }
  void TearDown() override {
    context.reset();
    login.reset();
    store.reset();
    std::filesystem::remove_all(folder);
  }
  /// The texts in somebody's INBOX, oldest first.
  std::vector<std::string> inbox(const std::string& user) {
    std::vector<std::string> texts;
    auto reader = store->read();
    auto box = reader->mailbox(user, "INBOX");
    if (!box) return texts;
    std::vector<std::array<std::int64_t, 3>> rows;
    reader->contents(box->id, 1, 0xffffffff, [&](const MessageRow& row) {
      rows.push_back({row.content(), static_cast<std::int64_t>(row.header_size()),
                      static_cast<std::int64_t>(row.size())});
      return true;
    });
    for (auto& [content, header, size] : rows)
      texts.push_back(
          reader->text(content, static_cast<std::size_t>(header), 0, static_cast<std::size_t>(size)));
    return texts;
  }
  void open() {
    store = std::make_unique<Store>(Store::Options{.path = folder + "/mail.db"});
    login = std::make_unique<Login>(accounts, *store,
                                    LoginLimits{.wrong_password_delay = std::chrono::milliseconds(1)});
    context = std::make_unique<ServerContext>(
        ServerContext{.hostname = "mail.helper.bac", .accounts = accounts, .login = *login, .store = *store});
  }
};

}  // namespace lab::mail::test
