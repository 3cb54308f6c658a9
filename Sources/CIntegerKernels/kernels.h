/// What the files of this target share: the packed operation and the table of a level's kernels.
#ifndef CUPEL_KERNELS_H
#define CUPEL_KERNELS_H

#include "CIntegerKernels.h"

/// Staged input is read four bytes at a time, a *step*: four bytes of 8-bit values or two of 16.
enum { CUPEL_STEP_BYTES = 4 };
/// Pixels that the widest tile of any level works on.
enum { CUPEL_MOST_PIXELS = 8 };
/// Output channels of the widest block of weights.
enum { CUPEL_MOST_BLOCK = 32 };
/// Blocks that a tile of one pixel works on at a time, where there are so many.
enum { CUPEL_MOST_BLOCKS = 4 };
/// A kernel may read so far past what is staged.
enum { CUPEL_SLACK = 128 };

/// How sums are scaled.
typedef enum {
  /// The integer modes, products kept in 64 bits: scaled = (sum * multiplier + addend) >> shift.
  CUPEL_WIDE = 0,
  /// The same, less a unit where a product below zero rounds twice:
  /// (sum * multiplier + addend - (sum * multiplier < 0 ? tie : 0)) >> shift.
  CUPEL_WIDE_TIES = 1,
  CUPEL_FLOAT32 = 2,
  /// Double rounding of sums below 2^30 by ratios below one half, in 32 bits:
  /// high = (2 * sum * multiplier + 2^31) >> 32, (high + half + (high < 0 ? -1 : 0)) >> shift.
  CUPEL_NARROW = 3,
  /// The same where nothing below the zero point is left by the clamp, so that it does not matter
  /// which way ties below zero go: (2 * sum * multiplier + addend) >> 32 >> shift.
  CUPEL_NARROW_UP = 4,
} cupel_scale_mode;

/// From accumulators to the output's grid.
typedef struct {
  /// A group of `lanes` channels after another. Of the wide modes 64 bits each: multipliers of the
  /// even channels, of the odd ones, and so for addend, tie and shift. Of the others 32 bits each:
  /// multiplier, half and shift; multiplier, shift and the addends of even and odd channels, of 64
  /// bits each; or significand, fraction bits and sign.
  const void *constants;
  cupel_scale_mode mode;
  /// Channels in a vector of the level.
  int32_t lanes;
  /// Bits by which sums are too large.
  int32_t extra;
  int32_t zero_point;
  /// On the output's grid.
  int32_t low, high;
} cupel_scale;

/// 32-bit words of the constants of `lanes` channels.
static inline int32_t cupel_scale_words(cupel_scale_mode mode) {
  return mode == CUPEL_WIDE || mode == CUPEL_WIDE_TIES ? 8 : mode == CUPEL_NARROW_UP ? 4 : 3;
}

/// The kernels of a level; see below.
typedef struct cupel_kernels cupel_kernels;

struct cupel_packed {
  cupel_kind kind;
  const cupel_kernels *kernels;
  cupel_extent input, output;
  cupel_window window;
  int32_t groups;
  int32_t input_zero_point;
  cupel_scale scale;
  cupel_addend first, second;
  /// An addition in XNNPACK's form shifts its sum so far to the right; 0 in the other form.
  int32_t sum_shift;

  // Convolutions and depthwise convolutions.
  const uint8_t *weights;
  /// What accumulators begin with, one an output channel, padded to whole blocks.
  const int32_t *start;
  /// 8, or 4 where weights are unpacked in registers; accumulators are then 16 times too large
  /// and the scale makes up for it.
  int32_t weight_bits;
  /// Bytes of a staged value, and of a staged row.
  int32_t element_bytes;
  int64_t row_bytes;
  /// Columns of a staged row: the input's with its padding.
  int64_t columns;
  /// Bytes of a phase of a staged row. A depthwise convolution's columns are sorted by their
  /// phase, column modulo stride, so that outputs that lie side by side read values that lie side
  /// by side; elsewhere the row is all one phase.
  int64_t phase_bytes;
  /// Rows of output staged at a time; images staged at a time, more than one only where a whole
  /// image is.
  int32_t strip_rows;
  int32_t most_images;
  /// Where each step of an output pixel begins, relative to its first, and how many there are.
  const int32_t *offsets;
  int64_t steps;
  /// The same in steps of eight bytes, for a short block, and whether that takes them two at a
  /// time.
  const int32_t *pair_offsets;
  int64_t pairs;
  int32_t is_paired;
  /// Blocks of a group, the last of which may be a short one; bytes of weights of a whole block.
  int32_t blocks;
  int32_t last_block;
  int64_t block_bytes;
  /// Bytes of weights of a group, and its output channels with those that fill up its blocks.
  int64_t weight_group_bytes;
  int32_t padded_channels;
  /// Blocks whose weights stay in the cache while all pixels pass.
  int32_t chunk_blocks;

  // Depthwise convolutions.
  /// Where each tap's values begin relative to an output's, `tap_count` of them: whole groups.
  const int64_t *taps;
  int32_t tap_count;
  /// Vectors after which the channels' pattern repeats.
  int32_t patterns;
  /// Whether a row of output is one run of values; if not, each of its pixels is one.
  int32_t joins_pixels;
  /// Whether two rows of output are worked on at a time: kernels of three rows, which read four.
  /// Taps then go down the four rows of a column of the kernel; a group's weights are those of
  /// the upper row, then those of the lower one. Behind the taps stand those of a single row.
  int32_t pairs_rows;
};

/// Pixels that a convolution works on: a tile of `count`, behind it as many like it, each pointer
/// moved on by the advance, and behind those more rows of as many tiles, whose inputs begin where
/// the row before ended and `input_skip` bytes on. Outputs of all tiles lie side by side.
typedef struct {
  const uint8_t *inputs[CUPEL_MOST_PIXELS];
  int8_t *outputs[CUPEL_MOST_PIXELS];
  int64_t rows, tiles;
  int64_t input_advance, input_skip, output_advance;
  int32_t count;
} cupel_pixels;

/// Output channels of `blocks` blocks from `block` of a group on, of all pixels; more blocks than one
/// only for a single pixel. The pixels' pointers are the group's.
typedef void cupel_convolve(
    const cupel_packed *packed, const cupel_pixels *pixels, int32_t group, int32_t block,
    int32_t blocks);
/// A run of `count` values of the output and, unless `below` is null, as many of the row below.
typedef void cupel_convolve_depthwise(
    const cupel_packed *packed, const uint8_t *staged, int64_t count, int8_t *output,
    int8_t *below);

/// The kernels of a level.
struct cupel_kernels {
  /// Bytes of a staged value.
  int32_t element_bytes;
  /// What is added to a staged 8-bit value; the 16-bit ones have the zero point taken off.
  int32_t offset;
  /// Output channels of a whole block, and of the short one that may end a group (equal where
  /// there is none). A short block's channels fill only one vector. Where there are many steps it
  /// takes two at a time against two vectors: the first has the even channels, the second the odd
  /// ones, each against both steps in lanes side by side.
  int32_t block, short_block;
  /// Channels in a vector of 32-bit sums.
  int32_t lanes;
  /// Vectors of sums that are packed together in a whole block, and in the depthwise kernel: see
  /// `cupel_position`.
  int32_t interleave, depthwise_interleave;
  /// Values that the depthwise kernel works on at a time.
  int32_t depthwise_values;
  /// Whether the level has `CUPEL_NARROW_UP`.
  int32_t narrows_up;
  /// Whether the depthwise kernel can work on two rows at a time.
  int32_t pairs_rows;

  /// Writes `count` staged values.
  void (*stage)(const int8_t *values, int64_t count, int32_t zero_point, void *staged);
  /// Writes staged pixels, of which the first ones' values lie `step` bytes apart.
  void (*stage_pixels)(
      const int8_t *values, int64_t pixels, int64_t channels, int64_t step, int32_t zero_point,
      void *staged);
  cupel_convolve *convolve;
  cupel_convolve_depthwise *depthwise;
  void (*add)(
      const cupel_packed *packed, const int8_t *first, const int8_t *second, int64_t count,
      int8_t *output);
  /// From grid to grid.
  void (*requantize)(
      const cupel_packed *packed, const int8_t *input, int64_t count, int8_t *output);
  /// Larger of two, in place.
  void (*maximum)(const int8_t *values, int64_t count, int8_t *largest);
  /// Adds the values of `pixels` pixels, `step` apart, to the sums of `channels` channels.
  void (*accumulate)(
      const int8_t *values, int64_t pixels, int64_t step, int64_t channels, int32_t *sums);
};

/// Sums of a tile, [pixel][block's channels], for levels whose tiles are written in a second step.
typedef void (*cupel_tile)(
    const cupel_packed *packed, const uint8_t *const *pixels, int32_t count, int32_t group,
    int32_t block, int32_t blocks, int32_t *sums);
/// Scales `channels` sums of each pixel, `sum_stride` apart, and writes them.
typedef void (*cupel_store)(
    const cupel_packed *packed, int32_t first_channel, int32_t *sums, int32_t sum_stride,
    int32_t count, int32_t channels, int8_t *const *outputs);
/// `convolve` of such a level, whose tiles have up to `most` pixels.
void cupel_convolve_by_tiles(
    const cupel_packed *packed, const cupel_pixels *pixels, int32_t group, int32_t block,
    int32_t blocks, int32_t most, cupel_tile tile, cupel_store store);

extern const cupel_kernels cupel_kernels_scalar;
#if defined(__x86_64__)
extern const cupel_kernels cupel_kernels_avx2, cupel_kernels_avx512;
cupel_convolve cupel_convolve_avx2, cupel_convolve_avx512;
cupel_convolve_depthwise cupel_depthwise_avx2, cupel_depthwise_avx512;
#elif defined(__aarch64__)
extern const cupel_kernels cupel_kernels_neon;
cupel_convolve cupel_convolve_neon;
cupel_convolve_depthwise cupel_depthwise_neon;
#endif

/// Position of a channel among sums of which `vectors` are packed together: packing takes four
/// from each in turn, so the first vector has channels 0-3, the second 4-7, and so on around.
static inline int32_t cupel_position(int32_t lanes, int32_t vectors, int32_t channel) {
  int32_t span = lanes * vectors;
  int32_t base = channel / span * span, place = channel % span;
  return base + place / 4 % vectors * lanes + place / (4 * vectors) * 4 + place % 4;
}

static inline int64_t cupel_rounded_up(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// Rows of input that `rows` rows of output reach.
static inline int64_t cupel_reached_rows(const cupel_packed *packed, int64_t rows) {
  const cupel_window *window = &packed->window;
  return (rows - 1) * window->stride_height +
         (int64_t)(window->kernel_height - 1) * window->dilation_height + 1;
}

/// Chooses how sums of at most `most_sum`, `extra` bits too large, are scaled, and returns the
/// bytes of the constants of `channels` channels, a multiple of 64. `sources` channels' scales are
/// looked at.
int64_t cupel_scale_plan(
    cupel_scale *scale, const cupel_kernels *kernels, const cupel_operation *operation,
    int64_t channels, int32_t sources, int64_t most_sum, int32_t extra);
/// Writes the constants of one channel at a position.
void cupel_scale_set(
    const cupel_scale *scale, void *constants, const cupel_operation *operation, int64_t position,
    int32_t channel);
/// The same of an operation with one scale for all its values: constants of a single vector.
int64_t cupel_scale_plan_uniform(
    cupel_packed *packed, const cupel_operation *operation, int64_t most_sum);
/// Writes them.
void cupel_scale_pack_uniform(
    const cupel_operation *operation, cupel_packed *packed, uint8_t *memory);
/// Whether the constants can make up for accumulators that are `extra` bits too large.
int cupel_scale_allows(const cupel_operation *operation, int32_t channels, int32_t extra);
/// No accumulator of the operation, with `terms` products, is larger: its weights taken as the
/// largest that there are.
int64_t cupel_most_sum(const cupel_operation *operation, int64_t terms);

#endif
