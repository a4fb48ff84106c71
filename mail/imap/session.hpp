/// session -- one IMAP dialogue as a server (RFC 3501): reads commands, does them against the store, answers.
/// Reading its handlers is reading the RFC: session_login.cpp (6.1, 6.2), session_mailbox.cpp (6.3),
/// session_selected.cpp and session_search.cpp (6.4).
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/events.hpp"
#include "mail/accounts.hpp"
#include "mail/imap/command.hpp"
#include "mail/imap/command_reader.hpp"
#include "mail/imap/fetch.hpp"
#include "mail/imap/limits.hpp"
#include "mail/imap/search.hpp"
#include "mail/imap/selected.hpp"
#include "mail/sasl.hpp"
#include "mail/server_context.hpp"
#include "mail/stream.hpp"

namespace lab::mail::imap {

class Session {
 public:
  /// All but the session itself outlive it. `number` groups its events.
  Session(Stream& stream, ServerContext& context, std::uint64_t number, const Limits& limits = {});
  ~Session();
  awaitable<void> run();

 private:
  /// What a command ends with: `tag OK [code] text`.
  struct Result {
    const char* status = "OK";
    std::string text;
    bool said = false;  ///< the handler has answered itself
  };
  static Result ok(std::string text) { return {"OK", std::move(text)}; }
  static Result no(std::string text) { return {"NO", std::move(text)}; }
  static Result bad(std::string text) { return {"BAD", std::move(text)}; }
  /// The client is gone: nothing to say, nobody to say it to.
  static Result gone() { return {"NO", {}, true}; }
  static Result refused(Refusal why);
  static Result broken(const Error& error);

  // session.cpp: the dialogue itself
  awaitable<bool> read_command();
  awaitable<void> read_literal();
  awaitable<void> drain_literal();
  awaitable<void> perform();
  awaitable<Result> dispatch(Command& command);
  void end(StreamError error);
  void finish(std::string_view tag, const Result& result);
  void tell_changes(bool may_expunge);
  void say(std::string_view text);
  awaitable<void> say_much(std::string& text);
  void note(std::string_view text);
  void emit(events::Direction direction, std::string_view text);
  std::string capabilities() const;
  template <class Answer>
  struct Change;
  template <class Job>
  auto start(Job job);
  awaitable<Result> written(std::shared_ptr<const std::function<void(Writer&)>> work);

  // session_login.cpp
  awaitable<Result> on(Capability& request);
  awaitable<Result> on(Noop& request);
  awaitable<Result> on(Logout& request);
  awaitable<Result> on(Id& request);
  awaitable<Result> on(StartTls& request);
  awaitable<Result> on(Authenticate& request);
  awaitable<Result> on(LogIn& request);
  awaitable<Result> on(Enable& request);
  awaitable<Result> log_in(Credentials credentials);
  Result refused_login(std::string why);

  // session_mailbox.cpp
  awaitable<Result> on(Select& request);
  awaitable<Result> on(Create& request);
  awaitable<Result> on(Delete& request);
  awaitable<Result> on(Rename& request);
  awaitable<Result> on(Subscribe& request);
  awaitable<Result> on(List& request);
  awaitable<Result> on(Namespace& request);
  awaitable<Result> on(Status& request);
  awaitable<Result> on(Append& request);
  awaitable<Result> on(GetQuota& request);
  awaitable<Result> on(GetQuotaRoot& request);
  void resync(const Resync& request, Reader& reader, const MailboxState& state);
  std::string status_line(Reader& reader, const MailboxState& state, std::string_view name,
                          const std::vector<StatusItem>& items);
  void deselect();

  // session_selected.cpp
  awaitable<Result> on(Check& request);
  awaitable<Result> on(Close& request);
  awaitable<Result> on(Unselect& request);
  awaitable<Result> on(Expunge& request);
  awaitable<Result> on(Fetch& request);
  awaitable<Result> on(SetFlags& request);
  awaitable<Result> on(Copy& request);
  awaitable<Result> on(Idle& request);
  awaitable<void> send_body(const FetchAnswer::Body& body);
  std::optional<UidSet> resolve(const SequenceSet& set) const;

  // session_search.cpp
  awaitable<Result> on(Search& request);
  awaitable<Result> on(Sort& request);
  awaitable<Result> on(Thread& request);
  awaitable<void> scan(const SearchProgram& program, unsigned columns,
                       std::function<void(const MessageRow&)> found);
  std::uint32_t shown(std::uint32_t uid) const {
    return uid_command_ ? uid : selected_->view().number_of(uid);
  }

  /// What a change in the selected mailbox wakes; outlived by the callbacks that were posted for it.
  struct Wake {
    Stream* stream;
    bool idling = false;
  };

  Stream& stream_;
  ServerContext& context_;
  std::uint64_t number_;
  Limits limits_;
  CommandReader reader_{limits_};
  std::string user_;  // empty: not logged in
  std::unique_ptr<Selected> selected_;
  std::shared_ptr<Wake> wake_;
  Enabled enabled_;
  std::string_view tag_;
  bool uid_command_ = false, over_ = false;
  int errors_ = 0, failed_logins_ = 0;
};

/// One dialogue, from greeting to goodbye (server_context.hpp `Serve`).
awaitable<void> serve(Stream& stream, ServerContext& context, std::uint64_t session);

}  // namespace lab::mail::imap
