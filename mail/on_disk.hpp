/// on_disk -- awaits what the store's writer thread does: `auto saved = co_await on_disk([&](auto done) {
/// store.deliver(…, done); });` resumes on the coroutine's own executor once the change is on disk, or has
/// failed.
#pragma once
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <memory>

#include "common/error.hpp"

namespace lab::mail {

/// `start` gets a copyable callable `void(const Error*)`, to be called once from any thread.
template <class Start>
boost::asio::awaitable<Result<void>> on_disk(Start start) {
  namespace asio = boost::asio;
  auto executor = co_await asio::this_coro::executor;
  auto initiate = [&start, executor](auto handler) {
    // What keeps the io_context alive goes along with the posted handler: the callable itself may be
    // destroyed on the writer's thread after the context has gone.
    struct Held {
      decltype(handler) resume;
      decltype(asio::make_work_guard(executor)) work;
    };
    auto held = std::make_shared<Held>(Held{std::move(handler), asio::make_work_guard(executor)});
    start([held, executor](const Error* error) {
      Result<void> result;
      if (error != nullptr) result = std::unexpected(*error);
      asio::post(executor, [held = std::move(*held), result = std::move(result)]() mutable {
        std::move(held.resume)(std::move(result));
      });
    });
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result<void>)>(
      initiate, asio::use_awaitable);
}

}  // namespace lab::mail
