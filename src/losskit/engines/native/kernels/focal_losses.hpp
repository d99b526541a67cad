// Binary losses that fade out what is predicted well. Labels that are 0 or 1, as nearly all are,
// take a way of their own, which computes one label's cost instead of both.
#pragma once

#include "functor.hpp"

namespace losskit::LOSSKIT_ISA {

/// Powers 0, 1, ... 7 of what is not negative, by squares.
template <class T>
struct WholePower {
    T exponent;
    // Masks, since the compiler splits no loop of this size by an invariant condition.
    Which<T> one, two, four;

    explicit WholePower(double given)
        : exponent(T(given)),
          one((int(given) & 1) != 0),
          two((int(given) & 2) != 0),
          four((int(given) & 4) != 0) {}

    LOSSKIT_INLINE WholePower(Which<T> first, const WholePower& a, const WholePower& b)
        : exponent(first.of(a.exponent, b.exponent)),
          one(first.of(a.one, b.one)),
          two(first.of(a.two, b.two)),
          four(first.of(a.four, b.four)) {}

    static bool fits(double given) {
        return given == 0 || given == 1 || given == 2 || given == 3 || given == 4 || given == 5 ||
               given == 6 || given == 7;
    }

    LOSSKIT_INLINE T of(T base) const {
        const T square = base * base;
        return one.of(base, 1) * two.of(square, 1) * four.of(square * square, 1);
    }

};

/// The square: what a focus is unless somebody chooses another.
template <class T>
struct Square {
    static constexpr T exponent = 2;

    explicit Square(double) {}

    static bool fits(double given) { return given == exponent; }

    LOSSKIT_INLINE T of(T base) const { return base * base; }
};

/// Any power of what is not negative.
template <class T>
struct AnyPower {
    T exponent;

    explicit AnyPower(double given) : exponent(T(given)) {}

    LOSSKIT_INLINE AnyPower(Which<T> first, const AnyPower& a, const AnyPower& b)
        : exponent(first.of(a.exponent, b.exponent)) {}

    static bool fits(double) { return true; }

    LOSSKIT_INLINE T of(T base) const { return vpow(base, exponent); }
};

/// What a label costs, and its derivatives in the logit, where that argues for the other label.
template <class T>
struct Faded {
    T value, slope, bend;

    /// Cost u^gamma c, of c = -log(1 - u): given c' as `steep`, c''/c' as `rise`, (log u)' as
    /// `share`, and (log u)''/(log u)' as `turn`.
    template <class Power>
    LOSSKIT_INLINE Faded(T u, T cost, const Power& power, T steep, T rise, T share, T turn) {
        const T gamma = power.exponent;
        const T weight = power.of(u);
        const T faded = gamma * share;
        const T pull = times(faded, cost);
        value = weight * cost;
        slope = weight * (steep + pull);
        bend = weight * (steep * (rise + 2 * faded) + (faded + turn) * pull);
    }

    /// Of the probability of the other label, and that of the label itself.
    template <class Power>
    static LOSSKIT_INLINE Faded of(T wrong, T right, T cost, const Power& power) {
        return Faded(wrong, cost, power, wrong, right, right, -wrong);
    }
};

/// Cross-entropy of a logit, each label's cost faded by the probability that missed it.
template <class T, class Power>
struct BinaryFocal : FunctorOfLogit<T, 2> {
    static constexpr const char* name = "BinaryFocal";
    static constexpr const char* parameters[] = {"gamma", "alpha", nullptr};
    static constexpr bool rounds = true;
    static constexpr bool labelled = true;
    Power power;
    T share_yes, share_no;

    explicit BinaryFocal(const double* given)
        : power(given[0]),
          share_yes(T(given[1])),
          share_no(given[1] == 1 ? T(1) : T(1 - given[1])) {}

    static bool fits(const double* given) { return Power::fits(given[0]); }

    LOSSKIT_INLINE void at(const T* a, const Logit<T>& logit, T& value, T* gradient,
                           T* curvature) const {
        const T yes = share_yes * a[1];
        const T no = share_no * (1 - a[1]);
        const auto positive = Faded<T>::of(logit.no, logit.yes, logit.cost_yes, power);
        const auto negative = Faded<T>::of(logit.yes, logit.no, logit.cost_no, power);
        value = sum_of_times(yes, positive.value, no, negative.value);
        gradient[0] = no * negative.slope - yes * positive.slope;
        curvature[0] = yes * positive.bend + no * negative.bend;
    }

    LOSSKIT_INLINE void at_label(const Logit<T>& against, Which<T> label, T& value, T* gradient,
                                 T* curvature) const {
        const T share = label.of(share_yes, share_no);
        const auto faded = Faded<T>::of(against.yes, against.no, against.cost_no, power);
        value = times(share, faded.value);
        gradient[0] = label.negated(share * faded.slope);
        curvature[0] = share * faded.bend;
    }
};

template <class T>
using BinaryFocalOfSquare = BinaryFocal<T, Square<T>>;
template <class T>
using BinaryFocalOfWhole = BinaryFocal<T, WholePower<T>>;
template <class T>
using BinaryFocalOfAny = BinaryFocal<T, AnyPower<T>>;

/// Cost of a label, faded by what the probability of the other one exceeds `clip` by; 0 below that.
/// `whole` says where the clip is 0: there are no quotients then, which might be 0/0, and the cost
/// is at least `least`, which it is where the label's own probability is too small for a logarithm.
template <class T, class Power>
LOSSKIT_INLINE Faded<T> clipped(T wrong, T right, T clip, Which<T> whole, T least,
                                const Power& power) {
    const bool below = wrong <= clip;
    // Any number between serves below, where nothing of it is kept; a constant would have the
    // compiler split the path, and then not vectorise it.
    const T u = below ? T(0.25) + clip / 4 : wrong - clip;
    // Near 1, 1 - u has lost the digits that 1 - p still has.
    const bool small = u < T(0.5);
    const T rest = right + clip;
    const T sum = small ? 1 - u : rest;
    // 0 · sum is NaN of NaN, whose bits are no number.
    const T lost = small ? (1 - sum) - u : 0 * sum;
    const T cost = at_least(-log_of_sum(sum, lost, -u), least);
    const T both = wrong * right / (u * rest);
    const T slant = right - wrong;
    const T steep = whole.of(wrong, both * u);
    const T rise = whole.of(right, slant + steep);
    const T share = whole.of(right, both * rest);
    const T turn = whole.of(-wrong, slant - share);
    Faded<T> faded(u, cost, power, steep, rise, share, turn);
    faded.value = below ? T(0) : faded.value;
    faded.slope = below ? T(0) : faded.slope;
    faded.bend = below ? T(0) : faded.bend;
    return faded;
}

/// Focal loss of a logit with an own focus for negatives, and, if clipped, without the easiest.
template <class T, class Power, bool clips>
struct Asymmetric : FunctorOfLogit<T, 2> {
    static constexpr const char* name = "Asymmetric";
    static constexpr const char* parameters[] = {"gamma_negative", "gamma_positive", "clip",
                                                 nullptr};
    static constexpr bool rounds = true;
    static constexpr bool labelled = true;
    Power power_no, power_yes;
    T clip;

    explicit Asymmetric(const double* given)
        : power_no(given[0]), power_yes(given[1]), clip(T(given[2])) {}

    static bool fits(const double* given) {
        return Power::fits(given[0]) && Power::fits(given[1]) && (given[2] != 0) == clips;
    }

    LOSSKIT_INLINE void at(const T* a, const Logit<T>& logit, T& value, T* gradient,
                           T* curvature) const {
        const T yes = a[1];
        const T no = 1 - a[1];
        const auto positive = Faded<T>::of(logit.no, logit.yes, logit.cost_yes, power_yes);
        const auto negative = [&] {
            if constexpr (clips) {
                return clipped(logit.yes, logit.no, clip, Which<T>(false), T(0), power_no);
            } else {
                return Faded<T>::of(logit.yes, logit.no, logit.cost_no, power_no);
            }
        }();
        value = sum_of_times(yes, positive.value, no, negative.value);
        gradient[0] = no * negative.slope - yes * positive.slope;
        curvature[0] = yes * positive.bend + no * negative.bend;
    }

    LOSSKIT_INLINE void at_label(const Logit<T>& against, Which<T> label, T& value, T* gradient,
                                 T* curvature) const {
        const Power power(label, power_yes, power_no);
        const auto faded = [&] {
            if constexpr (clips) {
                return clipped(against.yes, against.no, label.of(0, clip), label,
                               label.of(against.z, 0), power);
            } else {
                return Faded<T>::of(against.yes, against.no, against.cost_no, power);
            }
        }();
        value = faded.value;
        gradient[0] = label.negated(faded.slope);
        curvature[0] = faded.bend;
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
