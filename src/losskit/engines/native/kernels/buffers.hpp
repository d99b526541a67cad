// Memory for large results. What training frees in one step it asks for again in the next; a system
// that takes it back in between has to clear every page anew, which costs as much as the loss.
#pragma once

#include <cstddef>

namespace losskit {

/// Bytes from which on the memory of a result is worth keeping.
constexpr std::size_t LARGE = std::size_t{1} << 21;

/// Bytes from which on a result is written past the caches.
constexpr std::size_t STREAMED = std::size_t{1} << 25;

/// Get memory on huge pages, with anything in it; nullptr where none is kept on this system.
void* take_memory(std::size_t bytes);

/// Give back what `take_memory` gave. It is kept for the next who asks; all but the last 64 MiB
/// only as long as the system has other memory to spare.
void give_back_memory(void* memory) noexcept;

/// Give the system back what is kept.
void release_memory();

/// Ask for huge pages where a large buffer of somebody else's was not written yet.
void expect_large_writes(void* data, std::size_t bytes);

}  // namespace losskit
