// The loop over rows of classes: value and gradient of each row while it is in the cache.
#pragma once

#include <cstdlib>

#include "mass.hpp"
#include "newton.hpp"
#include "parallel.hpp"
#include "softmax.hpp"
#include "tile.hpp"

namespace losskit::LOSSKIT_ISA {

/// One row as a loss sees it.
template <class T>
struct Row {
    std::int64_t classes;
    const T* input;
    const T* teacher;          // or nullptr
    const T* rows;             // target as probabilities, or nullptr
    std::int64_t index;        // target as class index otherwise
    const double* class_weight;  // or nullptr
    T* gradient;               // to be written, or nullptr
    T* curvature;              // to be written with it, or nullptr
    double factor;             // of the gradient
    T* room;                   // for as many rows as the loss says
    double* sums;              // for four numbers per stretch
    bool streams;              // whether the gradient is written past the caches

    LOSSKIT_INLINE double weight_of(std::int64_t at) const {
        return class_weight ? class_weight[at] : 1;
    }
};

/// Classes of a row whose gradient may be written past the caches.
constexpr std::int64_t LEAST_STREAMED = 4096;

/// Memory of a thread, freed with its scope.
struct Memory {
    void* data;
    explicit Memory(std::size_t bytes) : data(std::aligned_alloc(64, (bytes + 63) / 64 * 64)) {}
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    ~Memory() { std::free(data); }
};

/// Which positions of a tile take part, nullptr for all; reads their indices as well.
template <class T>
LOSSKIT_INLINE const T* parts_of(const ClasswiseJob& job, const std::int64_t* shape,
                                 std::int64_t first, std::int64_t count, T* present,
                                 std::int64_t* indices) {
    const Operand& mask = job.weighing.mask;
    if (mask) {
        read(mask, 2, shape, first, count, present);
    }
    if (job.indices) {
        read(job.indices, 2, shape, first, count, indices);
    }
    if (!job.ignores) {
        return mask ? present : nullptr;
    }
    leave_out(job.ignore_index, indices, static_cast<bool>(mask), count, present);
    return present;
}

/// Where a row begins.
LOSSKIT_INLINE char* start_of(const Operand& operand, std::int64_t outer, std::int64_t inner) {
    return operand.data +
           (outer * operand.stride[0] + inner * operand.stride[2]) * size_of(operand.dtype);
}

template <class Loss, class T>
class Classwise {
    const ClasswiseJob& job;
    const Loss loss;
    bool irregular = false;

    explicit Classwise(const ClasswiseJob& given) : job(given), loss(given.parameters) {}

    double part(std::int64_t begin, std::int64_t end) {
        const std::int64_t classes = job.classes;
        const std::int64_t padded = (classes + 15) / 16 * 16;
        constexpr std::int64_t COPIES = 5;  // input, teacher, rows, gradient and curvature
        const std::int64_t stretches = Softmax<T>::stretches(classes);
        const std::int64_t numbers = (COPIES + Loss::rooms) * padded + Loss::rooms * stretches;
        const Memory memory(static_cast<std::size_t>(numbers) * sizeof(T) +
                            static_cast<std::size_t>(stretches) * 4 * sizeof(double) + 64);
        if (memory.data == nullptr) {
            __atomic_store_n(&irregular, true, __ATOMIC_RELAXED);
            return 0;
        }
        double* const sums = static_cast<double*>(memory.data);
        T* const copies = reinterpret_cast<T*>(sums + stretches * 4);
        const std::int64_t shape[2] = {job.outer, job.inner};
        alignas(64) Factors<T> factors;
        alignas(64) T present[TILE<T>], values[TILE<T>];
        alignas(64) std::int64_t indices[TILE<T>];
        const Step<T> step(job.newton);
        // What is written again, for a curvature or for the class of a short row, waits for memory.
        const bool streams = job.gradient.streams && !job.curvature &&
                             classes >= LEAST_STREAMED && where(job.gradient, 0, 0);
        double sum = 0;
        for (std::int64_t first = begin; first < end; first += TILE<T>) {
            const std::int64_t left = end - first;
            const std::int64_t count = left < TILE<T> ? left : TILE<T>;
            const T* const mask = parts_of(job, shape, first, count, present, indices);
            factors.read(job.weighing, mask, 2, shape, first, count);
            for (std::int64_t i = 0; i < count; ++i) {
                values[i] = 0;
                const std::int64_t outer = (first + i) / job.inner, inner = (first + i) % job.inner;
                if (mask && mask[i] == 0) {
                    clear(job.gradient, outer, inner, copies);
                    clear(job.curvature, outer, inner, copies);
                    continue;
                }
                Row<T> row{classes, nullptr, nullptr, nullptr, indices[i], job.class_weight,
                           nullptr, nullptr, static_cast<double>(factors.derivatives[i]),
                           copies + COPIES * padded, sums, streams};
                if (job.indices && (row.index < 0 || row.index >= classes)) {
                    __atomic_store_n(&irregular, true, __ATOMIC_RELAXED);
                    continue;
                }
                row.input = take(job.input, outer, inner, copies);
                row.teacher = take(job.teacher, outer, inner, copies + padded);
                row.rows = take(job.rows, outer, inner, copies + 2 * padded);
                if (job.look && !(regular(row) && loss.regular(row))) {
                    __atomic_store_n(&irregular, true, __ATOMIC_RELAXED);
                }
                row.gradient = room_for(job.gradient, outer, inner, copies + 3 * padded);
                row.curvature = room_for(job.curvature, outer, inner, copies + 4 * padded);
                if (row.curvature) {
                    // A step is held to its bounds before it is weighed.
                    row.factor = 1;
                }
                values[i] = static_cast<T>(loss.at(row));
                if (row.curvature) {
                    take_step(step, row, factors.derivatives[i]);
                    put(job.curvature, outer, inner, row.curvature);
                }
                put(job.gradient, outer, inner, row.gradient);
            }
            // 0 where a position takes no part: its value is finite.
            for (std::int64_t i = 0; i < count; ++i) {
                values[i] *= factors.values[i];
            }
            sum += sum_of(values, count);
            if (job.values) {
                write(job.values, 2, shape, first, count, values);
            }
        }
        if (streams) {
            finish_streams();
        }
        return sum;
    }

    /// A row where it lies; nullptr if it needs a conversion, or there is none.
    static T* where(const Operand& operand, std::int64_t outer, std::int64_t inner) {
        const bool plain = operand.dtype == DTypeOf<T>::value && operand.stride[1] == 1;
        return operand && plain ? reinterpret_cast<T*>(start_of(operand, outer, inner)) : nullptr;
    }

    const T* take(const Operand& operand, std::int64_t outer, std::int64_t inner, T* copy) const {
        if (!operand) {
            return nullptr;
        }
        if (const T* const direct = where(operand, outer, inner)) {
            return direct;
        }
        widen(operand.dtype, start_of(operand, outer, inner), operand.stride[1], job.classes, copy);
        return copy;
    }

    /// Where to write a row: in its place, or in the room for one that needs a conversion.
    static T* room_for(const Operand& result, std::int64_t outer, std::int64_t inner, T* room) {
        T* const direct = where(result, outer, inner);
        return direct || !result ? direct : room;
    }

    /// Convert what was not written in its place.
    void put(const Operand& result, std::int64_t outer, std::int64_t inner, const T* from) const {
        if (result && from != where(result, outer, inner)) {
            narrow(from, result.dtype, start_of(result, outer, inner), result.stride[1],
                   job.classes);
        }
    }

    void clear(const Operand& result, std::int64_t outer, std::int64_t inner, T* zeros) const {
        if (result) {
            for (std::int64_t i = 0; i < job.classes; ++i) {
                zeros[i] = 0;
            }
            narrow(zeros, result.dtype, start_of(result, outer, inner), result.stride[1],
                   job.classes);
        }
    }

    static void take_step(const Step<T>& step, const Row<T>& row, T factor) {
        T* const gradient = row.gradient;
        T* const curvature = row.curvature;
#pragma GCC ivdep
        for (std::int64_t i = 0; i < row.classes; ++i) {
            T slope = gradient[i], bend = curvature[i];
            step.take(slope, bend);
            gradient[i] = slope * factor;
            curvature[i] = bend * factor;
        }
    }

    /// Whether a row's input keeps to its range.
    bool regular(const Row<T>& row) const {
        return !job.range.given || !outside(job.range, row.input, row.classes);
    }

public:
    static Outcome run(const ClasswiseJob& job, int threads) {
        Classwise loop(job);
        const std::int64_t rows = BLOCK / (job.classes > 0 ? job.classes : 1);
        const double sum = run_in_blocks(
            [](void* self, std::int64_t begin, std::int64_t end) {
                return static_cast<Classwise*>(self)->part(begin, end);
            },
            &loop, job.positions(), rows > 1 ? rows : 1, threads);
        return {sum, loop.irregular};
    }
};

}  // namespace losskit::LOSSKIT_ISA
