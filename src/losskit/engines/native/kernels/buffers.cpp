#include "buffers.hpp"

#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <pthread.h>
#include <sys/mman.h>
#endif

namespace losskit {

#if defined(__linux__) && defined(MADV_FREE) && defined(MADV_HUGEPAGE)

namespace {

constexpr std::size_t HUGE_PAGE = std::size_t{1} << 21;

std::size_t round_up(std::size_t bytes) { return (bytes + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1); }

struct Block {
    char* start;
    std::size_t bytes;
};

/// Blocks in use, and a few that were given back, the oldest first.
class Pool {
    // A model has few losses; their gradients of a step or two wait here at most.
    static constexpr std::size_t MOST_KEPT = 4;
    // Telling the system interrupts every thread, a twentieth of what a loss of this size takes.
    static constexpr std::size_t MOST_AT_HAND = std::size_t{1} << 26;

    std::mutex lock_;
    std::vector<Block> used_, kept_;
    Block at_hand_ = {};

public:
    void* take(std::size_t bytes) {
        const std::size_t wanted = round_up(bytes);
        const std::lock_guard<std::mutex> guard(lock_);
        used_.reserve(used_.size() + 1);
        kept_.reserve(MOST_KEPT + 1);
        Block block;
        if (fits(at_hand_, wanted)) {
            block = std::exchange(at_hand_, Block{});
        } else if (!take_kept(wanted, block) && !map(wanted, block)) {
            return nullptr;
        }
        used_.push_back(block);
        return block.start;
    }

    void give_back(void* memory) noexcept {
        const std::lock_guard<std::mutex> guard(lock_);
        for (std::size_t at = 0; at < used_.size(); ++at) {
            if (used_[at].start == memory) {
                const Block block = used_[at];
                used_[at] = used_.back();
                used_.pop_back();
                put_at_hand(block);
                return;
            }
        }
    }

    void release() {
        const std::lock_guard<std::mutex> guard(lock_);
        if (at_hand_.bytes > 0) {
            kept_.push_back(std::exchange(at_hand_, Block{}));
        }
        for (const Block& block : kept_) {
            munmap(block.start, block.bytes);
        }
        kept_.clear();
    }

    void hold() { lock_.lock(); }
    void let_go() { lock_.unlock(); }

private:
    // Batches differ in size; but much more than is needed would be lost to others.
    static bool fits(const Block& block, std::size_t wanted) {
        return block.bytes >= wanted && block.bytes / 2 <= wanted;
    }

    /// The smallest that fits.
    bool take_kept(std::size_t wanted, Block& block) {
        auto best = kept_.end();
        for (auto at = kept_.begin(); at != kept_.end(); ++at) {
            if (fits(*at, wanted) && (best == kept_.end() || at->bytes <= best->bytes)) {
                best = at;
            }
        }
        if (best == kept_.end()) {
            return false;
        }
        block = *best;
        kept_.erase(best);
        return true;
    }

    /// The last one, unless it is large, is not offered to the system before there is another.
    void put_at_hand(Block block) noexcept {
        if (block.bytes <= MOST_AT_HAND) {
            std::swap(block, at_hand_);
        }
        if (block.bytes > 0) {
            keep(block);
        }
    }

    void keep(Block block) noexcept {
        if (madvise(block.start, block.bytes, MADV_FREE) != 0) {
            munmap(block.start, block.bytes);
            return;
        }
        if (kept_.size() == MOST_KEPT) {
            munmap(kept_.front().start, kept_.front().bytes);
            kept_.erase(kept_.begin());
        }
        kept_.push_back(block);
    }

    static bool map(std::size_t bytes, Block& block) {
        void* const mapped = mmap(nullptr, bytes + HUGE_PAGE, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (mapped == MAP_FAILED) {
            return false;
        }
        char* const first = static_cast<char*>(mapped);
        const std::size_t before =
            round_up(reinterpret_cast<std::uintptr_t>(first)) - reinterpret_cast<std::uintptr_t>(first);
        if (before > 0) {
            munmap(first, before);
        }
        munmap(first + before + bytes, HUGE_PAGE - before);
        block = {first + before, bytes};
        madvise(block.start, bytes, MADV_HUGEPAGE);
        return true;
    }
};

// It outlives all arrays: some are freed when the interpreter has ended.
Pool& pool() {
    static Pool* const only = [] {
        // A child must not find the lock held by a thread that it does not have.
        pthread_atfork([] { pool().hold(); }, [] { pool().let_go(); }, [] { pool().let_go(); });
        return new Pool;
    }();
    return *only;
}

}  // namespace

void* take_memory(std::size_t bytes) { return pool().take(bytes); }

void give_back_memory(void* memory) noexcept { pool().give_back(memory); }

void release_memory() { pool().release(); }

void expect_large_writes(void* data, std::size_t bytes) {
    const auto start = reinterpret_cast<std::uintptr_t>(data);
    const std::uintptr_t first = round_up(start);
    const std::uintptr_t last = (start + bytes) & ~(HUGE_PAGE - 1);
    if (first < last) {
        madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
    }
}

#else

void* take_memory(std::size_t) { return nullptr; }

void give_back_memory(void*) noexcept {}

void release_memory() {}

void expect_large_writes(void*, std::size_t) {}

#endif

}  // namespace losskit
