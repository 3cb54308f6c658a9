// Convolutions on any level: how their input is to be staged, and their weights packed.
#include "kernels.h"

enum {
  /// Weights that should stay in a core's own cache while all pixels pass.
  CACHED_WEIGHT_BYTES = 192 << 10,
  /// A single output row may not stage more: the reference kernel does such shapes.
  MOST_STAGED_BYTES = 4 << 20,
};

static int64_t staged_bytes(const cupel_packed *packed, int64_t rows) {
  return cupel_reached_rows(packed, rows) * packed->row_bytes;
}

/// Chooses how many rows of output are staged at a time, or how many images. 0 where one row is
/// too much.
static int plan_staging(cupel_packed *packed, cupel_tuning tuning) {
  const cupel_window *window = &packed->window;
  int64_t reach_width = (int64_t)(window->kernel_width - 1) * window->dilation_width + 1;
  packed->columns = (int64_t)(packed->output.width - 1) * window->stride_width + reach_width;
  // Columns and channels are below 2^31 each, rows too: their product may not fit 64 bits.
  if (packed->columns > MOST_STAGED_BYTES || packed->input.channels > MOST_STAGED_BYTES) return 0;
  packed->row_bytes =
      packed->columns * packed->input.channels * (int64_t)packed->element_bytes;
  if (packed->row_bytes > MOST_STAGED_BYTES) return 0;
  if (cupel_reached_rows(packed, 1) > MOST_STAGED_BYTES) return 0;
  int64_t first = staged_bytes(packed, 1);
  if (first > MOST_STAGED_BYTES) return 0;
  int64_t whole = staged_bytes(packed, packed->output.height);
  packed->most_images = 1;
  if (whole <= tuning.staging_bytes) {
    packed->strip_rows = packed->output.height;
    int64_t images = tuning.staging_bytes / whole;
    packed->most_images = images > 256 ? 256 : (int32_t)images;
  } else {
    int64_t step = packed->row_bytes * window->stride_height;
    int64_t more = tuning.staging_bytes > first ? (tuning.staging_bytes - first) / step : 0;
    int64_t rows = 1 + more;
    packed->strip_rows = rows < packed->output.height ? (int32_t)rows : packed->output.height;
  }
  return 1;
}

/// The runs of consecutive bytes that an output pixel reads.
static void plan_runs(cupel_packed *packed, int64_t depth) {
  const cupel_window *window = &packed->window;
  int64_t pixel = (int64_t)packed->input.channels * packed->element_bytes;
  int joined = packed->groups == 1 && window->dilation_width == 1;
  int64_t run = depth * packed->element_bytes * (joined ? window->kernel_width : 1);
  packed->run_rows = window->kernel_height;
  packed->run_columns = joined ? 1 : window->kernel_width;
  packed->run_steps = (int32_t)((run + CUPEL_STEP_BYTES - 1) / CUPEL_STEP_BYTES);
  packed->run_row_bytes = packed->row_bytes * window->dilation_height;
  packed->run_column_bytes = pixel * window->dilation_width;
}

/// Bytes of weights of a block of `channels`.
static int64_t weight_bytes(const cupel_packed *packed, int32_t channels, int32_t block) {
  int64_t runs = (int64_t)packed->run_rows * packed->run_columns;
  int64_t steps = packed->run_steps;
  int64_t weights = CUPEL_STEP_BYTES / packed->element_bytes;
  if (packed->weight_bits == 4) {
    // Two vectors a load: of a whole block the two of one step, of a short one of two steps.
    return channels == block ? runs * steps * channels * weights / 2
                             : runs * ((steps + 1) / 2) * channels * weights;
  }
  return runs * steps * channels * weights;
}

/// Whether accumulators may be 16 times as large, as unpacking 4 bits into the high half of a byte
/// makes them.
static int allows_extra_bits(const cupel_operation *operation, int64_t row) {
  int32_t channels = operation->output.channels;
  if (!cupel_scale_allows(operation, channels, 4)) return 0;
  int64_t low = -128 - (int64_t)operation->input_zero_point;
  int64_t high = 127 - (int64_t)operation->input_zero_point;
  int64_t reach = -low > high ? -low : high;
  for (int32_t channel = 0; channel < channels; channel++) {
    int64_t bias = operation->bias[channel];
    // A 4-bit weight is 8 at most.
    int64_t most = reach * 8 * row + (bias < 0 ? -bias : bias);
    if (most >= (int64_t)1 << 27) return 0;
  }
  return 1;
}

int64_t cupel_convolution_plan(
    const cupel_operation *operation, cupel_level level, cupel_tuning tuning,
    cupel_packed *packed) {
  const cupel_kernels *kernels = cupel_kernels_of(level);
  int32_t depth = operation->input.channels / operation->groups;
  int32_t channels = operation->output.channels / operation->groups;
  int64_t row = (int64_t)depth * operation->window.kernel_height * operation->window.kernel_width;
  packed->element_bytes = kernels->element_bytes;
  if (!plan_staging(packed, tuning)) return 0;
  plan_runs(packed, depth);
  packed->weight_bits =
      operation->weight_bits == 4 && allows_extra_bits(operation, row) ? 4 : 8;
  int32_t rest = channels % kernels->block;
  packed->blocks = channels / kernels->block + (rest > 0);
  packed->last_block =
      rest > 0 && rest <= kernels->short_block ? kernels->short_block : kernels->block;
  packed->block_bytes = weight_bytes(packed, kernels->block, kernels->block);
  int64_t chunk = CACHED_WEIGHT_BYTES / (packed->block_bytes > 0 ? packed->block_bytes : 1);
  packed->chunk_blocks = chunk < 1 ? 1 : chunk > packed->blocks ? packed->blocks : (int32_t)chunk;
  packed->weight_group_bytes = packed->block_bytes * (packed->blocks - 1) +
                               weight_bytes(packed, packed->last_block, kernels->block);
  int64_t padded = (int64_t)(packed->blocks - 1) * kernels->block + packed->last_block;
  packed->padded_channels = (int32_t)padded;
  return cupel_rounded_up(packed->weight_group_bytes * operation->groups, 64) +
         cupel_rounded_up(padded * operation->groups * 4, 64) +
         cupel_scale_bytes(operation, kernels->lanes, padded * operation->groups);
}

// MARK: - Packing

/// Where the weights of a run, a row of an output channel's, lie in the file.
typedef struct {
  const uint8_t *bytes;
  int32_t bits;
  /// Weights in a row, and bytes that it takes.
  int64_t length, row_bytes;
} weight_rows;

static inline int8_t weight_at(const weight_rows *rows, int64_t row, int64_t index) {
  const uint8_t *bytes = rows->bytes + row * rows->row_bytes;
  if (rows->bits == 8) return (int8_t)bytes[index];
  uint8_t pair = bytes[index / 2];
  return (int8_t)(index % 2 ? pair : (uint8_t)(pair << 4)) >> 4;
}

/// Copies the weights of one channel's run to its place in every step of the block.
static void pack_run(
    const cupel_packed *packed, const weight_rows *rows, int64_t row, int64_t run, int64_t run_length,
    int32_t position, int32_t channels, int is_short, uint8_t *block) {
  int32_t each = CUPEL_STEP_BYTES / packed->element_bytes;
  int64_t steps = packed->run_steps;
  if (packed->weight_bits == 8) {
    uint8_t *target = block + (run * steps * channels + position) * each;
    int64_t index = 0;
    if (rows->bits == 8) {
      // Most weights by far: whole steps without a test for each.
      const uint8_t *source = rows->bytes + row * rows->row_bytes + run * run_length;
      for (; index + each <= run_length; index += each) {
        if (each == 4) {
          __builtin_memcpy(target, source + index, 4);
        } else {
          __builtin_memcpy(target, source + index, 2);
        }
        target += channels * each;
      }
    }
    for (; index < steps * each; index += each) {
      for (int32_t part = 0; part < each; part++) {
        int64_t place = index + part;
        target[part] =
            place < run_length ? (uint8_t)weight_at(rows, row, run * run_length + place) : 0;
      }
      target += channels * each;
    }
    return;
  }
  int32_t half = channels / 2;
  for (int64_t index = 0; index < run_length; index++) {
    int64_t step = index / each, part = index % each;
    uint8_t nibble = (uint8_t)weight_at(rows, row, run * run_length + index) & 15;
    int64_t place;
    int is_high;
    if (is_short) {
      place = (run * ((steps + 1) / 2) + step / 2) * channels * each + position * each + part;
      is_high = step % 2;
    } else {
      place = (run * steps + step) * half * each + position % half * each + part;
      is_high = position >= half;
    }
    block[place] |= is_high ? (uint8_t)(nibble << 4) : nibble;
  }
}

/// What the accumulator of a channel begins with: its bias, and what staged values are too large
/// by, times its weights. Wraps as the sums do.
static int32_t start_of(
    const cupel_operation *operation, const cupel_kernels *kernels, const weight_rows *rows,
    int32_t channel) {
  uint32_t sum = 0;
  if (kernels->element_bytes == 1) {
    if (rows->bits == 8) {
      const int8_t *weights = (const int8_t *)rows->bytes + channel * rows->row_bytes;
      int32_t total = 0;
      for (int64_t index = 0; index < rows->length; index++) total += weights[index];
      sum = (uint32_t)total;
    } else {
      for (int64_t index = 0; index < rows->length; index++) {
        sum += (uint32_t)(int32_t)weight_at(rows, channel, index);
      }
    }
    sum *= (uint32_t)(operation->input_zero_point + kernels->offset);
  }
  return (int32_t)((uint32_t)operation->bias[channel] - sum);
}

void cupel_convolution_pack(
    const cupel_operation *operation, cupel_packed *packed, uint8_t *memory) {
  const cupel_kernels *kernels = cupel_kernels_of(packed->level);
  int32_t groups = packed->groups;
  int32_t depth = operation->input.channels / groups, channels = operation->output.channels / groups;
  int32_t extra = packed->weight_bits == 4 ? 4 : 0;
  int64_t length = (int64_t)depth * packed->window.kernel_height * packed->window.kernel_width;
  weight_rows rows = {
      operation->weights, operation->weight_bits, length,
      operation->weight_bits == 8 ? length : (length + 1) / 2};
  int64_t group_bytes = packed->weight_group_bytes, padded = packed->padded_channels;
  uint8_t *weights = memory;
  int32_t *start = (int32_t *)(weights + cupel_rounded_up(group_bytes * groups, 64));
  uint8_t *constants = (uint8_t *)start + cupel_rounded_up(padded * groups * 4, 64);
  packed->weights = weights;
  packed->start = start;
  packed->scale.constants = constants;
  int64_t runs = (int64_t)packed->run_rows * packed->run_columns;
  int64_t run_length = length / runs;
  for (int32_t channel = 0; channel < operation->output.channels; channel++) {
    int32_t group = channel / channels, own = channel % channels;
    int32_t block = own / kernels->block;
    int32_t size = block == packed->blocks - 1 ? packed->last_block : kernels->block;
    int is_short = size < kernels->block;
    int32_t position = cupel_position(
        kernels->lanes, is_short ? 1 : kernels->interleave, own % kernels->block);
    uint8_t *target = weights + group * group_bytes + block * packed->block_bytes;
    for (int64_t run = 0; run < runs; run++) {
      pack_run(packed, &rows, channel, run, run_length, position, size, is_short, target);
    }
    int64_t place = group * padded + (int64_t)block * kernels->block + position;
    start[place] =
        (int32_t)((uint32_t)start_of(operation, kernels, &rows, channel) << extra);
    cupel_scale_set(&packed->scale, constants, operation, place, channel, extra);
  }
}

int64_t cupel_convolution_scratch(const cupel_packed *packed, int32_t images) {
  int64_t most = packed->most_images < images ? packed->most_images : images;
  return cupel_rounded_up(most * staged_bytes(packed, packed->strip_rows) + CUPEL_SLACK, 64);
}
