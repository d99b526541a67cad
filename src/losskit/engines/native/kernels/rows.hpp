// What losses of rows of classes have in common.
#pragma once

#include "classwise.hpp"

namespace losskit::LOSSKIT_ISA {

// What was rounded to bfloat16 sums to 1 only within its rounding.
constexpr double ROUNDING = 0x1p-8;

/// Whether a row holds probabilities that sum to 1.
template <class T>
bool is_distribution(const T* row, std::int64_t classes) {
    double sum = 0;
    T outside = 0;
    for (std::int64_t first = 0; first < classes; first += STRETCH) {
        const std::int64_t end = first + stretch_at(first, classes);
        T total = 0;
#pragma omp simd reduction(+ : total, outside)
        for (std::int64_t i = first; i < end; ++i) {
            total += row[i];
            outside += (row[i] >= 0) & (row[i] <= 1) ? T(0) : T(1);
        }
        sum += static_cast<double>(total);
    }
    const double off = sum < 1 ? 1 - sum : sum - 1;
    return outside == 0 && off <= ROUNDING;
}

/// Whether a row holds logarithms of probabilities that sum to 1.
template <class T>
bool is_log_distribution(const T* row, std::int64_t classes) {
    double sum = 0, entropy = 0;
    int above = 0;
#pragma omp simd reduction(+ : sum, entropy) reduction(| : above)
    for (std::int64_t i = 0; i < classes; ++i) {
        const T p = vexp(row[i]);
        above |= !(row[i] <= static_cast<T>(ROUNDING));
        sum += static_cast<double>(p);
        entropy += p == 0 ? 0.0 : static_cast<double>(-p * row[i]);
    }
    const double off = sum < 1 ? 1 - sum : sum - 1;
    return above == 0 && off <= ROUNDING * (1 + entropy);
}

/// The first room of a row's memory holds the exponentials, the last stretches their scales.
template <class T, class Visit>
Softmax<T> softmax_of(const Row<T>& row, const T* logits, double temperature, int room, int rooms,
                      Visit visit) {
    const std::int64_t padded = (row.classes + 15) / 16 * 16;
    Softmax<T> softmax;
    softmax.exponentials = row.room + room * padded;
    softmax.scales = row.room + rooms * padded + room * Softmax<T>::stretches(row.classes);
    T* const written = row.streams ? nullptr : row.gradient;
    softmax.of(logits, row.classes, 1 / temperature, row.sums, written, visit);
    return softmax;
}

template <class T>
Softmax<T> softmax_of(const Row<T>& row, const T* logits, double temperature, int room, int rooms) {
    return softmax_of(row, logits, temperature, room, rooms,
                      [](std::int64_t, std::int64_t, std::int64_t, T) {});
}

/// Visit a softmax's stretches: first element, count, and what scales its exponentials.
template <class T, class Visit>
LOSSKIT_INLINE void each_stretch(const Softmax<T>& softmax, std::int64_t classes, Visit visit) {
    for (std::int64_t first = 0; first < classes; first += STRETCH) {
        visit(first, stretch_at(first, classes), softmax.scales[first / STRETCH]);
    }
}

/// Write elements of a row's gradient past the caches, which leaves memory time to bring the input
/// of the next row.
template <class T, class Element>
LOSSKIT_APART void stream_gradient(T* to, const T* next, std::int64_t first, std::int64_t count,
                                   Element element) {
    constexpr std::int64_t LANES = LANES_OF<T>;
    const std::int64_t end = first + count;
    const std::int64_t lines = first + before_line(to + first, count);
    for (; first < lines; ++first) {
        to[first] = element(first);
    }
    for (; first + LANES <= end; first += LANES) {
        LOSSKIT_READ_SOON(next + first);
        alignas(64) T line[LANES];
        // Unrolled before it is vectorised, it would not be.
#pragma GCC unroll 1
        for (std::int64_t i = 0; i < LANES; ++i) {
            line[i] = element(first + i);
        }
        stream_line(line, to + first);
    }
    for (; first < end; ++first) {
        to[first] = element(first);
    }
}

/// Write elements of a row's gradient, each found by its place in the row.
template <class T, class Element>
LOSSKIT_INLINE void write_gradient(const Row<T>& row, std::int64_t first, std::int64_t count,
                                   Element element) {
    if (row.streams) {
        // Not the row, which would have to lie in memory then, for all that is done with it.
        return stream_gradient(row.gradient, row.input + row.classes, first, count, element);
    }
    T* const to = row.gradient;
#pragma GCC ivdep
    for (std::int64_t i = first; i < first + count; ++i) {
        to[i] = element(i);
    }
}

}  // namespace losskit::LOSSKIT_ISA
