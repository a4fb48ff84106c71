/// on_disk -- awaits what the store's writer thread does: `auto saved = co_await on_disk([&](auto done) {
/// store.deliver(…, done); });` resumes on the coroutine's own executor once the change is on disk, or has
/// failed.
#pragma once
#include <boost/asio/append.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
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
    auto held = std::make_shared<decltype(handler)>(std::move(handler));
    start([held, work = asio::make_work_guard(executor)](const Error* error) {
      Result<void> result;
      if (error != nullptr) result = std::unexpected(*error);
      asio::post(work.get_executor(), asio::append(std::move(*held), std::move(result)));
    });
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result<void>)>(
      initiate, asio::use_awaitable);
}

}  // namespace lab::mail
