// Logistic losses, of logits and of probabilities.
#pragma once

#include "functor.hpp"

namespace losskit::LOSSKIT_ISA {

/// -(y log p + (1 - y) log(1 - p)), the logarithms and the divisors of the derivatives clipped.
template <class T>
struct BinaryCrossEntropy : FunctorOfOne<2> {
    static constexpr const char* name = "BinaryCrossEntropy";

    explicit BinaryCrossEntropy(const double*) {}

    LOSSKIT_INLINE void at(const T* a, T& value, T* gradient, T* curvature) const {
        const T p = a[0], y = a[1];
        const T log_yes = p <= 0 ? T(-100) : at_least(vlog(p), T(-100));
        const T log_no = p >= 1 ? T(-100) : at_least(vlog1p(-p), T(-100));
        value = -(y * log_yes + (1 - y) * log_no);
        const T yes = at_least(p, T(1e-12));
        const T no = at_least(1 - p, T(1e-12));
        const T slope_yes = y / yes;
        const T slope_no = (1 - y) / no;
        gradient[0] = slope_no - slope_yes;
        curvature[0] = slope_yes / yes + slope_no / no;
    }
};

/// -(w y log s(z) + (1 - y) log s(-z)), with or without the positive's weight w as third array.
template <class T, bool weighted>
struct BinaryCrossEntropyWithLogits : FunctorOfLogit<T, weighted ? 3 : 2> {
    static constexpr const char* name = "BinaryCrossEntropyWithLogits";
    static constexpr bool rounds = true;

    explicit BinaryCrossEntropyWithLogits(const double*) {}

    LOSSKIT_INLINE void at(const T* a, const Logit<T>& logit, T& value, T* gradient,
                           T* curvature) const {
        T yes = a[1];
        if constexpr (weighted) yes *= a[2];
        const T no = 1 - a[1];
        // Both labels cost `least`, the wrong one |z| besides.
        const T wrong = a[0] > 0 ? no : yes;
        const T total = weighted ? yes + no : T(1);
        value = total * logit.least + times(wrong, vabs(a[0]));
        gradient[0] = no * logit.yes - yes * logit.no;
        curvature[0] = (yes + no) * logit.yes * logit.no;
    }
};

template <class T>
using BinaryCrossEntropyWithLogitsPlain = BinaryCrossEntropyWithLogits<T, false>;
template <class T>
using BinaryCrossEntropyWithLogitsWeighted = BinaryCrossEntropyWithLogits<T, true>;

/// Binary cross-entropy of sigma (x1 - x2).
template <class T>
struct PairwiseLogistic : FunctorOfPair<3> {
    static constexpr const char* name = "PairwiseLogistic";
    static constexpr const char* parameters[] = {"sigma", nullptr};
    static constexpr bool logistic = true;
    T sigma, square;

    explicit PairwiseLogistic(const double* given)
        : sigma(T(given[0])), square(T(given[0] * given[0])) {}

    LOSSKIT_INLINE T logit(const T* a) const { return sigma * (a[0] - a[1]); }

    LOSSKIT_INLINE void at(const T* a, const Logit<T>& logit, T& value, T* gradient,
                           T* curvature) const {
        const T yes = a[2];
        const T no = 1 - a[2];
        value = sum_of_times(yes, logit.cost_yes, no, logit.cost_no);
        gradient[0] = sigma * (no * logit.yes - yes * logit.no);
        gradient[1] = -gradient[0];
        curvature[0] = square * logit.yes * logit.no;
        curvature[1] = curvature[0];
    }
};

/// log(1 + exp(-y x)).
template <class T>
struct SoftMargin : FunctorOfLogit<T, 2> {
    static constexpr const char* name = "SoftMargin";

    explicit SoftMargin(const double*) {}

    LOSSKIT_INLINE T logit(const T* a) const { return a[1] * a[0]; }

    LOSSKIT_INLINE void at(const T* a, const Logit<T>& logit, T& value, T* gradient,
                           T* curvature) const {
        value = logit.cost_yes;
        gradient[0] = -a[1] * logit.no;
        curvature[0] = a[1] * a[1] * logit.yes * logit.no;
    }
};

}  // namespace losskit::LOSSKIT_ISA
