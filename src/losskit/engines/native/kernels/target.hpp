// The kernels are compiled once for each instruction set, each time in a namespace of its own.
#pragma once

#if !defined(LOSSKIT_ISA)
#define LOSSKIT_ISA baseline
#endif

#if defined(__GNUC__)
#define LOSSKIT_INLINE inline __attribute__((always_inline))
#else
#define LOSSKIT_INLINE inline
#endif
