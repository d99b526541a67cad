// Turning: what lies side by side comes to lie apart, and what lay apart side by side.
#pragma once

#include <cstdint>
#include <type_traits>

#include "target.hpp"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace losskit::LOSSKIT_ISA {

/// Turn a table of any size: element j of run r becomes element r of run j. Moves of several runs
/// at once are unrolled.
template <class T, class S>
LOSSKIT_INLINE void turn_one_by_one(const T* __restrict from, std::int64_t apart_from,
                                    S* __restrict to, std::int64_t apart_to, std::int64_t runs,
                                    std::int64_t length) {
    const bool tall = runs > length;
    const std::int64_t few = tall ? length : runs, many = tall ? runs : length;
    const std::int64_t few_from = tall ? 1 : apart_from, many_from = tall ? apart_from : 1;
    const std::int64_t few_to = tall ? apart_to : 1, many_to = tall ? 1 : apart_to;
    std::int64_t k = 0;
    const auto move = [&](auto width) {
        for (; k + width() <= few; k += width()) {
            for (std::int64_t i = 0; i < many; ++i) {
                for (int next = 0; next < width(); ++next) {
                    to[i * many_to + (k + next) * few_to] =
                        static_cast<S>(from[i * many_from + (k + next) * few_from]);
                }
            }
        }
    };
    move(std::integral_constant<int, 4>());
    move(std::integral_constant<int, 2>());
    move(std::integral_constant<int, 1>());
}

#if defined(__SSE2__)

constexpr std::int64_t SQUARE = 4;

LOSSKIT_INLINE __m128 four_of(const float* from) { return _mm_loadu_ps(from); }

LOSSKIT_INLINE __m128 four_of(const double* from) {
    return _mm_movelh_ps(_mm_cvtpd_ps(_mm_loadu_pd(from)), _mm_cvtpd_ps(_mm_loadu_pd(from + 2)));
}

/// Turn four runs of four.
template <class T>
LOSSKIT_INLINE void turn_square(const T* from, std::int64_t apart_from, float* to,
                                std::int64_t apart_to) {
    __m128 a = four_of(from), b = four_of(from + apart_from);
    __m128 c = four_of(from + 2 * apart_from), d = four_of(from + 3 * apart_from);
    _MM_TRANSPOSE4_PS(a, b, c, d);
    _mm_storeu_ps(to, a);
    _mm_storeu_ps(to + apart_to, b);
    _mm_storeu_ps(to + 2 * apart_to, c);
    _mm_storeu_ps(to + 3 * apart_to, d);
}

#endif

/// Turn a table: element j of run r becomes element r of run j.
template <class T, class S>
void turn(const T* from, std::int64_t apart_from, S* to, std::int64_t apart_to, std::int64_t runs,
          std::int64_t length) {
    std::int64_t whole_runs = 0, whole_length = 0;
#if defined(__SSE2__)
    if constexpr (std::is_same_v<S, float>) {
        whole_runs = runs / SQUARE * SQUARE;
        whole_length = length / SQUARE * SQUARE;
        for (std::int64_t r = 0; r < whole_runs; r += SQUARE) {
            for (std::int64_t j = 0; j < whole_length; j += SQUARE) {
                turn_square(from + r * apart_from + j, apart_from, to + j * apart_to + r, apart_to);
            }
        }
    }
#endif
    turn_one_by_one(from + whole_runs * apart_from, apart_from, to + whole_runs, apart_to,
                    runs - whole_runs, length);
    turn_one_by_one(from + whole_length, apart_from, to + whole_length * apart_to, apart_to,
                    whole_runs, length - whole_length);
}

}  // namespace losskit::LOSSKIT_ISA
