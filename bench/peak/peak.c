//go:build cgo && amd64

#include "peak.h"

// Twelve sums hide a latency of 4 to 5 cycles behind two instructions a cycle. Factors and sums are not zero, since zeros
// take less power and let some processors clock higher.

#define TWELVE(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)

#define LOOP(set, step)                                                                                                     \
	do {                                                                                                                \
		const float factor = 0.75f;                                                                                 \
		__asm__ volatile(TWELVE(set) set(12) set(13) "1:\n" TWELVE(step) "decq %0\njnz 1b\nvzeroupper\n"            \
		                 : "+r"(times)                                                                              \
		                 : "m"(factor)                                                                              \
		                 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", \
		                   "xmm11", "xmm12", "xmm13", "xmm14", "cc");                                               \
	} while (0)

#define SET_Y(n) "vbroadcastss %1, %%ymm" #n "\n"
#define SET_Z(n) "vbroadcastss %1, %%zmm" #n "\n"
#define FLOAT_Y(n) "vfmadd231ps %%ymm12, %%ymm13, %%ymm" #n "\n"
#define FLOAT_Z(n) "vfmadd231ps %%zmm12, %%zmm13, %%zmm" #n "\n"
#define BF16_Z(n) "vdpbf16ps %%zmm12, %%zmm13, %%zmm" #n "\n"
#define INT16_Y(n) "vpmaddwd %%ymm12, %%ymm13, %%ymm14\nvpaddd %%ymm14, %%ymm" #n ", %%ymm" #n "\n"
#define INT16_Z(n) "vpdpwssd %%zmm12, %%zmm13, %%zmm" #n "\n"
#define INT8_Z(n) "vpdpbusd %%zmm12, %%zmm13, %%zmm" #n "\n"

// Six tiles of sums hide a latency of 52 cycles behind an instruction every 16.
#define SIX(X) X(0) X(1) X(2) X(3) X(4) X(5)
#define TILE_ZERO(n) "tilezero %%tmm" #n "\n"
#define INT8_T(n) "tdpbssd %%tmm7, %%tmm6, %%tmm" #n "\n"
#define BF16_T(n) "tdpbf16ps %%tmm7, %%tmm6, %%tmm" #n "\n"
#define TILE_LOOP(step)                                                                                                                \
	do {                                                                                                                           \
		__asm__ volatile("ldtilecfg %1\ntileloadd (%2,%3,1), %%tmm6\ntileloadd (%2,%3,1), %%tmm7\n" SIX(TILE_ZERO) "1:\n" SIX(step) \
		                 SIX(step) "decq %0\njnz 1b\ntilerelease\n"                                                           \
		                 : "+r"(times)                                                                                         \
		                 : "m"(config), "r"(tile), "r"((int64_t)64)                                                            \
		                 : "memory", "cc");                                                                                    \
	} while (0)

int64_t imglish_peak(int32_t kind, int64_t times)
{
	int64_t steps = 12 * times;
	struct { uint8_t palette, start, reserved[14]; uint16_t bytes[16]; uint8_t rows[16]; } config = {.palette = 1};
	for (int t = 0; t < 8; t++) config.bytes[t] = 64, config.rows[t] = 16;
	uint16_t tile[16 * 32];
	for (int i = 0; i < 16 * 32; i++) tile[i] = 0x3f40; // 0.75 as bfloat16
	switch (kind) {
	case 0: LOOP(SET_Y, FLOAT_Y); return steps * 8;
	case 1: LOOP(SET_Z, FLOAT_Z); return steps * 16;
	case 2: LOOP(SET_Z, BF16_Z); return steps * 32;
	case 3: LOOP(SET_Y, INT16_Y); return steps * 16;
	case 4: LOOP(SET_Z, INT16_Z); return steps * 32;
	case 5: LOOP(SET_Z, INT8_Z); return steps * 64;
	case 6: TILE_LOOP(BF16_T); return steps * 16 * 16 * 32;
	case 7: TILE_LOOP(INT8_T); return steps * 16 * 16 * 64;
	}
	return 0;
}
