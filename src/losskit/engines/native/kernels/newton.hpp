// Derivatives as a Newton step takes them.
#pragma once

#include "job.hpp"
#include "vmath.hpp"

namespace losskit::LOSSKIT_ISA {

template <class T>
struct Step {
    T slope, bend, least, share;

    /// `factor` is what both derivatives are multiplied by first.
    explicit Step(const Newton& newton, double factor = 1)
        : slope(T(newton.slope * factor)),
          bend(T(newton.bend * factor)),
          least(T(newton.least)),
          share(T(newton.share)) {}

    LOSSKIT_INLINE void take(T& gradient, T& curvature) const {
        gradient *= slope;
        curvature = at_least(at_least(curvature * bend, least), share * vabs(gradient));
    }
};

}  // namespace losskit::LOSSKIT_ISA
