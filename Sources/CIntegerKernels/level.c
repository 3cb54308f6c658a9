// Which instruction sets this machine has.
#include "CIntegerKernels.h"

#if defined(__x86_64__)

static void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t *registers) {
  __asm__ volatile("cpuid"
                   : "=a"(registers[0]), "=b"(registers[1]), "=c"(registers[2]),
                     "=d"(registers[3])
                   : "a"(leaf), "c"(subleaf));
}

/// The vector state that the operating system saves: bits of XCR0.
static uint64_t saved_state(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

int cupel_level_available(cupel_level level) {
  if (level == CUPEL_SCALAR) return 1;
  if (level != CUPEL_AVX2 && level != CUPEL_AVX512_VNNI) return 0;
  uint32_t registers[4];
  cpuid(0, 0, registers);
  if (registers[0] < 7) return 0;
  cpuid(1, 0, registers);
  // OSXSAVE and AVX.
  if ((registers[2] >> 27 & 3) != 3) return 0;
  uint64_t state = saved_state();
  cpuid(7, 0, registers);
  int has_avx2 = registers[1] >> 5 & 1;
  if ((state & 6) != 6 || !has_avx2) return 0;
  if (level == CUPEL_AVX2) return 1;
  // F, DQ, CD, BW, VL.
  uint32_t needed = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31;
  return (state & 0xE6) == 0xE6 && (registers[1] & needed) == needed &&
         (registers[2] >> 11 & 1);  // VNNI
}

#elif defined(__aarch64__)

#if defined(__linux__)
/// From the C library; declared here, as no header of it is needed otherwise.
unsigned long getauxval(unsigned long type);
#endif

int cupel_level_available(cupel_level level) {
  if (level == CUPEL_SCALAR) return 1;
  if (level != CUPEL_NEON_DOT) return 0;
#if defined(__ARM_FEATURE_DOTPROD) || defined(__APPLE__)
  return 1;
#elif defined(__linux__)
  // AT_HWCAP, HWCAP_ASIMDDP.
  return getauxval(16) >> 20 & 1;
#else
  return 0;
#endif
}

#else

int cupel_level_available(cupel_level level) { return level == CUPEL_SCALAR; }

#endif
