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

#if defined(__SSE2__)

constexpr std::int64_t LINE_BYTES = 64;

/// Write one whole line of a cache.
LOSSKIT_INLINE void stream_line(const char* from, char* to) {
#if defined(__AVX512F__)
    _mm512_stream_si512(reinterpret_cast<__m512i*>(to), _mm512_loadu_si512(from));
#elif defined(__AVX__)
    for (int at = 0; at < LINE_BYTES; at += 32) {
        _mm256_stream_si256(reinterpret_cast<__m256i*>(to + at),
                            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + at)));
    }
#else
    for (int at = 0; at < LINE_BYTES; at += 16) {
        _mm_stream_si128(reinterpret_cast<__m128i*>(to + at),
                         _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + at)));
    }
#endif
}

/// Copy to where nobody reads soon.
template <class T>
void stream(const T* values, T* out, std::int64_t count) {
    const char* from = reinterpret_cast<const char*>(values);
    char* to = reinterpret_cast<char*>(out);
    std::int64_t left = count * static_cast<std::int64_t>(sizeof(T));
    const auto past = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(to) % LINE_BYTES);
    const std::int64_t head = past == 0 ? 0 : LINE_BYTES - past < left ? LINE_BYTES - past : left;
    std::memcpy(to, from, static_cast<std::size_t>(head));
    from += head;
    to += head;
    left -= head;
    for (; left >= LINE_BYTES; left -= LINE_BYTES) {
        stream_line(from, to);
        from += LINE_BYTES;
        to += LINE_BYTES;
    }
    std::memcpy(to, from, static_cast<std::size_t>(left));
}

/// Have it all written before other threads are told that it is.
LOSSKIT_INLINE void finish_streams() { _mm_sfence(); }

#else

template <class T>
void stream(const T* values, T* out, std::int64_t count) {
    std::memcpy(out, values, static_cast<std::size_t>(count) * sizeof(T));
}

LOSSKIT_INLINE void finish_streams() {}

#endif

}  // namespace losskit::LOSSKIT_ISA
