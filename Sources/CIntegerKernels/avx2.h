/// What the AVX2 kernels share: scaling and packing of sums.
#ifndef CUPEL_AVX2_H
#define CUPEL_AVX2_H

#include <immintrin.h>

#define CUPEL_TARGET __attribute__((target("avx2")))
#include "scaling.h"

/// Four products, scaled; their low halves count. There is no arithmetic shift of 64 bits, so the
/// sign is moved out of the way and back: for x + 2^63, shifted, is 2^(63 - shift) too large.
CUPEL_INLINE __m256i cupel_scaled_half256(__m256i product, const char *parts) {
  __m256i addend = _mm256_load_si256((const __m256i *)(parts + 64));
  __m256i tie = _mm256_load_si256((const __m256i *)(parts + 128));
  __m256i shift = _mm256_load_si256((const __m256i *)(parts + 192));
  const __m256i top = _mm256_set1_epi64x(INT64_MIN);
  __m256i negative = _mm256_cmpgt_epi64(_mm256_setzero_si256(), product);
  __m256i value = _mm256_sub_epi64(
      _mm256_add_epi64(product, addend), _mm256_and_si256(negative, tie));
  __m256i moved = _mm256_srlv_epi64(_mm256_xor_si256(value, top), shift);
  return _mm256_sub_epi64(moved, _mm256_srlv_epi64(top, shift));
}

/// Eight sums by the integer modes, the constants of vector `vector` of channels.
CUPEL_INLINE __m256i cupel_scaled256(__m256i sums, const void *constants, int64_t vector) {
  const char *parts = (const char *)constants + vector * 256;
  __m256i even = _mm256_mul_epi32(sums, _mm256_load_si256((const __m256i *)parts));
  __m256i odd = _mm256_mul_epi32(
      _mm256_srli_epi64(sums, 32), _mm256_load_si256((const __m256i *)(parts + 32)));
  even = cupel_scaled_half256(even, parts);
  odd = cupel_scaled_half256(odd, parts + 32);
  return _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA);
}

/// Eight sums by the narrow mode, constants of 32 bits each.
CUPEL_INLINE __m256i cupel_narrow256(__m256i sums, const __m256i *parts, int32_t extra) {
  const __m256i round = _mm256_set1_epi64x((int64_t)1 << 31);
  __m256i multiplier = _mm256_load_si256(parts);
  __m256i twice = extra > 0 ? _mm256_srai_epi32(sums, 3) : _mm256_slli_epi32(sums, 1);
  __m256i even = _mm256_add_epi64(_mm256_mul_epi32(twice, multiplier), round);
  __m256i odd = _mm256_add_epi64(
      _mm256_mul_epi32(_mm256_srli_epi64(twice, 32), _mm256_srli_epi64(multiplier, 32)), round);
  __m256i high = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA);
  __m256i sign = _mm256_srai_epi32(high, 31);
  high = _mm256_add_epi32(high, _mm256_load_si256(parts + 1));
  return _mm256_srav_epi32(_mm256_add_epi32(high, sign), _mm256_load_si256(parts + 2));
}

/// Two vectors to 16 values, four of each in turn.
CUPEL_INLINE __m128i cupel_placed16_256(__m256i a, __m256i b, const cupel_scale *scale) {
  __m256i wide = _mm256_adds_epi16(
      _mm256_packs_epi32(a, b), _mm256_set1_epi16((int16_t)scale->zero_point));
  __m128i values =
      _mm_packs_epi16(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
  values = _mm_max_epi8(values, _mm_set1_epi8((int8_t)scale->low));
  return _mm_min_epi8(values, _mm_set1_epi8((int8_t)scale->high));
}

/// Scales two vectors of sums by the constants of vectors `first` and `second`, and places them.
CUPEL_INLINE __m128i cupel_finished16(
    const cupel_scale *scale, __m256i a, __m256i b, int64_t first, int64_t second) {
  if (scale->mode == CUPEL_FLOAT32) {
    int32_t values[16] __attribute__((aligned(32)));
    _mm256_store_si256((__m256i *)values, a);
    _mm256_store_si256((__m256i *)(values + 8), b);
    const int32_t *constants = (const int32_t *)scale->constants;
    cupel_scale_float32(constants + 24 * first, values, 8, 8);
    cupel_scale_float32(constants + 24 * second, values + 8, 8, 8);
    a = _mm256_load_si256((const __m256i *)values);
    b = _mm256_load_si256((const __m256i *)(values + 8));
  } else if (scale->mode == CUPEL_NARROW) {
    const __m256i *parts = (const __m256i *)scale->constants;
    a = cupel_narrow256(a, parts + 3 * first, scale->extra);
    b = cupel_narrow256(b, parts + 3 * second, scale->extra);
  } else {
    a = cupel_scaled256(a, scale->constants, first);
    b = cupel_scaled256(b, scale->constants, second);
  }
  return cupel_placed16_256(a, b, scale);
}

/// Writes the first `count` of 16 values.
CUPEL_INLINE void cupel_write16(int8_t *output, __m128i values, int64_t count) {
  if (count >= 16) {
    _mm_storeu_si128((__m128i *)output, values);
    return;
  }
  int8_t bytes[16] __attribute__((aligned(16)));
  _mm_store_si128((__m128i *)bytes, values);
  for (int64_t index = 0; index < count; index++) output[index] = bytes[index];
}

#endif
