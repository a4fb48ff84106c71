#include "dns/block_arena.hpp"

#include <sys/mman.h>

#include <atomic>
#include <memory>
#include <new>

namespace lab::dns {
namespace {

constexpr std::size_t kLargePage = std::size_t{2} << 20;
// More blocks than a page can hold: what its count begins with, until the arena knows how many there are.
constexpr std::uint32_t kOpen = std::uint32_t{1} << 31;

std::size_t whole_pages(std::size_t size) { return (size + 4095) & ~std::size_t{4095}; }

}  // namespace

void* map_large(std::size_t size) {
  size = whole_pages(size);
  void* const all =
      ::mmap(nullptr, size + kLargePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED) return nullptr;
  auto* const begin = static_cast<char*>(all);
  void* aligned = all;
  std::size_t room = size + kLargePage;
  std::align(kLargePage, size, aligned, room);
  auto* const at = static_cast<char*>(aligned);
  if (at != begin) ::munmap(begin, static_cast<std::size_t>(at - begin));
  if (const auto rest = static_cast<std::size_t>(begin + kLargePage - at); rest > 0)
    ::munmap(at + size, rest);
  ::madvise(at, size, MADV_HUGEPAGE);  // where the system has none, ordinary pages do
  return at;
}

void unmap_large(void* at, std::size_t size) { ::munmap(at, whole_pages(size)); }

// Stands at the start of a large page; blocks find it by their own address.
struct BlockArena::Page {
  std::atomic<std::uint32_t> blocks{kOpen};
};

void* BlockArena::allocate(std::size_t size) {
  size = (size + alignof(void*) - 1) & ~(alignof(void*) - 1);
  if (size > kLargestBlock) return nullptr;
  if (!page_ || used_ + size > kLargePage) {
    void* const fresh = map_large(kLargePage);
    if (!fresh) return nullptr;
    close();
    page_ = new (fresh) Page;
    used_ = alignof(std::max_align_t);
  }
  void* const block = reinterpret_cast<char*>(page_) + used_;
  used_ += size;
  ++blocks_;
  return block;
}

void BlockArena::close() {
  if (!page_) return;
  const std::uint32_t never_made = kOpen - blocks_;
  if (page_->blocks.fetch_sub(never_made, std::memory_order_acq_rel) == never_made)
    unmap_large(page_, kLargePage);
  page_ = nullptr;
  blocks_ = 0;
}

void BlockArena::release(const void* block) {
  const auto address = reinterpret_cast<std::uintptr_t>(block);
  auto* const page = reinterpret_cast<Page*>(address & ~(kLargePage - 1));
  if (page->blocks.fetch_sub(1, std::memory_order_acq_rel) == 1) unmap_large(page, kLargePage);
}

void* allocate_block(std::size_t size, BlockArena* arena, bool& in_arena) {
  void* const block = arena ? arena->allocate(size) : nullptr;
  in_arena = block != nullptr;
  return block ? block : ::operator new(size);
}

void free_block(const void* block, bool in_arena) {
  in_arena ? BlockArena::release(block) : ::operator delete(const_cast<void*>(block));
}

}  // namespace lab::dns
