/// Dot products with the DSP extension (Cortex-M4, M7): SMLAD multiplies two pairs of 16-bit values
/// and adds both products to a sum.
///
/// Four pixels are staged side by side, as pairs: of eight values of a window the pairs that a word
/// or two of weights falls into when its bytes, or its nibbles, are widened in place; one word a
/// pixel for each pair, so that one load takes a pair of all four pixels.
#ifndef CUPEL_DIRECT_DSP_H
#define CUPEL_DIRECT_DSP_H

#include <arm_acle.h>

#include "direct_scaling.h"

enum {
  PIXELS = 4,
  /// Values that a step of the loops takes of each row.
  STEP = 8,
  /// Values after which a sum of 4-bit weights is taken over: as they lie in the upper half of a
  /// byte it is 16 times too large, and 2^16 products of at most 16 * 8 * 255 fit 32 bits.
  RUN = 1 << 16,
};

static int32_t steps_of(int32_t length) { return (length + STEP - 1) / STEP; }

static inline void cupel_direct_choose(cupel_direct *direct) {
  direct->tile_pixels = PIXELS;
  direct->has_starts = 0;
  direct->staged_bytes = steps_of(direct->length) * STEP * 2;
  direct->step = STEP;
}

static inline void cupel_direct_prepare(const cupel_direct *direct) { (void)direct; }

static inline uint32_t word(const int8_t *bytes) {
  uint32_t value;
  __builtin_memcpy(&value, bytes, sizeof value);
  return value;
}

static inline void cupel_direct_copy(int8_t *target, const int8_t *source, int32_t count) {
#pragma clang loop unroll_count(4)
  for (; count >= 4; count -= 4, target += 4, source += 4) {
    uint32_t value = word(source);
    __builtin_memcpy(target, &value, sizeof value);
  }
  for (; count > 0; count--) *target++ = *source++;
}

static inline void cupel_direct_fill(int8_t *target, int32_t value, int32_t count) {
  uint32_t four = (uint8_t)value * 0x01010101u;
  for (; count >= 4; count -= 4, target += 4) __builtin_memcpy(target, &four, sizeof four);
  for (; count > 0; count--) *target++ = (int8_t)value;
}

/// Stages steps of 8-bit weights' values: pairs 0 2, 1 3, 4 6, 5 7, `offset` added to each.
__attribute__((naked, noinline)) static void stage_int8(
    uint32_t *target, const int8_t *values, const int8_t *end, uint32_t offset) {
  __asm__ volatile(
      "push {r4-r6, lr}\n"
      "1:\n"
      "ldr r4, [r1], #4\n"
      "ldr r5, [r1], #4\n"
      "sxtab16 r6, r3, r4\n"
      "sxtab16 r4, r3, r4, ror #8\n"
      "str r6, [r0]\n"
      "sxtab16 r6, r3, r5\n"
      "sxtab16 r5, r3, r5, ror #8\n"
      "str r4, [r0, #16]\n"
      "str r6, [r0, #32]\n"
      "str r5, [r0, #48]\n"
      "add r0, r0, #64\n"
      "cmp r1, r2\n"
      "bne 1b\n"
      "pop {r4-r6, pc}\n");
}

/// The same for 4-bit weights: pairs 0 4, 2 6, 1 5, 3 7.
static void stage_int4(
    uint32_t *target, const int8_t *values, const int8_t *end, uint32_t offset) {
  for (; values < end; values += STEP, target += 4 * PIXELS) {
    uint32_t low = word(values), high = word(values + 4);
    uint32_t even_low = __sxtab16(offset, low), odd_low = __sxtab16(offset, __ror(low, 8));
    uint32_t even_high = __sxtab16(offset, high), odd_high = __sxtab16(offset, __ror(high, 8));
    target[0] = (even_low & 0xFFFF) | even_high << 16;
    target[PIXELS] = even_low >> 16 | (even_high & 0xFFFF0000);
    target[2 * PIXELS] = (odd_low & 0xFFFF) | odd_high << 16;
    target[3 * PIXELS] = odd_low >> 16 | (odd_high & 0xFFFF0000);
  }
}

static inline void cupel_direct_stage(
    const cupel_direct *direct, int32_t pixel, int32_t place, const int8_t *values,
    int32_t count) {
  uint32_t *target = (uint32_t *)direct->staged + place / 2 * PIXELS + pixel;
  if (!values) {
#pragma clang loop unroll_count(4)
    for (int32_t pair = 0; pair < count / 2; pair++) target[pair * PIXELS] = 0;
    return;
  }
  uint32_t offset = (uint32_t)(-direct->operation->input_zero_point & 0xFFFF) * 0x10001u;
  if (direct->operation->weight_bits == 4) {
    stage_int4(target, values, values + count, offset);
  } else {
    stage_int8(target, values, values + count, offset);
  }
}

/// Eight products: two weights, widened from a word, with four staged pixels, to r4–r7.
#define CUPEL_EIGHT_PRODUCTS(word) \
  "ldm r1!, {r8-r11}\n"           \
  "sxtb16 r12, " word "\n"        \
  "smlad r4, r12, r8, r4\n"       \
  "smlad r5, r12, r9, r5\n"       \
  "smlad r6, r12, r10, r6\n"      \
  "smlad r7, r12, r11, r7\n"
/// Adds to four sums, in r4-r7, what `EACH` does with the weights at r0, a step after another.
#define CUPEL_PRODUCTS(EACH)      \
  "push {r3-r11, lr}\n"           \
  "ldm r3, {r4-r7}\n"             \
  "add lr, r1, r2, lsl #6\n"      \
  "1:\n" EACH                     \
  "cmp r1, lr\n"                  \
  "bne 1b\n"                      \
  "pop {r3}\n"                    \
  "stm r3, {r4-r7}\n"             \
  "pop {r4-r11, pc}\n"

/// Adds the products of a row of 8-bit weights with four staged pixels to four sums, eight weights
/// a step. Reads up to seven bytes behind the row, against values that are zero: the bias and the
/// multipliers stand there.
__attribute__((naked, noinline)) static void add_products_int8(
    const uint8_t *row, const uint8_t *staged, int32_t steps, int32_t *sums) {
  __asm__ volatile(CUPEL_PRODUCTS(
      "ldr r2, [r0], #4\n"
      "ldr r3, [r0], #4\n"
      CUPEL_EIGHT_PRODUCTS("r2")
      CUPEL_EIGHT_PRODUCTS("r2, ror #8")
      CUPEL_EIGHT_PRODUCTS("r3")
      CUPEL_EIGHT_PRODUCTS("r3, ror #8")));
}

/// The same of 4-bit weights, each taken 16 times: eight lie in a word. Reads up to three bytes
/// behind the row.
__attribute__((naked, noinline)) static void add_products_int4(
    const uint8_t *row, const uint8_t *staged, int32_t steps, int32_t *sums) {
  __asm__ volatile(CUPEL_PRODUCTS(
      "ldr r2, [r0], #4\n"
      "lsl r3, r2, #4\n"
      "and r3, r3, #0xF0F0F0F0\n"
      "and r2, r2, #0xF0F0F0F0\n"
      CUPEL_EIGHT_PRODUCTS("r3")
      CUPEL_EIGHT_PRODUCTS("r3, ror #8")
      CUPEL_EIGHT_PRODUCTS("r2")
      CUPEL_EIGHT_PRODUCTS("r2, ror #8")));
}

/// Sums of a row of 4-bit weights with four staged pixels, a run at a time.
__attribute__((noinline)) static void sum_int4(
    const cupel_direct *direct, const uint8_t *row, int32_t *sums) {
  for (int32_t pixel = 0; pixel < PIXELS; pixel++) sums[pixel] = 0;
  for (int32_t first = 0; first < direct->length; first += RUN) {
    int32_t left = direct->length - first;
    int32_t wide[PIXELS] = {0, 0, 0, 0};
    add_products_int4(
        row + first / 2, direct->staged + (int64_t)first * 2 * PIXELS,
        steps_of(left < RUN ? left : RUN), wide);
    for (int32_t pixel = 0; pixel < PIXELS; pixel++) sums[pixel] += wide[pixel] >> 4;
  }
}

/// Sums of a row with four staged pixels, beginning with `start`.
static inline void sum_row(
    const cupel_direct *direct, const uint8_t *row, int32_t start, int32_t steps,
    int32_t *sums) {
  if (direct->operation->weight_bits == 8) {
#pragma clang loop unroll(full)
    for (int32_t pixel = 0; pixel < PIXELS; pixel++) sums[pixel] = start;
    add_products_int8(row, direct->staged, steps, sums);
  } else if (direct->length <= RUN) {
#pragma clang loop unroll(full)
    for (int32_t pixel = 0; pixel < PIXELS; pixel++) sums[pixel] = 0;
    add_products_int4(row, direct->staged, steps, sums);
#pragma clang loop unroll(full)
    for (int32_t pixel = 0; pixel < PIXELS; pixel++) sums[pixel] = (sums[pixel] >> 4) + start;
  } else {
    sum_int4(direct, row, sums);
    for (int32_t pixel = 0; pixel < PIXELS; pixel++) sums[pixel] += start;
  }
}

/// Scales narrow sums of one channel.
static inline void scale(
    const cupel_operation *operation, int32_t channel, const int32_t *sums, int32_t *values) {
  int32_t multiplier = operation->multipliers[channel], shift = operation->shifts[channel];
  if (shift < 0) {
    int32_t half = 1 << (-shift - 1);
#pragma clang loop unroll(full)
    for (int32_t pixel = 0; pixel < PIXELS; pixel++) {
      values[pixel] = cupel_scaled_narrowly(sums[pixel], multiplier, half, -shift);
    }
  } else {
    for (int32_t pixel = 0; pixel < PIXELS; pixel++) {
      values[pixel] = cupel_scaled_up(sums[pixel], multiplier, shift);
    }
  }
}

/// Writes one channel of `count` pixels, sums being narrow. `is_full` says that the grid's whole
/// range is allowed.
static inline void store(
    const cupel_operation *operation, cupel_direct_grid grid, int32_t is_full, int32_t channel,
    const int32_t *sums, int32_t count, int8_t *output) {
  int32_t stride = operation->output.channels;
  int32_t values[PIXELS];
  scale(operation, channel, sums, values);
  if (count < PIXELS) {
    for (int32_t pixel = 0; pixel < count; pixel++, output += stride) {
      *output = cupel_placed_directly(grid, values[pixel]);
    }
  } else if (is_full) {
#pragma clang loop unroll(full)
    for (int32_t pixel = 0; pixel < PIXELS; pixel++, output += stride) {
      *output = (int8_t)__ssat(values[pixel] + grid.zero_point, 8);
    }
  } else {
#pragma clang loop unroll(full)
    for (int32_t pixel = 0; pixel < PIXELS; pixel++, output += stride) {
      *output = cupel_placed_directly(grid, values[pixel]);
    }
  }
}

static inline void cupel_direct_rows(
    const cupel_direct *direct, int32_t group, int32_t count, int8_t *output) {
  const cupel_operation *operation = direct->operation;
  int32_t first = group * direct->group_channels, end = first + direct->group_channels;
  const uint8_t *row = operation->weights + first * direct->row_bytes;
  cupel_direct_grid grid = cupel_direct_grid_of(operation);
  int32_t is_full = operation->low == -128 && operation->high == 127;
  int32_t steps = steps_of(direct->length);
  int32_t sums[PIXELS];
  for (int32_t channel = first; channel < end; channel++, row += direct->row_bytes) {
    sum_row(direct, row, operation->bias[channel], steps, sums);
    if (!direct->is_narrow) {
      direct->rescaler.store(
          direct->rescaler.context, channel, sums, count, output + channel,
          operation->output.channels);
    } else {
      store(operation, grid, is_full, channel, sums, count, output + channel);
    }
  }
}

static inline void cupel_direct_multiply_add(
    int32_t *sums, const int8_t *values, const int8_t *weights, int32_t count,
    int32_t zero_point) {
  uint32_t offset = (uint32_t)(-zero_point & 0xFFFF) * 0x10001u;
#pragma clang loop unroll(disable)
  for (; count >= 4; count -= 4, values += 4, weights += 4, sums += 4) {
    uint32_t four = word(values), scale = word(weights);
    uint32_t even = __sxtab16(offset, four), odd = __sxtab16(offset, __ror(four, 8));
    uint32_t even_scale = __sxtb16(scale), odd_scale = __sxtb16(__ror(scale, 8));
    sums[0] = __smlabb((int32_t)even, (int32_t)even_scale, sums[0]);
    sums[1] = __smlabb((int32_t)odd, (int32_t)odd_scale, sums[1]);
    sums[2] = __smlatt((int32_t)even, (int32_t)even_scale, sums[2]);
    sums[3] = __smlatt((int32_t)odd, (int32_t)odd_scale, sums[3]);
  }
#pragma clang loop unroll(disable)
  for (; count > 0; count--) *sums++ += (*values++ - zero_point) * *weights++;
}

static inline void cupel_direct_store_pixel(
    const cupel_direct *direct, const int32_t *sums, int8_t *output) {
  const cupel_operation *operation = direct->operation;
  cupel_direct_grid grid = cupel_direct_grid_of(operation);
  int32_t channels = operation->output.channels;
#pragma clang loop unroll(disable)
  for (int32_t channel = 0; channel < channels; channel++) {
    if (!direct->is_narrow) {
      direct->rescaler.store(
          direct->rescaler.context, channel, sums + channel, 1, output + channel, 1);
      continue;
    }
    int32_t multiplier = operation->multipliers[channel], shift = operation->shifts[channel];
    int32_t value =
        shift < 0
            ? cupel_scaled_narrowly(sums[channel], multiplier, 1 << (-shift - 1), -shift)
            : cupel_scaled_up(sums[channel], multiplier, shift);
    output[channel] = cupel_placed_directly(grid, value);
  }
}

/// Shifts are not positive, and no value reaches 2^30.
static inline void cupel_direct_add(
    const cupel_operation *operation, const int8_t *first, const int8_t *second,
    int8_t *output) {
  cupel_addend one = operation->first, other = operation->second;
  cupel_direct_shift one_shift = cupel_direct_shift_of(one.shift);
  cupel_direct_shift other_shift = cupel_direct_shift_of(other.shift);
  cupel_direct_shift shift = cupel_direct_shift_of(operation->shift);
  int32_t multiplier = operation->multiplier;
  cupel_direct_grid grid = cupel_direct_grid_of(operation);
  int32_t count =
      operation->output.height * operation->output.width * operation->output.channels;
  for (int32_t index = 0; index < count; index++) {
    int32_t a = cupel_scaled_down(
        (first[index] - one.zero_point) * (1 << 20), one.multiplier, one_shift);
    int32_t b = cupel_scaled_down(
        (second[index] - other.zero_point) * (1 << 20), other.multiplier, other_shift);
    output[index] = cupel_placed_directly(grid, cupel_scaled_down(a + b, multiplier, shift));
  }
}

#endif
