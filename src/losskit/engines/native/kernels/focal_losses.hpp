// Binary losses that fade out what is predicted well.
#pragma once

#include "functor.hpp"

namespace losskit::LOSSKIT_ISA {

/// Powers 0, 1, ... 7 of what is not negative, by squares.
template <class T>
struct WholePower {
    T exponent;
    Bits<T> one, two, four;

    explicit WholePower(double given) : exponent(T(given)) {
        const int whole = int(given);
        one = whole & 1 ? ~Bits<T>(0) : 0;
        two = whole & 2 ? ~Bits<T>(0) : 0;
        four = whole & 4 ? ~Bits<T>(0) : 0;
    }

    static bool fits(double given) {
        return given == 0 || given == 1 || given == 2 || given == 3 || given == 4 || given == 5 ||
               given == 6 || given == 7;
    }

    LOSSKIT_INLINE T of(T base) const {
        const T square = base * base;
        return chosen(base, one) * chosen(square, two) * chosen(square * square, four);
    }

    // A mask, since the compiler splits no loop of this size by an invariant condition.
    static LOSSKIT_INLINE T chosen(T x, Bits<T> mask) {
        return from_bits<T>((bits_of(x) & mask) | (bits_of(T(1)) & ~mask));
    }
};

/// Any power of what is not negative.
template <class T>
struct AnyPower {
    T exponent;

    explicit AnyPower(double given) : exponent(T(given)) {}

    static bool fits(double) { return true; }

    LOSSKIT_INLINE T of(T base) const { return vpow(base, exponent); }
};

/// Cost q^gamma c of a label of probability p, with q = 1 - p and c = -log p, and its derivatives
/// in the logit.
template <class T>
struct Faded {
    T value, slope, bend;

    template <class Power>
    LOSSKIT_INLINE Faded(T p, T q, T cost, const Power& power) {
        const T gamma = power.exponent;
        const T weight = power.of(q);
        const T share = times(p, cost);
        value = weight * cost;
        slope = -weight * (q + gamma * share);
        bend = weight * ((2 * gamma + 1) * p * q + gamma * (gamma * p - q) * share);
    }
};

/// Cross-entropy of a logit, each label's cost faded by the probability that missed it.
template <class T, class Power>
struct BinaryFocal : FunctorOfOne<2> {
    static constexpr const char* name = "BinaryFocal";
    static constexpr const char* parameters[] = {"gamma", "alpha", nullptr};
    static constexpr bool rounds = true;
    Power power;
    T share_yes, share_no;

    explicit BinaryFocal(const double* given)
        : power(given[0]),
          share_yes(T(given[1])),
          share_no(given[1] == 1 ? T(1) : T(1 - given[1])) {}

    static bool fits(const double* given) { return Power::fits(given[0]); }

    LOSSKIT_INLINE void at(const T* a, T& value, T* gradient, T* curvature) const {
        const Logit<T> logit(a[0]);
        const T yes = share_yes * a[1];
        const T no = share_no * (1 - a[1]);
        const Faded<T> positive(logit.yes, logit.no, logit.cost_yes, power);
        const Faded<T> negative(logit.no, logit.yes, logit.cost_no, power);
        value = times(yes, positive.value) + times(no, negative.value);
        gradient[0] = yes * positive.slope - no * negative.slope;
        curvature[0] = yes * positive.bend + no * negative.bend;
    }
};

template <class T>
using BinaryFocalOfWhole = BinaryFocal<T, WholePower<T>>;
template <class T>
using BinaryFocalOfAny = BinaryFocal<T, AnyPower<T>>;

/// Cost -u^gamma log(1 - u) of a negative label, with u = p - clip, and its derivatives in the
/// logit; 0 where p lies below the clip.
template <class T>
struct Clipped {
    T value, slope, bend;

    template <class Power>
    LOSSKIT_INLINE Clipped(T p, T q, T clip, const Power& power) {
        const bool below = p <= clip;
        // Any number between serves below, where nothing of it is kept; a constant would have the
        // compiler split the path, and then not vectorise it.
        const T u = below ? T(0.25) + clip / 4 : p - clip;
        // Near 1, 1 - u has lost the digits that 1 - p still has.
        const bool small = u < T(0.5);
        const T rest = q + clip;
        const T sum = small ? 1 - u : rest;
        // 0 · sum is NaN of NaN, whose bits are no number.
        const T lost = small ? (1 - sum) - u : 0 * sum;
        const T cost = -log_of_sum(sum, lost, -u);
        const T gamma = power.exponent;
        const T weight = power.of(u);
        const T ratio = cost / u;
        const T first = weight * (1 / rest + gamma * ratio) * p * q;
        const T second = weight / u *
                         (2 * gamma / rest + u / (rest * rest) + gamma * (gamma - 1) * ratio);
        value = below ? T(0) : weight * cost;
        slope = below ? T(0) : first;
        bend = below ? T(0) : second * (p * q) * (p * q) + first * (q - p);
    }
};

/// Focal loss of a logit with an own focus for negatives, and, if clipped, without the easiest.
template <class T, class Power, bool clipped>
struct Asymmetric : FunctorOfOne<2> {
    static constexpr const char* name = "Asymmetric";
    static constexpr const char* parameters[] = {"gamma_negative", "gamma_positive", "clip",
                                                 nullptr};
    static constexpr bool rounds = true;
    Power power_no, power_yes;
    T clip;

    explicit Asymmetric(const double* given)
        : power_no(given[0]), power_yes(given[1]), clip(T(given[2])) {}

    static bool fits(const double* given) {
        return Power::fits(given[0]) && Power::fits(given[1]) && (given[2] != 0) == clipped;
    }

    LOSSKIT_INLINE void at(const T* a, T& value, T* gradient, T* curvature) const {
        const Logit<T> logit(a[0]);
        const T yes = a[1];
        const T no = 1 - a[1];
        const Faded<T> positive(logit.yes, logit.no, logit.cost_yes, power_yes);
        if constexpr (clipped) {
            const Clipped<T> negative(logit.yes, logit.no, clip, power_no);
            value = times(yes, positive.value) + times(no, negative.value);
            gradient[0] = yes * positive.slope + no * negative.slope;
            curvature[0] = yes * positive.bend + no * negative.bend;
        } else {
            const Faded<T> negative(logit.no, logit.yes, logit.cost_no, power_no);
            value = times(yes, positive.value) + times(no, negative.value);
            gradient[0] = yes * positive.slope - no * negative.slope;
            curvature[0] = yes * positive.bend + no * negative.bend;
        }
    }
};

template <class T>
using AsymmetricOfWhole = Asymmetric<T, WholePower<T>, true>;
template <class T>
using AsymmetricOfAny = Asymmetric<T, AnyPower<T>, true>;
template <class T>
using AsymmetricOfWholeUnclipped = Asymmetric<T, WholePower<T>, false>;
template <class T>
using AsymmetricOfAnyUnclipped = Asymmetric<T, AnyPower<T>, false>;

}  // namespace losskit::LOSSKIT_ISA
