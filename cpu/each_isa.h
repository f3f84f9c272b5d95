//go:build cgo

// Includes the file that BODY names once for each instruction set. In the body, N(f) is f's name for the set at hand,
// VW its vector width in floats; vec.h gives the vectors. The plain version comes first and works on any machine.
//
// The including file has its system headers in before this one: a header must not be read under a target pragma.

#include "isa.h"

#define ISA generic
#define VW 4
#include BODY
#undef ISA
#undef VW

#if defined(__x86_64__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#define ISA avx2
#define VW 8
#include BODY
#undef ISA
#undef VW
#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma"))), apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,prefer-vector-width=512")
#endif
#define ISA avx512
#define VW 16
#include BODY
#undef ISA
#undef VW
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#ifdef WITH_VNNI // bodies that multiply integers
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512vnni,avx512f,avx512bw,avx512vl,avx512dq,avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512vnni,avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,prefer-vector-width=512")
#endif
#define ISA avx512vnni
#define VW 16
#define VNNI
#include BODY
#undef ISA
#undef VW
#undef VNNI
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

#ifdef WITH_AMX // bodies that multiply tiles
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("amx-tile,amx-int8,avx512f,avx512bw,avx512vl,avx512dq,avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("amx-tile,amx-int8,avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,prefer-vector-width=512")
#endif
#define ISA amx
#define VW 16
#define AMX
#include BODY
#undef ISA
#undef VW
#undef AMX
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

#endif
