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

/// Elements of the stretch that begins here.
LOSSKIT_INLINE std::int64_t stretch_at(std::int64_t first, std::int64_t classes) {
    const std::int64_t left = classes - first;
    return left < STRETCH ? left : STRETCH;
}

/// Elements of one vector of the widest instruction set. Loops take whole vectors, the last of which
/// may overlap the one before: no rest is taken one by one.
template <class T>
constexpr std::int64_t LANES_OF = 64 / sizeof(T);

/// Sum of so many, by halves: one after the other they would wait for each other.
template <std::int64_t count, class T>
LOSSKIT_INLINE T sum_of_lanes(const T* lanes) {
    if constexpr (count == 1) {
        return lanes[0];
    } else {
        alignas(64) T halves[count / 2];
        for (std::int64_t i = 0; i < count / 2; ++i) {
            halves[i] = lanes[i] + lanes[count / 2 + i];
        }
        return sum_of_lanes<count / 2>(halves);
    }
}

template <class T>
LOSSKIT_INLINE T largest_of_whole(const T* values, std::int64_t count) {
    T top = -INFINITY;
#pragma omp simd reduction(max : top)
    for (std::int64_t i = 0; i < count; ++i) {
        top = values[i] > top ? values[i] : top;
    }
    return top;
}

template <class T>
LOSSKIT_INLINE T largest_of(const T* values, std::int64_t count) {
    constexpr std::int64_t LANES = LANES_OF<T>;
    if (count < LANES) {
        return largest_of_whole(values, count);
    }
    const T top = largest_of_whole(values, count / LANES * LANES);
    const T last = largest_of_whole(values + count - LANES, LANES);
    return last > top ? last : top;
}

template <class T>
constexpr T exp_least_normal = sizeof(T) == 4 ? T(-87.3) : T(-708.3);

/// exp(x) of x <= 0, the hottest line of all: no result overflows, and subnormal ones are 0, since
/// they are added to 1.
template <class T>
LOSSKIT_INLINE T share_of_top(T x) {
    using F = Format<T>;
    // As in `reduced`, with the bias of an exponent in the lowest bits.
    constexpr T biased = shifter<T> + T(F::bias);
    const T shifted = x * T(1.4426950408889634) + biased;
    const T n = shifted - biased;
    const T r = (x - n * F::log2_high) - n * F::log2_low;
    const T mantissa = 1 + r * (1 + r * exp_tail(r));
    const T scale = from_bits<T>(bits_of(shifted) << F::digits);
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
    /// what will be written next, or nullptr. While a stretch is in the first cache, it is visited:
    /// with its number, its first element, its count, and what its distances are taken from.
    template <class Visit>
    void of(const T* logits, std::int64_t classes, double inverse_temperature, double* sums,
            T* written, Visit visit) {
        inverse = inverse_temperature;
        const std::int64_t parts = stretches(classes);
        const T* const next = written ? written : exponentials;
        top = -INFINITY;
        for (std::int64_t part = 0; part < parts; ++part) {
            const std::int64_t first = part * STRETCH;
            const std::int64_t count = stretch_at(first, classes);
            const T highest = largest_of(logits + first, count);
            // Classes that are ruled out by -inf have no distance to -inf.
            const T reference = highest == -INFINITY ? T(0) : highest;
            sums[2 * part] = inverse == 1 ? take<false>(logits, first, count, reference, next)
                                          : take<true>(logits, first, count, reference, next);
            visit(part, first, count, reference);
            scales[part] = highest;
            top = highest > top ? highest : top;
        }
        double sum = 0;
        for (std::int64_t part = 0; part < parts; ++part) {
            const double below = static_cast<double>(scales[part]) - static_cast<double>(top);
            sums[2 * part + 1] = below == 0 ? 1 : std::exp(below * inverse);
            sum += sums[2 * part + 1] * sums[2 * part];
        }
        // Where no logit is a number above -inf there is none to leave out: NaN, by the definition.
        others = top > -INFINITY ? sum - 1 : NAN;
        if (others < 1) {
            others = sum_beside_one(classes, sums);
        }
        const double whole = total();
        for (std::int64_t part = 0; part < parts; ++part) {
            scales[part] = static_cast<T>(sums[2 * part + 1] / whole);
        }
        log_total = std::log1p(others);
    }

private:
    static constexpr std::int64_t LANES = LANES_OF<T>;

    /// Exponentials of a stretch, and their sum. They need no memory but the caches: while they are
    /// computed, the next stretch and the place of what is written next come from further away.
    template <bool TEMPERED>
    LOSSKIT_APART double take(const T* logits, std::int64_t begin, std::int64_t count, T reference,
                              const T* next) const {
        const T factor = static_cast<T>(inverse);
        const T* const from = logits + begin;
        T* const to = exponentials + begin;
        alignas(64) T sums[LANES] = {};
        std::int64_t at = 0;
        for (; at + LANES <= count; at += LANES) {
            look_ahead(logits + begin, next + begin, at);
            take_vector<TEMPERED>(from + at, reference, factor, 0, to + at, sums);
        }
        if (at < count) {
            look_ahead(logits + begin, next + begin, at);
            take_rest<TEMPERED>(from, count, at, reference, factor, to, sums);
        }
        return static_cast<double>(sum_of_lanes<LANES>(sums));
    }

    template <bool TEMPERED>
    static LOSSKIT_INLINE void take_rest(const T* from, std::int64_t count, std::int64_t at,
                                         T reference, T factor, T* to, T* sums) {
        const std::int64_t last = count - LANES;
        if (last > 0) {
            take_vector<TEMPERED>(from + last, reference, factor, at - last, to + last, sums);
            return;
        }
        alignas(64) T few[LANES];
        for (std::int64_t i = 0; i < LANES; ++i) {
            few[i] = i < count ? from[i] : -INFINITY;
        }
        // There is room for a whole vector.
        take_vector<TEMPERED>(few, reference, factor, 0, to, sums);
    }

    static LOSSKIT_INLINE void look_ahead(const T* logits, const T* next, std::int64_t at) {
        LOSSKIT_READ_SOON(logits + STRETCH + at);
        LOSSKIT_WRITE_SOON(next + at);
    }

    /// One vector, of which the first elements have been counted before.
    template <bool TEMPERED>
    static LOSSKIT_INLINE void take_vector(const T* logits, T reference, T factor,
                                           std::int64_t counted, T* out, T* sums) {
        const int first = static_cast<int>(counted);
        // Unrolled before it is vectorised, it would not be.
#pragma GCC ivdep
#pragma GCC unroll 1
        for (int i = 0; i < LANES; ++i) {
            const T distance = logits[i] - reference;
            const T power = share_of_top(TEMPERED ? distance * factor : distance);
            out[i] = power;
            sums[i] += i < first ? T(0) : power;
        }
    }

    /// The sum without one that is 1, beside which the others have lost digits: ones are exact, and
    /// cancel before the rest is added.
    double sum_beside_one(std::int64_t classes, const double* sums) const {
        double found = -1, ones = 0;
        for (std::int64_t part = 0; part < stretches(classes); ++part) {
            if (sums[2 * part + 1] == 1) {
                const std::int64_t first = part * STRETCH;
                add_apart(exponentials + first, stretch_at(first, classes), found, ones);
            } else {
                found += sums[2 * part + 1] * sums[2 * part];
            }
        }
        return found + ones;
    }

    /// Adds the sum of those that are not exactly 1, and the count of others.
    LOSSKIT_APART static void add_apart(const T* powers, std::int64_t count, double& sum,
                                        double& ones) {
        T some = 0, whole = 0;
#pragma omp simd reduction(+ : some, whole)
        for (std::int64_t i = 0; i < count; ++i) {
            some += powers[i] == 1 ? T(0) : powers[i];
            whole += powers[i] == 1 ? T(1) : T(0);
        }
        sum += static_cast<double>(some);
        ones += static_cast<double>(whole);
    }
};

}  // namespace losskit::LOSSKIT_ISA
