/// What the kernels that run a model from its own bytes share.
#ifndef CUPEL_DIRECT_H
#define CUPEL_DIRECT_H

#include "CIntegerKernels.h"

#if CUPEL_DIRECT

/// A convolution, and what is worked out of it once for all pixels.
typedef struct {
  const cupel_operation *operation;
  cupel_rescaler rescaler;
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
  int32_t has_starts;
  int32_t *starts;
  /// Whether sums round twice and stay below 2^30, shifted to the left where they are.
  int32_t is_narrow;
} cupel_direct;

#endif
#endif
