/// store_world -- a mail store in a folder of its own, and its asynchronous calls as plain ones.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <future>
#include <string>

#include "mail/store/content.hpp"
#include "mail/store/reader.hpp"
#include "mail/store/schema.hpp"
#include "mail/store/store.hpp"
#include "mail/store/writer.hpp"

namespace lab::mail::test {

/// Lines ended as on the wire.
inline std::string crlf(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '\n' ? "\r\n" : std::string(1, c);
  return out;
}

inline std::string letter(std::string_view subject, std::string_view body = "hello") {
  return crlf("From: Awa <awa@helper.bac>\nTo: ali@helper.bac\nSubject: " + std::string(subject) +
              "\nDate: Mon, 23 Nov 2026 09:00:00 +0000\nMessage-ID: <" + std::string(subject) +
              "@helper.bac>\n\n" + std::string(body) + "\n");
}

class StoreWorld {
 public:
  StoreWorld() {
    auto pattern = (std::filesystem::temp_directory_path() / "mail_store.XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    open();
  }
  ~StoreWorld() {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  StoreWorld(const StoreWorld&) = delete;
  StoreWorld& operator=(const StoreWorld&) = delete;

  std::string path() const { return folder_ / "mail.db"; }
  void open() { store_ = std::make_unique<Store>(Store::Options{.path = path(), .readers = 2}); }
  void reopen() {
    store_.reset();
    open();
  }
  Store& operator*() { return *store_; }
  Store* operator->() { return store_.get(); }

  /// Waits until `start`'s `done` was called; the error's text, empty for none.
  template <class Start>
  static std::string wait(Start start) {
    std::promise<std::string> promise;
    start([&](const Error* error) { promise.set_value(error == nullptr ? "" : error->text()); });
    return promise.get_future().get();
  }

  std::string deliver(std::vector<std::string> recipients, std::string message,
                      std::string mailbox = "INBOX") {
    return wait([&](auto done) {
      store_->deliver({.recipients = std::move(recipients),
                       .return_path = "awa@helper.bac",
                       .message = std::make_shared<const std::string>(std::move(message)),
                       .received = 1795424400,
                       .mailbox = std::move(mailbox),
                       .also = {}},
                      done);
    });
  }

  /// Runs `job(Writer&)` in a transaction and gives what it returns.
  template <class Job>
  auto change(Job job) {
    std::optional<decltype(job(std::declval<Writer&>()))> result;
    const auto error =
        wait([&](auto done) { store_->change([&](Writer& w) { result.emplace(job(w)); }, done); });
    EXPECT_EQ(error, "");
    return std::move(*result);
  }

  MailboxState state(const std::string& user, const std::string& mailbox) {
    return store_->read()->mailbox(user, mailbox).value_or(MailboxState{});
  }

  /// "1: subject [flags]" of each message, flags as their bits.
  std::string list(const std::string& user, const std::string& mailbox = "INBOX") {
    auto snapshot = store_->read();
    const auto box = snapshot->mailbox(user, mailbox);
    if (!box) return "(no such mailbox)";
    std::string out;
    snapshot->messages(box->id, 1, UINT32_MAX, [&](const MessageRow& row) {
      out += (out.empty() ? "" : ", ") + std::to_string(row.uid()) + ": " + std::string(row.subject());
      if (row.flags() != 0) out += " [" + std::to_string(row.flags()) + "]";
      return true;
    });
    return out;
  }

  std::string text(const std::string& user, const std::string& mailbox, std::uint32_t uid) {
    auto snapshot = store_->read();
    std::int64_t content = 0;
    std::size_t header = 0, size = 0;
    snapshot->contents(snapshot->mailbox(user, mailbox)->id, uid, uid, [&](const MessageRow& row) {
      content = row.content(), header = row.header_size(), size = row.size();
      return true;
    });
    return snapshot->text(content, header, 0, size);
  }

 private:
  std::filesystem::path folder_;
  std::unique_ptr<Store> store_;
};

}  // namespace lab::mail::test
