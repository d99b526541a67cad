// Elementary functions that a compiler can vectorise: no calls, no branches, no tables. Each is
// within 1.15 ulp (float) or 1.3 ulp (double) of the truth, vpow within 1 ulp plus a third of the
// exponent. ±inf, NaN and subnormal numbers are treated as by libm.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "series.hpp"

namespace losskit::LOSSKIT_ISA {

// Bits are unsigned, and all comparisons are between numbers: SSE2 and AVX2 have neither an
// arithmetic shift nor a comparison of 64-bit integers worth using.
template <class T>
struct Format;

template <>
struct Format<float> {
    using Bits = std::uint32_t;
    static constexpr int digits = 23;
    static constexpr Bits bias = 127;
    static constexpr Bits upper_half = 0xfffff000u;
    static constexpr float least_normal = 1.17549435e-38f;
    // So few bits that a product with any exponent is exact; the rest of log(2) is in the other.
    static constexpr float log2_high = 0.693145751953125f;
    static constexpr float log2_low = 1.4286068203094173e-06f;
    static constexpr float exp_least = -104.0f;
    static constexpr float exp_most = 89.0f;
    static constexpr float expm1_least = -20.0f;
    // From here on, 1 + x is x.
    static constexpr float beyond_1 = 1e9f;
};

template <>
struct Format<double> {
    using Bits = std::uint64_t;
    static constexpr int digits = 52;
    static constexpr Bits bias = 1023;
    static constexpr Bits upper_half = 0xfffffffff8000000u;
    static constexpr double least_normal = 2.2250738585072014e-308;
    static constexpr double log2_high = 0.6931471803691238;
    static constexpr double log2_low = 1.9082149292705877e-10;
    static constexpr double exp_least = -746.0;
    static constexpr double exp_most = 710.0;
    static constexpr double expm1_least = -40.0;
    static constexpr double beyond_1 = 1e18;
};

template <class T>
using Bits = typename Format<T>::Bits;

template <class T>
LOSSKIT_INLINE Bits<T> bits_of(T x) {
    Bits<T> bits;
    std::memcpy(&bits, &x, sizeof bits);
    return bits;
}

template <class T>
LOSSKIT_INLINE T from_bits(Bits<T> bits) {
    T x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

template <class T>
inline constexpr Bits<T> sign_bit = Bits<T>(1) << (8 * sizeof(T) - 1);

template <class T>
LOSSKIT_INLINE T vabs(T x) {
    return from_bits<T>(bits_of(x) & ~sign_bit<T>);
}

/// One of two, by a mask: by conditions a compiler may split a path, and then not vectorise it.
template <class T>
struct Which {
    Bits<T> mask;

    LOSSKIT_INLINE explicit Which(bool first) : mask(first ? ~Bits<T>(0) : 0) {}

    LOSSKIT_INLINE T of(T first, T second) const {
        return from_bits<T>((bits_of(first) & mask) | (bits_of(second) & ~mask));
    }

    /// Minus the number for the first, and the number itself for the second.
    LOSSKIT_INLINE T negated(T x) const { return from_bits<T>(bits_of(x) ^ (mask & sign_bit<T>)); }

    LOSSKIT_INLINE Which of(Which first, Which second) const {
        return Which((first.mask & mask) | (second.mask & ~mask));
    }

private:
    LOSSKIT_INLINE explicit Which(Bits<T> given) : mask(given) {}
};

/// Magnitude of the first, sign of the second.
template <class T>
LOSSKIT_INLINE T with_sign(T x, T sign) {
    return from_bits<T>((bits_of(x) & ~sign_bit<T>) | (bits_of(sign) & sign_bit<T>));
}

/// x = n log(2) + most + rest, of which r is the rounded sum and `most` is exact.
template <class T>
struct Reduced {
    Bits<T> n;
    T r, most, rest;
};

// Adding 1.5 · 2^digits rounds to an integer and leaves it in the lowest bits.
template <class T>
inline constexpr T shifter = T(1.5) * T(Bits<T>(1) << Format<T>::digits);

template <class T>
LOSSKIT_INLINE Reduced<T> reduced(T x, T low) {
    using F = Format<T>;
    const T shifted = x * T(1.4426950408889634) + shifter<T>;
    const T n = shifted - shifter<T>;
    const T most = x - n * F::log2_high;
    const T rest = low - n * F::log2_low;
    return {bits_of(shifted) - bits_of(shifter<T>), most + rest, most, rest};
}

/// exp(x + low), for a `low` far below x.
template <class T>
LOSSKIT_INLINE T exp_of_sum(T x, T low) {
    using F = Format<T>;
    x = x < F::exp_least ? F::exp_least : x;
    x = x > F::exp_most ? F::exp_most : x;
    const auto [n, r, most, rest] = reduced(x, low);
    const T sum = 1 + most;
    const T lost = (1 - sum) + most;
    const T mantissa = sum + (lost + rest + r * r * exp_tail(r));
    // 2^n in two factors, since the result may be subnormal and 2^n beyond the range.
    const Bits<T> both = n + 2 * F::bias;
    const Bits<T> half = both >> 1;
    return mantissa * from_bits<T>(half << F::digits) * from_bits<T>((both - half) << F::digits);
}

template <class T>
LOSSKIT_INLINE T vexp(T x) {
    return exp_of_sum(x, T(0));
}

/// exp(x) of x <= 0, in half the operations: within 1.2 ulp.
template <class T>
LOSSKIT_INLINE T vexp_below(T x) {
    using F = Format<T>;
    // What a subnormal result is lifted by until it is rounded.
    constexpr int lift = sizeof(T) == 4 ? 32 : 64;
    // As in `reduced`, with the bias of an exponent, and the lift, in the lowest bits.
    constexpr T biased = shifter<T> + T(F::bias + lift);
    x = x < F::exp_least ? F::exp_least : x;
    const T shifted = x * T(1.4426950408889634) + biased;
    const T n = shifted - biased;
    const T r = (x - n * F::log2_high) - n * F::log2_low;
    const T mantissa = 1 + r * (1 + r * exp_tail(r));
    const T scale = from_bits<T>(bits_of(shifted) << F::digits);
    return mantissa * scale * (T(0.5) / T(Bits<T>(1) << (lift - 1)));
}

template <class T>
LOSSKIT_INLINE T vexpm1(T x) {
    using F = Format<T>;
    T held = x < F::expm1_least ? F::expm1_least : x;
    held = held > F::exp_most ? F::exp_most : held;
    const auto [n, r, most, rest] = reduced(held, T(0));
    // Half of 2^n, which itself may be beyond the range.
    const T scale = from_bits<T>((n + F::bias - 1) << F::digits);
    const T whole = scale - T(0.5);
    // 2^n - 1 and 2^n r cancel for n = 1: what the sums lose is kept.
    const T sum = whole + scale * most;
    const T lost = ((scale - whole) - T(0.5)) + ((whole - sum) + scale * most);
    const T result = 2 * (sum + (lost + scale * (rest + r * r * exp_tail(r))));
    // Halving loses the last bit of a subnormal number.
    return vabs(x) < T(1e-20) ? x : result;
}

/// A logarithm in two parts, the second of which is small.
template <class T>
struct Logarithm {
    T high, low;
};

/// k log(2) + log(1 + f), -1/4 <= f <= 1/2.
template <class T>
LOSSKIT_INLINE Logarithm<T> log_parts(T k, T f) {
    using F = Format<T>;
    const T most = k * F::log2_high;
    const T sum = most + f;
    const T lost = (most - sum) + f;
    return {sum, lost + (k * F::log2_low + log1p_tail(f))};
}

/// x = 2^k m, with 3/4 <= m < 3/2; `inverse` is 2^-k.
template <class T>
struct Split {
    T k, m, inverse;
};

template <class T>
LOSSKIT_INLINE Split<T> split(T x) {
    using F = Format<T>;
    const Bits<T> bits = bits_of(x);
    const Bits<T> biased = (bits - bits_of(T(0.75)) + (F::bias << F::digits)) >> F::digits;
    // A biased exponent in the lowest bits of 2^digits is that number plus the exponent.
    constexpr T ruler = T(Bits<T>(1) << F::digits);
    const T k = from_bits<T>(bits_of(ruler) | biased) - (ruler + T(F::bias));
    return {k, from_bits<T>(bits - ((biased - F::bias) << F::digits)),
            from_bits<T>((2 * F::bias - biased) << F::digits)};
}

/// Logarithm of a positive, finite number.
template <class T>
LOSSKIT_INLINE Logarithm<T> log_of_positive(T x) {
    using F = Format<T>;
    constexpr T lift = T(Bits<T>(1) << F::digits) * 4;
    const bool subnormal = x < F::least_normal;
    const auto [k, m, unused] = split(subnormal ? x * lift : x);
    return log_parts(k - (subnormal ? T(F::digits + 2) : T(0)), m - 1);
}

template <class T>
LOSSKIT_INLINE T vlog(T x) {
    const auto [high, low] = log_of_positive(x);
    const T finite = x < T(INFINITY) ? high + low : x;
    return x > 0 ? finite : (x == 0 ? -T(INFINITY) : T(NAN));
}

/// log(1 + x), given 1 + x as `sum` and what it was rounded by as `lost`.
template <class T>
LOSSKIT_INLINE T log_of_sum(T sum, T lost, T x) {
    const auto [k, m, inverse] = split(sum);
    const bool near = x > T(-0.25) && x < T(0.5);
    const T f = near ? x : m - 1;
    // log(m + c) - log(m) = c/m, for which 1/(1 + f) to 1 % does: c is an ulp at most.
    const T slope = polynomial(f, T(1.0086), T(-1.0536), T(0.7663));
    const T share = sum > Format<T>::beyond_1 ? T(0) : lost * inverse * slope;
    const auto [high, low] = log_parts(near ? T(0) : k, f);
    return high + (low + (near ? T(0) : share));
}

template <class T>
LOSSKIT_INLINE T vlog1p(T x) {
    const T sum = 1 + x;
    const T back = sum - 1;
    const T lost = (1 - (sum - back)) + (x - back);
    const T result = log_of_sum(sum, lost, x);
    const T finite = x < T(INFINITY) ? result : x;
    const T nonzero = x > -1 ? finite : (x == -1 ? -T(INFINITY) : T(NAN));
    return x == 0 ? x : nonzero;
}

/// log(1 + x) for 0 <= x <= 1, where (x - 1)/2 is exact.
template <class T>
LOSSKIT_INLINE T log1p_of_share(T x) {
    const bool near = x < T(0.5);
    const auto [high, low] = log_parts(near ? T(0) : T(1), near ? x : T(0.5) * (x - 1));
    return high + low;
}

/// base^exponent for neither of them negative.
template <class T>
LOSSKIT_INLINE T vpow(T base, T exponent) {
    using F = Format<T>;
    const auto [sum, rest] = log_of_positive(base);
    const T high = sum + rest;
    const T low = (sum - high) + rest;
    // The rounding of exponent · log(base) would be that many ulp of the result: it is kept, by
    // halves whose products are exact.
    const T log_head = from_bits<T>(bits_of(high) & F::upper_half);
    const T head = from_bits<T>(bits_of(exponent) & F::upper_half);
    const T product = exponent * high;
    const T lost = ((head * log_head - product) + head * (high - log_head) +
                    (exponent - head) * log_head) +
                   (exponent - head) * (high - log_head);
    const T positive = exp_of_sum(product, lost + exponent * low);
    const T finite = base < T(INFINITY) ? positive : base;
    // Not exponent == 0: a condition that is the same for all elements is not vectorised.
    return product == 0 ? T(1) : (base == 0 ? T(0) : finite);
}

/// What the losses of a logit z are made of: exp(-|z|), which is given, and one logarithm.
template <class T>
struct Logit {
    T z;
    T yes, no;            // s(z) and s(-z)
    T cost_yes, cost_no;  // -log s(z) and -log s(-z)
    T least;              // the smaller of these

    LOSSKIT_INLINE Logit(T given, T small) : z(given) {
        const bool positive = z >= 0;
        const T rest = small / (1 + small);
        // 1 - rest rounds less than 1/(1 + small), whose divisor is rounded near 1 already.
        yes = positive ? 1 - rest : rest;
        no = positive ? rest : 1 - rest;
        least = log1p_of_share(small);
        cost_yes = least + (positive ? T(0) : -z);
        cost_no = least + (positive ? z : T(0));
    }
};

/// Multiply, with 0 · ±inf = 0: what has no share adds nothing, however improbable it is.
template <class T>
LOSSKIT_INLINE T times(T factor, T x) {
    return factor * (factor == 0 ? T(0) : x);
}

/// a b + c d, both by `times`. The second product is rounded and the first, where the machine has
/// such an instruction, is not: of a plain sum a compiler may choose either, in each loop anew.
template <class T>
LOSSKIT_INLINE T sum_of_times(T a, T b, T c, T d) {
    const T held = a == 0 ? T(0) : b;
    const T other = times(c, d);
#if defined(__FMA__) || defined(__FP_FAST_FMA)
    if constexpr (sizeof(T) == 4) return __builtin_fmaf(a, held, other);
    else return __builtin_fma(a, held, other);
#else
    return a * held + other;
#endif
}

/// -1, 0 or 1, and NaN of NaN.
template <class T>
LOSSKIT_INLINE T sign(T x) {
    return x > 0 ? T(1) : (x < 0 ? T(-1) : 0 * x);
}

/// At least `least`, and NaN of NaN.
template <class T>
LOSSKIT_INLINE T at_least(T x, T least) {
    return x < least ? least : x;
}

}  // namespace losskit::LOSSKIT_ISA
