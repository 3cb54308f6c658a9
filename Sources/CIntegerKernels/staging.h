/// Staged input: rows with their padding, as a level's kernels read them.
#ifndef CUPEL_STAGING_H
#define CUPEL_STAGING_H

#include "kernels.h"

/// Chooses how a row is laid out, in `phases` phases, and how many rows of output are staged at a
/// time, or up to `most_images` images. 0 where one row is too much.
int cupel_staging_plan(
    cupel_packed *packed, cupel_tuning tuning, int64_t phases, int32_t most_images);

/// Bytes of scratch that staging takes: the `scratch` of a kind.
int64_t cupel_staging_scratch(const cupel_packed *packed, int32_t images);

/// What padding is staged as: a byte of it.
static inline int cupel_staged_padding(const cupel_packed *packed) {
  int32_t value = packed->input_zero_point + packed->kernels->offset;
  return packed->element_bytes == 1 ? (uint8_t)value : 0;
}

/// Stages row `y` of an image, which may lie outside it, as a single phase.
void cupel_stage_row(
    const cupel_packed *packed, const int8_t *image, int64_t y, uint8_t *staged);

#endif
