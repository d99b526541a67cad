// Losses of scores and distances against signs.
#pragma once

#include "functor.hpp"

namespace losskit::LOSSKIT_ISA {

/// max(0, 1 - y f).
template <class T>
struct Hinge : FunctorOfOne<2> {
    static constexpr const char* name = "Hinge";
    static constexpr bool light = true;

    explicit Hinge(const double*) {}

    LOSSKIT_INLINE void at(const T* a, T& value, T* gradient, T* curvature) const {
        value = at_least(1 - a[1] * a[0], T(0));
        gradient[0] = a[1] * a[0] >= 1 ? T(0) : -a[1];
        curvature[0] = 0;
    }
};

/// x of a similar pair, max(0, margin - x) of a dissimilar one.
template <class T>
struct HingeEmbedding : FunctorOfOne<2> {
    static constexpr const char* name = "HingeEmbedding";
    static constexpr const char* parameters[] = {"margin", nullptr};
    static constexpr bool light = true;
    T margin;

    explicit HingeEmbedding(const double* given) : margin(T(given[0])) {}

    LOSSKIT_INLINE void at(const T* a, T& value, T* gradient, T* curvature) const {
        const T yes = (1 + a[1]) / 2;
        const T no = (1 - a[1]) / 2;
        value = sum_of_times(yes, a[0], no, at_least(margin - a[0], T(0)));
        gradient[0] = a[0] > margin ? yes : yes - no;
        curvature[0] = 0;
    }
};

/// max(0, margin - y (x1 - x2)).
template <class T>
struct MarginRanking : FunctorOfPair<3> {
    static constexpr const char* name = "MarginRanking";
    static constexpr const char* parameters[] = {"margin", nullptr};
    static constexpr bool light = true;
    T margin;

    explicit MarginRanking(const double* given) : margin(T(given[0])) {}

    LOSSKIT_INLINE void at(const T* a, T& value, T* gradient, T* curvature) const {
        // Two scores of the same infinity are tied as well.
        const T lead = a[2] * (a[0] == a[1] ? T(0) : a[0] - a[1]);
        const T slope = lead > margin ? T(0) : a[2];
        value = at_least(margin - lead, T(0));
        gradient[0] = -slope;
        gradient[1] = slope;
        curvature[0] = 0;
        curvature[1] = 0;
    }
};

/// max(0, 1 - y f)².
template <class T>
struct SquaredHinge : FunctorOfOne<2> {
    static constexpr const char* name = "SquaredHinge";
    static constexpr bool light = true;

    explicit SquaredHinge(const double*) {}

    LOSSKIT_INLINE void at(const T* a, T& value, T* gradient, T* curvature) const {
        const T missing = at_least(1 - a[1] * a[0], T(0));
        value = missing * missing;
        gradient[0] = -2 * a[1] * missing;
        curvature[0] = a[1] * a[0] >= 1 ? T(0) : 2 * a[1] * a[1];
    }
};

}  // namespace losskit::LOSSKIT_ISA
