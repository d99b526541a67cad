// Arrays of NumPy, PyTorch and others as the kernels take them, without a copy.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include "job.hpp"

namespace losskit {

/// An array in the CPU's memory that somebody else keeps alive.
class Array {
public:
    Array() = default;
    Array(const Array&) = delete;
    Array& operator=(const Array&) = delete;
    ~Array();

    /// Look at an object; false if it is no such array, or of a dtype that the kernels do not know.
    bool take(nanobind::handle object, bool writable = false);

    std::int64_t size() const;
    bool is_floating() const { return dtype <= DType::bf16; }
    bool is_index() const { return dtype >= DType::i8 && dtype <= DType::i64; }

    DType dtype = DType::f32;
    int axes = 0;
    std::int64_t shape[MOST_AXES] = {};
    std::int64_t stride[MOST_AXES] = {};
    char* data = nullptr;

private:
    bool take_buffer(PyObject* object, bool writable);
    bool take_tensor(nanobind::handle object);
    bool take_managed(nanobind::handle object);
    bool aligned() const;

    Py_buffer buffer_{};
    bool holds_buffer_ = false;
    nanobind::ndarray<> managed_;
};

}  // namespace losskit
