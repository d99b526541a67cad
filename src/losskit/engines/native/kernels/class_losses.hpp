// Losses of log-probabilities of classes: each says what one row costs, and writes its gradient.
#pragma once

#include "costs.hpp"
#include "rows.hpp"

namespace losskit::LOSSKIT_ISA {

/// Σ w q cost(log p), of one class or of probabilities.
template <class Cost, class T>
struct OfLogProbabilities {
    static constexpr int rooms = 2;
    const Cost cost;

    explicit OfLogProbabilities(const double* given) : cost(given) {}

    bool regular(const Row<T>& row) const {
        return row.rows == nullptr || is_distribution(row.rows, row.classes);
    }

    double at(const Row<T>& row) const {
        if constexpr (Cost::linear) {
            if (row.rows && cost.smoothing == 0) {
                return row.class_weight ? crossed<true>(row) : crossed<false>(row);
            }
        }
        const Softmax<T> softmax = softmax_of(row, row.input, 1, 0, rooms);
        return row.class_weight ? of<true>(row, softmax) : of<false>(row, softmax);
    }

private:
    // Whether there are weights is settled before the loops: a masked read of what is not there
    // is allowed, but slower than all that it saves.
    template <bool WEIGHED>
    double of(const Row<T>& row, const Softmax<T>& softmax) const {
        if (row.rows) {
            return cost.smoothing > 0 ? rows<true, WEIGHED>(row, softmax)
                                      : rows<false, WEIGHED>(row, softmax);
        }
        return cost.smoothing > 0 ? smoothed<WEIGHED>(row, softmax) : index(row, softmax);
    }

    double index(const Row<T>& row, const Softmax<T>& softmax) const {
        const T logit = row.input[row.index];
        const double weight = row.weight_of(row.index);
        const double log_p = softmax.log_probability(logit), missed = softmax.missed(logit);
        const double p = std::exp(log_p);
        double value, slope;
        cost.at(log_p, p, missed, value, slope);
        if (row.curvature) {
            const double first = weight * slope, second = weight * cost.bend(log_p, p, missed);
            curve(row, softmax, first, second);
            row.curvature[row.index] = static_cast<T>(own_curvature(p, missed, first, second));
        }
        if (row.gradient) {
            slope *= weight * row.factor;
            each_stretch(softmax, row.classes, [&](auto first, auto count, T scale) {
                const T* const e = softmax.exponentials;
                const T factor = static_cast<T>(-slope * static_cast<double>(scale));
                write_gradient(row, first, count, [=](auto i) { return e[i] * factor; });
            });
            row.gradient[row.index] = static_cast<T>(slope * missed);
        }
        return weight * value;
    }

    /// Curvatures of classes whose cost has the derivatives `slope` and `bend` in the log p of
    /// another one.
    static void curve(const Row<T>& row, const Softmax<T>& softmax, double slope, double bend) {
        const T first = static_cast<T>(slope), second = held<T>(bend);
        each_stretch(softmax, row.classes, [&](auto at, auto count, T scale) {
            const T* const from = softmax.exponentials + at;
            T* const to = row.curvature + at;
#pragma GCC ivdep
            for (std::int64_t i = 0; i < count; ++i) {
                to[i] = curvature_beside(from[i] * scale, first, second);
            }
        });
    }

    /// One class, with a share of the target spread over all classes that are not ruled out.
    template <bool WEIGHED>
    double smoothed(const Row<T>& row, const Softmax<T>& softmax) const {
        const auto [allowed, mass, even] = spread<WEIGHED>(row, softmax.top);
        const double share = cost.smoothing / allowed;
        const double main = (1 - cost.smoothing) * row.weight_of(row.index);
        const double log_p = softmax.log_probability(row.input[row.index]);
        if (row.gradient) {
            const double all = main + share * mass;
            if (allowed == static_cast<double>(row.classes)) {
                slopes<WEIGHED, false>(row, softmax, all, share);
            } else {
                slopes<WEIGHED, true>(row, softmax, all, share);
            }
            row.gradient[row.index] -= static_cast<T>(main * row.factor);
            if (row.curvature) {
                curve(row, softmax, -all, 0);
            }
        }
        const double rest = share * (softmax.log_total * mass - even);
        return rest - (main == 0 ? 0 : main * log_p);
    }

    /// p · all, less the share of each class, of which some may be ruled out.
    template <bool WEIGHED, bool RULED_OUT>
    static void slopes(const Row<T>& row, const Softmax<T>& softmax, double all, double share) {
        const T each = static_cast<T>(share * row.factor);
        each_stretch(softmax, row.classes, [&](auto first, auto count, T scale) {
            const T factor = static_cast<T>(all * row.factor * static_cast<double>(scale));
            const T* const logits = row.input;
            const T* const e = softmax.exponentials;
            const double* const weights = row.class_weight;
            write_gradient(row, first, count, [=](auto i) {
                T own = WEIGHED ? each * static_cast<T>(weights[i]) : each;
                if constexpr (RULED_OUT) {
                    own = logits[i] == -INFINITY ? T(0) : own;
                }
                return e[i] * factor - own;
            });
        });
    }

    /// Of the classes that are not ruled out: how many, their weights, and the weighed logits.
    struct Spread {
        double allowed, mass, even;
    };

    template <bool WEIGHED>
    static Spread spread(const Row<T>& row, T top) {
        Spread found = {0, 0, 0};
        for (std::int64_t first = 0; first < row.classes; first += STRETCH) {
            const std::int64_t end = first + stretch_at(first, row.classes);
            if constexpr (WEIGHED) {
                add_weighed_spread(row, top, first, end, found);
            } else {
                add_spread(row, top, first, end, found);
            }
        }
        return found;
    }

    /// Of a stretch, whose count of classes is exact in T, and whose distances lose little in it.
    LOSSKIT_APART static void add_spread(const Row<T>& row, T top, std::int64_t first,
                                         std::int64_t end, Spread& found) {
        constexpr std::int64_t LANES = LANES_OF<T>;
        alignas(64) T counts[LANES] = {}, distances[LANES] = {};
        std::int64_t at = first;
        for (; at + LANES <= end; at += LANES) {
            add_distances(row.input + at, top, LANES, counts, distances);
        }
        add_distances(row.input + at, top, end - at, counts, distances);
        const double allowed = static_cast<double>(sum_of_lanes<LANES>(counts));
        found.allowed += allowed;
        found.mass += allowed;
        found.even += sum_of(distances, LANES);
    }

    static LOSSKIT_INLINE void add_distances(const T* logits, T top, std::int64_t count, T* counts,
                                             T* distances) {
#pragma GCC ivdep
#pragma GCC unroll 1
        for (std::int64_t i = 0; i < count; ++i) {
            const bool on = logits[i] != -INFINITY;
            counts[i] += on ? T(1) : T(0);
            distances[i] += on ? logits[i] - top : T(0);
        }
    }

    LOSSKIT_APART static void add_weighed_spread(const Row<T>& row, T top, std::int64_t first,
                                                 std::int64_t end, Spread& found) {
        const T* const logits = row.input;
        const double* const weights = row.class_weight;
        double allowed = 0, mass = 0, even = 0;
#pragma omp simd reduction(+ : allowed, mass, even)
        for (std::int64_t i = first; i < end; ++i) {
            const bool on = logits[i] != -INFINITY;
            const T below = on ? logits[i] - top : T(0);
            allowed += on ? 1.0 : 0.0;
            mass += on ? weights[i] : 0.0;
            even += weights[i] * static_cast<double>(below);
        }
        found.allowed += allowed;
        found.mass += mass;
        found.even += even;
    }

    /// What a stretch has of the target, and how far that lies below a reference.
    struct Share {
        double mass, below;
    };

    template <bool WEIGHED>
    LOSSKIT_APART static Share share_of(const Row<T>& row, T reference, std::int64_t first,
                                        std::int64_t count) {
        constexpr std::int64_t LANES = LANES_OF<T>;
        alignas(64) T shares[LANES] = {}, distances[LANES] = {};
        const std::int64_t end = first + count;
        std::int64_t at = first;
        for (; at + LANES <= end; at += LANES) {
            LOSSKIT_READ_SOON(row.rows + STRETCH + at);
            add_shares<WEIGHED>(row, reference, at, LANES, shares, distances);
        }
        add_shares<WEIGHED>(row, reference, at, end - at, shares, distances);
        return {sum_of(shares, LANES), sum_of(distances, LANES)};
    }

    template <bool WEIGHED>
    static LOSSKIT_INLINE void add_shares(const Row<T>& row, T reference, std::int64_t at,
                                          std::int64_t count, T* shares, T* distances) {
        const T* const logits = row.input + at;
        const T* const target = row.rows + at;
        const double* const weights = WEIGHED ? row.class_weight + at : nullptr;
#pragma GCC ivdep
#pragma GCC unroll 1
        for (std::int64_t i = 0; i < count; ++i) {
            const T q = WEIGHED ? target[i] * static_cast<T>(weights[i]) : target[i];
            const T distance = logits[i] - reference;
            shares[i] += q;
            distances[i] = q == 0 ? distances[i] : distances[i] + q * distance;
        }
    }

    /// -Σ w q log p, for which nothing but the exponentials has to be kept.
    template <bool WEIGHED>
    static double crossed(const Row<T>& row) {
        const T* const target = row.rows;
        const double* const weights = row.class_weight;
        // Behind the numbers of the softmax.
        double* const masses = row.sums + 2 * Softmax<T>::stretches(row.classes);
        double mass = 0, below = 0;
        const auto visit = [&](std::int64_t part, std::int64_t first, std::int64_t count,
                               T reference) {
            const Share share = share_of<WEIGHED>(row, reference, first, count);
            below += share.below;
            masses[2 * part] = share.mass;
            masses[2 * part + 1] = static_cast<double>(reference);
        };
        const Softmax<T> softmax = softmax_of(row, row.input, 1, 0, rooms, visit);
        for (std::int64_t part = 0; part < Softmax<T>::stretches(row.classes); ++part) {
            const double share = masses[2 * part], reference = masses[2 * part + 1];
            mass += share;
            below += share * (reference - static_cast<double>(softmax.top));
        }
        if (row.gradient) {
            const T factor = static_cast<T>(row.factor);
            each_stretch(softmax, row.classes, [&](auto first, auto count, T scale) {
                const T all = static_cast<T>(mass * static_cast<double>(scale));
                const T* const e = softmax.exponentials;
                write_gradient(row, first, count, [=](auto i) {
                    const T q = WEIGHED ? target[i] * static_cast<T>(weights[i]) : target[i];
                    return (e[i] * all - q) * factor;
                });
            });
        }
        return softmax.log_total * mass - below;
    }

    template <bool SMOOTHED, bool WEIGHED>
    double rows(const Row<T>& row, const Softmax<T>& softmax) const {
        T* const slopes = row.room + (row.classes + 15) / 16 * 16;
        double allowed = 0;
        if constexpr (SMOOTHED) {
            const T* const logits = row.input;
#pragma omp simd reduction(+ : allowed)
            for (std::int64_t i = 0; i < row.classes; ++i) {
                allowed += logits[i] != -INFINITY ? 1.0 : 0.0;
            }
        }
        const T kept = static_cast<T>(1 - cost.smoothing);
        const T share = SMOOTHED ? static_cast<T>(cost.smoothing / allowed) : T(0);
        const T log_total = static_cast<T>(softmax.log_total), top = softmax.top;
        double sum = 0, slope_sum = 0;
        each_stretch(softmax, row.classes, [&](auto first, auto count, T scale) {
            T values[STRETCH];
            const T* const logits = row.input + first;
            const T* const target = row.rows + first;
            T* const e = softmax.exponentials + first;
            T* const slope_of = slopes + first;
            const double* const weights = row.class_weight;
#pragma GCC ivdep
            for (std::int64_t i = 0; i < count; ++i) {
                const T log_p = (logits[i] - top) - log_total;
                const T p = e[i] * scale;
                T q = target[i];
                if constexpr (SMOOTHED) {
                    q = kept * q + (logits[i] == -INFINITY ? T(0) : share);
                }
                if constexpr (WEIGHED) {
                    q *= static_cast<T>(weights[first + i]);
                }
                T value, slope;
                cost.at(log_p, p, -vexpm1(log_p), value, slope);
                e[i] = p;
                values[i] = q == 0 ? T(0) : q * value;
                slope_of[i] = q == 0 ? T(0) : q * slope;
            }
            sum += sum_of(values, count);
            slope_sum += sum_of(slope_of, count);
        });
        if (row.gradient) {
            const T factor = static_cast<T>(row.factor), mean = static_cast<T>(slope_sum);
            const T* const p = softmax.exponentials;
            write_gradient(row, 0, row.classes,
                           [=](auto i) { return (slopes[i] - p[i] * mean) * factor; });
        }
        return sum;
    }
};

/// -Σ w q x for log-probabilities x.
template <class T>
struct NLL {
    static constexpr const char* name = "NLL";
    static constexpr const char* parameters[] = {nullptr};
    static constexpr int rooms = 0;

    explicit NLL(const double*) {}

    bool regular(const Row<T>& row) const {
        return row.rows == nullptr || is_distribution(row.rows, row.classes);
    }

    double at(const Row<T>& row) const {
        if (row.rows == nullptr) {
            const double weight = row.weight_of(row.index);
            if (row.gradient) {
                for (std::int64_t i = 0; i < row.classes; ++i) {
                    row.gradient[i] = 0;
                }
                row.gradient[row.index] = static_cast<T>(-weight * row.factor);
            }
            return -weight * static_cast<double>(row.input[row.index]);
        }
        double sum = 0;
        for (std::int64_t i = 0; i < row.classes; ++i) {
            const double share = static_cast<double>(row.rows[i]) * row.weight_of(i);
            sum -= share == 0 ? 0 : share * static_cast<double>(row.input[i]);
            if (row.gradient) {
                row.gradient[i] = static_cast<T>(-share * row.factor);
            }
        }
        return sum;
    }
};

/// What the weights of a row's classes come to, each by its probability.
template <class T>
struct MassOfRows {
    static constexpr int rooms = 0;

    explicit MassOfRows(const double*) {}

    bool regular(const Row<T>&) const { return true; }

    double at(const Row<T>& row) const {
        double mass = 0;
        for (std::int64_t i = 0; i < row.classes; ++i) {
            mass += static_cast<double>(row.rows[i]) * row.class_weight[i];
        }
        return mass;
    }
};

}  // namespace losskit::LOSSKIT_ISA
