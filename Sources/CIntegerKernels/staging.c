// How much of the input is staged at a time, and a row of it.
#include "staging.h"

/// A single output row may not stage more: the reference kernel does such shapes.
enum { MOST_STAGED_BYTES = 4 << 20 };

static int64_t staged_bytes(const cupel_packed *packed, int64_t rows) {
  return cupel_reached_rows(packed, rows) * packed->row_bytes;
}

int cupel_staging_plan(
    cupel_packed *packed, cupel_tuning tuning, int64_t phases, int32_t most_images) {
  const cupel_window *window = &packed->window;
  int64_t reach_width = (int64_t)(window->kernel_width - 1) * window->dilation_width + 1;
  packed->element_bytes = packed->kernels->element_bytes;
  packed->columns = (int64_t)(packed->output.width - 1) * window->stride_width + reach_width;
  // Columns and channels are below 2^31 each, rows too: their product may not fit 64 bits.
  if (packed->columns > MOST_STAGED_BYTES || packed->input.channels > MOST_STAGED_BYTES) return 0;
  packed->phase_bytes = (packed->columns + phases - 1) / phases * packed->input.channels *
                        (int64_t)packed->element_bytes;
  packed->row_bytes = packed->phase_bytes * phases;
  if (packed->row_bytes > MOST_STAGED_BYTES) return 0;
  if (cupel_reached_rows(packed, 1) > MOST_STAGED_BYTES) return 0;
  int64_t first = staged_bytes(packed, 1);
  if (first > MOST_STAGED_BYTES) return 0;
  int64_t step = packed->row_bytes * window->stride_height;
  int64_t more = tuning.staging_bytes > first ? (tuning.staging_bytes - first) / step : 0;
  int is_whole = 1 + more >= packed->output.height;
  packed->strip_rows = is_whole ? packed->output.height : (int32_t)(1 + more);
  int64_t images =
      is_whole ? tuning.staging_bytes / staged_bytes(packed, packed->output.height) : 1;
  packed->most_images = images < 1 ? 1 : images > most_images ? most_images : (int32_t)images;
  return 1;
}

int64_t cupel_staging_scratch(const cupel_packed *packed, int32_t images) {
  int64_t most = packed->most_images < images ? packed->most_images : images;
  return cupel_rounded_up(most * staged_bytes(packed, packed->strip_rows) + CUPEL_SLACK, 64);
}

void cupel_stage_row(
    const cupel_packed *packed, const int8_t *image, int64_t y, uint8_t *staged) {
  const cupel_extent *extent = &packed->input;
  int64_t channels = extent->channels, pixel = channels * packed->element_bytes;
  int64_t left = packed->window.pad_left, inside = packed->columns - left;
  int64_t copied = inside < extent->width ? inside : extent->width;
  int padding = cupel_staged_padding(packed);
  if (y < 0 || y >= extent->height) {
    __builtin_memset(staged, padding, (size_t)packed->row_bytes);
    return;
  }
  __builtin_memset(staged, padding, (size_t)(left * pixel));
  packed->kernels->stage(
      image + y * extent->width * channels, copied * channels, packed->input_zero_point,
      staged + left * pixel);
  __builtin_memset(
      staged + (left + copied) * pixel, padding, (size_t)((inside - copied) * pixel));
}
