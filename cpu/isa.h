//go:build cgo

// Names and choice of the instruction sets. See each_isa.h.

#ifndef IMGLISH_ISA_H
#define IMGLISH_ISA_H

#include <stdint.h>
#include <string.h>
#include <math.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "kernels.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF // additions and products are fused where the code says so, else bits depend on the compiler's mood
#endif

#define CAT2(a, b) a##_##b
#define CAT(a, b) CAT2(a, b)
#define N(name) CAT(name, ISA)

// CALL runs the version of f for instruction set isa; its value is a status.
#if defined(__x86_64__)
#define CALL(isa, f, ...)                                                                       \
	((isa) >= IMGLISH_AVX512 ? (f##_avx512(__VA_ARGS__), IMGLISH_OK)                            \
	 : (isa) == IMGLISH_AVX2 ? (f##_avx2(__VA_ARGS__), IMGLISH_OK)                              \
	 : (isa) == IMGLISH_GENERIC ? (f##_generic(__VA_ARGS__), IMGLISH_OK) : IMGLISH_NO_ISA)
// CALL_VNNI is CALL for bodies that have a version with VNNI.
#define CALL_VNNI(isa, f, ...) ((isa) >= IMGLISH_VNNI ? (f##_avx512vnni(__VA_ARGS__), IMGLISH_OK) : CALL(isa, f, __VA_ARGS__))
#else
#define CALL(isa, f, ...) ((isa) == IMGLISH_GENERIC ? (f##_generic(__VA_ARGS__), IMGLISH_OK) : IMGLISH_NO_ISA)
#define CALL_VNNI CALL
#endif

#define INLINE static inline __attribute__((always_inline, unused))

int64_t imglish_ways(void); // ways of the first-level data cache

// A count's next multiple of m.
static inline __attribute__((unused)) int64_t round_up(int64_t n, int64_t m) { return (n + m - 1) / m * m; }
static inline __attribute__((unused)) int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

#endif
