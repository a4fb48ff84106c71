/// block -- shared ownership in eight bytes: the count lives inside the object, an immutable block of bytes
/// that ends in an array of a size of its own. A zone of a hundred thousand names is made of these.
#pragma once
#include <atomic>
#include <cstdint>
#include <utility>

namespace lab::dns {

/// What a block begins with.
class BlockHeader {
 private:
  template <class T>
  friend class BlockPtr;
  mutable std::atomic<std::uint32_t> references_{1};
};

/// `T` derives from BlockHeader and has `static void destroy(const T*)`. A null pointer is allowed.
template <class T>
class BlockPtr {
 public:
  BlockPtr() = default;
  /// Takes over a new block.
  explicit BlockPtr(const T* block) : block_(block) {}
  BlockPtr(const BlockPtr& o) : block_(o.block_) {
    if (block_) header().references_.fetch_add(1, std::memory_order_relaxed);
  }
  BlockPtr(BlockPtr&& o) noexcept : block_(std::exchange(o.block_, nullptr)) {}
  BlockPtr& operator=(BlockPtr o) noexcept {
    std::swap(block_, o.block_);
    return *this;
  }
  ~BlockPtr() {
    if (block_ && header().references_.fetch_sub(1, std::memory_order_acq_rel) == 1) T::destroy(block_);
  }
  const T* get() const { return block_; }
  const T* operator->() const { return block_; }
  const T& operator*() const { return *block_; }
  explicit operator bool() const { return block_ != nullptr; }

 private:
  const BlockHeader& header() const { return *block_; }
  const T* block_ = nullptr;
};

}  // namespace lab::dns
