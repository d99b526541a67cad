// Elements of every dtype to and from the dtype of the computation, in loops that vectorise.
#pragma once

#include <cstdint>

#include "job.hpp"
#include "target.hpp"
#include "vmath.hpp"

namespace losskit::LOSSKIT_ISA {

struct BFloat16 {
    std::uint16_t bits;

    LOSSKIT_INLINE float widen() const { return from_bits<float>(std::uint32_t{bits} << 16); }

    static LOSSKIT_INLINE BFloat16 round(float value) {
        const std::uint32_t bits = bits_of(value);
        const std::uint32_t nearest = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
        // Rounding could carry a NaN's digits into its sign.
        const std::uint32_t quiet = (bits >> 16) | 0x40u;
        return {static_cast<std::uint16_t>((bits & 0x7FFFFFFFu) > 0x7F800000u ? quiet : nearest)};
    }
};

struct Float16 {
    std::uint16_t bits;

    LOSSKIT_INLINE float widen() const {
        const std::uint32_t magnitude = bits & 0x7FFFu;
        const std::uint32_t sign = std::uint32_t{bits & 0x8000u} << 16;
        // A multiplication rescales the exponent, that of subnormal numbers as well.
        const std::uint32_t finite = bits_of(from_bits<float>(magnitude << 13) * 0x1p112f);
        const std::uint32_t special = 0x7F800000u | (magnitude << 13);
        return from_bits<float>(sign | (magnitude >= 0x7C00u ? special : finite));
    }

    static LOSSKIT_INLINE Float16 round(float value) {
        const std::uint32_t bits = bits_of(value);
        const std::uint32_t magnitude = bits & 0x7FFFFFFFu;
        const std::uint32_t sign = (bits >> 16) & 0x8000u;
        const std::uint32_t odd = (magnitude >> 13) & 1u;
        const std::uint32_t normal = (magnitude - 0x38000000u + 0xFFFu + odd) >> 13;
        // Adding 0.5 leaves the digits of a subnormal result at the end, rounded to nearest.
        const std::uint32_t small = bits_of(from_bits<float>(magnitude) + 0.5f) - 0x3F000000u;
        const std::uint32_t nan = 0x7E00u;
        const std::uint32_t finite = magnitude < 0x38800000u ? small : normal;
        const std::uint32_t large = magnitude > 0x7F800000u ? nan : 0x7C00u;
        return {static_cast<std::uint16_t>(sign | (magnitude >= 0x477FF000u ? large : finite))};
    }
};

template <class T>
LOSSKIT_INLINE T widened(BFloat16 value) {
    return static_cast<T>(value.widen());
}
template <class T>
LOSSKIT_INLINE T widened(Float16 value) {
    return static_cast<T>(value.widen());
}
template <class T, class S>
LOSSKIT_INLINE T widened(S value) {
    return static_cast<T>(value);
}

template <class S>
struct Narrow {
    template <class T>
    static LOSSKIT_INLINE S from(T value) {
        return static_cast<S>(value);
    }
};
template <>
struct Narrow<BFloat16> {
    template <class T>
    static LOSSKIT_INLINE BFloat16 from(T value) {
        return BFloat16::round(static_cast<float>(value));
    }
};
template <>
struct Narrow<Float16> {
    template <class T>
    static LOSSKIT_INLINE Float16 from(T value) {
        return Float16::round(static_cast<float>(value));
    }
};

template <class S, class T>
LOSSKIT_INLINE void widen_run(const char* data, std::int64_t stride, std::int64_t count, T* out) {
    const S* from = reinterpret_cast<const S*>(data);
    if (stride == 1) {
        for (std::int64_t i = 0; i < count; ++i) {
            out[i] = widened<T>(from[i]);
        }
    } else {
        for (std::int64_t i = 0; i < count; ++i) {
            out[i] = widened<T>(from[i * stride]);
        }
    }
}

/// Widen `count` elements that lie `stride` elements apart.
template <class T>
void widen(DType dtype, const char* data, std::int64_t stride, std::int64_t count, T* out) {
    switch (dtype) {
        case DType::f32: return widen_run<float>(data, stride, count, out);
        case DType::f64: return widen_run<double>(data, stride, count, out);
        case DType::f16: return widen_run<Float16>(data, stride, count, out);
        case DType::bf16: return widen_run<BFloat16>(data, stride, count, out);
        case DType::i8: return widen_run<std::int8_t>(data, stride, count, out);
        case DType::i16: return widen_run<std::int16_t>(data, stride, count, out);
        case DType::i32: return widen_run<std::int32_t>(data, stride, count, out);
        case DType::i64: return widen_run<std::int64_t>(data, stride, count, out);
        case DType::u8:
        case DType::boolean: return widen_run<std::uint8_t>(data, stride, count, out);
    }
}

template <class S, class T>
LOSSKIT_INLINE void narrow_run(const T* from, char* data, std::int64_t stride, std::int64_t count) {
    S* out = reinterpret_cast<S*>(data);
    if (stride == 1) {
        for (std::int64_t i = 0; i < count; ++i) {
            out[i] = Narrow<S>::from(from[i]);
        }
    } else {
        for (std::int64_t i = 0; i < count; ++i) {
            out[i * stride] = Narrow<S>::from(from[i]);
        }
    }
}

/// Round `count` results to a floating dtype, `stride` elements apart.
template <class T>
void narrow(const T* from, DType dtype, char* data, std::int64_t stride, std::int64_t count) {
    switch (dtype) {
        case DType::f64: return narrow_run<double>(from, data, stride, count);
        case DType::f16: return narrow_run<Float16>(from, data, stride, count);
        case DType::bf16: return narrow_run<BFloat16>(from, data, stride, count);
        default: return narrow_run<float>(from, data, stride, count);
    }
}

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<float> {
    static constexpr DType value = DType::f32;
};
template <>
struct DTypeOf<double> {
    static constexpr DType value = DType::f64;
};

}  // namespace losskit::LOSSKIT_ISA
