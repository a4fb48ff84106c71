#include "mail/store/store.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

#include <mutex>
#include <unordered_map>

#include "common/store.hpp"
#include "mail/store/content.hpp"
#include "mail/store/reader.hpp"
#include "mail/store/schema.hpp"
#include "mail/store/watch.hpp"
#include "mail/store/writer.hpp"

namespace lab::mail {

struct Store::Impl {
  explicit Impl(Options o) : options(std::move(o)) {
    auto database = lab::store::open(options.path);
    lab::store::migrate(*database, schema_steps());
    // Every so many pages (8 MB) the log is copied into the database, with two more fsyncs: seldom, and no
    // reader feels it.
    database->exec("PRAGMA wal_autocheckpoint=2000");
    writer = std::make_unique<Writer>(*database);
    commit = std::make_unique<lab::store::GroupCommit>(std::move(database));
    // Opened here, so that the first who selects a mailbox does not wait for it.
    idle_readers.push_back(std::make_unique<Reader>(lab::store::open(options.path, {.read_only = true})));
  }

  ~Impl() {
    // The statements must go before their connection, and on its thread, after the last job.
    (void)commit->run([this](SQLite::Database&) { writer.reset(); });
    commit.reset();
  }

  Options options;
  std::unique_ptr<Writer> writer;  // used on the writer thread only
  std::unique_ptr<lab::store::GroupCommit> commit;
  Watch watch;

  std::mutex mutex;  // guards what follows
  std::vector<std::unique_ptr<Reader>> idle_readers;
  std::unordered_map<std::string, std::uint64_t>
      welcomed;  // users who are all set up, and the quota recorded for them
};

Store::Store(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Store::~Store() = default;

void Store::change(std::function<void(Writer&)> job, Done done) {
  auto touched = std::make_shared<std::vector<Writer::Touched>>();
  impl_->commit->submit(
      [impl = impl_.get(), job = std::move(job), touched](SQLite::Database&) {
        impl->writer->take_touched();  // of a job that failed
        job(*impl->writer);
        *touched = impl->writer->take_touched();
      },
      [impl = impl_.get(), touched, done = std::move(done)](const Error* error) {
        if (error == nullptr)
          for (const auto& t : *touched) impl->watch.publish(t.mailbox);
        if (done) done(error);
      });
}

void Store::submit(std::function<void(SQLite::Database&)> job, Done done) {
  impl_->commit->submit(std::move(job), std::move(done));
}

void Store::deliver(Delivery delivery, Done done) {
  auto text = std::make_shared<std::string>();
  text->reserve(delivery.message->size() + delivery.return_path.size() + 18);
  *text += "Return-Path: <" + delivery.return_path + ">\r\n";
  *text += *delivery.message;
  delivery.message.reset();
  auto content = Content::of(std::move(text));
  auto shared = std::make_shared<const Delivery>(std::move(delivery));
  auto touched = std::make_shared<std::vector<Writer::Touched>>();
  impl_->commit->submit(
      [impl = impl_.get(), shared, content, touched](SQLite::Database& database) {
        auto& writer = *impl->writer;
        writer.take_touched();
        if (!shared->recipients.empty()) {
          const auto id = writer.keep(*content);
          for (const auto& user : shared->recipients) {
            auto mailbox = writer.mailbox_of(user, shared->mailbox);
            if (mailbox == 0) {
              writer.ensure_user(user);
              mailbox = writer.mailbox_of(user, shared->mailbox);
            }
            if (mailbox == 0) mailbox = writer.mailbox_of(user, "INBOX");
            writer.add(mailbox, id, *content, 0, {shared->received, 0});
          }
        }
        if (shared->also) shared->also(database);
        *touched = writer.take_touched();
      },
      [impl = impl_.get(), touched, done = std::move(done)](const Error* error) {
        if (error == nullptr)
          for (const auto& t : *touched) impl->watch.publish(t.mailbox);
        if (done) done(error);
      });
}

void Store::ensure_mailbox(const std::string& user, Done done) {
  change([user](Writer& writer) { writer.ensure_user(user); }, std::move(done));
}

void Store::first_login(const std::string& user, std::uint64_t quota_limit, std::string welcome, Done done) {
  {
    const std::lock_guard lock(impl_->mutex);
    const auto found = impl_->welcomed.find(user);
    if (found != impl_->welcomed.end() && found->second == quota_limit) {
      done(nullptr);
      return;
    }
  }
  std::shared_ptr<const Content> content;
  if (!welcome.empty()) content = Content::of(std::make_shared<const std::string>(std::move(welcome)));
  change(
      [user, quota_limit, content](Writer& writer) {
        const auto id = writer.ensure_user(user);
        writer.set_quota(id, quota_limit);
        if (writer.claim_welcome(id) && content)
          writer.add(writer.mailbox_of(user, "INBOX"), writer.keep(*content), *content, 0,
                     {std::time(nullptr), 0});
      },
      [impl = impl_.get(), user, quota_limit, done = std::move(done)](const Error* error) {
        if (error == nullptr) {
          const std::lock_guard lock(impl->mutex);
          impl->welcomed[user] = quota_limit;
        }
        done(error);
      });
}

Quota Store::quota(const std::string& user) {
  const auto usage = read()->usage(user);
  return {.used = usage.used, .limit = usage.limit, .messages = usage.messages};
}

Snapshot Store::read() {
  std::unique_ptr<Reader> reader;
  {
    const std::lock_guard lock(impl_->mutex);
    if (!impl_->idle_readers.empty()) {
      reader = std::move(impl_->idle_readers.back());
      impl_->idle_readers.pop_back();
    }
  }
  if (!reader) reader = std::make_unique<Reader>(lab::store::open(impl_->options.path, {.read_only = true}));
  reader->begin();
  return {std::move(reader), [impl = impl_.get()](std::unique_ptr<Reader> used) {
            used->end();
            const std::lock_guard lock(impl->mutex);
            if (impl->idle_readers.size() < impl->options.readers)
              impl->idle_readers.push_back(std::move(used));
          }};
}

Watch& Store::watch() { return impl_->watch; }

}  // namespace lab::mail
