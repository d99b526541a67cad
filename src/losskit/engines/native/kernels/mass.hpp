// What a weighted mean divides by, found before the pass that needs it.
#pragma once

#include "parallel.hpp"
#include "tile.hpp"

namespace losskit::LOSSKIT_ISA {

/// Replace a mask by one that also leaves out the positions of the ignored index.
template <class T>
LOSSKIT_INLINE void leave_out(std::int64_t ignored, const std::int64_t* indices, bool masked,
                              std::int64_t count, T* present) {
    for (std::int64_t i = 0; i < count; ++i) {
        const T before = masked ? present[i] : T(1);
        present[i] = indices[i] == ignored ? T(0) : before;
    }
}

template <class T>
class Mass {
    const MassJob& job;
    bool irregular = false;

    explicit Mass(const MassJob& given) : job(given) {}

    double part(std::int64_t begin, std::int64_t end) {
        const Range not_negative{0, INFINITY, true};
        alignas(64) Factors<T> factors;
        alignas(64) T present[TILE<T>];
        alignas(64) std::int64_t indices[TILE<T>];
        const bool masked = static_cast<bool>(job.weighing.mask);
        double sum = 0;
        for (std::int64_t first = begin; first < end; first += TILE<T>) {
            const std::int64_t left = end - first;
            const std::int64_t count = left < TILE<T> ? left : TILE<T>;
            if (masked) {
                read(job.weighing.mask, job.axes, job.shape, first, count, present);
            }
            if (job.indices) {
                read(job.indices, job.axes, job.shape, first, count, indices);
            }
            if (job.ignores) {
                leave_out(job.ignore_index, indices, masked, count, present);
            }
            const T* const mask = masked || job.ignores ? present : nullptr;
            factors.read(job.weighing, mask, job.axes, job.shape, first, count);
            if (job.look && outside(not_negative, factors.values, count)) {
                __atomic_store_n(&irregular, true, __ATOMIC_RELAXED);
            }
            if (job.class_weight) {
                weigh_classes(mask, indices, factors.values, count);
            }
            sum += sum_of(factors.values, count);
        }
        return sum;
    }

    void weigh_classes(const T* mask, const std::int64_t* indices, T* values, std::int64_t count) {
        for (std::int64_t i = 0; i < count; ++i) {
            if (mask && mask[i] == 0) {
                continue;
            }
            if (indices[i] < 0 || indices[i] >= job.classes) {
                __atomic_store_n(&irregular, true, __ATOMIC_RELAXED);
                continue;
            }
            values[i] *= static_cast<T>(job.class_weight[indices[i]]);
        }
    }

public:
    static Outcome run(const MassJob& job, int threads) {
        Mass loop(job);
        const double sum = run_in_blocks(
            [](void* self, std::int64_t begin, std::int64_t end) {
                return static_cast<Mass*>(self)->part(begin, end);
            },
            &loop, job.total, BLOCK, threads);
        return {sum, loop.irregular};
    }
};

}  // namespace losskit::LOSSKIT_ISA
