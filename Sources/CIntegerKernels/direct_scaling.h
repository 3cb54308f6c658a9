/// Scaling sums in doubleRounding, the usual case; the others are the rescaler's.
#ifndef CUPEL_DIRECT_SCALING_H
#define CUPEL_DIRECT_SCALING_H

#include "direct.h"

/// A sum in doubleRounding with a negative shift, below 2^30, so that twice a sum makes the high
/// multiply the upper half of a product. `half` is 2^(right - 1).
static inline int32_t cupel_scaled_narrowly(
    int32_t sum, int32_t multiplier, int32_t half, int32_t right) {
  int32_t high = (int32_t)(((int64_t)(2 * sum) * multiplier + ((int64_t)1 << 31)) >> 32);
  return (high + half + (high >> 31)) >> right;
}

/// The same with a shift to the left, or none; the sum stays below 2^30 when it has been shifted.
static inline int32_t cupel_scaled_up(int32_t sum, int32_t multiplier, int32_t left) {
  int32_t wide = sum * (1 << left);
  return (int32_t)(((int64_t)(2 * wide) * multiplier + ((int64_t)1 << 31)) >> 32);
}

/// A shift that is not positive: bits, half of what a unit is divided into, and all ones where
/// there is something to round.
typedef struct {
  int32_t right, half, is_rounded;
} cupel_direct_shift;

static inline cupel_direct_shift cupel_direct_shift_of(int32_t shift) {
  int32_t right = -shift;
  return (cupel_direct_shift){right, (int32_t)(((uint32_t)1 << right) >> 1), right > 0 ? -1 : 0};
}

/// A sum below 2^30 in doubleRounding by a shift that is not positive.
static inline int32_t cupel_scaled_down(
    int32_t sum, int32_t multiplier, cupel_direct_shift shift) {
  int32_t high = (int32_t)(((int64_t)(2 * sum) * multiplier + ((int64_t)1 << 31)) >> 32);
  return (high + shift.half + (high >> 31 & shift.is_rounded)) >> shift.right;
}

/// The output's grid, low and high taken from its zero point. A copy: a kernel that writes bytes
/// would have to read the operation again after each.
typedef struct {
  int32_t low, high, zero_point;
} cupel_direct_grid;

static inline cupel_direct_grid cupel_direct_grid_of(const cupel_operation *operation) {
  int32_t zero_point = operation->output_zero_point;
  return (cupel_direct_grid){
      operation->low - zero_point, operation->high - zero_point, zero_point};
}

/// `value` on the output's grid. Clamped before the zero point is added, so that nothing
/// overflows.
static inline int8_t cupel_placed_directly(cupel_direct_grid grid, int32_t value) {
  value = value < grid.low ? grid.low : value;
  value = value > grid.high ? grid.high : value;
  return (int8_t)(value + grid.zero_point);
}

#endif
