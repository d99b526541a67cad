#include "arrays.hpp"

#include <cstring>

#include "dlpack.hpp"

namespace losskit {
namespace {

bool from_format(const char* format, Py_ssize_t size, DType& dtype) {
    if (format == nullptr || *format == '@' || *format == '=') {
        format = format ? format + 1 : "B";
    }
    if (std::strlen(format) != 1) {
        return false;
    }
    if (std::strchr("hilqbn", *format)) {
        dtype = size == 8 ? DType::i64 : size == 4 ? DType::i32 : size == 2 ? DType::i16 : DType::i8;
        return true;
    }
    switch (*format) {
        case 'f': dtype = DType::f32; return true;
        case 'd': dtype = DType::f64; return true;
        case 'e': dtype = DType::f16; return true;
        case 'B': dtype = DType::u8; return true;
        case '?': dtype = DType::boolean; return true;
        default: return false;
    }
}

bool from_dlpack(dlpack::DataType given, DType& dtype) {
    if (given.lanes != 1) {
        return false;
    }
    switch (given.code * 100 + given.bits) {
        case dlpack::FLOAT * 100 + 32: dtype = DType::f32; return true;
        case dlpack::FLOAT * 100 + 64: dtype = DType::f64; return true;
        case dlpack::FLOAT * 100 + 16: dtype = DType::f16; return true;
        case dlpack::BFLOAT * 100 + 16: dtype = DType::bf16; return true;
        case dlpack::INT * 100 + 8: dtype = DType::i8; return true;
        case dlpack::INT * 100 + 16: dtype = DType::i16; return true;
        case dlpack::INT * 100 + 32: dtype = DType::i32; return true;
        case dlpack::INT * 100 + 64: dtype = DType::i64; return true;
        case dlpack::UINT * 100 + 8: dtype = DType::u8; return true;
        case dlpack::BOOL * 100 + 8: dtype = DType::boolean; return true;
        default: return false;
    }
}

/// The exchange of a type of tensors; nullptr if it has none. Looking it up takes longer than a
/// small loss, so that those seen are kept, for which the GIL is the lock.
const dlpack::ExchangeAPI* exchange_of(PyTypeObject* type) {
    constexpr int SEEN = 4;
    static PyTypeObject* types[SEEN];
    static const dlpack::ExchangeAPI* exchanges[SEEN];
    static int next = 0;
    for (int at = 0; at < SEEN; ++at) {
        if (types[at] == type) {
            return exchanges[at];
        }
    }
    PyObject* const capsule =
        PyObject_GetAttrString(reinterpret_cast<PyObject*>(type), "__dlpack_c_exchange_api__");
    if (capsule == nullptr) {
        PyErr_Clear();
        return nullptr;
    }
    const auto* exchange = static_cast<const dlpack::ExchangeAPI*>(
        PyCapsule_GetPointer(capsule, "dlpack_exchange_api"));
    PyErr_Clear();
    Py_DECREF(capsule);
    while (exchange != nullptr && exchange->version.major != dlpack::MAJOR) {
        exchange = exchange->older;
    }
    if (exchange == nullptr || exchange->tensor_from_object == nullptr) {
        return nullptr;
    }
    // A type that is kept cannot give its address to another one.
    Py_INCREF(type);
    Py_XDECREF(types[next]);
    types[next] = type;
    exchanges[next] = exchange;
    next = (next + 1) % SEEN;
    return exchange;
}

}  // namespace

Array::~Array() {
    if (holds_buffer_) {
        PyBuffer_Release(&buffer_);
    }
}

bool Array::take(nanobind::handle object, bool writable) {
    const bool taken = PyObject_CheckBuffer(object.ptr()) ? take_buffer(object.ptr(), writable)
                                                          : take_tensor(object);
    // Tensors of zeros that PyTorch hands around have no memory, nor have those that were freed.
    return taken && aligned() && (data != nullptr || size() == 0);
}

bool Array::take_buffer(PyObject* object, bool writable) {
    const int flags = PyBUF_FORMAT | PyBUF_STRIDES | (writable ? PyBUF_WRITABLE : 0);
    if (PyObject_GetBuffer(object, &buffer_, flags) != 0) {
        PyErr_Clear();
        return false;
    }
    holds_buffer_ = true;
    if (buffer_.ndim > MOST_AXES || !from_format(buffer_.format, buffer_.itemsize, dtype)) {
        return false;
    }
    axes = buffer_.ndim;
    data = static_cast<char*>(buffer_.buf);
    for (int axis = 0; axis < axes; ++axis) {
        if (buffer_.strides[axis] % buffer_.itemsize != 0) {
            return false;
        }
        shape[axis] = buffer_.shape[axis];
        stride[axis] = buffer_.strides[axis] / buffer_.itemsize;
    }
    return true;
}

bool Array::take_tensor(nanobind::handle object) {
    const dlpack::ExchangeAPI* const exchange = exchange_of(Py_TYPE(object.ptr()));
    if (exchange == nullptr) {
        return take_managed(object);
    }
    dlpack::Tensor tensor;
    if (exchange->tensor_from_object(object.ptr(), &tensor) != 0) {
        PyErr_Clear();
        return false;
    }
    if (tensor.device.type != dlpack::CPU || tensor.axes > MOST_AXES ||
        !from_dlpack(tensor.dtype, dtype)) {
        return false;
    }
    axes = tensor.axes;
    data = static_cast<char*>(tensor.data) + tensor.byte_offset;
    for (int axis = 0; axis < axes; ++axis) {
        shape[axis] = tensor.shape[axis];
        stride[axis] = tensor.stride[axis];
    }
    return true;
}

bool Array::take_managed(nanobind::handle object) {
    if (!nanobind::try_cast(object, managed_)) {
        PyErr_Clear();
        return false;
    }
    const nanobind::dlpack::dtype given = managed_.dtype();
    if (managed_.device_type() != dlpack::CPU || managed_.ndim() > MOST_AXES ||
        !from_dlpack({given.code, given.bits, given.lanes}, dtype)) {
        return false;
    }
    axes = static_cast<int>(managed_.ndim());
    data = static_cast<char*>(managed_.data());
    for (int axis = 0; axis < axes; ++axis) {
        shape[axis] = static_cast<std::int64_t>(managed_.shape(axis));
        stride[axis] = managed_.stride(axis);
    }
    return true;
}

std::int64_t Array::size() const {
    std::int64_t size = 1;
    for (int axis = 0; axis < axes; ++axis) {
        size *= shape[axis];
    }
    return size;
}

bool Array::aligned() const { return reinterpret_cast<std::uintptr_t>(data) % size_of(dtype) == 0; }

}  // namespace losskit
