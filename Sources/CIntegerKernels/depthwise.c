// Depthwise convolutions on any level: a row of output, or a pixel where the channels are odd, is
// one run of values, each the sum of as many staged values as there are taps.
#include "kinds.h"
#include "staging.h"
#include "weights.h"

static int64_t greatest_divisor(int64_t a, int64_t b) {
  while (b != 0) {
    int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

static int64_t plan(
    const cupel_operation *operation, cupel_tuning tuning, cupel_packed *packed) {
  const cupel_kernels *kernels = packed->kernels;
  if (!cupel_staging_plan(packed, tuning, operation->window.stride_width, 1)) return -1;
  int64_t values = kernels->depthwise_values, channels = operation->input.channels;
  int64_t joined = channels / greatest_divisor(channels, values);
  packed->joins_pixels = joined * values <= 8 * channels || joined * values <= 256;
  int64_t patterns = packed->joins_pixels ? joined : (channels + values - 1) / values;
  packed->patterns = (int32_t)patterns;
  int64_t each = CUPEL_STEP_BYTES / packed->element_bytes;
  const cupel_window *window = &operation->window;
  int64_t taps = (int64_t)window->kernel_height * window->kernel_width;
  packed->pairs_rows = kernels->pairs_rows && window->kernel_height == 3 &&
                       window->stride_height == 1 && window->dilation_height == 1 &&
                       operation->output.height > 1;
  int64_t sets = packed->pairs_rows ? 2 : 1;
  packed->tap_count = (int32_t)(packed->pairs_rows ? 4 * window->kernel_width
                                                   : cupel_rounded_up(taps, each));
  int64_t scale_bytes = cupel_scale_plan(
      &packed->scale, kernels, operation, patterns * values, operation->output.channels,
      cupel_most_sum(operation, taps), 0);
  int64_t weights = sets * patterns * values * packed->tap_count;
  return cupel_rounded_up(sets * packed->tap_count * 8, 64) +
         cupel_rounded_up(weights * packed->element_bytes, 64) +
         cupel_rounded_up(patterns * values * 4, 64) + scale_bytes;
}

/// Where the values that a tap reads begin, relative to an output's.
static int64_t tap_offset(const cupel_packed *packed, int64_t row, int64_t column) {
  const cupel_window *window = &packed->window;
  int64_t pixel = (int64_t)packed->input.channels * packed->element_bytes;
  int64_t x = column * window->dilation_width;
  return row * window->dilation_height * packed->row_bytes +
         x % window->stride_width * packed->phase_bytes + x / window->stride_width * pixel;
}

static void set_taps(const cupel_packed *packed, int64_t *taps) {
  int32_t width = packed->window.kernel_width, count = packed->window.kernel_height * width;
  for (int32_t tap = 0; tap < packed->tap_count; tap++) {
    // What fills up a group has weights of zero and reads the first row.
    if (packed->pairs_rows) {
      int32_t row = tap % 4;
      taps[tap] = tap_offset(packed, row, tap / 4);
      taps[packed->tap_count + tap] = tap_offset(packed, row < 3 ? row : 0, tap / 4);
    } else {
      int32_t own = tap < count ? tap : 0;
      taps[tap] = tap_offset(packed, own / width, own % width);
    }
  }
}

/// Writes the weight of a tap of a value, whose place among the sums of its pattern is `place`.
static void set_weight(
    const cupel_packed *packed, const cupel_kernels *kernels, uint8_t *weights, int64_t pattern,
    int64_t place, int32_t tap, int8_t weight) {
  int64_t values = kernels->depthwise_values, each = CUPEL_STEP_BYTES / packed->element_bytes;
  int64_t groups = packed->tap_count / each;
  if (packed->pairs_rows) {
    int32_t row = tap / packed->window.kernel_width, column = tap % packed->window.kernel_width;
    int64_t upper = ((pattern * groups + column) * 2 * values + place) * 4 + row;
    weights[upper] = (uint8_t)weight;
    weights[upper + 4 * values + 1] = (uint8_t)weight;
    return;
  }
  int64_t index = ((pattern * groups + tap / each) * values + place) * each + tap % each;
  if (packed->element_bytes == 1) {
    weights[index] = (uint8_t)weight;
  } else {
    ((int16_t *)weights)[index] = weight;
  }
}

static void pack(const cupel_operation *operation, cupel_packed *packed, uint8_t *memory) {
  const cupel_kernels *kernels = packed->kernels;
  cupel_weight_rows rows = cupel_weight_rows_of(operation, operation->input.channels);
  int64_t values = kernels->depthwise_values, total = packed->patterns * values;
  int64_t sets = packed->pairs_rows ? 2 : 1;
  int64_t *taps = (int64_t *)memory;
  uint8_t *weights = memory + cupel_rounded_up(sets * packed->tap_count * 8, 64);
  int64_t weight_bytes =
      cupel_rounded_up(sets * total * packed->tap_count * packed->element_bytes, 64);
  int32_t *start = (int32_t *)(weights + weight_bytes);
  void *constants = (uint8_t *)start + cupel_rounded_up(total * 4, 64);
  set_taps(packed, taps);
  packed->taps = taps;
  packed->weights = weights;
  packed->start = start;
  packed->scale.constants = constants;
  int32_t real = operation->window.kernel_height * operation->window.kernel_width;
  int32_t offset = kernels->element_bytes == 1 ? operation->input_zero_point + kernels->offset : 0;
  for (int64_t value = 0; value < total; value++) {
    int64_t channel = value % operation->input.channels;
    if (!packed->joins_pixels && value >= operation->input.channels) break;
    int64_t pattern = value / values;
    int64_t place = cupel_position(
        kernels->lanes, kernels->depthwise_interleave, (int32_t)(value % values));
    uint32_t sum = 0;
    for (int32_t tap = 0; tap < real; tap++) {
      int8_t weight = cupel_weight_at(&rows, tap, channel);
      sum += (uint32_t)(weight * offset);
      set_weight(packed, kernels, weights, pattern, place, tap, weight);
    }
    int64_t position = pattern * values + place;
    start[position] = (int32_t)((uint32_t)operation->bias[channel] - sum);
    cupel_scale_set(&packed->scale, constants, operation, position, (int32_t)channel);
  }
}

/// Stages one row, its columns sorted by phase.
static void stage_row(
    const cupel_packed *packed, const int8_t *input, int64_t y, uint8_t *staged) {
  const cupel_extent *extent = &packed->input;
  int64_t channels = extent->channels, pixel = channels * packed->element_bytes;
  int64_t left = packed->window.pad_left, stride = packed->window.stride_width;
  if (stride == 1 || y < 0 || y >= extent->height) {
    cupel_stage_row(packed, input, y, staged);
    return;
  }
  const int8_t *row = input + y * extent->width * channels;
  int padding = cupel_staged_padding(packed);
  for (int64_t phase = 0; phase < stride; phase++) {
    uint8_t *target = staged + phase * packed->phase_bytes;
    int64_t count = (packed->columns - phase + stride - 1) / stride;
    // Columns phase, phase + stride, ... of the padded row: those before the input, in it, behind.
    int64_t before = left > phase ? (left - phase + stride - 1) / stride : 0;
    if (before > count) before = count;
    int64_t first = phase + before * stride - left;
    int64_t inside = first < extent->width ? (extent->width - first + stride - 1) / stride : 0;
    if (inside > count - before) inside = count - before;
    __builtin_memset(target, padding, (size_t)(before * pixel));
    packed->kernels->stage_pixels(
        row + first * channels, inside, channels, stride * channels, packed->input_zero_point,
        target + before * pixel);
    __builtin_memset(
        target + (before + inside) * pixel, padding, (size_t)((count - before - inside) * pixel));
  }
}

/// A row of output, or two.
static void run_rows(
    const cupel_packed *packed, const cupel_kernels *kernels, const uint8_t *staged,
    int8_t *output, int is_pair) {
  int64_t channels = packed->output.channels, columns = packed->output.width;
  int8_t *below = is_pair ? output + columns * channels : 0;
  if (packed->joins_pixels) {
    kernels->depthwise(packed, staged, columns * channels, output, below);
    return;
  }
  for (int64_t column = 0; column < columns; column++) {
    int64_t value = column * channels;
    kernels->depthwise(
        packed, staged + value * packed->element_bytes, channels, output + value,
        is_pair ? below + value : 0);
  }
}

static void run(const cupel_packed *packed, const cupel_job *job) {
  const cupel_kernels *kernels = packed->kernels;
  int64_t height = packed->output.height;
  int64_t channels = packed->output.channels, row_values = packed->output.width * channels;
  int64_t rows = height * job->images;
  int64_t row = rows * job->part / job->parts, last = rows * (job->part + 1) / job->parts;
  while (row < last) {
    int64_t image = row / height, first = row - image * height;
    int64_t count = height - first < last - row ? height - first : last - row;
    if (count > packed->strip_rows) count = packed->strip_rows;
    const int8_t *input = job->input + image * job->image_stride;
    int64_t top = first * packed->window.stride_height - packed->window.pad_top;
    int64_t reached = cupel_reached_rows(packed, count);
    for (int64_t each = 0; each < reached; each++) {
      stage_row(packed, input, top + each, job->scratch + each * packed->row_bytes);
    }
    for (int64_t each = 0, step = 1; each < count; each += step) {
      step = packed->pairs_rows && each + 1 < count ? 2 : 1;
      int64_t offset = image * job->image_stride + (first + each) * row_values;
      const uint8_t *staged =
          job->scratch + each * packed->window.stride_height * packed->row_bytes;
      run_rows(packed, kernels, staged, job->output + offset, step == 2);
      cupel_job_add(job, offset, step * row_values);
    }
    row += count;
  }
}

static int64_t work(const cupel_packed *packed, int64_t values) {
  return values + values * packed->tap_count / 8;
}

const cupel_driver cupel_depthwise = {
    .plan = plan, .pack = pack, .scratch = cupel_staging_scratch, .work = work, .run = run};
