// A loss with its settings, called with arrays. A call that is not plain is left to others: it
// returns false, having promised nothing of what it was to write.
#pragma once

#include <nanobind/nanobind.h>

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "arrays.hpp"
#include "job.hpp"

namespace losskit {

namespace nb = nanobind;

enum class Reduction : int { none, mean, sum };

/// What one call says besides its arrays.
struct Call {
    nb::handle weight, mask, scale, outer;
    double normalizer;  // NaN for none
    Reduction reduction;
    bool look;
    int threads;
    nb::handle values;  // to be written: a number, or one per position
    Newton newton = {1, 1, -INFINITY, -INFINITY};
};

using Ranges = std::vector<Range>;

class ElementwiseLoss {
public:
    ElementwiseLoss(const Table& table, const std::string& name, std::vector<double> parameters,
                    Ranges ranges, std::vector<double> fills);

    bool run(nb::tuple arrays, const Call& call, nb::tuple gradients, nb::tuple curvatures) const;

private:
    /// What the values are divided by; nothing where the weights are not in order.
    std::optional<double> divisor_of(const Call& call, const ElementwiseJob& job, bool wide) const;

    const Table& table_;
    const ElementwiseKernel& kernel_;
    std::vector<double> parameters_;
    Ranges ranges_;
    std::vector<double> fills_;
};

class ClasswiseLoss {
public:
    ClasswiseLoss(const Table& table, const std::string& name, std::vector<double> parameters,
                  Range range, bool ignores, std::int64_t ignore_index);

    bool run(nb::handle input, nb::handle teacher, nb::handle target, int axis,
             nb::handle class_weight, bool class_weight_counts, const Call& call,
             nb::handle gradient, nb::handle curvature) const;

private:
    /// What the values are divided by; nothing where the weights are not in order.
    std::optional<double> divisor_of(const Call& call, const ClasswiseJob& job, bool wide,
                                     bool counts) const;

    const Table& table_;
    const ClasswiseKernel& kernel_;
    std::vector<double> parameters_;
    Range range_;
    bool ignores_;
    std::int64_t ignore_index_;
};

}  // namespace losskit
