// Threads, and sums that do not depend on how many there are.
#pragma once

#include <cstdint>

namespace losskit {

/// Elements that one thread takes at a time. Sums are kept per block and added in their order, so
/// that results are the same for every number of threads.
constexpr std::int64_t BLOCK = 8192;

/// A part of a job: from a first element to before a last one. Returns its sum.
using Part = double (*)(void* job, std::int64_t begin, std::int64_t end);

/// Run all parts of a job of `total` items in blocks, and add up what they return.
double run_in_blocks(Part part, void* job, std::int64_t total, std::int64_t block, int threads);

}  // namespace losskit
