// Operations from the model's own bytes. In a convolution windows are gathered a tile of pixels at
// a time, and every row of weights is read once a tile; staging and dot products are the level's.
#include "direct.h"

#if CUPEL_DIRECT

// A level's header defines
// - `cupel_direct_choose`, which sets `tile_pixels`, `staged_bytes`, `has_starts` and `step`, a
//   power of two;
// - `cupel_direct_prepare`, which works out `starts`;
// - `cupel_direct_stage`, which stages so many values of the tile's pixel from number `place` of
//   its window on, both multiples of `step`; padding, where there are no values;
// - `cupel_direct_rows`, which does all output channels of a group for the tile's first `count`
//   pixels, the first of which has its output at `output`;
// - `cupel_direct_copy` and `cupel_direct_fill`, for bytes that may lie anywhere;
// - `cupel_direct_multiply_add`, which adds to the sums of so many channels the products of their
//   values, less the zero point, with as many 8-bit weights;
// - `cupel_direct_store_pixel`, which scales the sums of a pixel's channels and writes them;
// - `cupel_direct_add`, the addition.
#if defined(__ARM_FEATURE_MVE)
#include "direct_mve.h"
#else
#include "direct_dsp.h"
#endif

/// Windows have room for whole steps of every level.
enum { WINDOW_MULTIPLE = 32 };

static int32_t rounded_up(int32_t value, int32_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// Whether sums of `length` products round twice, and stay below 2^30 when they have been shifted to
/// the left.
static int32_t is_narrow(const cupel_operation *operation, int32_t length) {
  if (operation->rounding != CUPEL_DOUBLE_ROUNDING) return 0;
  int64_t most = (int64_t)length * 255 * (operation->weight_bits == 4 ? 8 : 128);
#pragma clang loop unroll(disable)
  for (int32_t channel = 0; channel < operation->output.channels; channel++) {
    int64_t bias = operation->bias[channel];
    int32_t shift = operation->shifts[channel];
    int64_t limit = ((int64_t)1 << 30) >> (shift > 0 ? shift : 0);
    if (most + (bias < 0 ? -bias : bias) >= limit) return 0;
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
  cupel_direct_choose(direct);
  int64_t staged = (int64_t)direct->tile_pixels * direct->staged_bytes;
  int64_t raw = (int64_t)rounded_up(direct->length, WINDOW_MULTIPLE);
  int64_t starts =
      direct->has_starts ? 4 * (int64_t)rounded_up(operation->output.channels, 4) : 0;
  direct->staged = memory;
  direct->window = (int8_t *)memory + staged;
  direct->starts = (int32_t *)(memory + staged + raw);
  return staged + raw + starts;
}

static int64_t convolution_scratch(const cupel_operation *operation) {
  cupel_direct direct;
  return plan(&direct, operation, 0);
}

/// Where a window's values go.
typedef struct {
  const cupel_direct *direct;
  /// Pixel of the tile.
  int32_t pixel;
  /// Of the next value.
  int32_t place;
  /// Whether values are staged from where they lie; else the window is put together first.
  int32_t is_staged;
} sink;

/// `count` values more; padding without values.
static inline void put(sink *to, const int8_t *values, int32_t count) {
  const cupel_direct *direct = to->direct;
  if (count == 0) return;
  if (to->is_staged) {
    cupel_direct_stage(direct, to->pixel, to->place, values, count);
  } else if (values) {
    cupel_direct_copy(direct->window + to->place, values, count);
  } else {
    cupel_direct_fill(
        direct->window + to->place, direct->operation->input_zero_point, count);
  }
  to->place += count;
}

/// A row of the kernel that lies in the input, from column `left` on, which may lie outside it.
static void gather_row(sink *to, const int8_t *row, int32_t left) {
  const cupel_operation *operation = to->direct->operation;
  const cupel_window *window = &operation->window;
  int32_t depth = to->direct->depth, width = operation->input.width;
  int32_t taps = window->kernel_width;
  if (window->dilation_width == 1 && operation->groups == 1) {
    // Taps side by side lie so in the input: nearly always all in it, else some before it, some
    // in it, some behind it.
    if (left >= 0 && width - left >= taps) {
      put(to, row + left * depth, taps * depth);
      return;
    }
    int32_t first = left < 0 ? -left : 0, end = width - left;
    if (first > taps) first = taps;
    if (end > taps) end = taps;
    if (end < first) end = first;
    put(to, 0, first * depth);
    put(to, row + (left + first) * depth, (end - first) * depth);
    put(to, 0, (taps - end) * depth);
    return;
  }
  for (int32_t tap = 0; tap < taps; tap++, left += window->dilation_width) {
    int32_t is_inside = left >= 0 && left < width;
    put(to, is_inside ? row + left * operation->input.channels : 0, depth);
  }
}

/// Stages the window of an output pixel as the tile's pixel `pixel`.
static void gather(
    const cupel_direct *direct, int32_t pixel, const int8_t *input, int32_t row,
    int32_t column) {
  const cupel_operation *operation = direct->operation;
  const cupel_window *window = &operation->window;
  sink to = {direct, pixel, 0, (direct->depth & (direct->step - 1)) == 0};
  int32_t stride = operation->input.width * operation->input.channels;
  int32_t y = row * window->stride_height - window->pad_top;
  int32_t left = column * window->stride_width - window->pad_left;
  for (int32_t tap = 0; tap < window->kernel_height; tap++, y += window->dilation_height) {
    if (y >= 0 && y < operation->input.height) {
      gather_row(&to, input + y * stride, left);
    } else {
      put(&to, 0, window->kernel_width * direct->depth);
    }
  }
  if (!to.is_staged) {
    int32_t padded = rounded_up(direct->length, direct->step);
    put(&to, 0, padded - direct->length);
    cupel_direct_stage(direct, pixel, 0, direct->window, padded);
  }
}

static void convolve(
    const cupel_operation *operation, const int8_t *input, int8_t *output, void *scratch,
    cupel_rescaler rescaler) {
  cupel_direct direct;
  plan(&direct, operation, scratch);
  direct.rescaler = rescaler;
  direct.is_narrow = is_narrow(operation, direct.length);
  cupel_direct_prepare(&direct);
  int32_t width = operation->output.width, channels = operation->output.channels;
  int32_t pixels = operation->output.height * width;
  for (int32_t group = 0; group < operation->groups; group++) {
    int32_t row = 0, column = 0;
    for (int32_t first = 0; first < pixels; first += direct.tile_pixels) {
      int32_t left = pixels - first;
      int32_t count = left < direct.tile_pixels ? left : direct.tile_pixels;
      for (int32_t index = 0; index < count; index++) {
        gather(&direct, index, input + group * direct.depth, row, column);
        if (++column == width) {
          column = 0;
          row++;
        }
      }
      cupel_direct_rows(&direct, group, count, output + first * channels);
    }
  }
}

/// What a depthwise convolution takes: the sums of a pixel's channels, and 4-bit weights widened to
/// bytes.
static int64_t depthwise_scratch(const cupel_operation *operation) {
  int64_t channels = operation->output.channels;
  int64_t weights = operation->weight_bits == 4 ? channels * operation->window.kernel_height *
                                                      operation->window.kernel_width
                                                : 0;
  return (4 * channels + weights + 15) / 16 * 16;
}

/// Rows of 4-bit weights as rows of bytes.
__attribute__((noinline)) static void widen(
    const uint8_t *weights, int32_t rows, int32_t length, int8_t *bytes) {
  for (int32_t row = 0; row < rows; row++) {
#pragma clang loop unroll(disable)
    for (int32_t index = 0; index < length; index++) {
      int32_t pair = weights[index / 2];
      bytes[index] = (int8_t)((index % 2 == 0 ? pair << 4 : pair)) >> 4;
    }
    weights += (length + 1) / 2;
    bytes += length;
  }
}

__attribute__((noinline)) static void convolve_depthwise(
    const cupel_operation *operation, const int8_t *input, int8_t *output, void *scratch,
    cupel_rescaler rescaler) {
  const cupel_window *window = &operation->window;
  const cupel_extent *extent = &operation->input;
  int32_t channels = extent->channels, taps = window->kernel_height * window->kernel_width;
  cupel_direct direct = {
      .operation = operation, .rescaler = rescaler, .is_narrow = is_narrow(operation, taps)};
  int32_t *sums = scratch;
  const int8_t *weights = (const int8_t *)operation->weights;
  if (operation->weight_bits == 4) {
    int8_t *bytes = (int8_t *)scratch + 4 * channels;
    widen(operation->weights, taps, channels, bytes);
    weights = bytes;
  }
  for (int32_t row = 0; row < operation->output.height; row++) {
    for (int32_t column = 0; column < operation->output.width; column++, output += channels) {
#pragma clang loop unroll(disable)
      for (int32_t channel = 0; channel < channels; channel++) {
        sums[channel] = operation->bias[channel];
      }
      int32_t y = row * window->stride_height - window->pad_top;
      const int8_t *own = weights;
      for (int32_t i = 0; i < window->kernel_height; i++, y += window->dilation_height) {
        int32_t x = column * window->stride_width - window->pad_left;
        for (int32_t j = 0; j < window->kernel_width; j++, x += window->dilation_width) {
          if (y >= 0 && y < extent->height && x >= 0 && x < extent->width) {
            const int8_t *values = input + (y * extent->width + x) * channels;
            cupel_direct_multiply_add(
                sums, values, own, channels, operation->input_zero_point);
          }
          own += channels;
        }
      }
      cupel_direct_store_pixel(&direct, sums, output);
    }
  }
}

int64_t cupel_direct_scratch(const cupel_operation *operation) {
  switch (operation->kind) {
    case CUPEL_CONVOLUTION: return convolution_scratch(operation);
    case CUPEL_DEPTHWISE: return depthwise_scratch(operation);
    default: return 0;
  }
}

void cupel_direct_run(
    const cupel_operation *operation, const int8_t *input, const int8_t *second, int8_t *output,
    void *scratch, cupel_rescaler rescaler) {
  switch (operation->kind) {
    case CUPEL_CONVOLUTION: convolve(operation, input, output, scratch, rescaler); return;
    case CUPEL_DEPTHWISE:
      convolve_depthwise(operation, input, output, scratch, rescaler);
      return;
    default: cupel_direct_add(operation, input, second, output);
  }
}

#endif
