// What the bindings hand to the kernels. Plain data, the same for every instruction set.
#pragma once

#include <cstdint>

#include "target.hpp"

namespace losskit {

enum class DType : int { f32, f64, f16, bf16, i8, u8, i16, i32, i64, boolean };

LOSSKIT_INLINE std::int64_t size_of(DType dtype) {
    switch (dtype) {
        case DType::f64:
        case DType::i64: return 8;
        case DType::f32:
        case DType::i32: return 4;
        case DType::f16:
        case DType::bf16:
        case DType::i16: return 2;
        default: return 1;
    }
}

constexpr int MOST_AXES = 8;
constexpr int MOST_ARRAYS = 3;
constexpr int MOST_PARAMETERS = 4;

/// An array over the axes of a job; strides count elements, and no data means no array.
struct Operand {
    char* data = nullptr;
    DType dtype = DType::f32;
    std::int64_t stride[MOST_AXES] = {};
    bool streams = false;  // of a result: whether it is more than caches hold

    explicit operator bool() const { return data != nullptr; }
};

/// Which values an array may hold.
struct Range {
    double low = 0, high = 0;
    bool given = false;
    bool open = false;     // low itself is outside
    bool of_size = false;  // the bounds are on the absolute value
};

/// What is computed, besides the sum of the weighted values.
struct Results {
    Operand values;
    Operand gradients[MOST_ARRAYS];
    Operand curvatures[MOST_ARRAYS];
};

/// How derivatives become those of a Newton step, before they are weighed.
struct Newton {
    double slope, bend;  // what multiplies gradient and curvature
    double least;        // the curvature is at least this,
    double share;        // and at least this times the absolute gradient
};

/// How loss values are weighed; each array has one element per loss value.
struct Weighing {
    Operand weight, scale, mask, outer;
    double factor = 1;  // of the derivatives, beside the arrays
};

struct ElementwiseJob {
    int axes = 0;
    std::int64_t shape[MOST_AXES] = {};
    std::int64_t total = 1;
    Operand arrays[MOST_ARRAYS];
    double fill[MOST_ARRAYS] = {};  // what stands in the place of what is masked
    Range range[MOST_ARRAYS];
    double parameters[MOST_PARAMETERS] = {};
    bool look = true;  // whether values are held to their ranges
    Weighing weighing;
    Newton newton;
    Results results;
};

/// Rows of classes: strides of `input`, `teacher`, `rows`, `gradient` and `curvature` are those of the
/// outer positions, the classes and the inner positions; all others have one element per position.
struct ClasswiseJob {
    std::int64_t outer = 1, classes = 1, inner = 1;
    Operand input, teacher;
    Operand rows;     // the target as probabilities, or
    Operand indices;  // as class indices
    const double* class_weight = nullptr;
    bool ignores = false;
    std::int64_t ignore_index = 0;
    double parameters[MOST_PARAMETERS] = {};
    Range range;          // of the input
    bool look = true;     // whether the input is held to its range, and rows to distributions
    Weighing weighing;
    Newton newton;
    Operand values;
    Operand gradient;
    Operand curvature;  // only with the gradient, and of class indices

    std::int64_t positions() const { return outer * inner; }
};

/// Weights of which a mean needs the sum.
struct MassJob {
    int axes = 0;
    std::int64_t shape[MOST_AXES] = {};
    std::int64_t total = 1;
    std::int64_t classes = 0;
    Operand indices;
    const double* class_weight = nullptr;
    bool ignores = false;
    std::int64_t ignore_index = 0;
    bool look = true;  // whether weights are held to be no less than 0
    Weighing weighing;
};

/// The sum of a job's weighted values, or word that some value is not to be computed with.
struct Outcome {
    double sum = 0;
    bool irregular = false;
};

/// One loss in one dtype: value, derivatives or both, as the results of the job ask.
using RunElementwise = Outcome (*)(const ElementwiseJob&, int threads);

struct ElementwiseKernel {
    const char* name;
    const char* const* parameters;
    int arrays;
    int outputs;
    const int* output;
    bool (*fits)(const double* parameters);  // the first of a name that does is the one to take
    bool rounds;                             // whether it computes in float on outputs in double
    RunElementwise in_float, in_double;
};

using RunClasswise = Outcome (*)(const ClasswiseJob&, int threads);

struct ClasswiseKernel {
    const char* name;
    const char* const* parameters;
    bool (*fits)(const double* parameters);
    bool bends;  // whether it computes curvatures
    RunClasswise in_float, in_double;
};

/// The kernels of one instruction set; the lists end with an entry without a name.
struct Table {
    const ElementwiseKernel* elementwise;
    const ClasswiseKernel* classwise;
    Outcome (*mass_in_float)(const MassJob&, int threads);
    Outcome (*mass_in_double)(const MassJob&, int threads);
    RunClasswise mass_of_rows_in_float, mass_of_rows_in_double;
};

}  // namespace losskit
