#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "calling.hpp"

namespace losskit {
namespace {

const ElementwiseKernel& find(const Table& table, const std::string& name,
                              const std::vector<double>& parameters, std::size_t arrays) {
    for (const auto* kernel = table.elementwise; kernel->name != nullptr; ++kernel) {
        if (takes(*kernel, name, parameters) && static_cast<std::size_t>(kernel->arrays) == arrays &&
            kernel->fits(parameters.data())) {
            return *kernel;
        }
    }
    throw std::invalid_argument("no kernel computes " + name);
}

/// Put the axes in the order of the memory, and make one of those that lie behind each other.
template <std::size_t COUNT>
int coalesce(int axes, std::int64_t* shape, Operand* const (&operands)[COUNT]) {
    int order[MOST_AXES], kept = 0;
    for (int axis = 0; axis < axes; ++axis) {
        if (shape[axis] == 1) {
            continue;
        }
        int at = kept++;
        const auto reach = [&](int which) { return std::abs(operands[0]->stride[which]); };
        while (at > 0 && reach(order[at - 1]) < reach(axis)) {
            order[at] = order[at - 1];
            --at;
        }
        order[at] = axis;
    }
    std::int64_t lengths[MOST_AXES], strides[COUNT][MOST_AXES];
    int made = 0;
    for (int at = 0; at < kept; ++at) {
        const int axis = order[at];
        bool joins = made > 0;
        for (std::size_t k = 0; k < COUNT && joins; ++k) {
            joins = strides[k][made - 1] == operands[k]->stride[axis] * shape[axis];
        }
        made += !joins;
        lengths[made - 1] = joins ? lengths[made - 1] * shape[axis] : shape[axis];
        for (std::size_t k = 0; k < COUNT; ++k) {
            strides[k][made - 1] = operands[k]->stride[axis];
        }
    }
    std::copy(lengths, lengths + made, shape);
    for (std::size_t k = 0; k < COUNT; ++k) {
        std::copy(strides[k], strides[k] + made, operands[k]->stride);
    }
    return made;
}

/// Whether derivatives of an output in double, all else in float, are to be computed in float.
bool may_round(const ElementwiseKernel& kernel, const ElementwiseJob& job) {
    const Results& results = job.results;
    const auto single = [](const Operand& operand) {
        return operand.dtype == DType::f32;
    };
    const auto wanted = [&](const Operand& result) {
        return result && single(result);
    };
    return kernel.rounds && !job.weighing.mask && wanted(results.gradients[0]) &&
           wanted(results.curvatures[0]) &&
           std::all_of(job.arrays + 1, job.arrays + kernel.arrays, single);
}

}  // namespace

ElementwiseLoss::ElementwiseLoss(const Table& table, const std::string& name,
                                 std::vector<double> parameters, Ranges ranges,
                                 std::vector<double> fills)
    : table_(table),
      kernel_(find(table, name, parameters, ranges.size())),
      parameters_(std::move(parameters)),
      ranges_(std::move(ranges)),
      fills_(std::move(fills)) {
    fills_.resize(ranges_.size());
}

std::optional<double> ElementwiseLoss::divisor_of(const Call& call, const ElementwiseJob& job,
                                                  bool wide) const {
    if (call.reduction != Reduction::mean) {
        return 1;
    }
    if (!std::isnan(call.normalizer)) {
        return call.normalizer;
    }
    if (!job.weighing.weight && !job.weighing.mask) {
        return static_cast<double>(job.total);
    }
    MassJob mass;
    mass.axes = job.axes;
    std::copy(job.shape, job.shape + job.axes, mass.shape);
    mass.total = job.total;
    mass.look = call.look;
    mass.weighing.weight = job.weighing.weight;
    mass.weighing.mask = job.weighing.mask;
    return divisor_from((wide ? table_.mass_in_double : table_.mass_in_float)(mass, call.threads));
}

bool ElementwiseLoss::run(nb::tuple arrays, const Call& call, nb::tuple gradients,
                          nb::tuple curvatures) const {
    if (static_cast<int>(arrays.size()) != kernel_.arrays) {
        return false;
    }
    ElementwiseJob job;
    Array in[MOST_ARRAYS], slopes[MOST_ARRAYS], bends[MOST_ARRAYS];
    bool wide = false;
    for (int k = 0; k < kernel_.arrays; ++k) {
        if (!in[k].take(arrays[static_cast<std::size_t>(k)]) ||
            !fit(in[k], in[0].axes, in[0].shape, false, job.arrays[k])) {
            return false;
        }
        wide = wide || in[k].dtype == DType::f64;
        job.fill[k] = fills_[static_cast<std::size_t>(k)];
        job.range[k] = ranges_[static_cast<std::size_t>(k)];
    }
    job.total = in[0].size();
    job.axes = in[0].axes;
    std::memcpy(job.shape, in[0].shape, sizeof job.shape);
    PerPosition per_position;
    if (job.total == 0 ||
        !per_position.take(call, job.axes, job.shape, job.weighing, job.results.values)) {
        return false;
    }
    const auto take_results = [&](nb::tuple given, Array* taken, Operand* results) {
        for (std::size_t k = 0; k < given.size() && k < MOST_ARRAYS; ++k) {
            if (given[k].is_none()) {
                continue;
            }
            if (!taken[k].take(given[k], true) || !taken[k].is_floating() ||
                !fit(taken[k], job.axes, job.shape, false, results[k])) {
                return false;
            }
            expect_writes(taken[k], results[k]);
        }
        return true;
    };
    if (!take_results(gradients, slopes, job.results.gradients) ||
        !take_results(curvatures, bends, job.results.curvatures)) {
        return false;
    }
    for (int k = 0; k < kernel_.outputs; ++k) {
        if (!in[kernel_.output[k]].is_floating()) {
            return false;
        }
    }
    Weighing& weighing = job.weighing;
    Results& results = job.results;
    Operand* const operands[] = {
        &job.arrays[0],         &job.arrays[1],         &job.arrays[2],         &weighing.weight,
        &weighing.scale,        &weighing.mask,         &weighing.outer,        &results.values,
        &results.gradients[0],  &results.gradients[1],  &results.gradients[2],
        &results.curvatures[0], &results.curvatures[1], &results.curvatures[2],
    };
    // What is absent must not keep axes apart.
    for (Operand* const operand : operands) {
        if (!*operand) {
            std::memcpy(operand->stride, job.arrays[0].stride, sizeof operand->stride);
        }
    }
    job.axes = coalesce(job.axes, job.shape, operands);
    std::copy(parameters_.begin(), parameters_.end(), job.parameters);
    job.look = call.look;
    job.newton = call.newton;
    wide = wide && !may_round(kernel_, job);

    const nb::gil_scoped_release others_run;
    const std::optional<double> divisor = divisor_of(call, job, wide);
    if (!divisor) {
        return false;
    }
    weighing.factor = 1 / *divisor;
    const Outcome outcome = (wide ? kernel_.in_double : kernel_.in_float)(job, call.threads);
    if (outcome.irregular) {
        return false;
    }
    finish(call, per_position.values, outcome.sum, *divisor);
    return true;
}

}  // namespace losskit
