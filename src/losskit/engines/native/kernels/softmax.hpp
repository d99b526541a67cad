// Exponentials of one row of logits, read once: the row may be longer than the first cache.
#pragma once

#include <cmath>

#include "target.hpp"
#include "tile.hpp"
#include "vmath.hpp"

namespace losskit::LOSSKIT_ISA {

/// Elements whose exponentials share one largest logit. Each stretch is read from memory once and
/// stays in the first cache for its maximum and its exponentials.
constexpr std::int64_t STRETCH = 1024;

/// Elements between two looks ahead. Exponentials need no memory but the caches: while they are
/// computed, the next stretch and the place of the gradient come from further away.
constexpr std::int64_t LOOK = 512;

template <class T>
LOSSKIT_INLINE T largest_of(const T* values, std::int64_t count) {
    T top = -INFINITY;
#pragma omp simd reduction(max : top)
    for (std::int64_t i = 0; i < count; ++i) {
        top = values[i] > top ? values[i] : top;
    }
    return top;
}

template <class T>
constexpr T exp_least_normal = sizeof(T) == 4 ? T(-87.3) : T(-708.3);

/// exp(x) of x <= 0, the hottest line of all: no result overflows, and subnormal ones are 0, since
/// they are added to 1.
template <class T>
LOSSKIT_INLINE T share_of_top(T x) {
    const Reduced<T> at = reduced(x, T(0));
    const T r = at.r;
    const T mantissa = 1 + (r + r * r * exp_tail(r));
    const T scale = from_bits<T>((at.n + Format<T>::bias) << Format<T>::digits);
    return x < exp_least_normal<T> ? T(0) : mantissa * scale;
}

/// The softmax of a row, as exponentials that each stretch scales.
template <class T>
struct Softmax {
    T* exponentials;     // exp((z - largest of the stretch) / T)
    T* scales;           // what makes probabilities of a stretch's exponentials
    T top;               // largest logit
    double inverse;      // of the temperature
    double others;       // sum of exp((z - top) / T), without one that is 1
    double log_total;    // log(1 + others)

    LOSSKIT_INLINE double total() const { return 1 + others; }

    LOSSKIT_INLINE double log_probability(T logit) const {
        return (static_cast<double>(logit) - static_cast<double>(top)) * inverse - log_total;
    }

    /// 1 - p, which keeps its digits where p is near 1.
    LOSSKIT_INLINE double missed(T logit) const {
        return logit == top ? others / total() : 1 - std::exp(log_probability(logit));
    }

    /// Probability of one class.
    LOSSKIT_INLINE T probability(std::int64_t at) const {
        return exponentials[at] * scales[at / STRETCH];
    }

    static std::int64_t stretches(std::int64_t classes) { return (classes + STRETCH - 1) / STRETCH; }

    /// Find it; `sums` has room for two numbers per stretch. Of the same length as the logits is
    /// what will be written next, or nullptr.
    void of(const T* logits, std::int64_t classes, double inverse_temperature, double* sums,
            T* written) {
        inverse = inverse_temperature;
        const T factor = static_cast<T>(inverse);
        const std::int64_t parts = stretches(classes);
        top = -INFINITY;
        for (std::int64_t part = 0; part < parts; ++part) {
            const std::int64_t first = part * STRETCH;
            const std::int64_t left = classes - first;
            const std::int64_t count = left < STRETCH ? left : STRETCH;
            const T highest = largest_of(logits + first, count);
            // Classes that are ruled out by -inf have no distance to -inf.
            const T reference = highest == -INFINITY ? T(0) : highest;
            sums[2 * part] = sums[2 * part + 1] = 0;
            for (std::int64_t at = first; at < first + count; at += LOOK) {
                const std::int64_t end = at + LOOK < first + count ? at + LOOK : first + count;
                look_ahead(logits + at + STRETCH, written ? written + at : nullptr, end - at);
                look(logits + at, end - at, reference, factor, exponentials + at, sums + 2 * part);
            }
            scales[part] = highest;
            top = highest > top ? highest : top;
        }
        // Where no logit is a number above -inf there is none to leave out: NaN, by the definition.
        others = top > -INFINITY ? -1 : NAN;
        for (std::int64_t part = 0; part < parts; ++part) {
            const double below = static_cast<double>(scales[part]) - static_cast<double>(top);
            const double scale = below == 0 ? 1 : std::exp(below * inverse);
            others += scale * sums[2 * part + 1];
            sums[2 * part + 1] = scale;
        }
        // Ones are exact, and have cancelled by now; the rest keeps digits of its own.
        for (std::int64_t part = 0; part < parts; ++part) {
            others += sums[2 * part + 1] * sums[2 * part];
        }
        const double whole = total();
        for (std::int64_t part = 0; part < parts; ++part) {
            scales[part] = static_cast<T>(sums[2 * part + 1] / whole);
        }
        log_total = std::log1p(others);
    }

private:
    static LOSSKIT_INLINE void look_ahead(const T* read, T* written, std::int64_t count) {
        constexpr std::int64_t LINE = 64 / sizeof(T);
        for (std::int64_t i = 0; i < count; i += LINE) {
            LOSSKIT_READ_SOON(read + i);
        }
        for (std::int64_t i = 0; written && i < count; i += LINE) {
            LOSSKIT_WRITE_SOON(written + i);
        }
    }

    /// Exponentials; adds the sum of those that are not exactly 1, and the count of others.
    LOSSKIT_APART static void look(const T* logits, std::int64_t count, T reference, T factor,
                                   T* out, double* sums) {
        T sum = 0, ones = 0;
#pragma omp simd reduction(+ : sum, ones)
        for (std::int64_t i = 0; i < count; ++i) {
            const T distance = logits[i] - reference;
            const T power = share_of_top(distance * factor);
            out[i] = power;
            sum += distance == 0 ? T(0) : power;
            ones += distance == 0 ? T(1) : T(0);
        }
        sums[0] += static_cast<double>(sum);
        sums[1] += static_cast<double>(ones);
    }
};

}  // namespace losskit::LOSSKIT_ISA
