// Convolution by `sdot`: four staged values against four weights of each of four output channels,
// both signed, so that nothing has to be offset.
#if defined(__aarch64__)
#include "neon.h"

/// The weights of one step of 16 channels.
CUPEL_INLINE void load(const uint8_t *weights, const int bits, int8x16_t vectors[4]) {
  const int8_t *own = (const int8_t *)weights;
  if (bits == 4) {
    // Half a byte each; in the high half of a byte they are 16 times what they are.
    const int8x16_t mask = vdupq_n_s8((int8_t)0xF0);
    int8x16_t first = vld1q_s8(own), second = vld1q_s8(own + 16);
    vectors[0] = vshlq_n_s8(first, 4);
    vectors[1] = vshlq_n_s8(second, 4);
    vectors[2] = vandq_s8(first, mask);
    vectors[3] = vandq_s8(second, mask);
    return;
  }
  for (int index = 0; index < 4; index++) vectors[index] = vld1q_s8(own + 16 * index);
}

CUPEL_INLINE void tile(
    const int pixels, const int bits, const cupel_packed *packed, const uint8_t *const *inputs,
    const uint8_t *weights, const int32_t *start, int32_t *target) {
  int32x4_t sums[16];
#pragma clang loop unroll(full)
  for (int index = 0; index < 4 * pixels; index++) sums[index] = vld1q_s32(start + index % 4 * 4);
  const int32_t *offset = packed->offsets;
  for (const int32_t *end = offset + packed->steps; offset < end; offset++) {
    int8x16_t own[4];
    load(weights, bits, own);
    weights += bits == 4 ? 32 : 64;
#pragma clang loop unroll(full)
    for (int pixel = 0; pixel < pixels; pixel++) {
      int32_t step;
      __builtin_memcpy(&step, inputs[pixel] + *offset, 4);
      int8x16_t values = vreinterpretq_s8_s32(vdupq_n_s32(step));
#pragma clang loop unroll(full)
      for (int vector = 0; vector < 4; vector++) {
        sums[4 * pixel + vector] = vdotq_s32(sums[4 * pixel + vector], own[vector], values);
      }
    }
  }
#pragma clang loop unroll(full)
  for (int index = 0; index < 4 * pixels; index++) vst1q_s32(target + 4 * index, sums[index]);
}

#include "tiles16.h"

CUPEL_TARGET static void store(
    const cupel_packed *packed, int32_t first_channel, int32_t *sums, int32_t sum_stride,
    int32_t count, int32_t channels, int8_t *const *outputs) {
  for (int32_t pixel = 0; pixel < count; pixel++) {
    for (int32_t channel = 0; channel < channels; channel += 16) {
      const int32_t *own = sums + pixel * sum_stride + channel;
      int32x4_t vectors[4];
      for (int index = 0; index < 4; index++) vectors[index] = vld1q_s32(own + 4 * index);
      cupel_finish16_neon(
          &packed->scale, vectors, (first_channel + channel) / 4, 1, channels - channel,
          outputs[pixel] + channel);
    }
  }
}

void cupel_convolve_neon(
    const cupel_packed *packed, const cupel_pixels *pixels, int32_t group, int32_t block,
    int32_t blocks) {
  cupel_convolve_by_tiles(packed, pixels, group, block, blocks, 4, tile_of_pixels, store);
}
#endif
