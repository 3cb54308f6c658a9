// Depthwise convolution by `vpdpbusd`: 64 values at a time, four taps of each brought together by
// two rounds of unpacking. Packing the sums undoes what unpacking did to their order.
#if defined(__x86_64__)
#include "avx512.h"
#include "depthwise_avx512.h"

/// Adds four taps of 64 values. `weights` has a vector for every 16 sums.
CUPEL_INLINE void add_taps(
    const uint8_t *staged, const int64_t *taps, const uint8_t *weights, __m512i sums[4]) {
  __m512i a = _mm512_loadu_si512(staged + taps[0]), b = _mm512_loadu_si512(staged + taps[1]);
  __m512i c = _mm512_loadu_si512(staged + taps[2]), d = _mm512_loadu_si512(staged + taps[3]);
  __m512i ab_low = _mm512_unpacklo_epi8(a, b), ab_high = _mm512_unpackhi_epi8(a, b);
  __m512i cd_low = _mm512_unpacklo_epi8(c, d), cd_high = _mm512_unpackhi_epi8(c, d);
  const __m512i *own = (const __m512i *)weights;
  sums[0] = _mm512_dpbusd_epi32(
      sums[0], _mm512_unpacklo_epi16(ab_low, cd_low), _mm512_load_si512(own));
  sums[1] = _mm512_dpbusd_epi32(
      sums[1], _mm512_unpackhi_epi16(ab_low, cd_low), _mm512_load_si512(own + 1));
  sums[2] = _mm512_dpbusd_epi32(
      sums[2], _mm512_unpacklo_epi16(ab_high, cd_high), _mm512_load_si512(own + 2));
  sums[3] = _mm512_dpbusd_epi32(
      sums[3], _mm512_unpackhi_epi16(ab_high, cd_high), _mm512_load_si512(own + 3));
}

CUPEL_INLINE void scale_sums(
    const cupel_scale *scale, int64_t first, __m512i sums[4], const int mode) {
  if (mode == CUPEL_FLOAT32) {
    int32_t values[64] __attribute__((aligned(64)));
    for (int index = 0; index < 4; index++) _mm512_store_si512(values + 16 * index, sums[index]);
    cupel_scale_float32((const int32_t *)scale->constants + 3 * first, values, 64, 16);
    for (int index = 0; index < 4; index++) sums[index] = _mm512_load_si512(values + 16 * index);
    return;
  }
  for (int index = 0; index < 4; index++) {
    if (mode == CUPEL_NARROW || mode == CUPEL_NARROW_UP) {
      cupel_narrow512 constants = cupel_narrow512_at(scale->constants, first / 16 + index, mode);
      sums[index] = cupel_scaled_narrow512(sums[index], &constants, 0, mode);
    } else {
      cupel_constants512 constants = cupel_constants512_at(scale->constants, first / 16 + index);
      sums[index] = cupel_scaled512(sums[index], &constants, mode == CUPEL_WIDE_TIES);
    }
  }
}

CUPEL_INLINE void run(
    const cupel_packed *packed, const uint8_t *staged, int64_t count, int8_t *output,
    const int mode) {
  const cupel_grid512 grid = cupel_grid512_of(&packed->scale);
  int64_t pattern_bytes = (int64_t)packed->tap_count * 64;
  int32_t pattern = 0;
  for (int64_t value = 0; value < count; value += 64) {
    __m512i sums[4];
    for (int index = 0; index < 4; index++) {
      sums[index] = _mm512_load_si512(packed->start + 64 * pattern + 16 * index);
    }
    const uint8_t *weights = packed->weights + pattern * pattern_bytes;
    for (int32_t tap = 0; tap < packed->tap_count; tap += 4) {
      add_taps(staged + value, packed->taps + tap, weights, sums);
      weights += 256;
    }
    scale_sums(&packed->scale, 64 * (int64_t)pattern, sums, mode);
    __m512i values = cupel_placed64(sums[0], sums[1], sums[2], sums[3], &grid);
    if (count - value >= 64) {
      _mm512_storeu_si512(output + value, values);
    } else {
      _mm512_mask_storeu_epi8(output + value, cupel_first_bytes(count - value), values);
    }
    if (++pattern == packed->patterns) pattern = 0;
  }
}

CUPEL_TARGET void cupel_depthwise_avx512(
    const cupel_packed *packed, const uint8_t *staged, int64_t count, int8_t *output) {
  switch (packed->scale.mode) {
    case CUPEL_WIDE: run(packed, staged, count, output, CUPEL_WIDE); return;
    case CUPEL_WIDE_TIES: run(packed, staged, count, output, CUPEL_WIDE_TIES); return;
    case CUPEL_FLOAT32: run(packed, staged, count, output, CUPEL_FLOAT32); return;
    case CUPEL_NARROW: run(packed, staged, count, output, CUPEL_NARROW); return;
    case CUPEL_NARROW_UP: run(packed, staged, count, output, CUPEL_NARROW_UP); return;
  }
}
#endif
