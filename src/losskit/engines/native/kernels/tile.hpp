// Tiles: short runs of elements in the dtype of the computation, which stay in the first cache.
#pragma once

#include "convert.hpp"
#include "job.hpp"
#include "stream.hpp"
#include "target.hpp"
#include "vmath.hpp"

namespace losskit::LOSSKIT_ISA {

template <class T>
constexpr int TILE = 2048 / sizeof(T);

/// Visit `count` elements of an operand from the `first` one on, in runs along the last axis.
template <class Visit>
LOSSKIT_INLINE void each_run(const Operand& operand, int axes, const std::int64_t* shape,
                             std::int64_t first, std::int64_t count, Visit visit) {
    const std::int64_t size = size_of(operand.dtype);
    if (axes == 0) {
        return visit(operand.data, std::int64_t{0}, std::int64_t{0}, count);
    }
    int last = axes - 1;
    while (last > 0 && shape[last] == 1) {
        --last;
    }
    if (last == 0) {
        return visit(operand.data + first * operand.stride[0] * size, operand.stride[0],
                     std::int64_t{0}, count);
    }
    std::int64_t index[MOST_AXES];
    std::int64_t offset = 0;
    for (int axis = last; axis >= 0; --axis) {
        index[axis] = first % shape[axis];
        first /= shape[axis];
        offset += index[axis] * operand.stride[axis];
    }
    for (std::int64_t done = 0;;) {
        const std::int64_t left = shape[last] - index[last];
        const std::int64_t run = left < count - done ? left : count - done;
        visit(operand.data + offset * size, operand.stride[last], done, run);
        done += run;
        if (done == count) {
            return;
        }
        offset -= index[last] * operand.stride[last];
        index[last] = 0;
        for (int axis = last - 1; axis >= 0; --axis) {
            offset += operand.stride[axis];
            if (++index[axis] < shape[axis]) {
                break;
            }
            offset -= shape[axis] * operand.stride[axis];
            index[axis] = 0;
        }
    }
}

/// Elements where they lie, if they need no conversion; nullptr if they do.
template <class T>
LOSSKIT_INLINE T* in_place(const Operand& operand, int axes, std::int64_t first) {
    const bool plain = axes == 1 && operand.stride[0] == 1 && operand.dtype == DTypeOf<T>::value;
    return plain ? reinterpret_cast<T*>(operand.data) + first : nullptr;
}

template <class T>
void read(const Operand& operand, int axes, const std::int64_t* shape, std::int64_t first,
          std::int64_t count, T* out) {
    each_run(operand, axes, shape, first, count,
             [&](const char* data, std::int64_t stride, std::int64_t done, std::int64_t run) {
                 widen(operand.dtype, data, stride, run, out + done);
             });
}

/// What elements in double are more than what they were rounded to; 0 where that is infinite.
template <class T>
void differences(const Operand& operand, int axes, const std::int64_t* shape, std::int64_t first,
                 std::int64_t count, const T* rounded, T* out) {
    alignas(64) double buffer[TILE<T>];
    const double* exact = in_place<double>(operand, axes, first);
    if (!exact) {
        read(operand, axes, shape, first, count, buffer);
        exact = buffer;
    }
    for (std::int64_t i = 0; i < count; ++i) {
        const T difference = static_cast<T>(exact[i] - static_cast<double>(rounded[i]));
        out[i] = vabs(rounded[i]) < T(INFINITY) ? difference : T(0);
    }
}

template <class T>
void write(const Operand& operand, int axes, const std::int64_t* shape, std::int64_t first,
           std::int64_t count, const T* from) {
    T* const direct = operand.streams ? in_place<T>(operand, axes, first) : nullptr;
    if (direct) {
        return stream(from, direct, count);
    }
    each_run(operand, axes, shape, first, count,
             [&](char* data, std::int64_t stride, std::int64_t done, std::int64_t run) {
                 narrow(from + done, operand.dtype, data, stride, run);
             });
}

/// Sum in double precision.
template <class T>
LOSSKIT_INLINE double sum_of(const T* values, std::int64_t count) {
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t i = 0; i < count; ++i) {
        sum += static_cast<double>(values[i]);
    }
    return sum;
}

/// Whether some value lies outside of its range; NaN does.
template <class T>
LOSSKIT_INLINE bool outside(const Range& range, const T* values, std::int64_t count) {
    const T low = static_cast<T>(range.low), high = static_cast<T>(range.high);
    int wrong = 0;
    for (std::int64_t i = 0; i < count; ++i) {
        const T value = range.of_size ? (values[i] < 0 ? -values[i] : values[i]) : values[i];
        const bool inside = (range.open ? value > low : value >= low) & (value <= high);
        wrong |= !inside;
    }
    return wrong != 0;
}

/// What each value and each derivative of a tile is multiplied by.
template <class T>
struct Factors {
    T values[TILE<T>];
    T derivatives[TILE<T>];

    LOSSKIT_INLINE void read(const Weighing& weighing, const T* mask, int axes,
                             const std::int64_t* shape, std::int64_t first, std::int64_t count) {
        T* const other = derivatives;
        if (weighing.weight) {
            LOSSKIT_ISA::read(weighing.weight, axes, shape, first, count, values);
        } else {
            for (std::int64_t i = 0; i < count; ++i) {
                values[i] = 1;
            }
        }
        if (weighing.scale) {
            LOSSKIT_ISA::read(weighing.scale, axes, shape, first, count, other);
            for (std::int64_t i = 0; i < count; ++i) {
                values[i] *= other[i];
            }
        }
        if (mask != nullptr) {
            for (std::int64_t i = 0; i < count; ++i) {
                values[i] = mask[i] != 0 ? values[i] : T(0);
            }
        }
        const T factor = static_cast<T>(weighing.factor);
        if (weighing.outer) {
            LOSSKIT_ISA::read(weighing.outer, axes, shape, first, count, other);
            for (std::int64_t i = 0; i < count; ++i) {
                derivatives[i] = values[i] * factor * other[i];
            }
        } else {
            for (std::int64_t i = 0; i < count; ++i) {
                derivatives[i] = values[i] * factor;
            }
        }
    }
};

}  // namespace losskit::LOSSKIT_ISA
