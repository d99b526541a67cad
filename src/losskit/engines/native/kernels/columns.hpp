// Rows of few classes, or of classes that lie apart: many positions side by side, class by class.
#pragma once

#include <algorithm>
#include <type_traits>

#include "classwise.hpp"
#include "costs.hpp"
#include "mass.hpp"
#include "softmax.hpp"
#include "turn.hpp"

namespace losskit::LOSSKIT_ISA {

/// A cost of log p of one class, for positions side by side.
template <class Cost, class T>
class Columns {
    static constexpr int LANES = 32;
    static constexpr int GROUP = 8;

    const ClasswiseJob& job;
    const Cost cost;
    bool irregular = false;

    explicit Columns(const ClasswiseJob& given) : job(given), cost(given.parameters) {}

    /// What each position of a block has of its own.
    struct Lanes {
        alignas(64) T top[LANES], others[LANES], ones[LANES], logit[LANES], power[LANES];
        alignas(64) T weight[LANES], factor[LANES], value[LANES], spread[LANES], own[LANES];
        alignas(64) T scale[LANES], slope[LANES], bend[LANES], own_bend[LANES];
        alignas(64) std::int64_t index[LANES];
    };

    double part(std::int64_t begin, std::int64_t end) {
        const int blocks = job.curvature ? 2 : 1;
        const Memory memory(static_cast<std::size_t>(job.classes * (blocks * LANES + 1)) *
                            sizeof(T));
        if (memory.data == nullptr) {
            __atomic_store_n(&irregular, true, __ATOMIC_RELAXED);
            return 0;
        }
        T* const block = static_cast<T*>(memory.data);
        T* const bends = job.curvature ? block + job.classes * LANES : nullptr;
        T* const row = block + blocks * job.classes * LANES;
        const std::int64_t shape[2] = {job.outer, job.inner};
        alignas(64) Factors<T> factors;
        alignas(64) T present[TILE<T>], values[TILE<T>];
        alignas(64) std::int64_t indices[TILE<T>];
        double sum = 0;
        for (std::int64_t first = begin; first < end; first += TILE<T>) {
            const std::int64_t left = end - first;
            const std::int64_t count = left < TILE<T> ? left : TILE<T>;
            const T* const mask = parts_of(job, shape, first, count, present, indices);
            factors.read(job.weighing, mask, 2, shape, first, count);
            for (std::int64_t at = 0; at < count; at += LANES) {
                const std::int64_t lanes = count - at < LANES ? count - at : LANES;
                load(block, row, first + at, lanes);
                columns(block, bends, indices + at, mask ? mask + at : nullptr,
                        factors.derivatives + at, values + at, lanes);
                if (job.gradient) {
                    store(job.gradient, block, row, first + at, lanes);
                }
                if (job.curvature) {
                    store(job.curvature, bends, row, first + at, lanes);
                }
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
        return sum;
    }

    /// Costs of a block of logits, which its gradient takes the place of; and its curvature.
    void columns(T* block, T* bends, const std::int64_t* indices, const T* mask, const T* factors,
                 T* values, std::int64_t count) {
        Lanes lanes;
        const std::int64_t classes = job.classes;
        take(block, indices, mask, count, lanes);
        for (int i = 0; i < LANES; ++i) {
            // What a step is weighed by comes after its bounds.
            lanes.factor[i] = bends || i >= count ? T(1) : factors[i];
        }
        exponentials(block, lanes);
        for (int i = 0; i < LANES; ++i) {
            lanes.power[i] = block[lanes.index[i] * LANES + i];
        }
        if (bends) {
            costs<true>(lanes);
        } else {
            costs<false>(lanes);
        }
        for (std::int64_t i = 0; i < count; ++i) {
            values[i] = lanes.value[i];
        }
        if (!job.gradient) {
            return;
        }
        if (bends) {
            curve(block, bends, lanes);
        }
        for (std::int64_t k = 0; k < classes; ++k) {
            for (int i = 0; i < LANES; ++i) {
                block[k * LANES + i] *= lanes.spread[i];
            }
        }
        for (std::int64_t i = 0; i < count; ++i) {
            block[lanes.index[i] * LANES + i] = lanes.own[i];
            if (bends) {
                bends[lanes.index[i] * LANES + i] = lanes.own_bend[i];
            }
        }
        if (bends) {
            take_step(block, bends, factors, count);
        }
    }

    /// Put the first class in the place of what takes no part, and say whether there is such.
    static LOSSKIT_INLINE bool hide(const T* mask, std::int64_t count, std::int64_t* index) {
        std::int64_t absent = 0;
        for (std::int64_t i = 0; i < count; ++i) {
            const bool gone = mask[i] == 0;
            index[i] = gone ? 0 : index[i];
            absent |= gone;
        }
        return absent != 0;
    }

    static LOSSKIT_INLINE bool beyond(const std::int64_t* index, std::int64_t classes) {
        std::int64_t wrong = 0;
        for (int i = 0; i < LANES; ++i) {
            // A negative index is a large number.
            wrong |= static_cast<std::uint64_t>(index[i]) >= static_cast<std::uint64_t>(classes);
        }
        return wrong != 0;
    }

    /// Find the logit and the weight of each position's class; what takes no part becomes zeros.
    void take(T* block, const std::int64_t* indices, const T* mask, std::int64_t count,
              Lanes& lanes) {
        std::int64_t* const index = lanes.index;
        std::copy_n(indices, count, index);
        std::fill(index + count, index + LANES, 0);
        const bool absent = (mask && hide(mask, count, index)) || count < LANES;
        if (beyond(index, job.classes)) {
            __atomic_store_n(&irregular, true, __ATOMIC_RELAXED);
            std::fill_n(index, LANES, 0);
        }
        for (int i = 0; i < LANES && absent; ++i) {
            const bool here = i < count && (mask == nullptr || mask[i] != 0);
            for (std::int64_t k = 0; k < job.classes && !here; ++k) {
                block[k * LANES + i] = 0;
            }
        }
        for (int i = 0; i < LANES; ++i) {
            lanes.logit[i] = block[index[i] * LANES + i];
            lanes.weight[i] = 1;
        }
        for (int i = 0; i < LANES && job.class_weight; ++i) {
            lanes.weight[i] = static_cast<T>(job.class_weight[index[i]]);
        }
    }

    /// Few numbers for many classes: in double, they add no rounding to speak of.
    template <bool BENDS>
    void costs(Lanes& lanes) const {
        for (int i = 0; i < LANES; ++i) {
            const double others = static_cast<double>(lanes.others[i]), total = 1 + others;
            const double distance =
                static_cast<double>(lanes.logit[i]) - static_cast<double>(lanes.top[i]);
            const double inverse = 1 / total;
            const double log_p = distance - vlog1p(others);
            const double p = static_cast<double>(lanes.power[i]) * inverse;
            const double missed = distance == 0 ? others * inverse : 1 - p;
            double value, slope;
            cost.at(log_p, p, missed, value, slope);
            const double weight = static_cast<double>(lanes.weight[i]);
            // With curvatures nobody asks for values, which for some costs are most of the work.
            lanes.value[i] = BENDS ? T(0) : static_cast<T>(value * weight);
            slope *= weight;
            if constexpr (BENDS) {
                const double bend = weight * cost.bend(log_p, p, missed);
                lanes.scale[i] = static_cast<T>(inverse);
                lanes.slope[i] = static_cast<T>(slope);
                lanes.bend[i] = held<T>(bend);
                lanes.own_bend[i] = static_cast<T>(own_curvature(p, missed, slope, bend));
            }
            slope *= static_cast<double>(lanes.factor[i]);
            lanes.spread[i] = static_cast<T>(-slope * inverse);
            lanes.own[i] = static_cast<T>(slope * missed);
        }
    }

    /// Curvatures of a block of exponentials, for classes that are not the target's.
    void curve(const T* block, T* bends, const Lanes& lanes) const {
        for (std::int64_t k = 0; k < job.classes; ++k) {
            for (int i = 0; i < LANES; ++i) {
                const T p = block[k * LANES + i] * lanes.scale[i];
                bends[k * LANES + i] = curvature_beside(p, lanes.slope[i], lanes.bend[i]);
            }
        }
    }

    void take_step(T* block, T* bends, const T* factors, std::int64_t count) const {
        const Step<T> step(job.newton);
        for (std::int64_t k = 0; k < job.classes; ++k) {
            T* const slopes = block + k * LANES;
            T* const curvatures = bends + k * LANES;
#pragma GCC ivdep
            for (std::int64_t i = 0; i < count; ++i) {
                T slope = slopes[i], bend = curvatures[i];
                step.take(slope, bend);
                slopes[i] = slope * factors[i];
                curvatures[i] = bend * factors[i];
            }
        }
    }

    /// Put exponentials in the place of logits, and find their sums as `Softmax` does.
    void exponentials(T* block, Lanes& lanes) const {
        const std::int64_t classes = job.classes;
        for (int i = 0; i < LANES; ++i) {
            lanes.top[i] = -INFINITY;
            lanes.others[i] = lanes.ones[i] = 0;
        }
        for (std::int64_t k = 0; k < classes; ++k) {
            for (int i = 0; i < LANES; ++i) {
                const T value = block[k * LANES + i];
                lanes.top[i] = value > lanes.top[i] ? value : lanes.top[i];
            }
        }
        // Sums of sums: a long sum one by one would lose digits.
        for (std::int64_t first = 0; first < classes; first += GROUP) {
            const std::int64_t last = first + GROUP < classes ? first + GROUP : classes;
            alignas(64) T group[LANES] = {};
            for (std::int64_t k = first; k < last; ++k) {
#pragma GCC ivdep
                for (int i = 0; i < LANES; ++i) {
                    const T distance = block[k * LANES + i] - lanes.top[i];
                    const T power = share_of_top(distance);
                    block[k * LANES + i] = power;
                    group[i] += distance == 0 ? T(0) : power;
                    lanes.ones[i] += distance == 0 ? T(1) : T(0);
                }
            }
            for (int i = 0; i < LANES; ++i) {
                lanes.others[i] += group[i];
            }
        }
        for (int i = 0; i < LANES; ++i) {
            lanes.others[i] += lanes.ones[i] - 1;
        }
    }

    /// Whether positions from the first on lie side by side.
    bool side_by_side(const Operand& operand, std::int64_t first, std::int64_t count) const {
        return operand.stride[2] == 1 && first % job.inner + count <= job.inner;
    }

    /// Whether there is one row after the other, which needs no conversion.
    template <class S>
    bool rows_in_a_row(const Operand& operand) const {
        return job.inner == 1 && operand.stride[1] == 1 && operand.dtype == DTypeOf<S>::value;
    }

    void load(T* block, T* row, std::int64_t first, std::int64_t count) const {
        const Operand& input = job.input;
        const std::int64_t size = size_of(input.dtype);
        if (side_by_side(input, first, count)) {
            const char* from = start_of(input, first / job.inner, first % job.inner);
            for (std::int64_t k = 0; k < job.classes; ++k) {
                widen(input.dtype, from + k * input.stride[1] * size, 1, count, block + k * LANES);
            }
            return;
        }
        if (rows_in_a_row<T>(input)) {
            const T* const from = reinterpret_cast<const T*>(start_of(input, first, 0));
            const std::int64_t apart = input.stride[0];
            return turn(from, apart, block, LANES, count, job.classes);
        }
        for (std::int64_t i = 0; i < count; ++i) {
            const char* from =
                start_of(input, (first + i) / job.inner, (first + i) % job.inner);
            widen(input.dtype, from, input.stride[1], job.classes, row);
            for (std::int64_t k = 0; k < job.classes; ++k) {
                block[k * LANES + i] = row[k];
            }
        }
    }

    template <class S>
    void turn_to(const Operand& out, const T* block, std::int64_t first,
                 std::int64_t count) const {
        S* const to = reinterpret_cast<S*>(start_of(out, first, 0));
        const std::int64_t apart = out.stride[0];
        turn(block, LANES, to, apart, job.classes, count);
    }

    void store(const Operand& out, const T* block, T* row, std::int64_t first,
               std::int64_t count) const {
        const std::int64_t size = size_of(out.dtype);
        if (side_by_side(out, first, count)) {
            char* const to = start_of(out, first / job.inner, first % job.inner);
            for (std::int64_t k = 0; k < job.classes; ++k) {
                narrow(block + k * LANES, out.dtype, to + k * out.stride[1] * size, 1, count);
            }
            return;
        }
        if (rows_in_a_row<float>(out)) {
            return turn_to<float>(out, block, first, count);
        }
        if (rows_in_a_row<double>(out)) {
            return turn_to<double>(out, block, first, count);
        }
        for (std::int64_t i = 0; i < count; ++i) {
            for (std::int64_t k = 0; k < job.classes; ++k) {
                row[k] = block[k * LANES + i];
            }
            char* const to = start_of(out, (first + i) / job.inner, (first + i) % job.inner);
            narrow(row, out.dtype, to, out.stride[1], job.classes);
        }
    }

public:
    /// Whether this is the faster way.
    static bool serves(const ClasswiseJob& job) {
        constexpr std::int64_t FEW = 64, MANY = 1024;
        return job.indices && (job.classes <= FEW || (job.input.stride[1] != 1 &&
                                                      job.classes <= MANY));
    }

    static Outcome run(const ClasswiseJob& job, int threads) {
        Columns loop(job);
        const std::int64_t positions = BLOCK / job.classes / LANES * LANES;
        const double sum = run_in_blocks(
            [](void* self, std::int64_t begin, std::int64_t end) {
                return static_cast<Columns*>(self)->part(begin, end);
            },
            &loop, job.outer * job.inner, positions > LANES ? positions : LANES, threads);
        return {sum, loop.irregular};
    }
};

}  // namespace losskit::LOSSKIT_ISA
