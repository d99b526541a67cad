// Losses of one distribution of classes against another.
#pragma once

#include "rows.hpp"

namespace losskit::LOSSKIT_ISA {

/// A term of KL(p‖q) from the logarithms: no term is negative, so that none cancels.
template <class T>
LOSSKIT_INLINE T divergence_term(T log_p, T log_q, T p, T q) {
    const T ratio = log_p - log_q;
    const T near = p * (vexpm1(-ratio) + ratio);
    const T apart = (p == 0 ? T(0) : p * ratio) - p + q;
    // Of -inf less -inf, which is NaN, the other is taken.
    return vabs(ratio) < 1 ? near : apart;
}

/// Divergence of a softmax and a target's rows.
template <class T>
struct KLDivergence {
    static constexpr const char* name = "KLDivergence";
    static constexpr const char* parameters[] = {"direction", "log_target", nullptr};
    static constexpr int rooms = 2;
    const bool reverse, logs;

    explicit KLDivergence(const double* given) : reverse(given[0] != 0), logs(given[1] != 0) {}

    bool regular(const Row<T>& row) const {
        return logs ? is_log_distribution(row.rows, row.classes)
                    : is_distribution(row.rows, row.classes);
    }

    double at(const Row<T>& row) const {
        const Softmax<T> softmax = softmax_of(row, row.input, 1, 0, rooms);
        if (reverse) {
            return logs ? rows<true, true>(row, softmax) : rows<true, false>(row, softmax);
        }
        return logs ? rows<false, true>(row, softmax) : rows<false, false>(row, softmax);
    }

private:
    template <bool REVERSE, bool LOGS>
    double rows(const Row<T>& row, const Softmax<T>& softmax) const {
        T* const slopes = row.room + (row.classes + 15) / 16 * 16;
        const T log_total = static_cast<T>(softmax.log_total), top = softmax.top;
        double sum = 0, slope_sum = 0;
        each_stretch(softmax, row.classes, [&](auto first, auto count, T scale) {
            T values[STRETCH];
            T* const e = softmax.exponentials + first;
            T* const slope_of = slopes + first;
            const T* const target = row.rows + first;
            const T* const logits = row.input + first;
#pragma GCC ivdep
            for (std::int64_t i = 0; i < count; ++i) {
                const T log_p = (logits[i] - top) - log_total;
                const T p = e[i] * scale;
                const T t = LOGS ? vexp(target[i]) : target[i];
                const T log_t = LOGS ? target[i] : vlog(target[i]);
                e[i] = p;
                if constexpr (REVERSE) {
                    values[i] = divergence_term(log_p, log_t, p, t);
                    slope_of[i] = p == 0 ? T(0) : p * (log_p - log_t);
                } else {
                    values[i] = divergence_term(log_t, log_p, t, p);
                    slope_of[i] = -t;
                }
            }
            sum += sum_of(values, count);
            slope_sum += sum_of(slope_of, count);
        });
        if (row.gradient) {
            const T factor = static_cast<T>(row.factor), mean = static_cast<T>(slope_sum);
            const T* const p = softmax.exponentials;
            write_gradient(row, 0, row.classes, [=](auto i) {
                const T away = p[i] == 0 ? T(0) : p[i] * mean;
                const T slope = slopes[i] - away;
                // An impossible class is infinitely worse than a mean that it made infinite.
                return (slopes[i] == INFINITY ? slopes[i] : slope) * factor;
            });
        }
        return sum;
    }
};

/// (1 - alpha) of the cross-entropy, and alpha T² KL(softmax(v/T)‖softmax(z/T)).
template <class T>
struct Distillation {
    static constexpr const char* name = "Distillation";
    static constexpr const char* parameters[] = {"temperature", "alpha", nullptr};
    static constexpr int rooms = 3;
    const double temperature, alpha;

    explicit Distillation(const double* given) : temperature(given[0]), alpha(given[1]) {}

    bool regular(const Row<T>& row) const {
        return row.rows == nullptr || is_distribution(row.rows, row.classes);
    }

    double at(const Row<T>& row) const {
        const Softmax<T> plain = softmax_of(row, row.input, 1, 0, rooms);
        const Softmax<T> student = softmax_of(row, row.input, temperature, 1, rooms);
        const Softmax<T> taught = softmax_of(row, row.teacher, temperature, 2, rooms);
        double mass = 0, hard = 0;
        if (row.rows == nullptr) {
            mass = row.weight_of(row.index);
            hard = -mass * plain.log_probability(row.input[row.index]);
        } else {
            for (std::int64_t i = 0; i < row.classes; ++i) {
                const double share = static_cast<double>(row.rows[i]) * row.weight_of(i);
                mass += share;
                hard -= share == 0 ? 0 : share * plain.log_probability(row.input[i]);
            }
        }
        // Without class weights every position counts alike: rounded rows do not sum to 1.
        const double counted = row.class_weight ? mass : 1;
        const double soft = apart(row, student, taught);
        if (row.gradient) {
            if (row.rows == nullptr) {
                pull<false, false>(row, plain, student, taught, mass, counted);
                row.gradient[row.index] -= static_cast<T>((1 - alpha) * row.factor * mass);
            } else if (row.class_weight == nullptr) {
                pull<true, false>(row, plain, student, taught, mass, counted);
            } else {
                pull<true, true>(row, plain, student, taught, mass, counted);
            }
        }
        const double taught_share = temperature * temperature * alpha * counted;
        return (taught_share == 0 ? 0 : taught_share * soft) + (alpha == 1 ? 0 : (1 - alpha) * hard);
    }

private:
    static double apart(const Row<T>& row, const Softmax<T>& student, const Softmax<T>& taught) {
        const T inverse = static_cast<T>(student.inverse);
        const T log_student = static_cast<T>(student.log_total);
        const T log_taught = static_cast<T>(taught.log_total);
        const T student_top = student.top, taught_top = taught.top;
        double sum = 0;
        each_stretch(student, row.classes, [&](auto first, auto count, T scale) {
            T values[STRETCH];
            const T* const z = row.input + first;
            const T* const v = row.teacher + first;
            T* const s = student.exponentials + first;
            T* const t = taught.exponentials + first;
            const T taught_scale = taught.scales[first / STRETCH];
#pragma GCC ivdep
            for (std::int64_t i = 0; i < count; ++i) {
                const T log_s = (z[i] - student_top) * inverse - log_student;
                const T log_t = (v[i] - taught_top) * inverse - log_taught;
                s[i] *= scale;
                t[i] *= taught_scale;
                values[i] = divergence_term(log_t, log_s, t[i], s[i]);
            }
            sum += sum_of(values, count);
        });
        return sum;
    }

    /// The gradient, of a class index without the class itself.
    template <bool ROWS, bool WEIGHED>
    void pull(const Row<T>& row, const Softmax<T>& plain, const Softmax<T>& student,
              const Softmax<T>& taught, double mass, double counted) const {
        const T soft = static_cast<T>(temperature * alpha * counted * row.factor);
        const double hard = (1 - alpha) * row.factor;
        const T* const s = student.exponentials;
        const T* const t = taught.exponentials;
        const T* const e = plain.exponentials;
        const T* const target = row.rows;
        const double* const weights = row.class_weight;
        const T own = static_cast<T>(hard);
        each_stretch(plain, row.classes, [&](auto first, auto count, T scale) {
            const T spread = static_cast<T>(hard * mass * static_cast<double>(scale));
            write_gradient(row, first, count, [=](auto i) {
                const T all = soft * (s[i] - t[i]) + e[i] * spread;
                if constexpr (!ROWS) {
                    return all;
                } else {
                    const T q = WEIGHED ? target[i] * static_cast<T>(weights[i]) : target[i];
                    return all - own * q;
                }
            });
        });
    }
};

}  // namespace losskit::LOSSKIT_ISA
