// Negative log-likelihoods of numbers, and divergences term by term.
#pragma once

#include "functor.hpp"

namespace losskit::LOSSKIT_ISA {

/// x + y exp(-x).
template <class T>
struct GammaNLL : FunctorOfOne<2> {
    static constexpr const char* name = "GammaNLL";

    explicit GammaNLL(const double*) {}

    LOSSKIT_INLINE void at(const T* a, T& value, T* gradient, T* curvature) const {
        const T ratio = a[1] * vexp(-a[0]);
        value = a[0] + ratio;
        gradient[0] = 1 - ratio;
        curvature[0] = ratio;
    }
};

/// (log v + e²/v)/2, of input, target and variance.
template <class T>
struct GaussianNLL : Functor<3, 2> {
    static constexpr const char* name = "GaussianNLL";
    static constexpr const char* parameters[] = {"full", "eps", nullptr};
    static constexpr int output[] = {0, 2};
    T constant, eps;

    explicit GaussianNLL(const double* given)
        : constant(given[0] != 0 ? T(0.9189385332046727) : T(0)), eps(T(given[1])) {}

    LOSSKIT_INLINE void at(const T* a, T& value, T* gradient, T* curvature) const {
        // The difference is 0, and NaN of a variance that is not finite.
        const T v = a[2] >= eps ? a[2] : eps + (a[2] - a[2]);
        const T error = a[0] - a[1];
        const T scaled = error / v;
        const T square = error * scaled;
        value = (vlog(v) + square) / 2 + constant;
        gradient[0] = scaled;
        gradient[1] = (1 - square) / (2 * v);
        curvature[0] = 1 / v;
        curvature[1] = (2 * square - 1) / (2 * v * v);
    }
};

/// Rate less count times log rate, the rate given by its logarithm or itself.
template <class T, bool log_input, bool full>
struct PoissonNLL : FunctorOfOne<2> {
    static constexpr const char* name = "PoissonNLL";
    static constexpr const char* parameters[] = {"log_input", "full", "eps", nullptr};
    T eps;

    explicit PoissonNLL(const double* given) : eps(T(given[2])) {}

    static bool fits(const double* given) {
        return (given[0] != 0) == log_input && (given[1] != 0) == full;
    }

    LOSSKIT_INLINE void at(const T* a, T& value, T* gradient, T* curvature) const {
        if constexpr (log_input) {
            const T rate = vexp(a[0]);
            value = rate - a[1] * a[0];
            gradient[0] = rate - a[1];
            curvature[0] = rate;
        } else {
            const T rate = a[0] + eps;
            const T ratio = a[1] / rate;
            value = a[0] - a[1] * vlog(rate);
            gradient[0] = 1 - ratio;
            curvature[0] = ratio / rate;
        }
        if constexpr (full) value += stirling(a[1]);
    }

    /// Approximate log(y!), taken as 0 up to 1.
    static LOSSKIT_INLINE T stirling(T target) {
        const bool counts = target > 1;
        const T y = counts ? target : T(1);
        const T logarithm = vlog(y);
        const T rest = T(0.5) * logarithm + T(0.9189385332046727);
        return counts ? (y * logarithm - y) + rest : T(0);
    }
};

template <class T>
using PoissonNLLOfLog = PoissonNLL<T, true, false>;
template <class T>
using PoissonNLLOfLogFull = PoissonNLL<T, true, true>;
template <class T>
using PoissonNLLOfRate = PoissonNLL<T, false, false>;
template <class T>
using PoissonNLLOfRateFull = PoissonNLL<T, false, true>;

/// Estimates of a divergence by d = x - y: d, d²/2, or exp(-d) - 1 + d.
template <class T, int estimator>
struct PolicyKL : FunctorOfOne<2> {
    static constexpr const char* name = "PolicyKL";
    static constexpr const char* parameters[] = {"estimator", nullptr};

    explicit PolicyKL(const double*) {}

    static bool fits(const double* given) { return given[0] == estimator - 1; }

    LOSSKIT_INLINE void at(const T* a, T& value, T* gradient, T* curvature) const {
        const bool ruled_out = a[0] == -T(INFINITY) && a[1] == -T(INFINITY);
        const T d = ruled_out ? T(0) : a[0] - a[1];
        if constexpr (estimator == 1) {
            value = d;
            gradient[0] = 1;
            curvature[0] = 0;
        } else if constexpr (estimator == 2) {
            value = d * d / 2;
            gradient[0] = d;
            curvature[0] = 1;
        } else {
            const T rise = vexpm1(-d);
            // exp(inf) - inf, of a token that only the policy rules out, is inf.
            const T far = rise + (d == -T(INFINITY) ? T(0) : d);
            value = vabs(d) < 1 ? d * d * (T(0.5) + d * surprise_tail(d)) : far;
            gradient[0] = -rise;
            curvature[0] = vexp(-d);
        }
    }
};

template <class T>
using PolicyKL1 = PolicyKL<T, 1>;
template <class T>
using PolicyKL2 = PolicyKL<T, 2>;
template <class T>
using PolicyKL3 = PolicyKL<T, 3>;

/// y (log y - x), the target given by itself or its logarithm.
template <class T, bool log_target>
struct RelativeEntropy : FunctorOfOne<2> {
    static constexpr const char* name = "RelativeEntropy";
    static constexpr const char* parameters[] = {"log_target", nullptr};

    explicit RelativeEntropy(const double*) {}

    static bool fits(const double* given) { return (given[0] != 0) == log_target; }

    LOSSKIT_INLINE void at(const T* a, T& value, T* gradient, T* curvature) const {
        const T absent = a[0] == -T(INFINITY) ? T(0) : -a[0];
        const T share = log_target ? vexp(a[1]) : a[1];
        // y log y - y x rounds less than y (log y - x), but is inf - inf for an infinite share.
        const T present = log_target ? share * (a[1] - a[0]) : share * vlog(share) - share * a[0];
        value = share == 0 ? share * absent : present;
        gradient[0] = -share;
        curvature[0] = 0;
    }
};

template <class T>
using RelativeEntropyOfShare = RelativeEntropy<T, false>;
template <class T>
using RelativeEntropyOfLog = RelativeEntropy<T, true>;

/// exp((2 - p) x)/(2 - p) + y exp((1 - p) x)/(p - 1).
template <class T>
struct Tweedie : FunctorOfOne<2> {
    static constexpr const char* name = "Tweedie";
    static constexpr const char* parameters[] = {"power", nullptr};
    T rest, rise;

    explicit Tweedie(const double* given) : rest(T(2 - given[0])), rise(T(given[0] - 1)) {}

    LOSSKIT_INLINE void at(const T* a, T& value, T* gradient, T* curvature) const {
        const T growing = vexp(rest * a[0]);
        const T shrinking = a[1] * vexp(-rise * a[0]);
        value = growing / rest + shrinking / rise;
        gradient[0] = growing - shrinking;
        curvature[0] = rest * growing + rise * shrinking;
    }
};

}  // namespace losskit::LOSSKIT_ISA
