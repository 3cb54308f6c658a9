// What a caller sees: sizes, packing and running of every kind of operation.
#include "scaling.h"

const cupel_kernels *cupel_kernels_of(cupel_level level) {
  switch (level) {
#if defined(__x86_64__)
    case CUPEL_AVX2: return &cupel_kernels_avx2;
    case CUPEL_AVX512_VNNI: return &cupel_kernels_avx512;
#elif defined(__aarch64__)
    case CUPEL_NEON_DOT: return &cupel_kernels_neon;
#endif
    default: return &cupel_kernels_scalar;
  }
}

static int64_t head_bytes(void) {
  return cupel_rounded_up((int64_t)sizeof(struct cupel_packed), 64);
}

/// The operation with its one scale as if it were a channel's.
static cupel_operation uniform(const cupel_operation *operation) {
  cupel_operation result = *operation;
  result.multipliers = &operation->multiplier;
  result.shifts = &operation->shift;
  result.weight_scales = &operation->ratio;
  result.input_scale = result.output_scale = 0x3F800000;  // 1
  return result;
}

/// Fills in what every kind has and plans what the kind needs. Bytes behind the head; -1 where no
/// kernel serves the operation.
static int64_t plan(
    const cupel_operation *operation, cupel_level level, cupel_tuning tuning,
    cupel_packed *packed) {
  const cupel_kernels *kernels = cupel_kernels_of(level);
  __builtin_memset(packed, 0, sizeof *packed);
  packed->kind = operation->kind;
  packed->level = level;
  packed->input = operation->input;
  packed->output = operation->output;
  packed->window = operation->window;
  packed->groups = operation->groups;
  packed->input_zero_point = operation->input_zero_point;
  packed->first = operation->first;
  packed->second = operation->second;
  packed->scale.lanes = kernels->lanes;
  packed->scale.zero_point = operation->output_zero_point;
  packed->scale.low = operation->low;
  packed->scale.high = operation->high;
  int64_t bytes = 0;
  switch (operation->kind) {
    case CUPEL_CONVOLUTION:
      bytes = cupel_convolution_plan(operation, level, tuning, packed);
      return bytes == 0 ? -1 : bytes;
    case CUPEL_DEPTHWISE:
      bytes = cupel_depthwise_plan(operation, level, tuning, packed);
      return bytes == 0 ? -1 : bytes;
    case CUPEL_ADD:
    case CUPEL_MEAN:
    case CUPEL_REQUANTIZE: {
      cupel_operation own = uniform(operation);
      // Below 2^30 in an addition; elsewhere what the pixels can add up to.
      int64_t most = operation->kind == CUPEL_MEAN
                         ? 255 * (int64_t)operation->input.height * operation->input.width
                         : (1 << 30) - 1;
      return cupel_scale_plan(&packed->scale, kernels, &own, kernels->lanes, 1, most, 0);
    }
    case CUPEL_AVERAGE_POOL:
    case CUPEL_MAX_POOL: return 0;
  }
  return -1;
}

int64_t cupel_packed_size(
    const cupel_operation *operation, cupel_level level, cupel_tuning tuning) {
  cupel_packed packed;
  int64_t bytes = plan(operation, level, tuning, &packed);
  return bytes < 0 ? 0 : head_bytes() + bytes;
}

/// The same constants for every lane.
static void pack_uniform(
    const cupel_operation *operation, cupel_packed *packed, uint8_t *constants) {
  packed->scale.constants = constants;
  cupel_operation own = uniform(operation);
  for (int32_t lane = 0; lane < packed->scale.lanes; lane++) {
    cupel_scale_set(&packed->scale, constants, &own, lane, 0);
  }
}

const cupel_packed *cupel_pack(
    const cupel_operation *operation, cupel_level level, cupel_tuning tuning, void *memory) {
  cupel_packed *packed = memory;
  int64_t bytes = plan(operation, level, tuning, packed);
  uint8_t *rest = (uint8_t *)memory + head_bytes();
  __builtin_memset(rest, 0, (size_t)bytes);
  switch (operation->kind) {
    case CUPEL_CONVOLUTION: cupel_convolution_pack(operation, packed, rest); break;
    case CUPEL_DEPTHWISE: cupel_depthwise_pack(operation, packed, rest); break;
    case CUPEL_ADD:
    case CUPEL_MEAN:
    case CUPEL_REQUANTIZE: pack_uniform(operation, packed, rest); break;
    case CUPEL_AVERAGE_POOL:
    case CUPEL_MAX_POOL: break;
  }
  return packed;
}

int64_t cupel_scratch_size(const cupel_packed *packed, int32_t images) {
  switch (packed->kind) {
    case CUPEL_CONVOLUTION:
    case CUPEL_DEPTHWISE: return cupel_convolution_scratch(packed, images);
    case CUPEL_AVERAGE_POOL:
    case CUPEL_MEAN: return cupel_rounded_up((int64_t)packed->input.channels * 4, 64);
    default: return 0;
  }
}

int cupel_reads_first(const cupel_packed *packed) {
  return (packed->kind == CUPEL_CONVOLUTION || packed->kind == CUPEL_DEPTHWISE) &&
         packed->strip_rows == packed->output.height;
}

int32_t cupel_useful_parts(const cupel_packed *packed, int32_t images) {
  int64_t values = (int64_t)packed->output.height * packed->output.width * packed->output.channels;
  int64_t work = values;
  switch (packed->kind) {
    case CUPEL_CONVOLUTION:
      // About 64 multiply-accumulates in the time that scaling a value takes.
      work += values * packed->steps / 16;
      break;
    case CUPEL_DEPTHWISE: work += values * packed->tap_count / 8; break;
    case CUPEL_AVERAGE_POOL:
    case CUPEL_MEAN: return 1;
    case CUPEL_MAX_POOL:
      work = work * packed->window.kernel_height * packed->window.kernel_width / 16;
      break;
    case CUPEL_ADD:
    case CUPEL_REQUANTIZE: break;
  }
  // A part should take some microseconds, or handing it out costs more than it saves.
  int64_t parts = work * images >> 14;
  return parts < 1 ? 1 : parts > 64 ? 64 : (int32_t)parts;
}

// MARK: - Kinds without a file of their own

static void run_elements(const cupel_packed *packed, const cupel_job *job) {
  const cupel_kernels *kernels = cupel_kernels_of(packed->level);
  int64_t count =
      (int64_t)packed->output.height * packed->output.width * packed->output.channels;
  for (int32_t image = 0; image < job->images; image++) {
    // Multiples of 64, so that no two parts write to one cache line.
    int64_t first = count / 64 * job->part / job->parts * 64;
    int64_t last =
        job->part + 1 == job->parts ? count : count / 64 * (job->part + 1) / job->parts * 64;
    int64_t offset = image * job->image_stride + first;
    if (packed->kind == CUPEL_ADD) {
      kernels->add(
          packed, job->input + offset, job->second + offset, last - first, job->output + offset);
    } else {
      kernels->requantize(packed, job->input + offset, last - first, job->output + offset);
    }
  }
}

/// Row or column of the input with which a window begins; it may lie outside.
static int64_t window_start(int64_t place, int64_t stride, int64_t before) {
  return place * stride - before;
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
  int64_t top = window_start(row, window->stride_height, window->pad_top);
  int64_t left = window_start(column, window->stride_width, window->pad_left);
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

static void run_pool(const cupel_packed *packed, const cupel_job *job) {
  const cupel_kernels *kernels = cupel_kernels_of(packed->level);
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

static void run_mean(const cupel_packed *packed, const cupel_job *job) {
  const cupel_kernels *kernels = cupel_kernels_of(packed->level);
  int64_t channels = packed->input.channels;
  int64_t pixels = (int64_t)packed->input.height * packed->input.width;
  int32_t *sums = (int32_t *)job->scratch;
  uint32_t zeros = (uint32_t)pixels * (uint32_t)packed->input_zero_point;
  for (int32_t image = 0; image < job->images; image++) {
    const int8_t *input = job->input + image * job->image_stride;
    int8_t *output = job->output + image * job->image_stride;
    __builtin_memset(sums, 0, (size_t)channels * 4);
    kernels->accumulate(input, pixels, channels, channels, sums);
    for (int64_t channel = 0; channel < channels; channel++) {
      int32_t sum = (int32_t)((uint32_t)sums[channel] - zeros);
      output[channel] = cupel_scaled_value(&packed->scale, sum, 0);
    }
  }
}

// MARK: - Entry

static void run_job(const cupel_packed *packed, const cupel_job *job) {
  switch (packed->kind) {
    case CUPEL_CONVOLUTION: cupel_convolution_run(packed, job); return;
    case CUPEL_DEPTHWISE: cupel_depthwise_run(packed, job); return;
    case CUPEL_ADD:
    case CUPEL_REQUANTIZE: run_elements(packed, job); return;
    case CUPEL_AVERAGE_POOL:
    case CUPEL_MAX_POOL: run_pool(packed, job); return;
    case CUPEL_MEAN:
      if (job->part == 0) run_mean(packed, job);
      return;
  }
}

void cupel_run(
    const cupel_packed *packed, const int8_t *input, const int8_t *second, int8_t *output,
    int64_t image_stride, int32_t images, int32_t part, int32_t parts, void *scratch) {
  cupel_job job = {
      .input = input, .second = second, .output = output, .image_stride = image_stride,
      .images = images, .part = part, .parts = parts, .scratch = scratch};
  run_job(packed, &job);
}

void cupel_run_with_addition(
    const cupel_packed *packed, const cupel_packed *addition, const int8_t *input,
    const int8_t *shortcut, int shortcut_first, int8_t *output, int8_t *sum,
    int64_t image_stride, int32_t images, int32_t part, int32_t parts, void *scratch) {
  cupel_job job = {
      .input = input, .output = output, .image_stride = image_stride, .images = images,
      .part = part, .parts = parts, .scratch = scratch, .addition = addition,
      .shortcut = shortcut, .shortcut_first = shortcut_first, .sum = sum};
  run_job(packed, &job);
}

void cupel_job_add(const cupel_job *job, int64_t offset, int64_t count) {
  if (job->addition == 0) return;
  const int8_t *shortcut = job->shortcut + offset, *own = job->output + offset;
  cupel_kernels_of(job->addition->level)
      ->add(
          job->addition, job->shortcut_first ? shortcut : own,
          job->shortcut_first ? own : shortcut, count, job->sum + offset);
}
