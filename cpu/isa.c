//go:build cgo

#define _DEFAULT_SOURCE
#include <stdlib.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/mman.h>
#include <sys/syscall.h>
#endif
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include "isa.h"

const char *imglish_status_text(int32_t status)
{
	switch (status) {
	case IMGLISH_OK: return "ok";
	case IMGLISH_NO_ISA: return "no kernels for this instruction set";
	case IMGLISH_BAD_ID: return "an index lies outside its table";
	case IMGLISH_NO_MEMORY: return "out of memory";
	}
	return "unknown status";
}

#if defined(__x86_64__) && defined(__linux__)
// amx: whether the processor has tiles of bytes, the system saves them, and lets this process use them, which it must be asked
// for once (arch_prctl; threads inherit it). A refusal is no error: there are other instructions.
static int amx(void)
{
	static _Atomic int known; // 1: no, 2: yes
	if (known) return known == 2;
	enum { ARCH_REQ_XCOMP_PERM = 0x1023, TILE_DATA = 18 };
	unsigned a, b, c, d = 0, low, high;
	int has = __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 24 & 3) == 3; // AMX-TILE, AMX-INT8
	if (has) {
		__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0)); // AVX-512 was found: there is an XCR0
		has = (low >> 17 & 3) == 3 && syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, TILE_DATA) == 0;
	}
	known = has ? 2 : 1;
	return has;
}
#else
static int amx(void) { return 0; }
#endif

int32_t imglish_has_isa(int32_t isa)
{
	if (isa == IMGLISH_GENERIC) return 1;
#if defined(__x86_64__)
	__builtin_cpu_init();
	int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
	if (isa == IMGLISH_AVX2) return avx2;
	int avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
	             __builtin_cpu_supports("avx512dq");
	if (isa == IMGLISH_AVX512) return avx512;
	int vnni = avx512 && __builtin_cpu_supports("avx512vnni");
	if (isa == IMGLISH_VNNI) return vnni;
	if (isa == IMGLISH_AMX) return vnni && amx();
#endif
	return 0;
}

int32_t imglish_best_isa(void)
{
	int32_t isa = IMGLISH_AMX;
	while (!imglish_has_isa(isa)) isa--;
	return isa;
}

int64_t imglish_ways(void)
{
	static _Atomic int64_t ways;
	int64_t n = ways;
	if (n == 0) {
#ifdef _SC_LEVEL1_DCACHE_ASSOC
		n = sysconf(_SC_LEVEL1_DCACHE_ASSOC);
#endif
		ways = n = n > 0 ? n : 8;
	}
	return n;
}

void *imglish_alloc(int64_t bytes, int32_t zeroed)
{
	const int64_t huge = 2 << 20; // large blocks start on huge pages: fewer misses of the page tables' cache
	int64_t align = bytes >= huge ? huge : 64;
	bytes = round_up(bytes > 0 ? bytes : 1, 64);
	void *p = NULL;
	if (posix_memalign(&p, (size_t)align, (size_t)bytes) != 0) return NULL;
#if defined(__linux__) && defined(MADV_HUGEPAGE)
	// A hint, whose failure changes nothing. What lies behind the last whole page stays small: it would waste half a page.
	if (align == huge) madvise(p, (size_t)(bytes / huge * huge), MADV_HUGEPAGE);
#endif
	if (zeroed) memset(p, 0, (size_t)bytes);
	return p;
}

void imglish_free(void *p) { free(p); }
