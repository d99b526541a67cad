// Writes past the caches. A cache fetches a line before it is written, and has it written back later;
// a result that no cache can hold until it is read again is better sent straight to memory.
#pragma once

#include <cstdint>
#include <cstring>

#include "target.hpp"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace losskit::LOSSKIT_ISA {

constexpr std::int64_t LINE_BYTES = 64;

/// Write one whole line of a cache.
LOSSKIT_INLINE void stream_line(const void* from, void* to) {
#if defined(__AVX512F__)
    _mm512_stream_si512(static_cast<__m512i*>(to), _mm512_loadu_si512(from));
#elif defined(__AVX__)
    for (int at = 0; at < 2; ++at) {
        const auto* const part = static_cast<const __m256i*>(from) + at;
        _mm256_stream_si256(static_cast<__m256i*>(to) + at, _mm256_loadu_si256(part));
    }
#elif defined(__SSE2__)
    for (int at = 0; at < 4; ++at) {
        const auto* const part = static_cast<const __m128i*>(from) + at;
        _mm_stream_si128(static_cast<__m128i*>(to) + at, _mm_loadu_si128(part));
    }
#else
    std::memcpy(to, from, LINE_BYTES);
#endif
}

/// Have it all written before other threads are told that it is.
LOSSKIT_INLINE void finish_streams() {
#if defined(__SSE2__)
    _mm_sfence();
#endif
}

/// How many of so many elements are written before the first whole line.
template <class T>
LOSSKIT_INLINE std::int64_t before_line(const T* out, std::int64_t count) {
    const auto past = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(out) % LINE_BYTES);
    const std::int64_t head = past == 0 ? 0 : (LINE_BYTES - past) / std::int64_t{sizeof(T)};
    return head < count ? head : count;
}

/// Copy to where nobody reads soon.
template <class T>
void stream(const T* values, T* out, std::int64_t count) {
    constexpr std::int64_t LINE = LINE_BYTES / sizeof(T);
    const std::int64_t head = before_line(out, count);
    std::memcpy(out, values, static_cast<std::size_t>(head) * sizeof(T));
    std::int64_t at = head;
    for (; at + LINE <= count; at += LINE) {
        stream_line(values + at, out + at);
    }
    std::memcpy(out + at, values + at, static_cast<std::size_t>(count - at) * sizeof(T));
}

}  // namespace losskit::LOSSKIT_ISA
