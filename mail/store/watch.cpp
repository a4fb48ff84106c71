#include "mail/store/watch.hpp"

#include <algorithm>

namespace lab::mail {

Watch::Listener::~Listener() { watch_.forget(this); }

std::unique_ptr<Watch::Listener> Watch::listen(std::int64_t mailbox, std::function<void()> wake) {
  std::unique_ptr<Listener> listener(new Listener(*this, mailbox, std::move(wake)));
  const std::lock_guard lock(mutex_);
  listeners_[mailbox].push_back(listener.get());
  return listener;
}

void Watch::publish(std::int64_t mailbox) {
  const std::lock_guard lock(mutex_);
  const auto found = listeners_.find(mailbox);
  if (found == listeners_.end()) return;
  for (auto* listener : found->second) {
    listener->changed_.store(true, std::memory_order_release);
    if (listener->wake_) listener->wake_();
  }
}

void Watch::forget(Listener* listener) {
  const std::lock_guard lock(mutex_);
  const auto found = listeners_.find(listener->mailbox_);
  if (found == listeners_.end()) return;
  std::erase(found->second, listener);
  if (found->second.empty()) listeners_.erase(found);
}

}  // namespace lab::mail
