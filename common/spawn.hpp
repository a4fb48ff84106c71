/// spawn -- starts a coroutine that nobody waits for, and logs what escapes from it: a bare `detached` would
/// lose it. Gate: counts running sessions, so that a drain knows when the last one has ended.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>

namespace lab {

void spawn(boost::asio::any_io_executor executor, std::string name, boost::asio::awaitable<void> task);

/// Held by each session for its lifetime: `auto pass = gate.enter(); if (!pass) co_return;`
class Gate {
 public:
  class Pass {
   public:
    Pass() = default;
    explicit operator bool() const { return held_ != nullptr; }

   private:
    friend class Gate;
    std::shared_ptr<void> held_;
  };
  Gate();
  Pass enter();  ///< empty once closed
  std::size_t inside() const;
  void close(std::function<void()> when_empty);  ///< no new passes; calls back (from the last leaver's
                                                 ///< thread) when all have left

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace lab
