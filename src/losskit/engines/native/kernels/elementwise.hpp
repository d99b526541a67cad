// The loop of the elementwise losses: value and derivatives of each element in one pass.
#pragma once

#include "newton.hpp"
#include "parallel.hpp"
#include "tile.hpp"

namespace losskit::LOSSKIT_ISA {

template <class Loss, class T>
class Elementwise {
    static constexpr int ARRAYS = Loss::arrays;
    static constexpr int OUTPUTS = Loss::outputs;

    const ElementwiseJob& job;
    const Loss loss;
    bool irregular = false;

    explicit Elementwise(const ElementwiseJob& given) : job(given), loss(given.parameters) {}

    /// Where a tile lies, and where its results go.
    struct Tile {
        const T* in[ARRAYS];
        T *values, *slopes[OUTPUTS], *bends[OUTPUTS];
        const T *small, *lost;
        T factor;
        std::int64_t count;
    };

    /// Loss and derivatives of the elements of a tile, in one loop that vectorises.
    template <bool LABELS, bool VALUES, bool GRADIENTS, bool CURVATURES, bool ROUNDED = false>
    void points(const Tile& tile) const {
        const T* const first = tile.in[0];
        const T* const second = tile.in[1];
        const T* const third = tile.in[ARRAYS - 1];
        const T *const small = tile.small, *const lost = tile.lost;
        T* const values = tile.values;
        T* const gradient = tile.slopes[0];
        T* const other_gradient = tile.slopes[OUTPUTS - 1];
        T* const curvature = tile.bends[0];
        T* const other_curvature = tile.bends[OUTPUTS - 1];
        const T factor = tile.factor;
        const std::int64_t count = tile.count;
        const Step<T> step(job.newton, factor);
#pragma GCC ivdep
        for (std::int64_t i = 0; i < count; ++i) {
            const T point[MOST_ARRAYS] = {first[i], second[i], third[i]};
            T value, slopes[MOST_ARRAYS], bends[MOST_ARRAYS];
            if constexpr (LABELS) {
                const Which<T> label(point[1] != 0);
                const Logit<T> against(label.negated(loss.logit(point)), small[i]);
                loss.at_label(against, label, value, slopes, bends);
            } else if constexpr (Loss::logistic) {
                const Logit<T> logit(loss.logit(point), small[i]);
                loss.at(point, logit, value, slopes, bends);
            } else {
                loss.at(point, value, slopes, bends);
            }
            if constexpr (ROUNDED) {
                slopes[0] += bends[0] * lost[i];
            }
            if constexpr (VALUES) {
                values[i] = value;
            }
            for (int k = 0; k < OUTPUTS; ++k) {
                if constexpr (CURVATURES) {
                    step.take(slopes[k], bends[k]);
                } else {
                    slopes[k] *= factor;
                }
            }
            if constexpr (GRADIENTS) {
                gradient[i] = slopes[0];
                if constexpr (OUTPUTS > 1) {
                    other_gradient[i] = slopes[1];
                }
            }
            if constexpr (CURVATURES) {
                curvature[i] = bends[0];
                if constexpr (OUTPUTS > 1) {
                    other_curvature[i] = bends[1];
                }
            }
        }
    }

    template <bool LABELS>
    void take(const Tile& tile, bool slope, bool bend) const {
        if (bend && tile.lost) {
            points<LABELS, false, true, true, Loss::rounds>(tile);
        } else if (bend) {
            points<LABELS, false, true, true>(tile);
        } else if (slope) {
            points<LABELS, true, true, false>(tile);
        } else {
            points<LABELS, true, false, false>(tile);
        }
    }

    /// The exponential of each logit, in a loop of its own: one loop of all would be so long that a
    /// core, which looks a few hundred instructions ahead, would wait for its results.
    void exponentials(const Tile& tile, T* small) const {
        const T* const first = tile.in[0];
        const T* const second = tile.in[1];
        const T* const third = tile.in[ARRAYS - 1];
        const std::int64_t count = tile.count;
#pragma GCC ivdep
        for (std::int64_t i = 0; i < count; ++i) {
            const T point[MOST_ARRAYS] = {first[i], second[i], third[i]};
            small[i] = vexp_below(-vabs(loss.logit(point)));
        }
    }

    /// Whether all targets are 0 or 1.
    static bool are_labels(const T* targets, std::int64_t count) {
        Bits<T> soft = 0;
#pragma omp simd reduction(| : soft)
        for (std::int64_t i = 0; i < count; ++i) {
            soft |= Bits<T>(targets[i] != 0) & Bits<T>(targets[i] != 1);
        }
        return soft == 0;
    }

    double part(std::int64_t begin, std::int64_t end) {
        alignas(64) T arrays[ARRAYS][TILE<T>], values[TILE<T>], present[TILE<T>];
        alignas(64) T slopes[OUTPUTS][TILE<T>], bends[OUTPUTS][TILE<T>];
        alignas(64) T small[TILE<T>], lost[TILE<T>];
        alignas(64) Factors<T> factors;
        const Weighing& weighing = job.weighing;
        const Results& results = job.results;
        const bool weighs =
            weighing.weight || weighing.scale || weighing.mask || weighing.outer;
        const T factor = weighs ? T(1) : static_cast<T>(weighing.factor);
        bool slope = false, bend = false;
        for (int k = 0; k < OUTPUTS; ++k) {
            slope = slope || results.gradients[k];
            bend = bend || results.curvatures[k];
        }
        double sum = 0;
        for (std::int64_t first = begin; first < end; first += TILE<T>) {
            const std::int64_t left = end - first;
            const std::int64_t count = left < TILE<T> ? left : TILE<T>;
            const T* const mask = weighing.mask ? present : nullptr;
            if (mask) {
                read(weighing.mask, job.axes, job.shape, first, count, present);
            }
            Tile tile = {};
            tile.values = values;
            tile.factor = factor;
            tile.count = count;
            for (int k = 0; k < ARRAYS; ++k) {
                tile.in[k] = elements(k, first, count, mask, arrays[k]);
            }
            const bool labels = Loss::labelled && are_labels(tile.in[1], count);
            for (int k = 0; k < ARRAYS; ++k) {
                const bool looks = job.look && job.range[k].given && !(labels && k == 1);
                if (looks && outside(job.range[k], tile.in[k], count)) {
                    __atomic_store_n(&irregular, true, __ATOMIC_RELAXED);
                }
            }
            if (weighs) {
                factors.read(weighing, mask, job.axes, job.shape, first, count);
            }
            for (int k = 0; k < OUTPUTS; ++k) {
                tile.slopes[k] = room_for(results.gradients[k], first, slopes[k]);
                tile.bends[k] = room_for(results.curvatures[k], first, bends[k]);
            }
            if (bend && rounded(job.arrays[0])) {
                differences(job.arrays[0], job.axes, job.shape, first, count, tile.in[0], lost);
                tile.lost = lost;
            }
            if constexpr (Loss::logistic) {
                exponentials(tile, small);
                tile.small = small;
            }
            if (labels) {
                take<Loss::labelled>(tile, slope, bend);
            } else {
                take<false>(tile, slope, bend);
            }
            if (weighs) {
                multiply(values, factors.values, count);
            }
            for (int k = 0; k < OUTPUTS; ++k) {
                finish(results.gradients[k], tile.slopes[k], weighs, factors, first, count);
                finish(results.curvatures[k], tile.bends[k], weighs, factors, first, count);
            }
            if (!bend) {
                sum += sum_of(values, count);
                if (results.values) {
                    write(results.values, job.axes, job.shape, first, count, values);
                }
            }
        }
        finish_streams();
        return sum;
    }

    /// Whether reading an array as T rounds it.
    static bool rounded(const Operand& operand) {
        return Loss::rounds && sizeof(T) == 4 && operand.dtype == DType::f64;
    }

    /// Where to write derivatives: in their place, or in a tile that is written there later.
    T* room_for(const Operand& result, std::int64_t first, T* tile) const {
        T* const direct = in_place<T>(result, job.axes, first);
        return direct && result && !streams(result) ? direct : tile;
    }

    static bool streams(const Operand& result) { return Loss::light && result.streams; }

    /// Elements of an array, with what is masked replaced by something harmless.
    const T* elements(int k, std::int64_t first, std::int64_t count, const T* mask,
                      T* buffer) const {
        const Operand& operand = job.arrays[k];
        const T* const direct = in_place<T>(operand, job.axes, first);
        if (direct && !mask) {
            return direct;
        }
        read(operand, job.axes, job.shape, first, count, buffer);
        if (mask) {
            const T fill = static_cast<T>(job.fill[k]);
            for (std::int64_t i = 0; i < count; ++i) {
                buffer[i] = mask[i] != 0 ? buffer[i] : fill;
            }
        }
        return buffer;
    }

    /// Weigh derivatives, and write them unless they are in their place.
    void finish(const Operand& result, T* derivatives, bool weighs, const Factors<T>& factors,
                std::int64_t first, std::int64_t count) const {
        if (!result) {
            return;
        }
        if (weighs) {
            multiply(derivatives, factors.derivatives, count);
        }
        if (streams(result) || derivatives != in_place<T>(result, job.axes, first)) {
            write(result, job.axes, job.shape, first, count, derivatives);
        }
    }

    static LOSSKIT_INLINE void multiply(T* values, const T* factors, std::int64_t count) {
#pragma GCC ivdep
        for (std::int64_t i = 0; i < count; ++i) {
            values[i] *= factors[i];
        }
    }

public:
    static Outcome run(const ElementwiseJob& job, int threads) {
        Elementwise loop(job);
        const double sum = run_in_blocks(
            [](void* self, std::int64_t begin, std::int64_t end) {
                return static_cast<Elementwise*>(self)->part(begin, end);
            },
            &loop, job.total, BLOCK, threads);
        return {sum, loop.irregular};
    }
};

}  // namespace losskit::LOSSKIT_ISA
