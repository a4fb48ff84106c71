/// session_change -- how a session's handler changes the store: `job(Writer&)` runs on the writer thread, its
/// answer comes back when it is on disk. Included by the session's sources only.
///
///   auto change = start([id](Writer& w) { return w.expunge(id, …); });
///   const auto result = co_await std::move(change.done);
///   if (!change.answer->has_value()) co_return result;
#pragma once
#include "mail/imap/session.hpp"
#include "mail/on_disk.hpp"
#include "mail/store/store.hpp"

namespace lab::mail::imap {

template <class Answer>
struct Session::Change {
  std::shared_ptr<std::optional<Answer>> answer;  ///< what the job returned, once `done` is
  awaitable<Result> done;                         ///< OK, or the NO to say where the store failed
};

// Not a coroutine, and the awaiting is left to the caller: g++ 12 destroys twice what is built among the
// arguments of an awaited call.
template <class Job>
auto Session::start(Job job) {
  using Answer = decltype(job(std::declval<Writer&>()));
  auto answer = std::make_shared<std::optional<Answer>>();
  auto work = std::make_shared<const std::function<void(Writer&)>>(
      [answer, job = std::move(job)](Writer& writer) { answer->emplace(job(writer)); });
  return Change<Answer>{std::move(answer), written(std::move(work))};
}

}  // namespace lab::mail::imap
