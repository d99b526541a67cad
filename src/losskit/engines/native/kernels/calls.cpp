#include "calls.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "convert.hpp"
#include "parallel.hpp"

namespace losskit {
namespace {

// Smaller buffers come from memory that was written before.
constexpr std::int64_t LARGE = std::int64_t{1} << 22;

/// Whether a kernel bears a name and takes as many parameters; the list of both ends with nullptr.
template <class Kernel>
bool takes(const Kernel& kernel, const std::string& name, const std::vector<double>& parameters) {
    std::size_t count = 0;
    while (kernel.parameters[count] != nullptr) {
        ++count;
    }
    return name == kernel.name && count == parameters.size() && count <= MOST_PARAMETERS;
}

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

const ClasswiseKernel& find(const Table& table, const std::string& name,
                            const std::vector<double>& parameters) {
    for (const auto* kernel = table.classwise; kernel->name != nullptr; ++kernel) {
        if (takes(*kernel, name, parameters)) {
            return *kernel;
        }
    }
    throw std::invalid_argument("no kernel computes " + name);
}

/// An array over a shape: of that shape, or with axes of length 1 where `stretches`.
bool fit(const Array& array, int axes, const std::int64_t* shape, bool stretches, Operand& out) {
    if (array.axes != axes) {
        return false;
    }
    for (int axis = 0; axis < axes; ++axis) {
        const bool same = array.shape[axis] == shape[axis];
        if (!same && !(stretches && array.shape[axis] == 1)) {
            return false;
        }
        out.stride[axis] = same ? array.stride[axis] : 0;
    }
    out.data = array.data;
    out.dtype = array.dtype;
    return true;
}

bool take_mask(const Array& array) { return array.is_index() || array.dtype == DType::boolean; }

/// The arrays of a call that have one element per loss value.
struct PerPosition {
    Array weight, mask, scale, outer, values;

    bool take(const Call& call, int axes, const std::int64_t* shape, Weighing& weighing,
              Operand& written) {
        return one(call.weight, weight, axes, shape, weighing.weight) &&
               one(call.scale, scale, axes, shape, weighing.scale) &&
               one(call.outer, outer, axes, shape, weighing.outer) &&
               one(call.mask, mask, axes, shape, weighing.mask) &&
               (call.mask.is_none() || take_mask(mask)) && values.take(call.values, true) &&
               (call.reduction == Reduction::none
                    ? fit(values, axes, shape, false, written)
                    : values.axes == 0 && values.is_floating());
    }

private:
    static bool one(nb::handle given, Array& array, int axes, const std::int64_t* shape,
                    Operand& out) {
        return given.is_none() || (array.take(given) && fit(array, axes, shape, true, out));
    }
};

void finish(const Call& call, const Array& values, double sum, double divisor) {
    if (call.reduction != Reduction::none) {
        const double value = sum / divisor;
        baseline::narrow(&value, values.dtype, values.data, 1, 1);
    }
}

void expect_writes(const Array& array) {
    const std::int64_t bytes = array.size() * size_of(array.dtype);
    if (bytes >= LARGE) {
        expect_large_writes(array.data, bytes);
    }
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
    std::memcpy(shape, lengths, sizeof lengths[0] * static_cast<std::size_t>(made));
    for (std::size_t k = 0; k < COUNT; ++k) {
        std::memcpy(operands[k]->stride, strides[k],
                    sizeof lengths[0] * static_cast<std::size_t>(made));
    }
    return made;
}

/// Make one of several axes; false where their elements do not lie in one row.
bool flatten(const Array& array, const Operand& operand, int first, int last, std::int64_t& stride) {
    stride = 0;
    std::int64_t expected = 0;
    bool any = false;
    for (int axis = last - 1; axis >= first; --axis) {
        if (array.shape[axis] == 1) {
            continue;
        }
        if (any && operand.stride[axis] != expected) {
            return false;
        }
        stride = any ? stride : operand.stride[axis];
        expected = operand.stride[axis] * array.shape[axis];
        any = true;
    }
    return true;
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
            expect_writes(taken[k]);
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
    std::memcpy(job.parameters, parameters_.data(), parameters_.size() * sizeof(double));
    job.look = call.look;

    const nb::gil_scoped_release others_run;
    double divisor = 1;
    if (call.reduction == Reduction::mean) {
        if (!std::isnan(call.normalizer)) {
            divisor = call.normalizer;
        } else if (weighing.weight || weighing.mask) {
            MassJob mass;
            mass.axes = job.axes;
            std::memcpy(mass.shape, job.shape, sizeof mass.shape);
            mass.total = job.total;
            mass.look = call.look;
            mass.weighing.weight = weighing.weight;
            mass.weighing.mask = weighing.mask;
            const Outcome found = (wide ? table_.mass_in_double : table_.mass_in_float)(
                mass, call.threads);
            if (found.irregular) {
                return false;
            }
            divisor = found.sum == 0 ? 1 : found.sum;
        } else {
            divisor = static_cast<double>(job.total);
        }
    }
    weighing.factor = 1 / divisor;
    const Outcome outcome = (wide ? kernel_.in_double : kernel_.in_float)(job, call.threads);
    if (outcome.irregular) {
        return false;
    }
    finish(call, per_position.values, outcome.sum, divisor);
    return true;
}

ClasswiseLoss::ClasswiseLoss(const Table& table, const std::string& name,
                             std::vector<double> parameters, Range range, bool ignores,
                             std::int64_t ignore_index)
    : table_(table),
      kernel_(find(table, name, parameters)),
      parameters_(std::move(parameters)),
      range_(range),
      ignores_(ignores),
      ignore_index_(ignore_index) {}

bool ClasswiseLoss::run(nb::handle given_input, nb::handle given_teacher, nb::handle given_target,
                        int axis, nb::handle class_weight, bool class_weight_counts,
                        const Call& call, nb::handle given_gradient) const {
    Array input, teacher, target, gradient, weights;
    if (!input.take(given_input) || !input.is_floating() || axis < 0 || axis >= input.axes ||
        input.size() == 0 || !target.take(given_target)) {
        return false;
    }
    ClasswiseJob job;
    bool wide = input.dtype == DType::f64;
    const auto take_rows = [&](const Array& array, Operand& out) {
        Operand whole;
        std::int64_t outer, inner;
        if (!array.is_floating() || !fit(array, input.axes, input.shape, false, whole) ||
            !flatten(array, whole, 0, axis, outer) ||
            !flatten(array, whole, axis + 1, array.axes, inner)) {
            return false;
        }
        wide = wide || array.dtype == DType::f64;
        out.data = whole.data;
        out.dtype = whole.dtype;
        out.stride[0] = outer;
        out.stride[1] = whole.stride[axis];
        out.stride[2] = inner;
        return true;
    };
    Array positions;  // only a shape
    positions.axes = input.axes - 1;
    for (int at = 0; at < positions.axes; ++at) {
        positions.shape[at] = input.shape[at < axis ? at : at + 1];
    }
    const auto per_position = [&](Operand& operand) {
        std::int64_t outer, inner;
        if (operand && (!flatten(positions, operand, 0, axis, outer) ||
                        !flatten(positions, operand, axis, positions.axes, inner))) {
            return false;
        }
        operand.stride[0] = operand ? outer : 0;
        operand.stride[1] = operand ? inner : 0;
        return true;
    };
    job.classes = input.shape[axis];
    for (int at = 0; at < input.axes; ++at) {
        job.outer *= at < axis ? input.shape[at] : 1;
        job.inner *= at > axis ? input.shape[at] : 1;
    }
    if (!take_rows(input, job.input)) {
        return false;
    }
    if (!given_teacher.is_none() &&
        (!teacher.take(given_teacher) || !take_rows(teacher, job.teacher))) {
        return false;
    }
    if (target.is_floating()) {
        if (!take_rows(target, job.rows) || (ignores_ && ignore_index_ >= 0)) {
            return false;
        }
    } else if (!ignores_ || !target.is_index() ||
               !fit(target, positions.axes, positions.shape, false, job.indices) ||
               !per_position(job.indices)) {
        return false;
    }
    PerPosition others;
    Weighing& weighing = job.weighing;
    if (!others.take(call, positions.axes, positions.shape, weighing, job.values) ||
        !per_position(weighing.weight) || !per_position(weighing.scale) ||
        !per_position(weighing.mask) || !per_position(weighing.outer) ||
        !per_position(job.values)) {
        return false;
    }
    if (!given_gradient.is_none()) {
        if (!gradient.take(given_gradient, true) || !take_rows(gradient, job.gradient)) {
            return false;
        }
        expect_writes(gradient);
    }
    std::vector<double> numbers;
    if (!class_weight.is_none()) {
        if (!weights.take(class_weight) || weights.axes != 1 || weights.shape[0] != job.classes) {
            return false;
        }
        numbers.resize(static_cast<std::size_t>(job.classes));
        baseline::widen(weights.dtype, weights.data, weights.stride[0], job.classes,
                        numbers.data());
        job.class_weight = numbers.data();
    }
    job.ignores = job.indices && ignores_;
    job.ignore_index = ignore_index_;
    job.range = range_;
    job.look = call.look;
    std::memcpy(job.parameters, parameters_.data(), parameters_.size() * sizeof(double));

    const nb::gil_scoped_release others_run;
    double divisor = 1;
    if (call.reduction == Reduction::mean && !std::isnan(call.normalizer)) {
        divisor = call.normalizer;
    } else if (call.reduction == Reduction::mean) {
        const bool counts = class_weight_counts && job.class_weight != nullptr;
        Outcome mass{static_cast<double>(job.outer * job.inner), false};
        if (counts && job.rows) {
            ClasswiseJob of_rows = job;
            of_rows.input = of_rows.teacher = of_rows.values = of_rows.gradient = Operand();
            of_rows.range = Range();
            of_rows.weighing.scale = of_rows.weighing.outer = Operand();
            mass = (wide ? table_.mass_of_rows_in_double : table_.mass_of_rows_in_float)(
                of_rows, call.threads);
        } else if (counts || weighing.weight || weighing.mask || job.ignores) {
            MassJob of_weights;
            of_weights.axes = 2;
            of_weights.shape[0] = job.outer;
            of_weights.shape[1] = job.inner;
            of_weights.total = job.outer * job.inner;
            of_weights.classes = job.classes;
            of_weights.indices = job.indices;
            of_weights.class_weight = counts ? job.class_weight : nullptr;
            of_weights.ignores = job.ignores;
            of_weights.ignore_index = job.ignore_index;
            of_weights.look = call.look;
            of_weights.weighing.weight = weighing.weight;
            of_weights.weighing.mask = weighing.mask;
            mass = (wide ? table_.mass_in_double : table_.mass_in_float)(of_weights, call.threads);
        }
        if (mass.irregular) {
            return false;
        }
        divisor = mass.sum == 0 ? 1 : mass.sum;
    }
    weighing.factor = 1 / divisor;
    const Outcome outcome = (wide ? kernel_.in_double : kernel_.in_float)(job, call.threads);
    if (outcome.irregular) {
        return false;
    }
    finish(call, others.values, outcome.sum, divisor);
    return true;
}

}  // namespace losskit
