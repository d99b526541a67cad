// The parts of the DLPack standard (1.3) by which a library shows its tensors to others in C.
#pragma once

#include <cstdint>

namespace losskit::dlpack {

constexpr std::uint32_t MAJOR = 1;
constexpr std::int32_t CPU = 1;

enum Code : std::uint8_t { INT = 0, UINT = 1, FLOAT = 2, BFLOAT = 4, BOOL = 6 };

struct DataType {
    std::uint8_t code, bits;
    std::uint16_t lanes;
};

struct Device {
    std::int32_t type, id;
};

struct Tensor {
    void* data;
    Device device;
    std::int32_t axes;
    DataType dtype;
    std::int64_t* shape;
    std::int64_t* stride;
    std::uint64_t byte_offset;
};

struct Version {
    std::uint32_t major, minor;
};

/// What the capsule `__dlpack_c_exchange_api__` of a tensor's type points to.
struct ExchangeAPI {
    Version version;
    ExchangeAPI* older;
    void* allocate;
    void* managed_from_object;
    void* managed_to_object;
    int (*tensor_from_object)(void* object, Tensor* out);
    void* current_stream;
};

}  // namespace losskit::dlpack
