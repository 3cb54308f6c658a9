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

int64_t cupel_most_sum(const cupel_operation *operation, int64_t terms) {
  int64_t low = -128 - (int64_t)operation->input_zero_point;
  int64_t high = 127 - (int64_t)operation->input_zero_point;
  int64_t reach = -low > high ? -low : high;
  int64_t products = reach * (operation->weight_bits == 4 ? 8 : 128) * terms;
  int64_t most = products;
  for (int32_t channel = 0; channel < operation->output.channels; channel++) {
    int64_t bias = operation->bias[channel];
    int64_t own = products + (bias < 0 ? -bias : bias);
    if (own > most) most = own;
  }
  return most;
}

static cupel_scale_mode mode_of(
    const cupel_kernels *kernels, const cupel_operation *operation, int32_t sources,
    int64_t most_sum) {
  if (operation->rounding == CUPEL_FLOAT32_HALF_EVEN) return CUPEL_FLOAT32;
  if (operation->rounding == CUPEL_SINGLE_ROUNDING) return CUPEL_WIDE;
  if (most_sum >= (int64_t)1 << 30) return CUPEL_WIDE_TIES;
  for (int32_t channel = 0; channel < sources; channel++) {
    if (operation->multipliers[channel] != 0 && operation->shifts[channel] >= 0) {
      return CUPEL_WIDE_TIES;
    }
  }
  return kernels->narrows_up && operation->low >= operation->output_zero_point ? CUPEL_NARROW_UP
                                                                               : CUPEL_NARROW;
}

int64_t cupel_scale_plan(
    cupel_scale *scale, const cupel_kernels *kernels, const cupel_operation *operation,
    int64_t channels, int32_t sources, int64_t most_sum, int32_t extra) {
  scale->mode = mode_of(kernels, operation, sources, most_sum);
  scale->extra = extra;
  return cupel_rounded_up(
      cupel_rounded_up(channels, scale->lanes) * 4 * cupel_scale_words(scale->mode), 64);
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

/// The wide modes' constants.
static void set_wide(
    const cupel_scale *scale, int64_t *parts, const cupel_operation *operation, int32_t channel) {
  int32_t lanes = scale->lanes, extra = scale->extra;
  int32_t shift = operation->shifts[channel];
  // Shifting left first, multiplying and shifting right is one shift: the bits that the left
  // shift brings in are zeros.
  int32_t total = 31 - shift + extra;
  int is_twice = operation->rounding == CUPEL_DOUBLE_ROUNDING && shift < 0;
  int64_t addend = is_twice
                       // Half of the doubling high multiply, and half of the division behind it.
                       ? ((int64_t)1 << (30 + extra)) + ((int64_t)1 << (total - 1))
                       : (int64_t)1 << (total - 1);
  parts[0] = operation->multipliers[channel];
  parts[lanes] = addend;
  // The division takes ties away from zero: below it, one unit of the high multiply less.
  parts[2 * lanes] = is_twice ? (int64_t)1 << (31 + extra) : 0;
  parts[3 * lanes] = total;
}

void cupel_scale_set(
    const cupel_scale *scale, void *constants, const cupel_operation *operation, int64_t position,
    int32_t channel) {
  int32_t lanes = scale->lanes;
  int32_t lane = (int32_t)(position % lanes);
  int32_t *words =
      (int32_t *)constants + position / lanes * lanes * cupel_scale_words(scale->mode);
  switch (scale->mode) {
    case CUPEL_WIDE:
    case CUPEL_WIDE_TIES:
      set_wide(
          scale, (int64_t *)words + (lane % 2) * (lanes / 2) + lane / 2, operation, channel);
      return;
    case CUPEL_FLOAT32:
      words += lane;
      split_float(operation->ratio_bits[channel], words, words + lanes, words + 2 * lanes);
      words[lanes] += scale->extra;
      return;
    case CUPEL_NARROW:
      words += lane;
      if (operation->multipliers[channel] == 0) return;
      words[0] = operation->multipliers[channel];
      words[2 * lanes] = -operation->shifts[channel];
      words[lanes] = 1 << (words[2 * lanes] - 1);
      return;
    case CUPEL_NARROW_UP: {
      if (operation->multipliers[channel] == 0) return;
      int32_t shift = -operation->shifts[channel];
      words[lane] = operation->multipliers[channel];
      words[lanes + lane] = shift;
      int64_t *addends = (int64_t *)(words + 2 * lanes);
      addends[lane % 2 * (lanes / 2) + lane / 2] =
          ((int64_t)1 << 31) + ((int64_t)1 << (31 + shift));
      return;
    }
  }
}
