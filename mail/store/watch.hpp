/// watch -- who wants to know that a mailbox has changed: IMAP sessions that have it selected, idling or not.
/// Told after the change is on disk. A listener costs some hundred bytes; a mailbox nobody watches costs
/// nothing.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace lab::mail {

class Watch {
 public:
  class Listener {
   public:
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    /// Whether something changed since the last time it was asked. Never says no wrongly.
    bool changed() { return changed_.exchange(false, std::memory_order_acq_rel); }

   private:
    friend class Watch;
    Listener(Watch& watch, std::int64_t mailbox, std::function<void()> wake)
        : watch_(watch), mailbox_(mailbox), wake_(std::move(wake)) {}
    Watch& watch_;
    std::int64_t mailbox_;
    std::function<void()> wake_;
    std::atomic<bool> changed_{true};
  };

  /// `wake` is called on the writer thread at each change: it may only post. After the listener is gone it is
  /// called no more.
  std::unique_ptr<Listener> listen(std::int64_t mailbox, std::function<void()> wake);
  void publish(std::int64_t mailbox);

 private:
  void forget(Listener* listener);
  std::mutex mutex_;
  std::unordered_map<std::int64_t, std::vector<Listener*>> listeners_;
};

}  // namespace lab::mail
