/// snapshot -- the current version of an immutable value, read by threads that must never wait for whoever
/// replaces it. Each reader has a lock of its own that nobody else takes but for the instant of a
/// replacement; the old version is freed as soon as the last reader is done with it, not when it next has
/// something to do.
#pragma once
#include <algorithm>
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

    /// The value, which stays while this lives: for microseconds, since a replacement waits for it.
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

  explicit Snapshot(Pointer value) : value_(std::move(value)) {}

  /// The current version, for as long as wanted.
  Pointer get() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }
  void replace(Pointer value) {
    const std::lock_guard lock(mutex_);
    value_ = std::move(value);
    for (Reader* reader : readers_) {
      const std::lock_guard reading(reader->mutex_);
      reader->value_ = value_;
    }
  }

 private:
  void enter(Reader& reader) {
    const std::lock_guard lock(mutex_);
    reader.value_ = value_;
    readers_.push_back(&reader);
  }
  void leave(Reader& reader) {
    const std::lock_guard lock(mutex_);
    std::erase(readers_, &reader);
  }

  mutable std::mutex mutex_;
  Pointer value_;
  std::vector<Reader*> readers_;
};

}  // namespace lab::dns
