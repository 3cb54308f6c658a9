// Sums in every mode, out of the way of the kernels' loops; and float32 arithmetic on bits, as
// docs/arithmetic.md has it.
#include "CIntegerKernels.h"

#if CUPEL_DIRECT

#include "direct_scaling.h"

/// A float32's magnitude other than 0: significand * 2^(exponent - 150), of 24 bits.
typedef struct {
  uint32_t significand;
  int32_t exponent;
} number;

static number number_of(uint32_t magnitude) {
  if (magnitude >> 23 != 0) {
    return (number){(magnitude & 0x7FFFFF) | 0x800000, (int32_t)(magnitude >> 23)};
  }
  int32_t missing = __builtin_clz(magnitude) - 8;
  return (number){magnitude << missing, 1 - missing};
}

/// The bits of the float32 nearest to a number with its top bit at 47 and this biased exponent,
/// ties to even.
static uint32_t rounded(uint64_t digits, int32_t exponent) {
  if (exponent >= 255) return 0x7F800000;
  // A subnormal result drops more bits; from 25 more on it is less than half the least one.
  int32_t extra = exponent > 0 ? 0 : 1 - exponent < 25 ? 1 - exponent : 25;
  int32_t drop = 24 + extra;
  uint64_t odd = digits >> drop & 1;
  uint32_t significand = (uint32_t)((digits + ((uint64_t)1 << (drop - 1)) - 1 + odd) >> drop);
  return ((uint32_t)((exponent > 1 ? exponent : 1) - 1) << 23) + significand;
}

/// The bits of the float32 nearest to `value`, ties to even.
static uint32_t float_of(uint32_t value) {
  if (value == 0) return 0;
  int32_t leading = __builtin_clz(value);
  return rounded((uint64_t)value << (leading + 16), 158 - leading);
}

/// Bits of the product of two finite magnitudes.
static uint32_t product_of(uint32_t a, uint32_t b) {
  if (a == 0 || b == 0) return 0;
  number first = number_of(a), second = number_of(b);
  uint64_t digits = (uint64_t)first.significand * second.significand;
  int32_t low = 1 - (int32_t)(digits >> 47);
  return rounded(digits << low, first.exponent + second.exponent - 126 - low);
}

/// Bits of the quotient of two finite magnitudes, the second not 0.
static uint32_t quotient_of(uint32_t a, uint32_t b) {
  if (a == 0) return 0;
  number first = number_of(a), second = number_of(b);
  int32_t is_less = first.significand < second.significand;
  uint32_t rest = first.significand << is_less;
  // 26 digits, one by one: there is no division of this width.
  uint64_t digits = 0;
#pragma clang loop unroll(disable)
  for (int32_t digit = 0; digit < 26; digit++) {
    digits <<= 1;
    if (rest >= second.significand) {
      digits |= 1;
      rest -= second.significand;
    }
    rest <<= 1;
  }
  return rounded(digits << 22 | (rest != 0), first.exponent - second.exponent + 127 - is_less);
}

void cupel_direct_find_ratios(const cupel_operation *operation, uint32_t *ratios) {
  if (operation->rounding != CUPEL_FLOAT32_HALF_EVEN) return;
  for (int32_t channel = 0; channel < operation->output.channels; channel++) {
    uint32_t weight = operation->weight_scales[channel];
    uint32_t product = product_of(operation->input_scale, weight & 0x7FFFFFFF);
    ratios[channel] = quotient_of(product, operation->output_scale) | (weight & 0x80000000);
  }
}

/// The integer nearest to a float32 of this magnitude, ties to even, at most 2^31.
static uint32_t integer_of(uint32_t magnitude) {
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
      integer_of(product_of(float_of(magnitude), ratio & 0x7FFFFFFF));
  int32_t is_negative = (sum < 0) != (ratio >> 31);
  if (rounded >= 0x80000000) return is_negative ? INT32_MIN : INT32_MAX;
  return is_negative ? -(int32_t)rounded : (int32_t)rounded;
}

int32_t cupel_scaled_directly(const cupel_direct *direct, int32_t channel, int32_t sum) {
  const cupel_operation *operation = direct->operation;
  int32_t multiplier = operation->multipliers[channel], shift = operation->shifts[channel];
  switch (operation->rounding) {
    case CUPEL_DOUBLE_ROUNDING: return cupel_scaled_twice(sum, multiplier, shift);
    case CUPEL_SINGLE_ROUNDING: return cupel_scaled_once(sum, multiplier, shift);
    default: return scaled_as_float(sum, direct->ratios[channel]);
  }
}

#endif
