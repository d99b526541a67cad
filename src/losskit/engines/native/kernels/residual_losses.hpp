// Losses of the error, input - target.
#pragma once

#include "functor.hpp"

namespace losskit::LOSSKIT_ISA {

/// Squared error within delta, its tangent beyond.
template <class T>
struct Huber : FunctorOfOne<2> {
    static constexpr const char* name = "Huber";
    static constexpr const char* parameters[] = {"delta", nullptr};
    static constexpr bool light = true;
    T delta;

    explicit Huber(const double* given) : delta(T(given[0])) {}

    LOSSKIT_INLINE void at(const T* a, T& value, T* gradient, T* curvature) const {
        const T error = a[0] - a[1];
        const T size = vabs(error);
        const bool near = size <= delta;
        value = near ? error * error / 2 : delta * (size - delta / 2);
        gradient[0] = near ? error : delta * sign(error);
        curvature[0] = near ? T(1) : T(0);
    }
};

/// log(cosh(e)).
template <class T>
struct LogCosh : FunctorOfOne<2> {
    static constexpr const char* name = "LogCosh";

    explicit LogCosh(const double*) {}

    LOSSKIT_INLINE void at(const T* a, T& value, T* gradient, T* curvature) const {
        const T error = a[0] - a[1];
        const T size = vabs(error);
        const T square = error * error;
        const T shrunk = vexp(-2 * size);
        const T sum = 1 + shrunk;
        // Near 0 the terms of |e| + log((1 + exp(-2|e|))/2) cancel.
        const bool near = size < 1;
        const T low = square * (T(0.5) + square * log_cosh_tail(square));
        const T high = (size - Format<T>::log2_high) +
                       (log1p_of_share(shrunk) - Format<T>::log2_low);
        value = near ? low : high;
        const T slope = near ? size + size * (square * tanh_tail(square)) : 1 - 2 * shrunk / sum;
        gradient[0] = with_sign(slope, error);
        curvature[0] = 4 * shrunk / (sum * sum);
    }
};

/// |e|.
template <class T>
struct MAE : FunctorOfOne<2> {
    static constexpr const char* name = "MAE";
    static constexpr bool light = true;

    explicit MAE(const double*) {}

    LOSSKIT_INLINE void at(const T* a, T& value, T* gradient, T* curvature) const {
        const T error = a[0] - a[1];
        value = vabs(error);
        gradient[0] = sign(error);
        curvature[0] = 0;
    }
};

/// e².
template <class T>
struct MSE : FunctorOfOne<2> {
    static constexpr const char* name = "MSE";
    static constexpr bool light = true;

    explicit MSE(const double*) {}

    LOSSKIT_INLINE void at(const T* a, T& value, T* gradient, T* curvature) const {
        const T error = a[0] - a[1];
        value = error * error;
        gradient[0] = 2 * error;
        curvature[0] = 2;
    }
};

/// Slope -q below the target, 1 - q above it.
template <class T>
struct Quantile : FunctorOfOne<2> {
    static constexpr const char* name = "Quantile";
    static constexpr const char* parameters[] = {"quantile", nullptr};
    static constexpr bool light = true;
    T below, above;

    explicit Quantile(const double* given) : below(T(given[0])), above(T(1 - given[0])) {}

    LOSSKIT_INLINE void at(const T* a, T& value, T* gradient, T* curvature) const {
        const T error = a[0] - a[1];
        value = error <= 0 ? -below * error : above * error;
        gradient[0] = error > 0 ? above : below * sign(error);
        curvature[0] = 0;
    }
};

/// Huber's loss divided by its delta; of beta 0, the absolute error.
template <class T>
struct SmoothL1 : FunctorOfOne<2> {
    static constexpr const char* name = "SmoothL1";
    static constexpr const char* parameters[] = {"beta", nullptr};
    static constexpr bool light = true;
    T beta;

    explicit SmoothL1(const double* given) : beta(T(given[0])) {}

    LOSSKIT_INLINE void at(const T* a, T& value, T* gradient, T* curvature) const {
        const T error = a[0] - a[1];
        const T size = vabs(error);
        const bool near = size < beta;
        value = near ? error * error / (2 * beta) : size - beta / 2;
        gradient[0] = near ? error / beta : sign(error);
        curvature[0] = near ? 1 / beta : T(0);
    }
};

}  // namespace losskit::LOSSKIT_ISA
