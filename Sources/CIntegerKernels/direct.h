/// What the kernels that run a model from its own bytes share.
#ifndef CUPEL_DIRECT_H
#define CUPEL_DIRECT_H

#include "CIntegerKernels.h"

#if CUPEL_DIRECT

/// Pixels that are worked on at a time, and bytes that each takes when staged.
typedef struct {
  int32_t pixels;
  int32_t bytes;
} cupel_direct_tile;

/// A convolution, and what is worked out of it once for all pixels.
typedef struct {
  const cupel_operation *operation;
  /// Input channels of a group, weights of a row, bytes that they take.
  int32_t depth, length, row_bytes;
  /// Output channels of a group.
  int32_t group_channels;
  cupel_direct_tile tile;
  /// Of a tile, as `cupel_direct_stage` leaves them.
  uint8_t *staged;
  /// A pixel's window in the order of the weights, with room for a whole vector behind it.
  int8_t *window;
  /// What the sums of each output channel begin with, where the level needs it worked out.
  int32_t *starts;
  /// Whether sums stay below 2^30, so that twice a sum is still one of 32 bits.
  int32_t is_narrow;
} cupel_direct;

/// Values that one step of the level's kernel reads of each row; windows are padded to it.
enum { CUPEL_DIRECT_VECTOR = 32 };

// What each level brings along.

/// Pixels of a tile, and bytes of a staged pixel of `length` values.
cupel_direct_tile cupel_direct_tile_of(int32_t length);
/// Works out what is needed once for all pixels.
void cupel_direct_prepare(const cupel_direct *direct);
/// Takes `window` as the tile's pixel `index`.
void cupel_direct_stage(const cupel_direct *direct, int32_t index);
/// All output channels of a group for the tile's first `count` pixels, the first of which has its
/// output at `output`.
void cupel_direct_rows(
    const cupel_direct *direct, int32_t group, int32_t count, int8_t *output);
/// Copies, and fills; the bytes may lie anywhere.
void cupel_direct_copy(int8_t *target, const int8_t *source, int32_t count);
void cupel_direct_fill(int8_t *target, int32_t value, int32_t count);

#endif
#endif
