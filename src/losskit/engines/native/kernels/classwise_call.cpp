#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "calling.hpp"

namespace losskit {
namespace {

const ClasswiseKernel& find(const Table& table, const std::string& name,
                            const std::vector<double>& parameters) {
    for (const auto* kernel = table.classwise; kernel->name != nullptr; ++kernel) {
        if (takes(*kernel, name, parameters) && kernel->fits(parameters.data())) {
            return *kernel;
        }
    }
    throw std::invalid_argument("no kernel computes " + name);
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

/// Make inner positions of the outer ones, where there are no inner ones.
void swap_positions(ClasswiseJob& job) {
    std::swap(job.outer, job.inner);
    for (Operand* const rows : {&job.input, &job.teacher, &job.rows, &job.gradient, &job.curvature}) {
        std::swap(rows->stride[0], rows->stride[2]);
    }
    Weighing& weighing = job.weighing;
    for (Operand* const numbers : {&job.indices, &weighing.weight, &weighing.scale, &weighing.mask,
                                   &weighing.outer, &job.values}) {
        std::swap(numbers->stride[0], numbers->stride[1]);
    }
}

}  // namespace

ClasswiseLoss::ClasswiseLoss(const Table& table, const std::string& name,
                             std::vector<double> parameters, Range range, bool ignores,
                             std::int64_t ignore_index)
    : table_(table),
      kernel_(find(table, name, parameters)),
      parameters_(std::move(parameters)),
      range_(range),
      ignores_(ignores),
      ignore_index_(ignore_index) {}

std::optional<double> ClasswiseLoss::divisor_of(const Call& call, const ClasswiseJob& job,
                                                bool wide, bool counts) const {
    if (call.reduction != Reduction::mean) {
        return 1;
    }
    if (!std::isnan(call.normalizer)) {
        return call.normalizer;
    }
    const Weighing& weighing = job.weighing;
    if (!counts && !weighing.weight && !weighing.mask && !job.ignores) {
        return static_cast<double>(job.positions());
    }
    MassJob mass;
    mass.axes = 2;
    mass.shape[0] = job.outer;
    mass.shape[1] = job.inner;
    mass.total = job.positions();
    mass.classes = job.classes;
    mass.indices = job.indices;
    mass.class_weight = counts && job.indices ? job.class_weight : nullptr;
    mass.ignores = job.ignores;
    mass.ignore_index = job.ignore_index;
    mass.look = call.look;
    mass.weighing.weight = weighing.weight;
    mass.weighing.mask = weighing.mask;
    const std::optional<double> divisor =
        divisor_from((wide ? table_.mass_in_double : table_.mass_in_float)(mass, call.threads));
    if (!divisor || !counts || !job.rows) {
        return divisor;
    }
    // The weights are in order; their sum takes what the classes of each row weigh.
    ClasswiseJob of_rows = job;
    of_rows.input = of_rows.teacher = of_rows.values = of_rows.gradient = Operand();
    of_rows.range = Range();
    of_rows.weighing.scale = of_rows.weighing.outer = Operand();
    return divisor_from((wide ? table_.mass_of_rows_in_double : table_.mass_of_rows_in_float)(
        of_rows, call.threads));
}

bool ClasswiseLoss::run(nb::handle given_input, nb::handle given_teacher, nb::handle given_target,
                        int axis, nb::handle class_weight, bool class_weight_counts,
                        const Call& call, nb::handle given_gradient,
                        nb::handle given_curvature) const {
    Array input, teacher, target, gradient, curvature, weights;
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
    const auto take_result = [&](nb::handle given, Array& array, Operand& out) {
        if (given.is_none()) {
            return true;
        }
        if (!array.take(given, true) || !take_rows(array, out)) {
            return false;
        }
        expect_writes(array, out);
        return true;
    };
    const bool bends = kernel_.bends && job.indices && !given_gradient.is_none();
    if (!take_result(given_gradient, gradient, job.gradient) ||
        !(given_curvature.is_none() || bends) ||
        !take_result(given_curvature, curvature, job.curvature)) {
        return false;
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
    if (job.inner == 1 && job.input.stride[1] != 1) {
        // Rows that lie side by side are read class by class.
        swap_positions(job);
    }
    job.ignores = job.indices && ignores_;
    job.ignore_index = ignore_index_;
    job.range = range_;
    job.look = call.look;
    job.newton = call.newton;
    std::copy(parameters_.begin(), parameters_.end(), job.parameters);

    const nb::gil_scoped_release others_run;
    const bool counts = class_weight_counts && job.class_weight != nullptr;
    const std::optional<double> divisor = divisor_of(call, job, wide, counts);
    if (!divisor) {
        return false;
    }
    weighing.factor = 1 / *divisor;
    const Outcome outcome = (wide ? kernel_.in_double : kernel_.in_float)(job, call.threads);
    if (outcome.irregular) {
        return false;
    }
    finish(call, others.values, outcome.sum, *divisor);
    return true;
}

}  // namespace losskit
