// The machine's own limit: dot products on registers alone.
#include "CIntegerKernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

enum { SUMS = 16 };

__attribute__((target("avx512f,avx512vnni"))) static int64_t run_avx512(int64_t rounds) {
  __m512i sums[SUMS];
  __m512i values = _mm512_set1_epi8(1), weights = _mm512_set1_epi8(2);
  for (int index = 0; index < SUMS; index++) sums[index] = _mm512_setzero_si512();
  for (int64_t round = 0; round < rounds; round++) {
#pragma clang loop unroll(full)
    for (int index = 0; index < SUMS; index++) {
      sums[index] = _mm512_dpbusd_epi32(sums[index], values, weights);
      // Keeps the compiler from multiplying instead.
      __asm__ volatile("" : "+v"(sums[index]));
    }
  }
  return rounds * SUMS * 64;
}

__attribute__((target("avx2"))) static int64_t run_avx2(int64_t rounds) {
  __m256i sums[8];
  __m256i values = _mm256_set1_epi16(1), weights = _mm256_set1_epi16(2);
  for (int index = 0; index < 8; index++) sums[index] = _mm256_setzero_si256();
  for (int64_t round = 0; round < rounds; round++) {
#pragma clang loop unroll(full)
    for (int index = 0; index < 8; index++) {
      sums[index] = _mm256_add_epi32(sums[index], _mm256_madd_epi16(values, weights));
      __asm__ volatile("" : "+x"(sums[index]), "+x"(values));
    }
  }
  return rounds * 8 * 16;
}
#endif

int64_t cupel_peak_rounds(cupel_level level, int64_t rounds) {
#if defined(__x86_64__)
  if (level == CUPEL_AVX512_VNNI) return run_avx512(rounds);
  if (level == CUPEL_AVX2) return run_avx2(rounds);
#endif
  (void)level;
  (void)rounds;
  return 0;
}
