// The constants by which accumulators are scaled, laid out for a level's vectors.
#include "kernels.h"

static int32_t extra_limit(int32_t rounding) {
  // A shift of the integer modes stays below 63, so that no addend overflows.
  return rounding == CUPEL_FLOAT32_HALF_EVEN ? INT32_MAX : 62;
}

int cupel_scale_allows(const cupel_operation *operation, int32_t channels, int32_t extra) {
  for (int32_t channel = 0; channel < channels; channel++) {
    if (31 - operation->shifts[channel] + extra > extra_limit(operation->rounding)) return 0;
  }
  return 1;
}

int64_t cupel_scale_bytes(const cupel_operation *operation, int32_t lanes, int64_t channels) {
  int64_t each = operation->rounding == CUPEL_FLOAT32_HALF_EVEN ? 12 : 32;
  return cupel_rounded_up(cupel_rounded_up(channels, lanes) * each, 64);
}

/// Significand, fraction bits and sign of a finite float32: value = sign * significand *
/// 2^-fraction, the significand of 24 bits, or 0.
static void split_float(uint32_t bits, int32_t *significand, int32_t *fraction, int32_t *sign) {
  uint32_t magnitude = bits & 0x7FFFFFFF;
  *sign = bits >> 31 ? -1 : 0;
  *significand = 0;
  *fraction = 0;
  if (magnitude == 0) return;
  int32_t exponent = (int32_t)(magnitude >> 23);
  uint32_t digits = magnitude & 0x7FFFFF;
  if (exponent > 0) {
    digits |= 0x800000;
  } else {
    int32_t missing = __builtin_clz(digits) - 8;
    digits <<= missing;
    exponent = 1 - missing;
  }
  *significand = (int32_t)digits;
  *fraction = 150 - exponent;
}

void cupel_scale_set(
    cupel_scale *scale, void *constants, const cupel_operation *operation, int64_t position,
    int32_t channel, int32_t extra) {
  int32_t lanes = scale->lanes;
  int64_t group = position / lanes;
  int32_t lane = (int32_t)(position % lanes);
  if (scale->is_float32) {
    int32_t *parts = (int32_t *)constants + group * 3 * lanes + lane;
    split_float(operation->ratio_bits[channel], parts, parts + lanes, parts + 2 * lanes);
    parts[lanes] += extra;
    return;
  }
  int64_t *parts = (int64_t *)constants + group * 4 * lanes + (lane % 2) * (lanes / 2) + lane / 2;
  int32_t shift = operation->shifts[channel];
  // Shifting left first, multiplying and shifting right is one shift: the bits that the left
  // shift brings in are zeros.
  int32_t total = 31 - shift + extra;
  int is_double = operation->rounding == CUPEL_DOUBLE_ROUNDING && shift < 0;
  int64_t addend = is_double
                       // Half of the doubling high multiply, and half of the division behind it.
                       ? ((int64_t)1 << (30 + extra)) + ((int64_t)1 << (total - 1))
                       : (int64_t)1 << (total - 1);
  parts[0] = operation->multipliers[channel];
  parts[lanes] = addend;
  // The division takes ties away from zero: below it, one unit of the high multiply less.
  parts[2 * lanes] = is_double ? (int64_t)1 << (31 + extra) : 0;
  parts[3 * lanes] = total;
  if (is_double) scale->has_ties = 1;
}
