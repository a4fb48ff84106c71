/// block_arena -- memory for the blocks of a big zone: large pages filled from front to back, so that loading
/// a hundred thousand names takes a handful of page faults and no search for room. A page goes back to the
/// system when the last block in it is gone.
#pragma once
#include <cstddef>
#include <cstdint>
#include <new>

namespace lab::dns {

/// Used by one thread; the blocks it hands out may be released by any.
class BlockArena {
 public:
  /// Larger blocks are not worth a place in a page: allocate() refuses them.
  static constexpr std::size_t kLargestBlock = 64 * 1024;

  BlockArena() = default;
  ~BlockArena() { close(); }
  BlockArena(const BlockArena&) = delete;
  BlockArena& operator=(const BlockArena&) = delete;

  /// `size` bytes, aligned for pointers; null when the block is too large or the system has no memory: then
  /// take it from elsewhere.
  void* allocate(std::size_t size);
  /// Gives back what allocate() of any arena returned.
  static void release(const void* block);

 private:
  struct Page;
  void close();
  Page* page_ = nullptr;
  std::size_t used_ = 0;
  std::uint32_t blocks_ = 0;  // in page_
};

/// Memory for one block: from `arena`, if there is one and it has room for it, or else from the heap; says
/// which in `in_arena`. Give it back with free_block.
void* allocate_block(std::size_t size, BlockArena* arena, bool& in_arena);
void free_block(const void* block, bool in_arena);

/// `size` bytes of zeroed memory that begin at a large page, or null; and back.
void* map_large(std::size_t size);
void unmap_large(void* at, std::size_t size);

/// An allocator for vectors that are large and needed for a moment only: a MiB and more comes in large pages.
template <class T>
struct LargePages {
  using value_type = T;
  static constexpr std::size_t kSmallest = std::size_t{1} << 20;

  LargePages() = default;
  template <class U>
  LargePages(const LargePages<U>&) {}  // NOLINT(google-explicit-constructor): allocators convert
  T* allocate(std::size_t n) {
    if (n * sizeof(T) < kSmallest) return static_cast<T*>(::operator new(n * sizeof(T)));
    if (void* at = map_large(n * sizeof(T))) return static_cast<T*>(at);
    throw std::bad_alloc();
  }
  void deallocate(T* at, std::size_t n) {
    n * sizeof(T) < kSmallest ? ::operator delete(at) : unmap_large(at, n * sizeof(T));
  }
  bool operator==(const LargePages&) const = default;
};

}  // namespace lab::dns
