/// Dot products with Helium (Cortex-M55): VMLADAVA adds the products of sixteen pairs of 8-bit
/// values to a sum.
///
/// Values are taken as they are stored, and the zero point's part, its product with the sum of a
/// row's weights, goes into what each channel's sums begin with. Windows are staged as they are for
/// 8-bit weights; for 4-bit ones sixteen even values and sixteen odd ones in turn, as the low and
/// the high halves of sixteen bytes of weights want them.
#ifndef CUPEL_DIRECT_MVE_H
#define CUPEL_DIRECT_MVE_H

#include <arm_mve.h>

#include "direct_scaling.h"

enum {
  PIXELS = 3,
  /// Channels whose sums are scaled at a time.
  BLOCK = 4,
  /// Values after which a sum of 4-bit weights is taken over: as they lie in the upper half of a
  /// byte it is 16 times too large, and 2^16 products of at most 16 * 8 * 128 fit 32 bits.
  RUN = 1 << 16,
};

static inline void cupel_direct_choose(cupel_direct *direct) {
  int32_t is_int4 = direct->operation->weight_bits == 4;
  direct->tile_pixels = PIXELS;
  direct->has_starts = 1;
  direct->step = is_int4 ? 32 : 1;
  // Rows of 8-bit values are read no further than they go, so that they need no filling.
  direct->staged_bytes = is_int4 ? (direct->length + 31) / 32 * 32 : (direct->length + 15) / 16 * 16;
}

static inline void cupel_direct_copy(int8_t *target, const int8_t *source, int32_t count) {
  __asm__ volatile(
      "wlstp.8 lr, %2, 2f\n"
      "1:\n"
      "vldrb.u8 q0, [%1], #16\n"
      "vstrb.8 q0, [%0], #16\n"
      "letp lr, 1b\n"
      "2:\n"
      : "+r"(target), "+r"(source)
      : "r"(count)
      : "q0", "lr", "memory", "cc");
}

static inline void cupel_direct_fill(int8_t *target, int32_t value, int32_t count) {
  __asm__ volatile(
      "vdup.8 q0, %1\n"
      "wlstp.8 lr, %2, 2f\n"
      "1:\n"
      "vstrb.8 q0, [%0], #16\n"
      "letp lr, 1b\n"
      "2:\n"
      : "+r"(target)
      : "r"(value), "r"(count)
      : "q0", "lr", "memory", "cc");
}

static inline void cupel_direct_stage(
    const cupel_direct *direct, int32_t pixel, int32_t place, const int8_t *values,
    int32_t count) {
  int8_t *target = (int8_t *)direct->staged + pixel * direct->staged_bytes + place;
  if (!values) {
    cupel_direct_fill(target, direct->operation->input_zero_point, count);
  } else if (direct->operation->weight_bits == 4) {
    for (; count > 0; count -= 32, values += 32, target += 32) {
      int8x16x2_t pair = vld2q_s8(values);
      vst1q_s8(target, pair.val[0]);
      vst1q_s8(target + 16, pair.val[1]);
    }
  } else {
    cupel_direct_copy(target, values, count);
  }
}

/// Sum of a row's weights.
static int32_t row_sum(const uint8_t *row, int32_t bytes, int32_t is_int4) {
  int32_t sum = 0;
  for (int32_t left = bytes; left > 0; left -= 16, row += 16) {
    int8x16_t weights = vldrbq_z_s8((const int8_t *)row, vctp8q((uint32_t)left));
    if (is_int4) {
      sum = vaddvaq_s8(sum, vshrq_n_s8(vshlq_n_s8(weights, 4), 4));
      weights = vshrq_n_s8(weights, 4);
    }
    sum = vaddvaq_s8(sum, weights);
  }
  return sum;
}

static inline void cupel_direct_prepare(const cupel_direct *direct) {
  const cupel_operation *operation = direct->operation;
  const uint8_t *row = operation->weights;
  int32_t is_int4 = operation->weight_bits == 4;
  for (int32_t channel = 0; channel < operation->output.channels; channel++) {
    uint32_t part =
        (uint32_t)operation->input_zero_point * (uint32_t)row_sum(row, direct->row_bytes, is_int4);
    direct->starts[channel] = (int32_t)((uint32_t)operation->bias[channel] - part);
    row += direct->row_bytes;
  }
}

/// The staged pixels that products are formed with.
typedef struct {
  const uint8_t *pixels[PIXELS];
  /// Bytes of a row of weights, and from row to row.
  int32_t count, stride;
} products;

// Registers of both kernels: rows in r1 and r3, pixels in r5, r7 and r9, sums in the even ones, as
// the instruction demands. Without a frame a compiler could not give them so many.
#define TWO_ROWS                 \
  "ldrd r5, r7, [r0]\n"          \
  "ldrd r9, r11, [r0, #8]\n"     \
  "movs r2, #0\n"                \
  "movs r4, #0\n"                \
  "movs r6, #0\n"                \
  "mov r8, r2\n"                 \
  "mov r10, r2\n"                \
  "mov r12, r2\n"                \
  "dlstp.8 lr, r11\n"
#define STORED_AT(first, second, third)   \
  "strd r2, r4, [r1, #" #first "]\n"      \
  "strd r6, r8, [r1, #" #second "]\n"     \
  "strd r10, r12, [r1, #" #third "]\n"
/// Of all four rows, two at a time; `LOOP` is what runs for sixteen bytes of both.
#define FOUR_ROWS(LOOP)                                   \
  "push {r0, r1, r2, r4-r12, lr}\n"                       \
  "ldr r3, [r0, #16]\n"                                   \
  "add r3, r1\n" TWO_ROWS "1:\n" LOOP "letp lr, 1b\n"    \
  "ldr r1, [sp, #8]\n" STORED_AT(0, 16, 32)               \
  "ldr r0, [sp]\n"                                        \
  "ldr r3, [r0, #16]\n"                                   \
  "ldr r1, [sp, #4]\n"                                    \
  "add r1, r1, r3, lsl #1\n"                              \
  "add r3, r1\n" TWO_ROWS "2:\n" LOOP "letp lr, 2b\n"    \
  "ldr r1, [sp, #8]\n" STORED_AT(8, 24, 40)               \
  "add sp, #12\n"                                         \
  "pop {r4-r12, lr}\n"

/// Sums of the products of four rows of 8-bit weights with three pixels: [pixel][row].
__attribute__((naked, noinline)) static void products_int8(
    const products *of, const uint8_t *rows, int32_t *sums) {
  __asm__ volatile(FOUR_ROWS("vldrb.u8 q0, [r1], #16\n"
                             "vldrb.u8 q1, [r3], #16\n"
                             "vldrb.u8 q2, [r5], #16\n"
                             "vmladava.s8 r2, q0, q2\n"
                             "vmladava.s8 r4, q1, q2\n"
                             "vldrb.u8 q3, [r7], #16\n"
                             "vmladava.s8 r6, q0, q3\n"
                             "vmladava.s8 r8, q1, q3\n"
                             "vldrb.u8 q2, [r9], #16\n"
                             "vmladava.s8 r10, q0, q2\n"
                             "vmladava.s8 r12, q1, q2\n") "bx lr\n");
}

/// The same of 4-bit weights, each taken 16 times.
__attribute__((naked, noinline)) static void products_int4(
    const products *of, const uint8_t *rows, int32_t *sums) {
  // Vector registers from q4 on are the caller's. q7 holds the mask of the high halves.
  __asm__ volatile(
      "vpush {d8-d15}\n"
      "vmov.i8 q7, #0xF0\n" FOUR_ROWS("vldrb.u8 q0, [r1], #16\n"
                                      "vldrb.u8 q1, [r3], #16\n"
                                      "vshl.i8 q2, q0, #4\n"
                                      "vshl.i8 q3, q1, #4\n"
                                      "vand q0, q0, q7\n"
                                      "vand q1, q1, q7\n"
                                      "vldrb.u8 q4, [r5], #16\n"
                                      "vmladava.s8 r2, q2, q4\n"
                                      "vmladava.s8 r4, q3, q4\n"
                                      "vldrb.u8 q5, [r5], #16\n"
                                      "vmladava.s8 r2, q0, q5\n"
                                      "vmladava.s8 r4, q1, q5\n"
                                      "vldrb.u8 q4, [r7], #16\n"
                                      "vmladava.s8 r6, q2, q4\n"
                                      "vmladava.s8 r8, q3, q4\n"
                                      "vldrb.u8 q5, [r7], #16\n"
                                      "vmladava.s8 r6, q0, q5\n"
                                      "vmladava.s8 r8, q1, q5\n"
                                      "vldrb.u8 q4, [r9], #16\n"
                                      "vmladava.s8 r10, q2, q4\n"
                                      "vmladava.s8 r12, q3, q4\n"
                                      "vldrb.u8 q5, [r9], #16\n"
                                      "vmladava.s8 r10, q0, q5\n"
                                      "vmladava.s8 r12, q1, q5\n")
          "vpop {d8-d15}\n"
          "bx lr\n");
}

/// The same, a run at a time, each taken once.
static inline void sum_int4(
    const cupel_direct *direct, const products *of, const uint8_t *rows, int32_t *sums) {
  products run = *of;
  for (int32_t left = direct->row_bytes; left > 0; left -= RUN / 2, rows += RUN / 2) {
    int32_t wide[PIXELS * BLOCK];
    run.count = left < RUN / 2 ? left : RUN / 2;
    products_int4(&run, rows, wide);
    for (int32_t pixel = 0; pixel < PIXELS; pixel++) {
      int32_t *own = sums + pixel * BLOCK;
      int32x4_t sum = vshrq_n_s32(vld1q_s32(wide + pixel * BLOCK), 4);
      vst1q_s32(own, left == direct->row_bytes ? sum : vaddq_s32(vld1q_s32(own), sum));
      run.pixels[pixel] += RUN;
    }
  }
}

/// Sums of a group's last channels, fewer than four: each row stands for all four.
__attribute__((noinline)) static void sum_short_block(
    const cupel_direct *direct, const products *of, const uint8_t *rows, int32_t channels,
    int32_t *sums) {
  products same = *of;
  same.stride = 0;
  for (int32_t channel = 0; channel < channels; channel++, rows += direct->row_bytes) {
    int32_t four[PIXELS * BLOCK];
    if (direct->operation->weight_bits == 4) {
      sum_int4(direct, &same, rows, four);
    } else {
      products_int8(&same, rows, four);
    }
    for (int32_t pixel = 0; pixel < PIXELS; pixel++) {
      sums[pixel * BLOCK + channel] = four[pixel * BLOCK];
    }
  }
}

/// Four values in doubleRounding by shifts that are not positive. A shift right rounds ties up;
/// below zero they go down where one is taken off first. With no shift nothing may be.
static inline int32x4_t scaled_down(int32x4_t values, int32x4_t multipliers, int32x4_t shifts) {
  int32x4_t high = vqrdmulhq_s32(values, multipliers);
  int32x4_t fixed = vaddq_s32(high, vshrq_n_s32(vandq_s32(high, shifts), 31));
  return vrshlq_s32(fixed, shifts);
}

static inline int32x4_t placed(cupel_direct_grid grid, int32x4_t values) {
  values = vmaxq_s32(vminq_s32(values, vdupq_n_s32(grid.high)), vdupq_n_s32(grid.low));
  return vaddq_n_s32(values, grid.zero_point);
}

/// All in doubleRounding: four whole channels of a whole tile.
static inline void store_block(
    const cupel_direct *direct, cupel_direct_grid grid, int32_t channel, const int32_t *sums,
    int8_t *output) {
  const cupel_operation *operation = direct->operation;
  int32_t stride = operation->output.channels;
  int32x4_t starts = vld1q_s32(direct->starts + channel);
  int32x4_t shifts = vldrbq_s32(operation->shifts + channel), zero = vdupq_n_s32(0);
  int32x4_t multipliers = vld1q_s32(operation->multipliers + channel);
  int32x4_t left = vmaxq_s32(shifts, zero), right = vminq_s32(shifts, zero);
#pragma clang loop unroll(full)
  for (int32_t pixel = 0; pixel < PIXELS; pixel++) {
    int32x4_t values = vaddq_s32(vld1q_s32(sums + pixel * BLOCK), starts);
    values = scaled_down(vshlq_s32(values, left), multipliers, right);
    vstrbq_s32(output + pixel * stride, placed(grid, values));
  }
}

/// Any number of channels and pixels; in other modes by the rescaler.
__attribute__((noinline)) static void store_some(
    const cupel_direct *direct, cupel_direct_grid grid, int32_t channel, const int32_t *sums,
    int32_t channels, int32_t count, int8_t *output) {
  const cupel_operation *operation = direct->operation;
  int32_t stride = operation->output.channels;
  mve_pred16_t lanes = vctp32q((uint32_t)channels);
  int32x4_t starts = vldrwq_z_s32(direct->starts + channel, lanes);
  if (operation->rounding != CUPEL_DOUBLE_ROUNDING) {
    for (int32_t index = 0; index < channels; index++) {
      int32_t own[PIXELS];
      for (int32_t pixel = 0; pixel < count; pixel++) {
        own[pixel] = (int32_t)((uint32_t)sums[pixel * BLOCK + index] +
                               (uint32_t)direct->starts[channel + index]);
      }
      direct->rescaler.store(
          direct->rescaler.context, channel + index, own, count, output + index, stride);
    }
    return;
  }
  int32x4_t shifts = vldrbq_z_s32(operation->shifts + channel, lanes), zero = vdupq_n_s32(0);
  int32x4_t multipliers = vldrwq_z_s32(operation->multipliers + channel, lanes);
  int32x4_t left = vmaxq_s32(shifts, zero), right = vminq_s32(shifts, zero);
  for (int32_t pixel = 0; pixel < count; pixel++, output += stride) {
    int32x4_t values = vaddq_s32(vld1q_s32(sums + pixel * BLOCK), starts);
    values = scaled_down(vshlq_s32(values, left), multipliers, right);
    vstrbq_p_s32(output, placed(grid, values), lanes);
  }
}

static inline void cupel_direct_rows(
    const cupel_direct *direct, int32_t group, int32_t count, int8_t *output) {
  const cupel_operation *operation = direct->operation;
  int32_t channel = group * direct->group_channels, end = channel + direct->group_channels;
  int32_t bytes = direct->row_bytes, is_int4 = operation->weight_bits == 4;
  int32_t is_fast = operation->rounding == CUPEL_DOUBLE_ROUNDING && count == PIXELS;
  const uint8_t *rows = operation->weights + channel * bytes, *staged = direct->staged;
  products of = {
      {staged, staged + direct->staged_bytes, staged + 2 * direct->staged_bytes}, bytes, bytes};
  cupel_direct_grid grid = cupel_direct_grid_of(operation);
  int32_t sums[PIXELS * BLOCK];
  for (; channel + BLOCK <= end; channel += BLOCK, rows += BLOCK * bytes) {
    if (is_int4) {
      sum_int4(direct, &of, rows, sums);
    } else {
      products_int8(&of, rows, sums);
    }
    if (is_fast) {
      store_block(direct, grid, channel, sums, output + channel);
    } else {
      store_some(direct, grid, channel, sums, BLOCK, count, output + channel);
    }
  }
  if (channel < end) {
    sum_short_block(direct, &of, rows, end - channel, sums);
    store_some(direct, grid, channel, sums, end - channel, count, output + channel);
  }
}

static inline void cupel_direct_multiply_add(
    int32_t *sums, const int8_t *values, const int8_t *weights, int32_t count,
    int32_t zero_point) {
  for (; count > 0; count -= 4, values += 4, weights += 4, sums += 4) {
    mve_pred16_t lanes = vctp32q((uint32_t)count);
    int32x4_t own = vsubq_n_s32(vldrbq_z_s32(values, lanes), zero_point);
    int32x4_t products = vmulq_s32(own, vldrbq_z_s32(weights, lanes));
    vstrwq_p_s32(sums, vaddq_s32(vldrwq_z_s32(sums, lanes), products), lanes);
  }
}

static inline void cupel_direct_store_pixel(
    const cupel_direct *direct, const int32_t *sums, int8_t *output) {
  const cupel_operation *operation = direct->operation;
  cupel_direct_grid grid = cupel_direct_grid_of(operation);
  int32_t channels = operation->output.channels;
  if (operation->rounding != CUPEL_DOUBLE_ROUNDING) {
    for (int32_t channel = 0; channel < channels; channel++) {
      direct->rescaler.store(
          direct->rescaler.context, channel, sums + channel, 1, output + channel, 1);
    }
    return;
  }
  for (int32_t channel = 0; channel < channels; channel += BLOCK) {
    mve_pred16_t lanes = vctp32q((uint32_t)(channels - channel));
    int32x4_t shifts = vldrbq_z_s32(operation->shifts + channel, lanes), zero = vdupq_n_s32(0);
    int32x4_t values = vshlq_s32(
        vldrwq_z_s32(sums + channel, lanes), vmaxq_s32(shifts, zero));
    values = scaled_down(
        values, vldrwq_z_s32(operation->multipliers + channel, lanes), vminq_s32(shifts, zero));
    vstrbq_p_s32(output + channel, placed(grid, values), lanes);
  }
}

static inline void cupel_direct_add(
    const cupel_operation *operation, const int8_t *first, const int8_t *second,
    int8_t *output) {
  cupel_addend one = operation->first, other = operation->second;
  cupel_direct_grid grid = cupel_direct_grid_of(operation);
  int32x4_t multiplier = vdupq_n_s32(operation->multiplier);
  int32x4_t one_multiplier = vdupq_n_s32(one.multiplier);
  int32x4_t other_multiplier = vdupq_n_s32(other.multiplier);
  int32x4_t shift = vdupq_n_s32(operation->shift);
  int32x4_t one_shift = vdupq_n_s32(one.shift), other_shift = vdupq_n_s32(other.shift);
  int32_t count =
      operation->output.height * operation->output.width * operation->output.channels;
  for (; count > 0; count -= 4, first += 4, second += 4, output += 4) {
    mve_pred16_t lanes = vctp32q((uint32_t)count);
    int32x4_t a = vsubq_n_s32(vldrbq_z_s32(first, lanes), one.zero_point);
    int32x4_t b = vsubq_n_s32(vldrbq_z_s32(second, lanes), other.zero_point);
    a = scaled_down(vshlq_n_s32(a, 20), one_multiplier, one_shift);
    b = scaled_down(vshlq_n_s32(b, 20), other_multiplier, other_shift);
    int32x4_t values = scaled_down(vaddq_s32(a, b), multiplier, shift);
    vstrbq_p_s32(output, placed(grid, values), lanes);
  }
}

#endif
