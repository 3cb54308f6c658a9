/// What the kernels that run a model from its own bytes share.
#ifndef CUPEL_DIRECT_H
#define CUPEL_DIRECT_H

#include "CIntegerKernels.h"

#if CUPEL_DIRECT

/// A convolution, and what is worked out of it once for all pixels.
typedef struct {
  const cupel_operation *operation;
  /// Input channels of a group, weights of a row, bytes that they take.
  int32_t depth, length, row_bytes;
  /// Output channels of a group.
  int32_t group_channels;
  /// Pixels of a tile, and bytes that each takes when staged.
  int32_t tile_pixels, staged_bytes;
  /// Values that are staged at a time.
  int32_t step;
  /// The windows of a tile's pixels, as the level's kernel reads them.
  uint8_t *staged;
  /// A window in the order of the weights, where it cannot be staged from the input itself.
  int8_t *window;
  /// What the sums of each output channel begin with, where the level works it out.
  int32_t *starts;
  /// Whether sums round twice and stay below 2^30, so that twice a sum is still one of 32 bits.
  int32_t is_narrow;
} cupel_direct;

// What each level brings along.

/// Sets `tile_pixels`, `staged_bytes` and `step`, a power of two, from what is above them.
void cupel_direct_choose(cupel_direct *direct);
/// Works out `starts`.
void cupel_direct_prepare(const cupel_direct *direct);
/// Stages `count` values of the tile's pixel `pixel` from number `place` of its window on, both
/// multiples of `step`. Without values it is padding.
void cupel_direct_stage(
    const cupel_direct *direct, int32_t pixel, int32_t place, const int8_t *values,
    int32_t count);
/// All output channels of a group for the tile's first `count` pixels, the first of which has its
/// output at `output`.
void cupel_direct_rows(
    const cupel_direct *direct, int32_t group, int32_t count, int8_t *output);
/// Copies, and fills; the bytes may lie anywhere.
void cupel_direct_copy(int8_t *target, const int8_t *source, int32_t count);
void cupel_direct_fill(int8_t *target, int32_t value, int32_t count);

#endif
#endif
