// Staging, addition, requantization and pools by NEON, and the level's table.
#if defined(__aarch64__)
#include "neon.h"
#include "plain.h"

static void stage(const int8_t *values, int64_t count, int32_t zero_point, void *staged) {
  (void)zero_point;
  __builtin_memcpy(staged, values, (size_t)count);
}

static void stage_pixels(
    const int8_t *values, int64_t pixels, int64_t channels, int64_t step, int32_t zero_point,
    void *staged) {
  for (int64_t pixel = 0; pixel < pixels; pixel++) {
    stage(values + pixel * step, channels, zero_point, (int8_t *)staged + pixel * channels);
  }
}

/// The first `count` of 16 values, zeros behind them.
CUPEL_INLINE int8x16_t read16(const int8_t *values, int64_t count) {
  if (count >= 16) return vld1q_s8(values);
  int8_t bytes[16] = {0};
  for (int64_t index = 0; index < count; index++) bytes[index] = values[index];
  return vld1q_s8(bytes);
}

/// q - z of 16 values.
CUPEL_INLINE void widen(int8x16_t values, int32_t zero_point, int32x4_t wide[4]) {
  int16x8_t zero = vdupq_n_s16((int16_t)zero_point);
  int16x8_t low = vsubq_s16(vmovl_s8(vget_low_s8(values)), zero);
  int16x8_t high = vsubq_s16(vmovl_s8(vget_high_s8(values)), zero);
  wide[0] = vmovl_s16(vget_low_s16(low));
  wide[1] = vmovl_s16(vget_high_s16(low));
  wide[2] = vmovl_s16(vget_low_s16(high));
  wide[3] = vmovl_s16(vget_high_s16(high));
}

/// x * 2^20, scaled with double rounding.
CUPEL_INLINE int32x4_t scaled_addend(int32x4_t x, const cupel_addend *addend) {
  int32x4_t high = vqrdmulhq_n_s32(vshlq_n_s32(x, 20), addend->multiplier);
  int32_t right = -addend->shift;
  if (right == 0) return high;
  int32x4_t value =
      vaddq_s32(vaddq_s32(high, vdupq_n_s32(1 << (right - 1))), vshrq_n_s32(high, 31));
  return vshlq_s32(value, vdupq_n_s32(-right));
}

CUPEL_TARGET static void add(
    const cupel_packed *packed, const int8_t *first, const int8_t *second, int64_t count,
    int8_t *output) {
  if (packed->sum_shift > 0) {
    cupel_add_plain(packed, first, second, count, output);
    return;
  }
  for (int64_t index = 0; index < count; index += 16) {
    int32x4_t a[4], b[4];
    widen(read16(first + index, count - index), packed->first.zero_point, a);
    widen(read16(second + index, count - index), packed->second.zero_point, b);
    for (int part = 0; part < 4; part++) {
      a[part] = vaddq_s32(
          scaled_addend(a[part], &packed->first), scaled_addend(b[part], &packed->second));
    }
    cupel_finish16_neon(&packed->scale, a, 0, 0, count - index, output + index);
  }
}

CUPEL_TARGET static void requantize(
    const cupel_packed *packed, const int8_t *input, int64_t count, int8_t *output) {
  for (int64_t index = 0; index < count; index += 16) {
    int32x4_t sums[4];
    widen(read16(input + index, count - index), packed->input_zero_point, sums);
    cupel_finish16_neon(&packed->scale, sums, 0, 0, count - index, output + index);
  }
}

const cupel_kernels cupel_kernels_neon = {
    .element_bytes = 1,
    .offset = 0,
    .block = 16,
    .short_block = 16,
    .lanes = 4,
    .interleave = 1,
    .depthwise_interleave = 1,
    .depthwise_values = 16,
    .stage = stage,
    .stage_pixels = stage_pixels,
    .convolve = cupel_convolve_neon,
    .depthwise = cupel_depthwise_neon,
    .add = add,
    .requantize = requantize,
    .maximum = cupel_maximum_plain,
    .accumulate = cupel_accumulate_plain,
};
#endif
