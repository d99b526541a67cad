// Costs of the log-probability of a class. A cost says of one class what it costs, and both
// derivatives in log p; `linear` are those that cost -log p itself.
#pragma once

#include "focal_losses.hpp"
#include "vmath.hpp"

namespace losskit::LOSSKIT_ISA {

struct LogCost {
    static constexpr const char* name = "CrossEntropy";
    static constexpr const char* parameters[] = {"label_smoothing", nullptr};
    static constexpr bool linear = true;
    double smoothing;
    explicit LogCost(const double* given) : smoothing(given[0]) {}

    static bool fits(const double*) { return true; }

    template <class T>
    LOSSKIT_INLINE void at(T log_p, T, T, T& value, T& slope) const {
        value = -log_p;
        slope = -1;
    }

    LOSSKIT_INLINE double bend(double, double, double) const { return 0; }
};

template <template <class> class Power>
struct FocalCost {
    static constexpr const char* name = "Focal";
    static constexpr const char* parameters[] = {"gamma", nullptr};
    static constexpr bool linear = false;
    static constexpr double smoothing = 0;
    double gamma;
    explicit FocalCost(const double* given) : gamma(given[0]) {}

    static bool fits(const double* given) { return Power<float>::fits(given[0]); }

    template <class T>
    LOSSKIT_INLINE void at(T log_p, T p, T missed, T& value, T& slope) const {
        const Power<T> power(gamma);
        // Where nothing is missed, log p is 0, and so is what this multiplies.
        const T ratio = -log_p / (missed == 0 ? T(1) : missed);
        const T faded = power.of(missed);
        value = faded * -log_p;
        slope = -faded * (1 + power.exponent * (p == 0 ? T(0) : p * ratio));
    }

    LOSSKIT_INLINE double bend(double log_p, double p, double missed) const {
        const Power<double> power(gamma);
        // Below, what it multiplies is 0, and the quotient might be infinite.
        const double some = missed < 1e-150 ? 1e-150 : missed;
        const double inner = 2 + log_p + (gamma - 1) * p * (-log_p / some);
        return p == 0 ? 0.0 : gamma * (power.of(some) / some) * p * inner;
    }
};

struct Poly1Cost {
    static constexpr const char* name = "Poly1";
    static constexpr const char* parameters[] = {"epsilon", nullptr};
    static constexpr bool linear = false;
    static constexpr double smoothing = 0;
    double epsilon;
    explicit Poly1Cost(const double* given) : epsilon(given[0]) {}

    static bool fits(const double*) { return true; }

    template <class T>
    LOSSKIT_INLINE void at(T log_p, T p, T missed, T& value, T& slope) const {
        const T e = static_cast<T>(epsilon);
        value = e * missed - log_p;
        slope = -(1 + e * p);
    }

    LOSSKIT_INLINE double bend(double, double p, double) const { return -epsilon * p; }
};

struct PowerCost {
    static constexpr const char* name = "GeneralizedCrossEntropy";
    static constexpr const char* parameters[] = {"q", nullptr};
    static constexpr bool linear = false;
    static constexpr double smoothing = 0;
    double q;
    explicit PowerCost(const double* given) : q(given[0]) {}

    static bool fits(const double*) { return true; }

    template <class T>
    LOSSKIT_INLINE void at(T log_p, T, T, T& value, T& slope) const {
        const T power = static_cast<T>(q) * log_p;
        value = -vexpm1(power) / static_cast<T>(q);
        slope = -vexp(power);
    }

    LOSSKIT_INLINE double bend(double log_p, double, double) const { return -q * vexp(q * log_p); }
};

// Curvatures in the logits, by both derivatives in log p of the one class that costs anything.

/// Of the class itself.
LOSSKIT_INLINE double own_curvature(double p, double missed, double slope, double bend) {
    return missed * (missed * bend - p * slope);
}

/// Of another class, of probability p.
template <class T>
LOSSKIT_INLINE T curvature_beside(T p, T slope, T bend) {
    return p * (p * bend - (1 - p) * slope);
}

/// A bend within the range of T: one beyond it meets probabilities whose square is 0.
template <class T>
LOSSKIT_INLINE T held(double bend) {
    constexpr double most = sizeof(T) == 4 ? 1e30 : 1e300;
    return static_cast<T>(bend < -most ? -most : bend > most ? most : bend);
}

}  // namespace losskit::LOSSKIT_ISA
