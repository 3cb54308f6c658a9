/// What the AVX-512 kernels share: scaling and packing of sums.
#ifndef CUPEL_AVX512_H
#define CUPEL_AVX512_H

#include <immintrin.h>

#define CUPEL_TARGET \
  __attribute__((target("avx512f,avx512bw,avx512vl,avx512cd,avx512dq,avx512vnni")))
#include "scaling.h"

/// Constants of 16 channels: see `cupel_scale`.
typedef struct {
  __m512i multiplier[2], addend[2], tie[2], shift[2];
} cupel_constants512;

CUPEL_INLINE cupel_constants512 cupel_constants512_at(const void *constants, int64_t vector) {
  const char *parts = (const char *)constants + vector * 512;
  cupel_constants512 result;
  for (int half = 0; half < 2; half++) {
    result.multiplier[half] = _mm512_load_si512(parts + half * 64);
    result.addend[half] = _mm512_load_si512(parts + 128 + half * 64);
    result.tie[half] = _mm512_load_si512(parts + 256 + half * 64);
    result.shift[half] = _mm512_load_si512(parts + 384 + half * 64);
  }
  return result;
}

/// Eight products, scaled; their low halves count.
CUPEL_INLINE __m512i cupel_scaled_half512(
    __m512i product, const cupel_constants512 *constants, int half, const int has_ties) {
  __m512i value = _mm512_add_epi64(product, constants->addend[half]);
  if (has_ties) {
    value = _mm512_mask_sub_epi64(
        value, _mm512_movepi64_mask(product), value, constants->tie[half]);
  }
  return _mm512_srav_epi64(value, constants->shift[half]);
}

/// 16 sums by the integer modes.
CUPEL_INLINE __m512i cupel_scaled512(
    __m512i sums, const cupel_constants512 *constants, const int has_ties) {
  __m512i even = cupel_scaled_half512(
      _mm512_mul_epi32(sums, constants->multiplier[0]), constants, 0, has_ties);
  __m512i odd = cupel_scaled_half512(
      _mm512_mul_epi32(_mm512_srli_epi64(sums, 32), constants->multiplier[1]), constants, 1,
      has_ties);
  return _mm512_mask_shuffle_epi32(even, 0xAAAA, odd, _MM_PERM_CCAA);
}

/// Constants of 16 channels in the narrow modes.
typedef struct {
  __m512i multiplier, odd_multiplier, half, shift;
  /// Of even and odd channels.
  __m512i addend[2];
} cupel_narrow512;

CUPEL_INLINE cupel_narrow512 cupel_narrow512_at(
    const void *constants, int64_t vector, const int mode) {
  const char *parts = (const char *)constants + vector * (mode == CUPEL_NARROW_UP ? 256 : 192);
  cupel_narrow512 result;
  result.multiplier = _mm512_load_si512(parts);
  result.odd_multiplier = _mm512_srli_epi64(result.multiplier, 32);
  if (mode == CUPEL_NARROW_UP) {
    result.half = _mm512_setzero_si512();
    result.shift = _mm512_load_si512(parts + 64);
    result.addend[0] = _mm512_load_si512(parts + 128);
    result.addend[1] = _mm512_load_si512(parts + 192);
  } else {
    result.half = _mm512_load_si512(parts + 64);
    result.shift = _mm512_load_si512(parts + 128);
    result.addend[0] = result.addend[1] = _mm512_set1_epi64((int64_t)1 << 31);
  }
  return result;
}

/// 16 sums by a narrow mode. `extra` is 0 or 4.
CUPEL_INLINE __m512i cupel_scaled_narrow512(
    __m512i sums, const cupel_narrow512 *constants, const int extra, const int mode) {
  __m512i twice = extra > 0 ? _mm512_srai_epi32(sums, 3) : _mm512_slli_epi32(sums, 1);
  __m512i even =
      _mm512_add_epi64(_mm512_mul_epi32(twice, constants->multiplier), constants->addend[0]);
  __m512i odd = _mm512_add_epi64(
      _mm512_mul_epi32(_mm512_srli_epi64(twice, 32), constants->odd_multiplier),
      constants->addend[1]);
  __m512i value = _mm512_mask_shuffle_epi32(odd, 0x5555, even, _MM_PERM_DDBB);
  if (mode == CUPEL_NARROW) {
    __m512i sign = _mm512_srai_epi32(value, 31);
    value = _mm512_add_epi32(_mm512_add_epi32(value, constants->half), sign);
  }
  return _mm512_srav_epi32(value, constants->shift);
}

/// The output's grid, in 16-bit and 8-bit lanes.
typedef struct {
  __m512i zero_point, low, high;
} cupel_grid512;

CUPEL_INLINE cupel_grid512 cupel_grid512_of(const cupel_scale *scale) {
  return (cupel_grid512){
      _mm512_set1_epi16((int16_t)scale->zero_point), _mm512_set1_epi8((int8_t)scale->low),
      _mm512_set1_epi8((int8_t)scale->high)};
}

// Saturating at 16 and at 8 bits changes nothing that the clamp would not: zero points and bounds
// are 8-bit numbers.

/// Two vectors to 32 values, four of each in turn.
CUPEL_INLINE __m256i cupel_placed32(__m512i a, __m512i b, const cupel_grid512 *grid) {
  __m512i wide = _mm512_adds_epi16(_mm512_packs_epi32(a, b), grid->zero_point);
  __m256i values = _mm512_cvtsepi16_epi8(wide);
  values = _mm256_max_epi8(values, _mm512_castsi512_si256(grid->low));
  return _mm256_min_epi8(values, _mm512_castsi512_si256(grid->high));
}

/// Four vectors to 64 values, four of each in turn.
CUPEL_INLINE __m512i cupel_placed64(
    __m512i a, __m512i b, __m512i c, __m512i d, const cupel_grid512 *grid) {
  __m512i low = _mm512_adds_epi16(_mm512_packs_epi32(a, b), grid->zero_point);
  __m512i high = _mm512_adds_epi16(_mm512_packs_epi32(c, d), grid->zero_point);
  __m512i values = _mm512_packs_epi16(low, high);
  return _mm512_min_epi8(_mm512_max_epi8(values, grid->low), grid->high);
}

/// 64 values that `cupel_placed64` has taken from four vectors in order, in order.
CUPEL_INLINE __m512i cupel_unshuffled64(__m512i values) {
  const __m512i order =
      _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm512_permutexvar_epi32(order, values);
}

CUPEL_INLINE __mmask64 cupel_first_bytes(int64_t count) {
  return count >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << count) - 1;
}

/// Writes the first `count` of 64 values.
CUPEL_INLINE void cupel_write64(int8_t *output, __m512i values, int64_t count) {
  if (count >= 64) {
    _mm512_storeu_si512(output, values);
  } else {
    _mm512_mask_storeu_epi8(output, cupel_first_bytes(count), values);
  }
}

#endif
