// Depthwise convolution by `sdot`: 16 values at a time, four taps of each brought together by two
// rounds of zipping.
#if defined(__aarch64__)
#include "neon.h"

/// Adds four taps of 16 values.
CUPEL_INLINE void add_taps(
    const int8_t *staged, const int64_t *taps, const int8_t *weights, int32x4_t sums[4]) {
  int8x16_t a = vld1q_s8(staged + taps[0]), b = vld1q_s8(staged + taps[1]);
  int8x16_t c = vld1q_s8(staged + taps[2]), d = vld1q_s8(staged + taps[3]);
  int16x8_t ab_low = vreinterpretq_s16_s8(vzip1q_s8(a, b));
  int16x8_t ab_high = vreinterpretq_s16_s8(vzip2q_s8(a, b));
  int16x8_t cd_low = vreinterpretq_s16_s8(vzip1q_s8(c, d));
  int16x8_t cd_high = vreinterpretq_s16_s8(vzip2q_s8(c, d));
  int16x8_t values[4] = {
      vzip1q_s16(ab_low, cd_low), vzip2q_s16(ab_low, cd_low), vzip1q_s16(ab_high, cd_high),
      vzip2q_s16(ab_high, cd_high)};
  for (int index = 0; index < 4; index++) {
    sums[index] = vdotq_s32(
        sums[index], vreinterpretq_s8_s16(values[index]), vld1q_s8(weights + 16 * index));
  }
}

CUPEL_TARGET void cupel_depthwise_neon(
    const cupel_packed *packed, const uint8_t *staged, int64_t count, int8_t *output,
    int8_t *below) {
  (void)below;
  int32_t pattern = 0;
  for (int64_t value = 0; value < count; value += 16) {
    int32x4_t sums[4];
    for (int index = 0; index < 4; index++) {
      sums[index] = vld1q_s32(packed->start + 16 * pattern + 4 * index);
    }
    const int8_t *weights =
        (const int8_t *)packed->weights + (int64_t)pattern * packed->tap_count * 16;
    for (int32_t tap = 0; tap < packed->tap_count; tap += 4) {
      add_taps((const int8_t *)staged + value, packed->taps + tap, weights, sums);
      weights += 64;
    }
    cupel_finish16_neon(
        &packed->scale, sums, 4 * (int64_t)pattern, 1, count - value, output + value);
    if (++pattern == packed->patterns) pattern = 0;
  }
}
#endif
