// Depthwise convolution by `vpdpbusd`: 64 values at a time, four taps of each brought together by
// two rounds of unpacking. Packing the sums undoes what unpacking did to their order.
#if defined(__x86_64__)
#include "avx512.h"

/// Adds four taps of 64 values. `weights` has a vector for every 16 sums, of one row of output
/// after another.
CUPEL_INLINE void add_taps(
    const uint8_t *staged, const int64_t *taps, const uint8_t *weights, __m512i sums[2][4],
    const int rows) {
  __m512i a = _mm512_loadu_si512(staged + taps[0]), b = _mm512_loadu_si512(staged + taps[1]);
  __m512i c = _mm512_loadu_si512(staged + taps[2]), d = _mm512_loadu_si512(staged + taps[3]);
  __m512i ab_low = _mm512_unpacklo_epi8(a, b), ab_high = _mm512_unpackhi_epi8(a, b);
  __m512i cd_low = _mm512_unpacklo_epi8(c, d), cd_high = _mm512_unpackhi_epi8(c, d);
  const __m512i values[4] = {
      _mm512_unpacklo_epi16(ab_low, cd_low), _mm512_unpackhi_epi16(ab_low, cd_low),
      _mm512_unpacklo_epi16(ab_high, cd_high), _mm512_unpackhi_epi16(ab_high, cd_high)};
  const __m512i *own = (const __m512i *)weights;
#pragma clang loop unroll(full)
  for (int row = 0; row < rows; row++) {
#pragma clang loop unroll(full)
    for (int index = 0; index < 4; index++) {
      sums[row][index] = _mm512_dpbusd_epi32(
          sums[row][index], values[index], _mm512_load_si512(own + 4 * row + index));
    }
  }
}

CUPEL_INLINE void scale_float32(const cupel_scale *scale, int64_t first, __m512i sums[4]) {
  int32_t values[64] __attribute__((aligned(64)));
  for (int index = 0; index < 4; index++) _mm512_store_si512(values + 16 * index, sums[index]);
  cupel_scale_float32((const int32_t *)scale->constants + 3 * first, values, 64, 16);
  for (int index = 0; index < 4; index++) sums[index] = _mm512_load_si512(values + 16 * index);
}

CUPEL_INLINE void scale_sums(
    const cupel_scale *scale, int64_t first, __m512i sums[2][4], const int rows, const int mode) {
  if (mode == CUPEL_FLOAT32) {
    for (int row = 0; row < rows; row++) scale_float32(scale, first, sums[row]);
    return;
  }
#pragma clang loop unroll(full)
  for (int index = 0; index < 4; index++) {
    if (mode == CUPEL_NARROW || mode == CUPEL_NARROW_UP) {
      cupel_narrow512 constants = cupel_narrow512_at(scale->constants, first / 16 + index, mode);
      for (int row = 0; row < rows; row++) {
        sums[row][index] = cupel_scaled_narrow512(sums[row][index], &constants, 0, mode);
      }
    } else {
      cupel_constants512 constants = cupel_constants512_at(scale->constants, first / 16 + index);
      for (int row = 0; row < rows; row++) {
        sums[row][index] =
            cupel_scaled512(sums[row][index], &constants, mode == CUPEL_WIDE_TIES);
      }
    }
  }
}

/// `rows` is 1 or 2.
CUPEL_INLINE void run(
    const cupel_packed *packed, const int64_t *taps, const uint8_t *staged, int64_t count,
    int8_t *output, int8_t *below, const int rows, const int mode) {
  const cupel_grid512 grid = cupel_grid512_of(&packed->scale);
  const int64_t group_bytes = packed->pairs_rows ? 512 : 256;
  const int64_t pattern_bytes = packed->tap_count / 4 * group_bytes;
  int32_t pattern = 0;
  for (int64_t value = 0; value < count; value += 64) {
    __m512i sums[2][4];
    for (int index = 0; index < 4; index++) {
      sums[0][index] = _mm512_load_si512(packed->start + 64 * pattern + 16 * index);
      sums[1][index] = sums[0][index];
    }
    const uint8_t *weights = packed->weights + pattern * pattern_bytes;
    for (int32_t tap = 0; tap < packed->tap_count; tap += 4) {
      add_taps(staged + value, taps + tap, weights, sums, rows);
      weights += group_bytes;
    }
    scale_sums(&packed->scale, 64 * (int64_t)pattern, sums, rows, mode);
    for (int row = 0; row < rows; row++) {
      const __m512i *own = sums[row];
      cupel_write64(
          (row == 0 ? output : below) + value,
          cupel_placed64(own[0], own[1], own[2], own[3], &grid), count - value);
    }
    if (++pattern == packed->patterns) pattern = 0;
  }
}

CUPEL_INLINE void run_rows(
    const cupel_packed *packed, const uint8_t *staged, int64_t count, int8_t *output,
    int8_t *below, const int mode) {
  if (below != 0) {
    run(packed, packed->taps, staged, count, output, below, 2, mode);
    return;
  }
  const int64_t *taps = packed->taps + (packed->pairs_rows ? packed->tap_count : 0);
  run(packed, taps, staged, count, output, below, 1, mode);
}

CUPEL_TARGET void cupel_depthwise_avx512(
    const cupel_packed *packed, const uint8_t *staged, int64_t count, int8_t *output,
    int8_t *below) {
  switch (packed->scale.mode) {
    case CUPEL_WIDE: run_rows(packed, staged, count, output, below, CUPEL_WIDE); return;
    case CUPEL_WIDE_TIES: run_rows(packed, staged, count, output, below, CUPEL_WIDE_TIES); return;
    case CUPEL_FLOAT32: run_rows(packed, staged, count, output, below, CUPEL_FLOAT32); return;
    case CUPEL_NARROW: run_rows(packed, staged, count, output, below, CUPEL_NARROW); return;
    case CUPEL_NARROW_UP: run_rows(packed, staged, count, output, below, CUPEL_NARROW_UP); return;
  }
}
#endif
