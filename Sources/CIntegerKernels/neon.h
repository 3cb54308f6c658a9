/// What the NEON kernels share: scaling and packing of sums.
#ifndef CUPEL_NEON_H
#define CUPEL_NEON_H

#include <arm_neon.h>

#define CUPEL_TARGET __attribute__((target("dotprod")))
#include "scaling.h"

/// Two sums by the wide modes; `parts` are the constants of the even or of the odd channels.
CUPEL_INLINE int32x2_t cupel_scaled_half_neon(int32x2_t sums, const int64_t *parts) {
  int64x2_t product = vmull_s32(sums, vmovn_s64(vld1q_s64(parts)));
  int64x2_t tie = vandq_s64(vshrq_n_s64(product, 63), vld1q_s64(parts + 8));
  int64x2_t value = vsubq_s64(vaddq_s64(product, vld1q_s64(parts + 4)), tie);
  return vmovn_s64(vshlq_s64(value, vnegq_s64(vld1q_s64(parts + 12))));
}

/// Four sums by the narrow mode: its high multiply is an instruction.
CUPEL_INLINE int32x4_t cupel_scaled_narrow_neon(
    int32x4_t sums, const int32_t *parts, int32_t extra) {
  if (extra > 0) sums = vshrq_n_s32(sums, 4);
  int32x4_t high = vqrdmulhq_s32(sums, vld1q_s32(parts));
  int32x4_t value = vaddq_s32(vaddq_s32(high, vld1q_s32(parts + 4)), vshrq_n_s32(high, 31));
  return vshlq_s32(value, vnegq_s32(vld1q_s32(parts + 8)));
}

/// Four sums by the constants of vector `vector` of channels.
CUPEL_INLINE int32x4_t cupel_scaled_neon(
    const cupel_scale *scale, int32x4_t sums, int64_t vector) {
  const int32_t *words =
      (const int32_t *)scale->constants + vector * 4 * cupel_scale_words(scale->mode);
  if (scale->mode == CUPEL_NARROW) return cupel_scaled_narrow_neon(sums, words, scale->extra);
  if (scale->mode == CUPEL_FLOAT32) {
    int32_t values[4];
    vst1q_s32(values, sums);
    cupel_scale_float32(words, values, 4, 4);
    return vld1q_s32(values);
  }
  const int64_t *parts = (const int64_t *)words;
  int32x2_t even = cupel_scaled_half_neon(vget_low_s32(vuzp1q_s32(sums, sums)), parts);
  int32x2_t odd = cupel_scaled_half_neon(vget_low_s32(vuzp2q_s32(sums, sums)), parts + 2);
  return vcombine_s32(vzip1_s32(even, odd), vzip2_s32(even, odd));
}

/// Scales four vectors of sums by the constants of vectors from `first` on, `step` apart, and
/// writes the first `count` of their 16 values.
CUPEL_INLINE void cupel_finish16_neon(
    const cupel_scale *scale, const int32x4_t sums[4], int64_t first, int64_t step, int64_t count,
    int8_t *output) {
  int16x8_t zero = vdupq_n_s16((int16_t)scale->zero_point);
  int32x4_t scaled[4];
  for (int index = 0; index < 4; index++) {
    scaled[index] = cupel_scaled_neon(scale, sums[index], first + index * step);
  }
  int16x8_t low = vcombine_s16(vqmovn_s32(scaled[0]), vqmovn_s32(scaled[1]));
  int16x8_t high = vcombine_s16(vqmovn_s32(scaled[2]), vqmovn_s32(scaled[3]));
  int8x16_t values =
      vcombine_s8(vqmovn_s16(vqaddq_s16(low, zero)), vqmovn_s16(vqaddq_s16(high, zero)));
  values = vmaxq_s8(values, vdupq_n_s8((int8_t)scale->low));
  values = vminq_s8(values, vdupq_n_s8((int8_t)scale->high));
  if (count >= 16) {
    vst1q_s8(output, values);
    return;
  }
  int8_t bytes[16];
  vst1q_s8(bytes, values);
  for (int64_t index = 0; index < count; index++) output[index] = bytes[index];
}

#endif
