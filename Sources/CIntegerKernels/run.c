// What a caller sees: sizes, packing and running of every kind of operation.
#include "kinds.h"

/// The table of a level that is available.
static const cupel_kernels *kernels_of(cupel_level level) {
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

static const cupel_driver *driver_of(cupel_kind kind) {
  static const cupel_driver *const drivers[] = {
      [CUPEL_CONVOLUTION] = &cupel_convolution,
      [CUPEL_DEPTHWISE] = &cupel_depthwise,
      [CUPEL_ADD] = &cupel_addition,
      [CUPEL_AVERAGE_POOL] = &cupel_average_pool,
      [CUPEL_MAX_POOL] = &cupel_max_pool,
      [CUPEL_MEAN] = &cupel_mean,
      [CUPEL_REQUANTIZE] = &cupel_requantization,
  };
  return drivers[kind];
}

static int64_t head_bytes(void) {
  return cupel_rounded_up((int64_t)sizeof(struct cupel_packed), 64);
}

/// Fills in what every kind has and plans what the kind needs. Bytes behind the head; -1 where no
/// kernel serves the operation.
static int64_t plan(
    const cupel_operation *operation, cupel_level level, cupel_tuning tuning,
    cupel_packed *packed) {
  const cupel_driver *driver = driver_of(operation->kind);
  __builtin_memset(packed, 0, sizeof *packed);
  packed->kind = operation->kind;
  packed->kernels = kernels_of(level);
  packed->input = operation->input;
  packed->output = operation->output;
  packed->window = operation->window;
  packed->groups = operation->groups;
  packed->input_zero_point = operation->input_zero_point;
  packed->first = operation->first;
  packed->second = operation->second;
  packed->scale.lanes = packed->kernels->lanes;
  packed->scale.zero_point = operation->output_zero_point;
  packed->scale.low = operation->low;
  packed->scale.high = operation->high;
  return driver->plan ? driver->plan(operation, tuning, packed) : 0;
}

int64_t cupel_packed_size(
    const cupel_operation *operation, cupel_level level, cupel_tuning tuning) {
  cupel_packed packed;
  int64_t bytes = plan(operation, level, tuning, &packed);
  return bytes < 0 ? 0 : head_bytes() + bytes;
}

const cupel_packed *cupel_pack(
    const cupel_operation *operation, cupel_level level, cupel_tuning tuning, void *memory) {
  const cupel_driver *driver = driver_of(operation->kind);
  cupel_packed *packed = memory;
  int64_t bytes = plan(operation, level, tuning, packed);
  uint8_t *rest = (uint8_t *)memory + head_bytes();
  __builtin_memset(rest, 0, (size_t)bytes);
  if (driver->pack) driver->pack(operation, packed, rest);
  return packed;
}

int64_t cupel_scratch_size(const cupel_packed *packed, int32_t images) {
  const cupel_driver *driver = driver_of(packed->kind);
  return driver->scratch ? driver->scratch(packed, images) : 0;
}

int cupel_reads_first(const cupel_packed *packed) {
  // Kinds that stage nothing have strips of no rows.
  return packed->strip_rows == packed->output.height;
}

int32_t cupel_useful_parts(const cupel_packed *packed, int32_t images) {
  const cupel_driver *driver = driver_of(packed->kind);
  if (!driver->work) return 1;
  int64_t values = (int64_t)packed->output.height * packed->output.width * packed->output.channels;
  // A part should take some microseconds, or handing it out costs more than it saves.
  int64_t parts = driver->work(packed, values) * images >> 14;
  return parts < 1 ? 1 : parts > 64 ? 64 : (int32_t)parts;
}

void cupel_run(
    const cupel_packed *packed, const int8_t *input, const int8_t *second, int8_t *output,
    int64_t image_stride, int32_t images, int32_t part, int32_t parts, void *scratch) {
  cupel_job job = {
      .input = input, .second = second, .output = output, .image_stride = image_stride,
      .images = images, .part = part, .parts = parts, .scratch = scratch};
  driver_of(packed->kind)->run(packed, &job);
}

void cupel_run_with_addition(
    const cupel_packed *packed, const cupel_packed *addition, const int8_t *input,
    const int8_t *shortcut, int shortcut_first, int8_t *output, int8_t *sum,
    int64_t image_stride, int32_t images, int32_t part, int32_t parts, void *scratch) {
  cupel_job job = {
      .input = input, .output = output, .image_stride = image_stride, .images = images,
      .part = part, .parts = parts, .scratch = scratch, .addition = addition,
      .shortcut = shortcut, .shortcut_first = shortcut_first, .sum = sum};
  driver_of(packed->kind)->run(packed, &job);
}
