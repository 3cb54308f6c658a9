// Convolution from the model's own bytes: windows are gathered a tile of pixels at a time, and
// every row of weights is read once a tile. Staging and dot products are the level's.
#include "direct.h"

#if CUPEL_DIRECT

static int32_t rounded_up(int32_t value, int32_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

static int32_t is_narrow(const cupel_operation *operation, int32_t length) {
  int64_t most = (int64_t)length * 255 * 128;
  for (int32_t channel = 0; channel < operation->output.channels; channel++) {
    int64_t bias = operation->bias[channel];
    if (most + (bias < 0 ? -bias : bias) >= (int64_t)1 << 30) return 0;
  }
  return 1;
}

/// Lays out the scratch memory from `memory` on and returns the bytes that it takes.
static int64_t plan(cupel_direct *direct, const cupel_operation *operation, uint8_t *memory) {
  const cupel_window *window = &operation->window;
  direct->operation = operation;
  direct->depth = operation->input.channels / operation->groups;
  direct->length = window->kernel_height * window->kernel_width * direct->depth;
  direct->row_bytes =
      operation->weight_bits == 4 ? (direct->length + 1) / 2 : direct->length;
  direct->group_channels = operation->output.channels / operation->groups;
  direct->tile = cupel_direct_tile_of(direct->length);
  int64_t staged = (int64_t)direct->tile.pixels * direct->tile.bytes;
  int64_t raw = (int64_t)rounded_up(direct->length, CUPEL_DIRECT_VECTOR);
  int64_t starts = 4 * (int64_t)rounded_up(operation->output.channels, 4);
  direct->staged = memory;
  direct->window = (int8_t *)memory + staged;
  direct->starts = (int32_t *)(memory + staged + raw);
  return staged + raw + starts;
}

int64_t cupel_direct_scratch(const cupel_operation *operation) {
  cupel_direct direct;
  return plan(&direct, operation, 0);
}

/// Gathers a row of the kernel that lies in the input, from column `left` on, which may lie
/// outside it.
static int8_t *gather_row(
    const cupel_direct *direct, const int8_t *row, int32_t left, int32_t padding,
    int8_t *target) {
  const cupel_operation *operation = direct->operation;
  const cupel_window *window = &operation->window;
  int32_t depth = direct->depth, width = operation->input.width;
  if (window->dilation_width == 1 && operation->groups == 1) {
    // Taps side by side lie so in the input: those before it, in it, behind it.
    int32_t first = left < 0 ? -left : 0;
    int32_t end = width - left < window->kernel_width ? width - left : window->kernel_width;
    if (first > window->kernel_width) first = window->kernel_width;
    if (end < first) end = first;
    if (first > 0) cupel_direct_fill(target, padding, first * depth);
    cupel_direct_copy(
        target + first * depth, row + (left + first) * depth, (end - first) * depth);
    if (end < window->kernel_width) {
      cupel_direct_fill(target + end * depth, padding, (window->kernel_width - end) * depth);
    }
    return target + window->kernel_width * depth;
  }
  for (int32_t tap = 0; tap < window->kernel_width; tap++, target += depth) {
    int32_t column = left + tap * window->dilation_width;
    if (column >= 0 && column < width) {
      cupel_direct_copy(target, row + column * operation->input.channels, depth);
    } else {
      cupel_direct_fill(target, padding, depth);
    }
  }
  return target;
}

/// Gathers the window of an output pixel.
static void gather(
    const cupel_direct *direct, const int8_t *input, int32_t group, int32_t row, int32_t column) {
  const cupel_operation *operation = direct->operation;
  const cupel_window *window = &operation->window;
  const int8_t *values = input + group * direct->depth;
  int32_t stride = operation->input.width * operation->input.channels;
  int32_t padding = operation->input_zero_point;
  int32_t top = row * window->stride_height - window->pad_top;
  int32_t left = column * window->stride_width - window->pad_left;
  int8_t *target = direct->window;
  for (int32_t tap = 0; tap < window->kernel_height; tap++) {
    int32_t y = top + tap * window->dilation_height;
    if (y >= 0 && y < operation->input.height) {
      target = gather_row(direct, values + y * stride, left, padding, target);
    } else {
      int32_t count = window->kernel_width * direct->depth;
      cupel_direct_fill(target, padding, count);
      target += count;
    }
  }
}

void cupel_direct_convolve(
    const cupel_operation *operation, const int8_t *input, int8_t *output, void *scratch) {
  cupel_direct direct;
  plan(&direct, operation, scratch);
  direct.is_narrow = is_narrow(operation, direct.length);
  cupel_direct_prepare(&direct);
  int32_t width = operation->output.width, channels = operation->output.channels;
  int32_t pixels = operation->output.height * width;
  for (int32_t group = 0; group < operation->groups; group++) {
    int32_t row = 0, column = 0;
    for (int32_t first = 0; first < pixels; first += direct.tile.pixels) {
      int32_t left = pixels - first;
      int32_t count = left < direct.tile.pixels ? left : direct.tile.pixels;
      for (int32_t index = 0; index < count; index++) {
        gather(&direct, input, group, row, column);
        cupel_direct_stage(&direct, index);
        if (++column == width) {
          column = 0;
          row++;
        }
      }
      cupel_direct_rows(&direct, group, count, output + first * channels);
    }
  }
}

#endif
