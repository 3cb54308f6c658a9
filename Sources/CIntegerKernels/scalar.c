// Every kernel in plain C: what runs where no other level does.
#include "plain.h"

enum { BLOCK = 16, PIXELS = 4, LANES = 2 };

/// The weights of a step as 16-bit pairs of each channel, from 8 bits or, as the other levels
/// unpack them, from 4 in the high half of a byte.
static inline void widen(const uint8_t *weights, int bits, int16_t *pairs) {
  if (bits == 8) {
    for (int32_t index = 0; index < 2 * BLOCK; index++) pairs[index] = (int8_t)weights[index];
    return;
  }
  for (int32_t index = 0; index < BLOCK; index++) {
    pairs[index] = (int8_t)(uint8_t)(weights[index] << 4);
    pairs[index + BLOCK] = (int8_t)(weights[index] & 0xF0);
  }
}

/// Wraps, as the sums of other levels do while the bits of a zero point are still in them.
static inline int32_t wrapping(int32_t sum, int32_t product) {
  return (int32_t)((uint32_t)sum + (uint32_t)product);
}

/// Adds one step of a pixel: the shape that compilers turn into multiply-add instructions over
/// pairs.
static inline __attribute__((always_inline)) void add_step(
    const uint8_t *values, const int16_t *pairs, int32_t *sums) {
  int16_t pair[2];
  __builtin_memcpy(pair, values, 4);
  for (int32_t channel = 0; channel < BLOCK; channel++) {
    int32_t product = pair[0] * pairs[2 * channel] + pair[1] * pairs[2 * channel + 1];
    sums[channel] = wrapping(sums[channel], product);
  }
}

static void tile_of_block(
    const cupel_packed *packed, const uint8_t *const *pixels, int32_t count,
    const uint8_t *weights, const int32_t *start, int32_t *sums) {
  int bits = packed->weight_bits;
  int32_t own[PIXELS][BLOCK];
  for (int32_t pixel = 0; pixel < PIXELS; pixel++) {
    __builtin_memcpy(own[pixel], start, sizeof own[pixel]);
  }
  for (int64_t step = 0; step < packed->steps; step++) {
    int16_t pairs[2 * BLOCK];
    int64_t offset = packed->offsets[step];
    widen(weights, bits, pairs);
    add_step(pixels[0] + offset, pairs, own[0]);
    if (count > 1) {
      add_step(pixels[1] + offset, pairs, own[1]);
      add_step(pixels[2] + offset, pairs, own[2]);
      add_step(pixels[3] + offset, pairs, own[3]);
    }
    weights += bits == 8 ? 2 * BLOCK : BLOCK;
  }
  __builtin_memcpy(sums, own, (size_t)count * BLOCK * 4);
}

static void tile(
    const cupel_packed *packed, const uint8_t *const *pixels, int32_t count, int32_t group,
    int32_t block, int32_t blocks, int32_t *sums) {
  const uint8_t *weights =
      packed->weights + group * packed->weight_group_bytes + block * packed->block_bytes;
  const int32_t *start = packed->start + group * packed->padded_channels + block * BLOCK;
  for (int32_t each = 0; each < blocks; each++) {
    tile_of_block(
        packed, pixels, count, weights + each * packed->block_bytes, start + each * BLOCK,
        sums + each * BLOCK);
  }
}

static void store(
    const cupel_packed *packed, int32_t first_channel, int32_t *sums, int32_t sum_stride,
    int32_t count, int32_t channels, int8_t *const *outputs) {
  for (int32_t pixel = 0; pixel < count; pixel++) {
    for (int32_t channel = 0; channel < channels; channel++) {
      outputs[pixel][channel] = cupel_scaled_value(
          &packed->scale, sums[pixel * sum_stride + channel], first_channel + channel);
    }
  }
}

static void convolve(
    const cupel_packed *packed, const cupel_pixels *pixels, int32_t group, int32_t block,
    int32_t blocks) {
  cupel_convolve_by_tiles(packed, pixels, group, block, blocks, PIXELS, tile, store);
}

static void depthwise(
    const cupel_packed *packed, const uint8_t *staged, int64_t count, int8_t *output,
    int8_t *below) {
  (void)below;
  int32_t pattern = 0;
  for (int64_t value = 0; value < count; value += BLOCK) {
    int32_t sums[BLOCK];
    __builtin_memcpy(sums, packed->start + pattern * BLOCK, sizeof sums);
    const int16_t *weights =
        (const int16_t *)packed->weights + (int64_t)pattern * packed->tap_count * BLOCK;
    int32_t left = count - value < BLOCK ? (int32_t)(count - value) : BLOCK;
    for (int32_t tap = 0; tap < packed->tap_count; tap++) {
      const uint8_t *values = staged + packed->taps[tap] + value * 2;
      for (int32_t channel = 0; channel < left; channel++) {
        int16_t own;
        __builtin_memcpy(&own, values + 2 * channel, 2);
        sums[channel] =
            wrapping(sums[channel], own * weights[(tap / 2 * BLOCK + channel) * 2 + tap % 2]);
      }
    }
    for (int32_t channel = 0; channel < left; channel++) {
      output[value + channel] =
          cupel_scaled_value(&packed->scale, sums[channel], pattern * BLOCK + channel);
    }
    if (++pattern == packed->patterns) pattern = 0;
  }
}

/// An addend on the common grid; no value in an addition reaches 2^30.
static inline int32_t scaled_addend(int8_t value, const cupel_addend *addend) {
  int64_t product = (int64_t)((value - addend->zero_point) * (1 << 20)) * addend->multiplier;
  int32_t high = (int32_t)((product + ((int64_t)1 << 30)) >> 31);
  int32_t right = -addend->shift;
  if (right == 0) return high;
  return (int32_t)(((int64_t)high + ((int64_t)1 << (right - 1)) - (high < 0)) >> right);
}

static void add(
    const cupel_packed *packed, const int8_t *first, const int8_t *second, int64_t count,
    int8_t *output) {
  if (packed->sum_shift > 0) {
    cupel_add_plain(packed, first, second, count, output);
    return;
  }
  for (int64_t index = 0; index < count; index++) {
    int32_t sum =
        scaled_addend(first[index], &packed->first) + scaled_addend(second[index], &packed->second);
    output[index] = cupel_scaled_value(&packed->scale, sum, 0);
  }
}

static void requantize(
    const cupel_packed *packed, const int8_t *input, int64_t count, int8_t *output) {
  for (int64_t index = 0; index < count; index++) {
    output[index] =
        cupel_scaled_value(&packed->scale, input[index] - packed->input_zero_point, 0);
  }
}

const cupel_kernels cupel_kernels_scalar = {
    .element_bytes = 2,
    .offset = 0,
    .block = BLOCK,
    .short_block = BLOCK,
    .lanes = LANES,
    .interleave = 1,
    .depthwise_interleave = 1,
    .depthwise_values = BLOCK,
    .stage = cupel_stage_plain,
    .stage_pixels = cupel_stage_pixels_plain,
    .convolve = convolve,
    .depthwise = depthwise,
    .add = add,
    .requantize = requantize,
    .maximum = cupel_maximum_plain,
    .accumulate = cupel_accumulate_plain,
};
