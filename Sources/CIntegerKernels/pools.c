// Average and max pools, and means over all pixels.
#include "kinds.h"
#include "scaling.h"

/// A sum for each channel.
static int64_t scratch(const cupel_packed *packed, int32_t images) {
  (void)images;
  return cupel_rounded_up((int64_t)packed->input.channels * 4, 64);
}

/// About 16 comparisons in the time that scaling a value takes.
static int64_t comparisons(const cupel_packed *packed, int64_t values) {
  return values * packed->window.kernel_height * packed->window.kernel_width / 16;
}

/// sum / count, to nearest, half away from zero. `reciprocal` is 2^54 / count rounded up, which
/// gives the exact quotient: |sum| + half is at most 129 * count, and count below 2^23.
static int8_t mean_of(int32_t sum, int64_t half, uint64_t reciprocal) {
  uint64_t magnitude = (uint64_t)(sum < 0 ? -(int64_t)sum : sum) + (uint64_t)half;
  int32_t quotient = (int32_t)(magnitude * reciprocal >> 54);
  return (int8_t)(sum < 0 ? -quotient : quotient);
}

static void pool_pixel(
    const cupel_packed *packed, const cupel_kernels *kernels, const int8_t *input, int64_t row,
    int64_t column, int8_t *output, int32_t *sums) {
  const cupel_window *window = &packed->window;
  int64_t channels = packed->input.channels;
  int is_maximum = packed->kind == CUPEL_MAX_POOL;
  if (is_maximum) {
    __builtin_memset(output, 0x80, (size_t)channels);
  } else {
    __builtin_memset(sums, 0, (size_t)channels * 4);
  }
  int64_t count = 0;
  // Where the window begins, which may be outside the input.
  int64_t top = row * window->stride_height - window->pad_top;
  int64_t left = column * window->stride_width - window->pad_left;
  for (int32_t i = 0; i < window->kernel_height; i++) {
    int64_t y = top + (int64_t)i * window->dilation_height;
    if (y < 0 || y >= packed->input.height) continue;
    for (int32_t j = 0; j < window->kernel_width; j++) {
      int64_t x = left + (int64_t)j * window->dilation_width;
      if (x < 0 || x >= packed->input.width) continue;
      const int8_t *values = input + (y * packed->input.width + x) * channels;
      if (is_maximum) {
        kernels->maximum(values, channels, output);
      } else {
        kernels->accumulate(values, 1, channels, channels, sums);
      }
      count++;
    }
  }
  if (is_maximum) return;
  uint64_t divisor = count > 0 ? (uint64_t)count : 1;
  uint64_t reciprocal = (((uint64_t)1 << 54) + divisor - 1) / divisor;
  for (int64_t channel = 0; channel < channels; channel++) {
    output[channel] = mean_of(sums[channel], (int64_t)(divisor >> 1), reciprocal);
  }
}

static void run(const cupel_packed *packed, const cupel_job *job) {
  const cupel_kernels *kernels = packed->kernels;
  int64_t height = packed->output.height, width = packed->output.width;
  int64_t rows = height * job->images;
  for (int64_t each = rows * job->part / job->parts; each < rows * (job->part + 1) / job->parts;
       each++) {
    int64_t image = each / height, row = each - image * height;
    for (int64_t column = 0; column < width; column++) {
      pool_pixel(
          packed, kernels, job->input + image * job->image_stride, row, column,
          job->output + image * job->image_stride +
              (row * width + column) * packed->output.channels,
          (int32_t *)job->scratch);
    }
  }
}

const cupel_driver cupel_average_pool = {.scratch = scratch, .run = run};
const cupel_driver cupel_max_pool = {.work = comparisons, .run = run};

static int64_t plan_mean(
    const cupel_operation *operation, cupel_tuning tuning, cupel_packed *packed) {
  (void)tuning;
  int64_t pixels = (int64_t)operation->input.height * operation->input.width;
  return cupel_scale_plan_uniform(packed, operation, 255 * pixels);
}

static void run_mean(const cupel_packed *packed, const cupel_job *job) {
  if (job->part > 0) return;
  int64_t channels = packed->input.channels;
  int64_t pixels = (int64_t)packed->input.height * packed->input.width;
  int32_t *sums = (int32_t *)job->scratch;
  uint32_t zeros = (uint32_t)pixels * (uint32_t)packed->input_zero_point;
  for (int32_t image = 0; image < job->images; image++) {
    const int8_t *input = job->input + image * job->image_stride;
    int8_t *output = job->output + image * job->image_stride;
    __builtin_memset(sums, 0, (size_t)channels * 4);
    packed->kernels->accumulate(input, pixels, channels, channels, sums);
    for (int64_t channel = 0; channel < channels; channel++) {
      int32_t sum = (int32_t)((uint32_t)sums[channel] - zeros);
      output[channel] = cupel_scaled_value(&packed->scale, sum, 0);
    }
  }
}

const cupel_driver cupel_mean = {
    .plan = plan_mean, .pack = cupel_scale_pack_uniform, .scratch = scratch, .run = run_mean};
