// What calls of all kinds do with their arrays.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "buffers.hpp"
#include "calls.hpp"
#include "convert.hpp"
#include "parallel.hpp"

namespace losskit {

/// Whether a kernel bears a name and takes as many parameters; the list of both ends with nullptr.
template <class Kernel>
bool takes(const Kernel& kernel, const std::string& name, const std::vector<double>& parameters) {
    std::size_t count = 0;
    while (kernel.parameters[count] != nullptr) {
        ++count;
    }
    return name == kernel.name && count == parameters.size() && count <= MOST_PARAMETERS;
}

/// An array over a shape: of that shape, or with axes of length 1 where `stretches`.
inline bool fit(const Array& array, int axes, const std::int64_t* shape, bool stretches,
                Operand& out) {
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

inline bool take_mask(const Array& array) {
    return array.is_index() || array.dtype == DType::boolean;
}

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

/// The sum of weights as a divisor; where it is 0, one that makes value and derivatives 0. The sum
/// of the values need not be: smoothing spreads over classes that weigh more than the target's.
inline std::optional<double> divisor_from(const Outcome& mass) {
    if (mass.irregular) {
        return std::nullopt;
    }
    return mass.sum == 0 ? INFINITY : mass.sum;
}

inline void finish(const Call& call, const Array& values, double sum, double divisor) {
    if (call.reduction != Reduction::none) {
        const double value = sum / divisor;
        baseline::narrow(&value, values.dtype, values.data, 1, 1);
    }
}

/// Get a buffer ready to be written for the first time; smaller ones come from memory in use.
inline void expect_writes(const Array& array, Operand& result) {
    const auto bytes = static_cast<std::size_t>(array.size() * size_of(array.dtype));
    if (bytes >= LARGE) {
        expect_large_writes(array.data, bytes);
    }
    result.streams = bytes >= STREAMED;
}

}  // namespace losskit
