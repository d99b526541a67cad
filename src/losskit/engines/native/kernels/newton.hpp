// Derivatives as a Newton step takes them.
#pragma once

#include "job.hpp"
#include "vmath.hpp"

namespace losskit::LOSSKIT_ISA {

template <class T>
struct Step {
    T slope, bend, least, share;

    explicit Step(const Newton& newton)
        : slope(T(newton.slope)),
          bend(T(newton.bend)),
          least(T(newton.least)),
          share(T(newton.share)) {}

    LOSSKIT_INLINE void take(T& gradient, T& curvature) const {
        gradient *= slope;
        curvature = at_least(at_least(curvature * bend, least), share * vabs(gradient));
    }
};

}  // namespace losskit::LOSSKIT_ISA
