// Convolutions on any level: how their input is to be staged, and their weights packed.
#include "kinds.h"
#include "staging.h"
#include "weights.h"

enum {
  /// Weights that should stay in a core's own cache while all pixels pass.
  CACHED_WEIGHT_BYTES = 192 << 10,
  /// Images that are staged at a time.
  MOST_IMAGES = 256,
};

/// The runs of consecutive bytes that an output pixel reads: of each kernel row, or of each tap
/// where taps do not follow one another.
typedef struct {
  int64_t rows, columns;
  /// Steps of one, the last of which may read past its end: weights are zero there.
  int64_t steps;
  int64_t row_bytes, column_bytes;
} run_plan;

static run_plan runs_of(const cupel_packed *packed, int64_t depth) {
  const cupel_window *window = &packed->window;
  int64_t pixel = (int64_t)packed->input.channels * packed->element_bytes;
  int joined = packed->groups == 1 && window->dilation_width == 1;
  int64_t run = depth * packed->element_bytes * (joined ? window->kernel_width : 1);
  return (run_plan){
      window->kernel_height, joined ? 1 : window->kernel_width,
      (run + CUPEL_STEP_BYTES - 1) / CUPEL_STEP_BYTES, packed->row_bytes * window->dilation_height,
      pixel * window->dilation_width};
}

/// Steps of `bytes`.
static void set_offsets(const run_plan *runs, int32_t bytes, int32_t *offsets) {
  for (int64_t row = 0; row < runs->rows; row++) {
    for (int64_t column = 0; column < runs->columns; column++) {
      int64_t start = row * runs->row_bytes + column * runs->column_bytes;
      for (int64_t step = 0; step < runs->steps; step += bytes / CUPEL_STEP_BYTES) {
        *offsets++ = (int32_t)(start + step * CUPEL_STEP_BYTES);
      }
    }
  }
}

/// Bytes of weights of a block of `channels`, `block` in a whole one.
static int64_t weight_bytes(const cupel_packed *packed, int32_t channels, int32_t block) {
  int64_t steps = packed->steps;
  // Paired steps are whole pairs of each run, and 4 bits pair them anyway.
  if (channels < block && packed->is_paired) steps = 2 * packed->pairs;
  if (channels < block && packed->weight_bits == 4) steps = cupel_rounded_up(steps, 2);
  // Two weights of 4 bits a byte: those of two vectors.
  return steps * channels * (CUPEL_STEP_BYTES / packed->element_bytes) * packed->weight_bits / 8;
}

/// Whether accumulators may be 16 times as large, as unpacking 4 bits into the high half of a byte
/// makes them.
static int allows_extra_bits(const cupel_operation *operation, int64_t terms) {
  return cupel_scale_allows(operation, operation->output.channels, 4) &&
         cupel_most_sum(operation, terms) < (int64_t)1 << 27;
}

static int64_t plan(
    const cupel_operation *operation, cupel_tuning tuning, cupel_packed *packed) {
  const cupel_kernels *kernels = packed->kernels;
  int32_t depth = operation->input.channels / operation->groups;
  int32_t channels = operation->output.channels / operation->groups;
  int64_t row = (int64_t)depth * operation->window.kernel_height * operation->window.kernel_width;
  if (!cupel_staging_plan(packed, tuning, 1, MOST_IMAGES)) return -1;
  run_plan runs = runs_of(packed, depth);
  packed->steps = runs.rows * runs.columns * runs.steps;
  packed->pairs = runs.rows * runs.columns * ((runs.steps + 1) / 2);
  // Adding up the lanes takes the time of some steps.
  packed->is_paired = packed->steps >= 12 && 10 * packed->pairs <= 6 * packed->steps;
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
  int64_t scale_bytes = cupel_scale_plan(
      &packed->scale, kernels, operation, padded * operation->groups, operation->output.channels,
      cupel_most_sum(operation, row), packed->weight_bits == 4 ? 4 : 0);
  return cupel_rounded_up(packed->weight_group_bytes * operation->groups, 64) +
         cupel_rounded_up(padded * operation->groups * 4, 64) + scale_bytes +
         cupel_rounded_up(packed->steps * 4, 64) + cupel_rounded_up(packed->pairs * 4, 64);
}

// MARK: - Packing

/// Where a channel's weights go.
typedef struct {
  uint8_t *block;
  /// Channels of the block, and the channel's place among its sums.
  int32_t channels, position;
  int is_short, is_paired;
} weight_target;

/// Where the weights of a step go, counted in groups of a channel's weights of one step.
static int64_t place_of_step(const weight_target *target, int64_t step, int64_t steps_of_run) {
  if (!target->is_paired) return step * target->channels + target->position;
  // Runs take whole pairs of steps.
  int64_t run = step / steps_of_run, own = step % steps_of_run;
  int64_t pair = run * ((steps_of_run + 1) / 2) + own / 2;
  int32_t vector = target->position % 2, lane = target->position / 2 * 2 + own % 2;
  return (2 * pair + vector) * target->channels + lane;
}

/// Copies a run's weights of a row to their place in each of its steps.
static void pack_bytes(
    const cupel_packed *packed, const cupel_weight_rows *rows, int64_t row, int64_t run,
    int64_t length, int64_t steps, const weight_target *target) {
  int32_t each = CUPEL_STEP_BYTES / packed->element_bytes;
  int64_t first = run * length;
  for (int64_t step = 0; step < steps; step++) {
    uint8_t *place = target->block + place_of_step(target, run * steps + step, steps) * each;
    int64_t index = step * each;
    // Most weights by far: whole steps without a test for each.
    if (rows->bits == 8 && each == 4 && index + 4 <= length) {
      __builtin_memcpy(place, rows->bytes + row * rows->row_bytes + first + index, 4);
      continue;
    }
    for (int32_t part = 0; part < each && index + part < length; part++) {
      place[part] = (uint8_t)cupel_weight_at(rows, row, first + index + part);
    }
  }
}

/// The same with two weights a byte: those of the block's two vectors.
static void pack_nibbles(
    const cupel_packed *packed, const cupel_weight_rows *rows, int64_t row, int64_t run,
    int64_t length, int64_t steps, const weight_target *target) {
  int32_t each = CUPEL_STEP_BYTES / packed->element_bytes;
  // Groups of a vector: half of a whole block's step, or a short one's whole step.
  int64_t vector = target->is_short ? target->channels : target->channels / 2;
  for (int64_t index = 0; index < length; index++) {
    int64_t group = place_of_step(target, run * steps + index / each, steps);
    int64_t place = (group / (2 * vector) * vector + group % vector) * each + index % each;
    uint8_t nibble = (uint8_t)cupel_weight_at(rows, row, run * length + index) & 15;
    int is_high = group / vector % 2 == 1;
    target->block[place] |= is_high ? (uint8_t)(nibble << 4) : nibble;
  }
}

/// What the accumulator of a channel begins with: its bias, and what staged values are too large
/// by, times its weights. Wraps as the sums do.
static int32_t start_of(
    const cupel_operation *operation, const cupel_kernels *kernels, const cupel_weight_rows *rows,
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
        sum += (uint32_t)(int32_t)cupel_weight_at(rows, channel, index);
      }
    }
    sum *= (uint32_t)(operation->input_zero_point + kernels->offset);
  }
  return (int32_t)((uint32_t)operation->bias[channel] - sum);
}

static void pack(const cupel_operation *operation, cupel_packed *packed, uint8_t *memory) {
  const cupel_kernels *kernels = packed->kernels;
  int32_t groups = packed->groups;
  int32_t depth = operation->input.channels / groups;
  int32_t channels = operation->output.channels / groups;
  int64_t length = (int64_t)depth * packed->window.kernel_height * packed->window.kernel_width;
  cupel_weight_rows rows = cupel_weight_rows_of(operation, length);
  int64_t group_bytes = packed->weight_group_bytes, padded = packed->padded_channels;
  uint8_t *weights = memory;
  int32_t *start = (int32_t *)(weights + cupel_rounded_up(group_bytes * groups, 64));
  uint8_t *constants = (uint8_t *)start + cupel_rounded_up(padded * groups * 4, 64);
  int64_t scaled = cupel_rounded_up(padded * groups, kernels->lanes);
  int64_t constant_bytes =
      cupel_rounded_up(scaled * 4 * cupel_scale_words(packed->scale.mode), 64);
  int32_t *offsets = (int32_t *)(constants + constant_bytes);
  packed->weights = weights;
  packed->start = start;
  packed->offsets = offsets;
  packed->scale.constants = constants;
  run_plan runs = runs_of(packed, depth);
  int32_t *pair_offsets = offsets + cupel_rounded_up(packed->steps * 4, 64) / 4;
  set_offsets(&runs, CUPEL_STEP_BYTES, offsets);
  set_offsets(&runs, 2 * CUPEL_STEP_BYTES, pair_offsets);
  packed->pair_offsets = pair_offsets;
  int64_t count = runs.rows * runs.columns, run_length = length / count;
  for (int32_t channel = 0; channel < operation->output.channels; channel++) {
    int32_t group = channel / channels, own = channel % channels;
    int32_t block = own / kernels->block;
    int32_t size = block == packed->blocks - 1 ? packed->last_block : kernels->block;
    int is_short = size < kernels->block;
    int32_t position = cupel_position(
        kernels->lanes, is_short ? 1 : kernels->interleave, own % kernels->block);
    weight_target target = {
        weights + group * group_bytes + block * packed->block_bytes, size, position, is_short,
        is_short && packed->is_paired};
    for (int64_t run = 0; run < count; run++) {
      if (packed->weight_bits == 8) {
        pack_bytes(packed, &rows, channel, run, run_length, runs.steps, &target);
      } else {
        pack_nibbles(packed, &rows, channel, run, run_length, runs.steps, &target);
      }
    }
    int64_t place = group * padded + (int64_t)block * kernels->block + position;
    start[place] = (int32_t)(
        (uint32_t)start_of(operation, kernels, &rows, channel) << packed->scale.extra);
    cupel_scale_set(&packed->scale, constants, operation, place, channel);
  }
}

/// About 64 multiply-accumulates in the time that scaling a value takes.
static int64_t work(const cupel_packed *packed, int64_t values) {
  return values + values * packed->steps / 16;
}

const cupel_driver cupel_convolution = {
    .plan = plan, .pack = pack, .scratch = cupel_staging_scratch, .work = work,
    .run = cupel_convolution_run};
