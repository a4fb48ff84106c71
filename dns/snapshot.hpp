/// snapshot -- the current version of an immutable value, read by threads that must never wait for whoever
/// replaces it. Each reader has a lock of its own that nobody else takes but for the instant of a
/// replacement; the old version is freed as soon as the last reader is done with it, not when it next has
/// something to do.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace lab::dns {

template <class T>
class Snapshot {
 public:
  using Pointer = std::shared_ptr<const T>;

  /// One thread's access. Lives no longer than the snapshot.
  class Reader {
   public:
    explicit Reader(Snapshot& snapshot) : snapshot_(snapshot) { snapshot_.enter(*this); }
    ~Reader() { snapshot_.leave(*this); }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    /// The value, which stays while this lives: for microseconds, since a replacement waits for it. Its thread
    /// may ask for `get` and `now` meanwhile, and for no other reader's value.
    class Hold {
     public:
      explicit Hold(Reader& reader) : lock_(reader.mutex_), value_(*reader.value_) {}
      const T& operator*() const { return value_; }
      const T* operator->() const { return &value_; }

     private:
      std::unique_lock<std::mutex> lock_;
      const T& value_;
    };
    Hold hold() { return Hold(*this); }

   private:
    friend class Snapshot;
    Snapshot& snapshot_;
    std::mutex mutex_;
    Pointer value_;
  };

  /// One thread's own copy, renewed when there is a newer one: looking costs nothing, and the old value stays
  /// until the thread looks again. For what is small. Lives no longer than the snapshot.
  class Follower {
   public:
    explicit Follower(const Snapshot& snapshot) : snapshot_(snapshot) { renew(); }
    const T& now() {
      if (snapshot_.version_.load(std::memory_order_acquire) != version_) renew();
      return *value_;
    }

   private:
    void renew() {
      const std::lock_guard lock(snapshot_.mutex_);
      version_ = snapshot_.version_.load(std::memory_order_relaxed);
      value_ = snapshot_.value_;
    }
    const Snapshot& snapshot_;
    std::uint64_t version_ = 0;
    Pointer value_;
  };

  explicit Snapshot(Pointer value) : value_(std::move(value)) {}

  /// The current version, for as long as wanted.
  Pointer get() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }
  void replace(Pointer value) {
    const std::lock_guard registered(readers_mutex_);
    {
      const std::lock_guard lock(mutex_);
      value_ = value;
      version_.fetch_add(1, std::memory_order_release);
    }
    // Not under mutex_: a reader that is waited for here may itself be asking for the newest value.
    for (Reader* reader : readers_) {
      const std::lock_guard reading(reader->mutex_);
      reader->value_ = value;
    }
  }

 private:
  void enter(Reader& reader) {
    const std::lock_guard registered(readers_mutex_);
    reader.value_ = get();
    readers_.push_back(&reader);
  }
  void leave(Reader& reader) {
    const std::lock_guard registered(readers_mutex_);
    std::erase(readers_, &reader);
  }

  std::mutex readers_mutex_;  // taken before all others
  std::vector<Reader*> readers_;
  mutable std::mutex mutex_;  // of the two below; held for an instant only
  std::atomic<std::uint64_t> version_{0};
  Pointer value_;
};

}  // namespace lab::dns
