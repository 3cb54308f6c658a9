/// Scaling sums as the model says, one value at a time and, for float32, many: included by every
/// level, so that each compiles it for its own instructions.
#ifndef CUPEL_SCALING_H
#define CUPEL_SCALING_H

#include "kernels.h"

#ifndef CUPEL_TARGET
#define CUPEL_TARGET
#endif
#define CUPEL_INLINE static inline __attribute__((always_inline)) CUPEL_TARGET

/// acc as float32 times the ratio as float32 to the nearest integer, each rounded to nearest, ties
/// to even, all of it in integers. Subnormal products round to zero either way and are not told
/// apart; results beyond int32 saturate.
CUPEL_INLINE int32_t cupel_scaled_float32(
    int32_t sum, int32_t significand, int32_t fraction, int32_t sign) {
  int64_t wide = sum;
  int64_t negative = (wide >> 63) ^ sign;
  uint64_t magnitude = (uint64_t)((wide ^ (wide >> 63)) - (wide >> 63));
  // To 24 bits, as the conversion to float32 does.
  int32_t excess = 40 - __builtin_clzll(magnitude | 1);
  int32_t drop = excess > 0 ? excess : 0;
  uint64_t odd = magnitude >> drop & 1;
  uint64_t kept = (magnitude + (((uint64_t)1 << drop) >> 1) - (drop > 0) + (odd & (drop > 0))) >>
                  drop;
  // The product of 48 bits, to 24.
  uint64_t product = kept * (uint64_t)significand;
  int32_t product_excess = 40 - __builtin_clzll(product | 1);
  int32_t lost = product_excess > 0 ? product_excess : 0;
  uint64_t product_odd = product >> lost & 1;
  uint64_t digits =
      (product + (((uint64_t)1 << lost) >> 1) - (lost > 0) + (product_odd & (lost > 0))) >> lost;
  // digits * 2^(drop + lost - fraction), to an integer.
  int32_t right = fraction - drop - lost;
  int32_t down = right < 0 ? 0 : right > 40 ? 40 : right;
  int32_t up = right > 0 ? 0 : right < -31 ? 31 : -right;
  uint64_t last = digits >> down & 1;
  uint64_t rounded =
      (digits + (((uint64_t)1 << down) >> 1) - (down > 0) + (last & (down > 0))) >> down;
  rounded <<= up;
  int64_t limited = rounded > INT32_MAX ? INT32_MAX : (int64_t)rounded;
  return (int32_t)((limited ^ negative) - negative);
}

/// Scales sums in place by float32 ratios; `channels` is a multiple of `lanes`, which are the
/// scale's.
CUPEL_INLINE void cupel_scale_float32(
    const int32_t *constants, int32_t *sums, int32_t channels, const int32_t lanes) {
  for (int32_t first = 0; first < channels; first += lanes) {
    const int32_t *parts = constants + 3 * first;
    int32_t *values = sums + first;
    for (int32_t lane = 0; lane < lanes; lane++) {
      values[lane] = cupel_scaled_float32(
          values[lane], parts[lane], parts[lanes + lane], parts[2 * lanes + lane]);
    }
  }
}

/// One sum by the wide modes, whose constants are `lanes` apart.
CUPEL_INLINE int32_t cupel_scaled_wide(int32_t sum, const int64_t *parts, int32_t lanes) {
  int64_t product = (int64_t)sum * parts[0];
  int64_t tie = product < 0 ? parts[2 * lanes] : 0;
  return (int32_t)((product + parts[lanes] - tie) >> parts[3 * lanes]);
}

CUPEL_INLINE int32_t cupel_scaled_narrow(
    int32_t sum, int32_t multiplier, int32_t half, int32_t shift, int32_t extra) {
  int64_t twice = extra > 0 ? sum >> (extra - 1) : 2 * (int64_t)sum;
  int32_t high = (int32_t)((twice * multiplier + ((int64_t)1 << 31)) >> 32);
  return (high + half + (high >> 31)) >> shift;
}

CUPEL_INLINE int32_t cupel_scaled_narrow_up(
    int32_t sum, int32_t multiplier, int64_t addend, int32_t shift, int32_t extra) {
  int64_t twice = extra > 0 ? sum >> (extra - 1) : 2 * (int64_t)sum;
  return (int32_t)((twice * multiplier + addend) >> 32) >> shift;
}

/// `value` on the output's grid.
CUPEL_INLINE int8_t cupel_placed(const cupel_scale *scale, int32_t value) {
  int32_t low = scale->low - scale->zero_point, high = scale->high - scale->zero_point;
  return (int8_t)((value < low ? low : value > high ? high : value) + scale->zero_point);
}

/// One sum of a position.
CUPEL_INLINE int8_t cupel_scaled_value(const cupel_scale *scale, int32_t sum, int32_t position) {
  int32_t lanes = scale->lanes, lane = position % lanes;
  const int32_t *words = (const int32_t *)scale->constants +
                         (int64_t)(position - lane) * cupel_scale_words(scale->mode);
  const int32_t *own = words + lane;
  int32_t value;
  switch (scale->mode) {
    case CUPEL_FLOAT32:
      value = cupel_scaled_float32(sum, own[0], own[lanes], own[2 * lanes]);
      break;
    case CUPEL_NARROW:
      value = cupel_scaled_narrow(sum, own[0], own[lanes], own[2 * lanes], scale->extra);
      break;
    case CUPEL_NARROW_UP:
      value = cupel_scaled_narrow_up(
          sum, own[0], ((const int64_t *)(words + 2 * lanes))[lane % 2 * (lanes / 2) + lane / 2],
          own[lanes], scale->extra);
      break;
    default:
      value = cupel_scaled_wide(
          sum, (const int64_t *)words + lane % 2 * (lanes / 2) + lane / 2, lanes);
  }
  return cupel_placed(scale, value);
}

#endif
