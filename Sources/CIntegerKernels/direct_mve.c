// Dot products with Helium (Cortex-M55): VMLADAVA adds the products of sixteen pairs of 8-bit
// values to a sum.
//
// Values are taken as they are stored, and the zero point's part, its product with the sum of a
// row's weights, goes into what each channel's sums begin with. Windows are staged as they are for
// 8-bit weights; for 4-bit ones sixteen even values and sixteen odd ones in turn, as the low and
// the high halves of sixteen bytes of weights want them.
#include "direct_scaling.h"

#if CUPEL_DIRECT && defined(__ARM_FEATURE_MVE)

#include <arm_mve.h>

enum {
  PIXELS = 3,
  /// Channels whose sums are scaled at a time.
  BLOCK = 4,
  /// Values after which a sum of 4-bit weights is taken over: as they lie in the upper half of a
  /// byte it is 16 times too large, and 2^16 products of at most 16 * 8 * 128 fit 32 bits.
  RUN = 1 << 16,
};

void cupel_direct_choose(cupel_direct *direct) {
  int32_t is_int4 = direct->operation->weight_bits == 4;
  direct->tile_pixels = PIXELS;
  direct->step = is_int4 ? 32 : 1;
  // Rows of 8-bit values are read no further than they go, so that they need no filling.
  direct->staged_bytes = is_int4 ? (direct->length + 31) / 32 * 32 : (direct->length + 15) / 16 * 16;
}

void cupel_direct_copy(int8_t *target, const int8_t *source, int32_t count) {
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

void cupel_direct_fill(int8_t *target, int32_t value, int32_t count) {
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

void cupel_direct_stage(
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

void cupel_direct_prepare(const cupel_direct *direct) {
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

/// What the products of two rows of weights with three staged pixels need.
typedef struct {
  const uint8_t *first, *second;
  const uint8_t *pixels[PIXELS];
  /// Bytes of a row.
  int32_t count;
  /// Receives the sums: two of each pixel, a block apart.
  int32_t *sums;
} products;

/// Registers: rows in r1 and r3, pixels in r5, r7 and r9, sums in the even ones, as the
/// instruction demands. Without a frame a compiler could not give it so many.
__attribute__((naked, noinline)) static void products_int8(const products *of) {
  __asm__ volatile(
      "push {r0, r4-r12, lr}\n"
      "ldrd r1, r3, [r0]\n"
      "ldrd r5, r7, [r0, #8]\n"
      "ldrd r9, r11, [r0, #16]\n"
      "movs r2, #0\n"
      "movs r4, #0\n"
      "movs r6, #0\n"
      "mov r8, r2\n"
      "mov r10, r2\n"
      "mov r12, r2\n"
      "dlstp.8 lr, r11\n"
      "1:\n"
      "vldrb.u8 q0, [r1], #16\n"
      "vldrb.u8 q1, [r3], #16\n"
      "vldrb.u8 q2, [r5], #16\n"
      "vmladava.s8 r2, q0, q2\n"
      "vmladava.s8 r4, q1, q2\n"
      "vldrb.u8 q3, [r7], #16\n"
      "vmladava.s8 r6, q0, q3\n"
      "vmladava.s8 r8, q1, q3\n"
      "vldrb.u8 q2, [r9], #16\n"
      "vmladava.s8 r10, q0, q2\n"
      "vmladava.s8 r12, q1, q2\n"
      "letp lr, 1b\n"
      "pop {r0}\n"
      "ldr r1, [r0, #24]\n"
      "strd r2, r4, [r1]\n"
      "strd r6, r8, [r1, #16]\n"
      "strd r10, r12, [r1, #32]\n"
      "pop {r4-r12, pc}\n");
}

/// The same of 4-bit weights, each taken 16 times.
__attribute__((naked, noinline)) static void products_int4(const products *of) {
  __asm__ volatile(
      "push {r0, r4-r12, lr}\n"
      "vpush {d8-d15}\n"
      "ldrd r1, r3, [r0]\n"
      "ldrd r5, r7, [r0, #8]\n"
      "ldrd r9, r11, [r0, #16]\n"
      "movs r2, #0\n"
      "movs r4, #0\n"
      "movs r6, #0\n"
      "mov r8, r2\n"
      "mov r10, r2\n"
      "mov r12, r2\n"
      "vmov.i8 q7, #0xF0\n"
      "dlstp.8 lr, r11\n"
      "1:\n"
      "vldrb.u8 q0, [r1], #16\n"
      "vldrb.u8 q1, [r3], #16\n"
      "vshl.i8 q2, q0, #4\n"
      "vshl.i8 q3, q1, #4\n"
      "vand q0, q0, q7\n"
      "vand q1, q1, q7\n"
      "vldrb.u8 q4, [r5], #16\n"
      "vmladava.s8 r2, q2, q4\n"
      "vmladava.s8 r4, q3, q4\n"
      "vldrb.u8 q4, [r5], #16\n"
      "vmladava.s8 r2, q0, q4\n"
      "vmladava.s8 r4, q1, q4\n"
      "vldrb.u8 q4, [r7], #16\n"
      "vmladava.s8 r6, q2, q4\n"
      "vmladava.s8 r8, q3, q4\n"
      "vldrb.u8 q4, [r7], #16\n"
      "vmladava.s8 r6, q0, q4\n"
      "vmladava.s8 r8, q1, q4\n"
      "vldrb.u8 q4, [r9], #16\n"
      "vmladava.s8 r10, q2, q4\n"
      "vmladava.s8 r12, q3, q4\n"
      "vldrb.u8 q4, [r9], #16\n"
      "vmladava.s8 r10, q0, q4\n"
      "vmladava.s8 r12, q1, q4\n"
      "letp lr, 1b\n"
      "vpop {d8-d15}\n"
      "pop {r0}\n"
      "ldr r1, [r0, #24]\n"
      "strd r2, r4, [r1]\n"
      "strd r6, r8, [r1, #16]\n"
      "strd r10, r12, [r1, #32]\n"
      "pop {r4-r12, pc}\n");
}

/// Sums of two rows of 4-bit weights, a run at a time.
static void sum_int4(const cupel_direct *direct, products *of) {
  int32_t *sums = of->sums;
  int32_t wide[PIXELS * BLOCK];
  for (int32_t pixel = 0; pixel < PIXELS; pixel++) {
    sums[pixel * BLOCK] = 0;
    sums[pixel * BLOCK + 1] = 0;
  }
  of->sums = wide;
  for (int32_t left = direct->row_bytes; left > 0; left -= RUN / 2) {
    of->count = left < RUN / 2 ? left : RUN / 2;
    products_int4(of);
    for (int32_t pixel = 0; pixel < PIXELS; pixel++) {
      of->pixels[pixel] += RUN;
      sums[pixel * BLOCK] += wide[pixel * BLOCK] >> 4;
      sums[pixel * BLOCK + 1] += wide[pixel * BLOCK + 1] >> 4;
    }
    of->first += RUN / 2;
    of->second += RUN / 2;
  }
}

/// Four channels' sums, beginning left out, for the tile's pixels: [pixel][channel].
static void sum_block(
    const cupel_direct *direct, const uint8_t *rows, int32_t channels, int32_t *sums) {
  const uint8_t *staged = direct->staged;
  int32_t bytes = direct->row_bytes;
  for (int32_t pair = 0; pair < channels; pair += 2) {
    const uint8_t *first = rows + pair * bytes;
    products of = {
        .first = first,
        .second = pair + 1 < channels ? first + bytes : first,
        .pixels = {staged, staged + direct->staged_bytes, staged + 2 * direct->staged_bytes},
        .count = bytes,
        .sums = sums + pair};
    if (direct->operation->weight_bits == 4) {
      sum_int4(direct, &of);
    } else {
      products_int8(&of);
    }
  }
}

/// Scales four channels' sums of a pixel in doubleRounding and writes those of `lanes`.
static inline void store_twice(
    const cupel_operation *operation, int32_t channel, int32x4_t sums, mve_pred16_t lanes,
    int8_t *output) {
  int32x4_t multipliers = vldrwq_z_s32(operation->multipliers + channel, lanes);
  int32x4_t shifts = vldrwq_z_s32(operation->shifts + channel, lanes);
  int32x4_t zero = vdupq_n_s32(0);
  int32x4_t left = vmaxq_s32(shifts, zero), right = vminq_s32(shifts, zero);
  int32x4_t high = vqrdmulhq_s32(vshlq_s32(sums, left), multipliers);
  // A shift right by r rounds ties up; below zero they go down where one is taken off first. With
  // no shift nothing may be.
  int32x4_t fixed = vaddq_s32(high, vshrq_n_s32(vandq_s32(high, right), 31));
  int32x4_t values = vrshlq_s32(fixed, right);
  int32_t zero_point = operation->output_zero_point;
  values = vminq_s32(values, vdupq_n_s32(operation->high - zero_point));
  values = vmaxq_s32(values, vdupq_n_s32(operation->low - zero_point));
  vstrbq_p_s32(output, vaddq_n_s32(values, zero_point), lanes);
}

/// The same in any mode.
static void store_any(
    const cupel_operation *operation, int32_t channel, int32x4_t sums, int32_t channels,
    int8_t *output) {
  int32_t values[BLOCK];
  vst1q_s32(values, sums);
  cupel_direct_grid grid = cupel_direct_grid_of(operation);
  for (int32_t index = 0; index < channels; index++) {
    output[index] = cupel_placed_directly(
        grid, cupel_scaled_directly(operation, channel + index, values[index]));
  }
}

void cupel_direct_rows(
    const cupel_direct *direct, int32_t group, int32_t count, int8_t *output) {
  const cupel_operation *operation = direct->operation;
  int32_t first = group * direct->group_channels, end = first + direct->group_channels;
  int32_t sums[PIXELS * BLOCK];
  for (int32_t channel = first; channel < end; channel += BLOCK) {
    int32_t channels = end - channel < BLOCK ? end - channel : BLOCK;
    mve_pred16_t lanes = vctp32q((uint32_t)channels);
    sum_block(direct, operation->weights + channel * direct->row_bytes, channels, sums);
    int32x4_t starts = vldrwq_z_s32(direct->starts + channel, lanes);
    for (int32_t pixel = 0; pixel < count; pixel++) {
      int32x4_t own = vaddq_s32(vld1q_s32(sums + pixel * BLOCK), starts);
      int8_t *place = output + pixel * operation->output.channels + channel;
      if (operation->rounding == CUPEL_DOUBLE_ROUNDING) {
        store_twice(operation, channel, own, lanes, place);
      } else {
        store_any(operation, channel, own, channels, place);
      }
    }
  }
}

#endif
