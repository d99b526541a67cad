// The Python module of the kernels.

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "buffers.hpp"
#include "calls.hpp"
#include "dlpack.hpp"

namespace losskit {

#define LOSSKIT_TABLE(isa)      \
    namespace isa {             \
    extern const Table table;   \
    }
LOSSKIT_TABLE(baseline)
#if defined(LOSSKIT_X86)
LOSSKIT_TABLE(avx2)
LOSSKIT_TABLE(avx512)
#endif

namespace {

struct Target {
    const char* name;
    const Table* table;
    bool runs;
};

std::vector<Target> targets() {
    std::vector<Target> found;
#if defined(LOSSKIT_X86)
    __builtin_cpu_init();
    found.push_back({"avx512", &avx512::table,
                     __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                         __builtin_cpu_supports("fma")});
    found.push_back({"avx2", &avx2::table,
                     __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")});
#endif
    found.push_back({"baseline", &baseline::table, true});
    return found;
}

using GivenRange = std::tuple<double, double, bool, bool>;

Range as_range(nb::handle given) {
    Range range;
    if (!given.is_none()) {
        const auto [low, high, open, of_size] = nb::cast<GivenRange>(given);
        range = {low, high, true, open, of_size};
    }
    return range;
}

template <class Kernel>
nb::dict described(const Kernel* kernels) {
    nb::dict names;
    for (const Kernel* kernel = kernels; kernel->name != nullptr; ++kernel) {
        nb::list parameters;
        for (const char* const* name = kernel->parameters; *name != nullptr; ++name) {
            parameters.append(*name);
        }
        names[kernel->name] = nb::tuple(parameters);
    }
    return names;
}

nb::dlpack::dtype as_dlpack(DType dtype) {
    using Code = nb::dlpack::dtype_code;
    const bool floating = dtype <= DType::bf16;
    const Code code = dtype == DType::bf16 ? Code::Bfloat : floating ? Code::Float : Code::Int;
    return {static_cast<std::uint8_t>(code), static_cast<std::uint8_t>(8 * size_of(dtype)), 1};
}

/// An array like another one with anything in it, in memory that is kept for the next when it is
/// freed; None where that does not pay, or the other does not lie in one piece.
template <class Library>
nb::object room_like(nb::handle like, bool in_float) {
    Array other;
    if (!other.take(like) || !other.is_floating()) {
        return nb::none();
    }
    std::size_t shape[MOST_AXES];
    std::int64_t expected = 1;
    for (int axis = other.axes - 1; axis >= 0; --axis) {
        if (other.shape[axis] != 1 && other.stride[axis] != expected) {
            return nb::none();
        }
        expected *= other.shape[axis];
        shape[axis] = static_cast<std::size_t>(other.shape[axis]);
    }
    const DType dtype = in_float ? DType::f32 : other.dtype;
    const auto bytes = static_cast<std::size_t>(expected * size_of(dtype));
    void* const memory = bytes < LARGE ? nullptr : take_memory(bytes);
    if (memory == nullptr) {
        return nb::none();
    }
    const nb::capsule owner(memory, give_back_memory);
    return nb::cast(nb::ndarray<Library>(memory, static_cast<std::size_t>(other.axes), shape, owner,
                                         nullptr, as_dlpack(dtype), dlpack::CPU));
}

/// The kernels of one instruction set.
struct Kernels {
    std::string name;
    const Table* table;
};

}  // namespace
}  // namespace losskit

NB_MODULE(_kernels, m) {
    using namespace losskit;
    using namespace nb::literals;
    // The plans of losses that live until the interpreter ends are no leak.
    nb::set_leak_warnings(false);
    m.doc() = "Losses on arrays in the CPU's memory.";

    m.def("targets", [] {
        nb::list names;
        for (const Target& target : targets()) {
            if (target.runs) {
                names.append(target.name);
            }
        }
        return names;
    }, "Instruction sets that this machine runs, the fastest first.");

    m.attr("LARGE") = LARGE;
    m.attr("STREAMED") = STREAMED;
    m.def("array_like", room_like<nb::numpy>, "like"_a, "in_float"_a = false,
          "A NumPy array like another one, or in float32, in memory that is kept; or None.");
    m.def("tensor_like", [](nb::handle like) { return room_like<nb::pytorch>(like, false); },
          "like"_a, "A tensor of PyTorch like another one, in memory that is kept; or None.");
    m.def("release_memory", release_memory, "Give the system back the memory that is kept.");

    nb::class_<Kernels>(m, "Kernels", "The kernels for one instruction set.")
        .def("__init__", [](Kernels* self, const std::string& name) {
            for (const Target& target : targets()) {
                if (target.runs && name == target.name) {
                    new (self) Kernels{name, target.table};
                    return;
                }
            }
            throw nb::value_error(("this machine runs no kernels for " + name).c_str());
        })
        .def_ro("name", &Kernels::name)
        .def_prop_ro("elementwise", [](const Kernels& self) { return described(self.table->elementwise); })
        .def_prop_ro("classwise", [](const Kernels& self) { return described(self.table->classwise); });

    nb::class_<ElementwiseLoss>(m, "Elementwise", "An elementwise loss with its settings.")
        .def("__init__", [](ElementwiseLoss* self, const Kernels& kernels, const std::string& name,
                            std::vector<double> parameters, nb::list ranges,
                            std::vector<double> fills) {
            Ranges taken;
            for (nb::handle range : ranges) {
                taken.push_back(as_range(range));
            }
            new (self) ElementwiseLoss(*kernels.table, name, std::move(parameters),
                                       std::move(taken), std::move(fills));
        }, "kernels"_a, "name"_a, "parameters"_a, "ranges"_a, "fills"_a)
        .def("run", [](const ElementwiseLoss& self, nb::tuple arrays, nb::handle values,
                       nb::tuple gradients, nb::tuple curvatures, int reduction, double normalizer,
                       nb::handle weight, nb::handle mask, nb::handle scale, nb::handle outer,
                       bool look, int threads, double slope, double bend, double least,
                       double share) {
            return self.run(arrays, {weight, mask, scale, outer, normalizer, Reduction(reduction),
                                     look, threads, values, {slope, bend, least, share}},
                            gradients, curvatures);
        }, "arrays"_a, "values"_a, "gradients"_a, "curvatures"_a, "reduction"_a, "normalizer"_a,
             "weight"_a.none(), "mask"_a.none(), "scale"_a.none(), "outer"_a.none(), "look"_a,
             "threads"_a, "slope"_a, "bend"_a, "least"_a, "share"_a,
             "Compute; False where the call is not plain, and what was written is worth nothing.");

    nb::class_<ClasswiseLoss>(m, "Classwise", "A loss of rows of classes with its settings.")
        .def("__init__", [](ClasswiseLoss* self, const Kernels& kernels, const std::string& name,
                            std::vector<double> parameters, nb::handle range,
                            nb::handle ignore_index) {
            const bool ignores = !ignore_index.is_none();
            new (self) ClasswiseLoss(*kernels.table, name, std::move(parameters), as_range(range),
                                     ignores, ignores ? nb::cast<std::int64_t>(ignore_index) : 0);
        }, "kernels"_a, "name"_a, "parameters"_a, "range"_a.none(), "ignore_index"_a.none())
        .def("run", [](const ClasswiseLoss& self, nb::handle input, nb::handle teacher,
                       nb::handle target, int axis, nb::handle class_weight, bool counts,
                       nb::handle values, nb::handle gradient, nb::handle curvature, int reduction,
                       double normalizer, nb::handle weight, nb::handle mask, nb::handle scale,
                       nb::handle outer, bool look, int threads, double slope, double bend,
                       double least, double share) {
            return self.run(input, teacher, target, axis, class_weight, counts,
                            {weight, mask, scale, outer, normalizer, Reduction(reduction), look,
                             threads, values, {slope, bend, least, share}}, gradient, curvature);
        }, "input"_a, "teacher"_a.none(), "target"_a, "axis"_a, "class_weight"_a.none(),
             "class_weight_counts"_a, "values"_a, "gradient"_a.none(), "curvature"_a.none(),
             "reduction"_a, "normalizer"_a, "weight"_a.none(), "mask"_a.none(), "scale"_a.none(),
             "outer"_a.none(), "look"_a, "threads"_a, "slope"_a, "bend"_a, "least"_a, "share"_a,
             "Compute; False where the call is not plain, and what was written is worth nothing.");
}
