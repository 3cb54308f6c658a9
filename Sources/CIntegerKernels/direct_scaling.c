// The one function for sums in every mode, out of the way of the kernels' loops.
#include "direct_scaling.h"

#if CUPEL_DIRECT

/// The bits of the float32 nearest to `value`, ties to even, without its sign.
static uint32_t float_magnitude(uint32_t value) {
  if (value == 0) return 0;
  uint32_t leading = (uint32_t)__builtin_clz(value);
  uint32_t normalized = value << leading, kept = normalized >> 8;
  uint32_t carry = ((normalized & 0xFF) + 0x7F + (kept & 1)) >> 8;
  return ((157 - leading) << 23) + kept + carry;
}

/// Bits of the product of two finite magnitudes, ties to even.
static uint32_t float_product(uint32_t a, uint32_t b) {
  if (a == 0 || b == 0) return 0;
  // A ratio may be subnormal; an integer's bits never are.
  int32_t exponent = (int32_t)(a >> 23), other = (int32_t)(b >> 23);
  uint32_t first = (a & 0x7FFFFF) | 0x800000, second = b & 0x7FFFFF;
  if (other > 0) {
    second |= 0x800000;
  } else {
    int32_t missing = __builtin_clz(second) - 8;
    second <<= missing;
    other = 1 - missing;
  }
  uint64_t product = (uint64_t)first * second;
  int32_t low = 1 - (int32_t)(product >> 47);
  product <<= low;
  exponent += other - 126 - low;
  if (exponent >= 255) return 0x7F800000;
  int32_t extra = exponent > 0 ? 0 : 1 - exponent < 25 ? 1 - exponent : 25;
  int32_t drop = 24 + extra;
  uint64_t odd = product >> drop & 1;
  uint32_t significand =
      (uint32_t)((product + ((uint64_t)1 << (drop - 1)) - 1 + odd) >> drop);
  return ((uint32_t)((exponent > 1 ? exponent : 1) - 1) << 23) + significand;
}

/// The integer nearest to a float32 of this magnitude, ties to even, at most 2^31.
static uint32_t float_rounded(uint32_t magnitude) {
  if (magnitude < 0x3F000000) return 0;
  if (magnitude >= 0x4F000000) return 0x80000000;
  uint32_t exponent = magnitude >> 23, significand = (magnitude & 0x7FFFFF) | 0x800000;
  if (exponent >= 150) return significand << (exponent - 150);
  uint32_t drop = 150 - exponent;
  uint32_t odd = significand >> drop & 1;
  return (significand + ((uint32_t)1 << (drop - 1)) - 1 + odd) >> drop;
}

/// docs/arithmetic.md, float32HalfEven.
static int32_t scaled_as_float(int32_t sum, uint32_t ratio) {
  uint32_t magnitude = sum < 0 ? 0 - (uint32_t)sum : (uint32_t)sum;
  uint32_t rounded =
      float_rounded(float_product(float_magnitude(magnitude), ratio & 0x7FFFFFFF));
  int32_t is_negative = (sum < 0) != (ratio >> 31);
  if (rounded >= 0x80000000) return is_negative ? INT32_MIN : INT32_MAX;
  return is_negative ? -(int32_t)rounded : (int32_t)rounded;
}

int32_t cupel_scaled_directly(const cupel_operation *operation, int32_t channel, int32_t sum) {
  int32_t multiplier = operation->multipliers[channel], shift = operation->shifts[channel];
  switch (operation->rounding) {
    case CUPEL_DOUBLE_ROUNDING: return cupel_scaled_twice(sum, multiplier, shift);
    case CUPEL_SINGLE_ROUNDING: return cupel_scaled_once(sum, multiplier, shift);
    default: return scaled_as_float(sum, operation->ratio_bits[channel]);
  }
}

#endif
