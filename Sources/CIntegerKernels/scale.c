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

/// A finite float32's magnitude: significand * 2^-fraction, the significand of 24 bits, or 0.
typedef struct {
  uint32_t significand;
  int32_t fraction;
} magnitude;

static magnitude magnitude_of(uint32_t bits) {
  uint32_t digits = bits & 0x7FFFFF;
  int32_t exponent = (int32_t)(bits >> 23 & 0xFF);
  if (exponent > 0) return (magnitude){digits | 0x800000, 150 - exponent};
  if (digits == 0) return (magnitude){0, 0};
  int32_t missing = __builtin_clz(digits) - 8;
  return (magnitude){digits << missing, 149 + missing};
}

/// digits * 2^-fraction as the nearest float32, ties to even; what is left of `digits` beyond its
/// lowest bit must show in that bit. Digits are 0 or have at least 26 bits. The result is finite:
/// no validated operation has other ratios.
static magnitude rounded(uint64_t digits, int32_t fraction) {
  if (digits == 0) return (magnitude){0, 0};
  int32_t drop = 40 - __builtin_clzll(digits);
  // Subnormal results keep fewer digits: none below 2^-149.
  if (fraction - drop > 149) drop = fraction - 149;
  if (drop > 62) return (magnitude){0, 0};
  uint64_t odd = digits >> drop & 1;
  uint64_t kept = (digits + ((uint64_t)1 << (drop - 1)) - 1 + odd) >> drop;
  if (kept == 0) return (magnitude){0, 0};
  int32_t missing = __builtin_clzll(kept) - 40;
  // A carry makes 25 digits, the last of which is 0.
  kept = missing < 0 ? kept >> 1 : kept << missing;
  return (magnitude){(uint32_t)kept, fraction - drop + missing};
}

/// The ratio of a channel, s_in * s_w / s_out in float32 arithmetic: its magnitude.
static magnitude ratio_of(const cupel_operation *operation, int32_t channel) {
  magnitude in = magnitude_of(operation->input_scale);
  magnitude weight = magnitude_of(operation->weight_scales[channel]);
  magnitude out = magnitude_of(operation->output_scale);
  magnitude product = rounded(
      (uint64_t)in.significand * weight.significand, in.fraction + weight.fraction);
  uint64_t dividend = (uint64_t)product.significand << 32;
  uint64_t quotient = dividend / out.significand;
  if (quotient * out.significand != dividend) quotient |= 1;
  return rounded(quotient, product.fraction + 32 - out.fraction);
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
    case CUPEL_FLOAT32: {
      words += lane;
      magnitude ratio = ratio_of(operation, channel);
      words[0] = (int32_t)ratio.significand;
      words[lanes] = ratio.fraction + scale->extra;
      words[2 * lanes] = operation->weight_scales[channel] >> 31 ? -1 : 0;
      return;
    }
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

/// The operation with its one scale as if it were a channel's.
static cupel_operation uniform(const cupel_operation *operation) {
  cupel_operation result = *operation;
  result.multipliers = &operation->multiplier;
  result.shifts = &operation->shift;
  result.weight_scales = &operation->ratio;
  result.input_scale = result.output_scale = 0x3F800000;  // 1
  return result;
}

int64_t cupel_scale_plan_uniform(
    cupel_packed *packed, const cupel_operation *operation, int64_t most_sum) {
  cupel_operation own = uniform(operation);
  const cupel_kernels *kernels = packed->kernels;
  return cupel_scale_plan(&packed->scale, kernels, &own, kernels->lanes, 1, most_sum, 0);
}

void cupel_scale_pack_uniform(
    const cupel_operation *operation, cupel_packed *packed, uint8_t *memory) {
  cupel_operation own = uniform(operation);
  packed->scale.constants = memory;
  for (int32_t lane = 0; lane < packed->scale.lanes; lane++) {
    cupel_scale_set(&packed->scale, memory, &own, lane, 0);
  }
}
