#include "common/spawn.hpp"

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <mutex>

#include "common/log.hpp"

namespace lab {

void spawn(boost::asio::any_io_executor executor, std::string name, boost::asio::awaitable<void> task) {
  boost::asio::co_spawn(std::move(executor), std::move(task),
                        [name = std::move(name)](const std::exception_ptr& escaped) {
                          if (!escaped) return;
                          try {
                            std::rethrow_exception(escaped);
                          } catch (const std::exception& e) {
                            log::error("{}: {}", name, e.what());
                          }
                        });
}

struct Gate::State {
  std::mutex mutex;
  std::size_t inside = 0;
  bool closed = false;
  std::function<void()> when_empty;
};

Gate::Gate() : state_(std::make_shared<State>()) {}

Gate::Pass Gate::enter() {
  Pass pass;
  const std::lock_guard lock(state_->mutex);
  if (state_->closed) return pass;
  ++state_->inside;
  pass.held_ = std::shared_ptr<void>(state_.get(), [state = state_](void*) {
    std::function<void()> call;
    {
      const std::lock_guard leaving(state->mutex);
      if (--state->inside == 0 && state->closed) call = std::exchange(state->when_empty, nullptr);
    }
    if (call) call();
  });
  return pass;
}

std::size_t Gate::inside() const {
  const std::lock_guard lock(state_->mutex);
  return state_->inside;
}

void Gate::close(std::function<void()> when_empty) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->closed = true;
    if (state_->inside != 0) {
      state_->when_empty = std::move(when_empty);
      return;
    }
  }
  when_empty();
}

}  // namespace lab
