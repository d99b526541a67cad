#include "parallel.hpp"

#include <atomic>
#include <cstdlib>
#include <memory>

#if defined(_OPENMP)
#include <omp.h>
#endif
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace losskit {
namespace {

// GNU's OpenMP waits for ever for the threads that a forked child does not have.
std::atomic<bool> forked{false};

#if defined(__unix__) || defined(__APPLE__)
[[maybe_unused]] const int registered =
    pthread_atfork(nullptr, nullptr, [] { forked.store(true); });
#endif

/// Pieces of work that each thread takes, if all are equally fast.
constexpr std::int64_t PIECES = 16;

/// A sum in which errors of rounding do not pile up (Neumaier, 1974).
struct Compensated {
    double sum = 0, lost = 0;

    void add(double value) {
        const double next = sum + value;
        const bool larger = (sum < 0 ? -sum : sum) >= (value < 0 ? -value : value);
        lost += larger ? (sum - next) + value : (value - next) + sum;
        sum = next;
    }

    // inf - inf is no rounding error.
    double total() const { return sum + (lost == lost ? lost : 0); }
};

}  // namespace

double run_in_blocks(Part part, void* job, std::int64_t total, std::int64_t block, int threads) {
    const std::int64_t blocks = (total + block - 1) / block;
    if (blocks <= 1) {
        return total > 0 ? part(job, 0, total) : 0;
    }
    const auto sums = std::make_unique<double[]>(static_cast<std::size_t>(blocks));
    const auto run = [&](std::int64_t at) {
        const std::int64_t end = (at + 1) * block;
        sums[static_cast<std::size_t>(at)] = part(job, at * block, end < total ? end : total);
    };
#if defined(_OPENMP)
    const int team = static_cast<int>(threads < blocks ? threads : blocks);
    if (team > 1 && !forked.load(std::memory_order_relaxed) && !omp_in_parallel()) {
        // A thread that slept may be milliseconds late, and finds its share done by the others.
        const std::int64_t share = blocks / (PIECES * team);
        const std::int64_t chunk = share > 0 ? share : 1;
#pragma omp parallel for num_threads(team) schedule(dynamic, chunk)
        for (std::int64_t at = 0; at < blocks; ++at) {
            run(at);
        }
    } else
#endif
    {
        (void)threads;
        for (std::int64_t at = 0; at < blocks; ++at) {
            run(at);
        }
    }
    Compensated sum;
    for (std::int64_t at = 0; at < blocks; ++at) {
        sum.add(sums[static_cast<std::size_t>(at)]);
    }
    return sum.total();
}

}  // namespace losskit
