// The kernels are compiled once for each instruction set, each time in a namespace of its own.
#pragma once

#if !defined(LOSSKIT_ISA)
#define LOSSKIT_ISA baseline
#endif

#if defined(__GNUC__)
#define LOSSKIT_INLINE inline __attribute__((always_inline))
// A loop that adds up keeps its sums in registers only where no larger function surrounds it.
#define LOSSKIT_APART __attribute__((noinline))
// Ask for the memory of an address that will be read, or written, soon.
#define LOSSKIT_READ_SOON(address) __builtin_prefetch(address, 0, 2)
#define LOSSKIT_WRITE_SOON(address) __builtin_prefetch(address, 1, 2)
#else
#define LOSSKIT_INLINE inline
#define LOSSKIT_APART
#define LOSSKIT_READ_SOON(address)
#define LOSSKIT_WRITE_SOON(address)
#endif
