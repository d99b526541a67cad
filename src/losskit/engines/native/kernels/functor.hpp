// What every functor of an elementwise loss has.
//
// A functor is a struct template over float and double with
//     name         the Python class that it computes
//     parameters   its numbers in the constructor's order: flags as 0 or 1, choices by index
//     arrays       how many arrays a point has
//     output       which of them the model gives
//     fits         whether it serves these numbers
//     rounds       whether derivatives in float are taken at a rounded point, and corrected by the
//                  curvature: for a loss of one output that costs much more in double
//     light        whether it computes faster than memory takes what it writes
//     at           value, gradient and curvature at one point
//     logit        for a loss that is made of one logit: that logit at a point; `at` takes it, with
//                  its exponential, as a Logit
//     at_label     for a loss of a logit and a target in [0, 1] which has a shorter way where the
//                  target is 1 or 0, and `labelled`: the same for the label 1, or 0, of which the
//                  logit against the label is given: -z, or z
// Of the functors of one name the first that fits is to be taken: what decides between formulas is
// settled before the loop, since a compiler that vectorises would compute all of them.
#pragma once

#include "vmath.hpp"

namespace losskit::LOSSKIT_ISA {

/// Base of the functors of `count` arrays, the first `given` of which the model gives.
template <int count, int given>
struct Functor {
    static constexpr const char* parameters[] = {nullptr};
    static constexpr int arrays = count;
    static constexpr int outputs = given;
    static constexpr bool rounds = false;
    static constexpr bool light = false;
    static constexpr bool logistic = false;
    static constexpr bool labelled = false;

    static bool fits(const double*) { return true; }
};

template <int count>
struct FunctorOfOne : Functor<count, 1> {
    static constexpr int output[] = {0};
};

/// Base of the functors of one logit, which is the first array unless they say otherwise.
template <class T, int count>
struct FunctorOfLogit : FunctorOfOne<count> {
    static constexpr bool logistic = true;

    LOSSKIT_INLINE T logit(const T* a) const { return a[0]; }
};

template <int count>
struct FunctorOfPair : Functor<count, 2> {
    static constexpr int output[] = {0, 1};
};

}  // namespace losskit::LOSSKIT_ISA
