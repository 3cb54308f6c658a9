// Convolution by `vpdpbusd`: four bytes of staged input, unsigned by the offset of 128, against
// four weights of each of 16 output channels.
#if defined(__x86_64__)
#include "avx512.h"

/// A step in every lane, or two steps of a short block in every two.
CUPEL_INLINE __m512i broadcast(const uint8_t *bytes, const int is_paired) {
  if (is_paired) {
    int64_t pair;
    __builtin_memcpy(&pair, bytes, 8);
    return _mm512_set1_epi64(pair);
  }
  int32_t step;
  __builtin_memcpy(&step, bytes, 4);
  return _mm512_set1_epi32(step);
}

/// Two vectors of weights from half a byte each: 16 times what they are, in the high half of the
/// byte.
CUPEL_INLINE void unpack(const uint8_t *weights, __m512i vectors[2]) {
  const __m512i mask = _mm512_set1_epi8((char)0xF0);
  __m512i pairs = _mm512_loadu_si512(weights);
  vectors[0] = _mm512_and_si512(_mm512_slli_epi16(pairs, 4), mask);
  vectors[1] = _mm512_and_si512(pairs, mask);
}

/// How a block's weights lie: a whole one's, or a short one's in single steps or in pairs of them.
enum { WHOLE = 0, SHORT = 1, PAIRED = 2 };

/// One step of all pixels against one or two vectors of weights.
CUPEL_INLINE void multiply(
    const int pixels, const int vectors, const int is_paired, const uint8_t *const *inputs,
    int64_t offset, const __m512i *weights, __m512i *sums) {
#pragma clang loop unroll(full)
  for (int pixel = 0; pixel < pixels; pixel++) {
    __m512i values = broadcast(inputs[pixel] + offset, is_paired);
#pragma clang loop unroll(full)
    for (int vector = 0; vector < vectors; vector++) {
      sums[pixel * vectors + vector] =
          _mm512_dpbusd_epi32(sums[pixel * vectors + vector], values, weights[vector]);
    }
  }
}

/// Sums of a tile for a short block in single steps.
CUPEL_INLINE void short_sums(
    const int pixels, const int bits, const cupel_packed *packed, const uint8_t *const *inputs,
    const uint8_t *weights, const int32_t *start, __m512i *sums) {
#pragma clang loop unroll(full)
  for (int pixel = 0; pixel < pixels; pixel++) sums[pixel] = _mm512_loadu_si512(start);
  const int32_t *offset = packed->offsets, *end = offset + packed->steps;
  __m512i own[2];
  if (bits == 4) {
    for (; offset + 2 <= end; offset += 2) {
      unpack(weights, own);
      weights += 64;
      multiply(pixels, 1, 0, inputs, offset[0], own, sums);
      multiply(pixels, 1, 0, inputs, offset[1], own + 1, sums);
    }
    if (offset < end) {
      unpack(weights, own);
      multiply(pixels, 1, 0, inputs, *offset, own, sums);
    }
    return;
  }
  for (; offset < end; offset++) {
    own[0] = _mm512_loadu_si512(weights);
    weights += 64;
    multiply(pixels, 1, 0, inputs, *offset, own, sums);
  }
}

/// Sums of a tile for one block, in registers: two vectors a pixel of a whole block, one of a short
/// one.
CUPEL_INLINE void tile_sums(
    const int pixels, const int kind, const int bits, const cupel_packed *packed,
    const uint8_t *const *inputs, const uint8_t *weights, const int32_t *start, __m512i *sums) {
  if (kind == SHORT) {
    short_sums(pixels, bits, packed, inputs, weights, start, sums);
    return;
  }
  __m512i first = _mm512_loadu_si512(start), second;
  if (kind == PAIRED) {
    // What an even channel begins with goes to the first vector, and so on.
    second = _mm512_maskz_mov_epi32(0xAAAA, first);
    first = _mm512_maskz_mov_epi32(0x5555, first);
  } else {
    second = _mm512_loadu_si512(start + 16);
  }
#pragma clang loop unroll(full)
  for (int pixel = 0; pixel < pixels; pixel++) {
    sums[2 * pixel] = first;
    sums[2 * pixel + 1] = second;
  }
  const int32_t *offset = kind == PAIRED ? packed->pair_offsets : packed->offsets;
  const int32_t *end = offset + (kind == PAIRED ? packed->pairs : packed->steps);
  for (; offset < end; offset++) {
    __m512i own[2];
    if (bits == 4) {
      unpack(weights, own);
      weights += 64;
    } else {
      own[0] = _mm512_loadu_si512(weights);
      own[1] = _mm512_loadu_si512(weights + 64);
      weights += 128;
    }
    multiply(pixels, 2, kind == PAIRED, inputs, *offset, own, sums);
  }
  if (kind == WHOLE) return;
  // Lanes side by side belong to one channel.
#pragma clang loop unroll(full)
  for (int pixel = 0; pixel < pixels; pixel++) {
    __m512i a = sums[2 * pixel], b = sums[2 * pixel + 1];
    sums[pixel] = _mm512_add_epi32(
        _mm512_mask_shuffle_epi32(a, 0xAAAA, b, _MM_PERM_CCAA),
        _mm512_mask_shuffle_epi32(b, 0x5555, a, _MM_PERM_DDBB));
  }
}

/// Adds one step against a whole block's 32 channels.
CUPEL_INLINE void add_step(
    const int bits, __m512i step, const uint8_t *weights, __m512i sums[2]) {
  __m512i pair[2];
  if (bits == 4) {
    unpack(weights, pair);
  } else {
    pair[0] = _mm512_loadu_si512(weights);
    pair[1] = _mm512_loadu_si512(weights + 64);
  }
  sums[0] = _mm512_dpbusd_epi32(sums[0], step, pair[0]);
  sums[1] = _mm512_dpbusd_epi32(sums[1], step, pair[1]);
}

/// Sums of one pixel for several whole blocks. Their weights are what takes time to load: they are
/// read from end to end, and four steps at a time, so that no sum waits for the one before.
CUPEL_INLINE void blocks_of_pixel(
    const int blocks, const int bits, const cupel_packed *packed, const uint8_t *input,
    const uint8_t *weights, const int32_t *start, __m512i *sums) {
  const int64_t step_bytes = bits == 4 ? 64 : 128;
  const int32_t *end = packed->offsets + packed->steps;
#pragma clang loop unroll(full)
  for (int block = 0; block < blocks; block++) {
    __m512i own[4][2];
#pragma clang loop unroll(full)
    for (int lane = 0; lane < 4; lane++) own[lane][0] = own[lane][1] = _mm512_setzero_si512();
    own[0][0] = _mm512_loadu_si512(start + 32 * block);
    own[0][1] = _mm512_loadu_si512(start + 32 * block + 16);
    const int32_t *offset = packed->offsets;
    for (; offset + 4 <= end; offset += 4) {
#pragma clang loop unroll(full)
      for (int lane = 0; lane < 4; lane++) {
        add_step(bits, broadcast(input + offset[lane], 0), weights, own[lane]);
        weights += step_bytes;
      }
    }
    for (; offset < end; offset++) {
      add_step(bits, broadcast(input + *offset, 0), weights, own[0]);
      weights += step_bytes;
    }
#pragma clang loop unroll(full)
    for (int half = 0; half < 2; half++) {
      sums[2 * block + half] = _mm512_add_epi32(
          _mm512_add_epi32(own[0][half], own[1][half]),
          _mm512_add_epi32(own[2][half], own[3][half]));
    }
  }
}

/// Scales the sums of a tile, [pixel][vector], in place.
CUPEL_INLINE void scale_sums(
    const int pixels, const int vectors, const int bits, const int mode,
    const cupel_scale *scale, int64_t channel, __m512i *sums) {
  if (mode == CUPEL_FLOAT32) {
    int32_t values[2 * CUPEL_MOST_BLOCKS * 16] __attribute__((aligned(64)));
    const int32_t *constants = (const int32_t *)scale->constants + 3 * channel;
    for (int pixel = 0; pixel < pixels; pixel++) {
      for (int vector = 0; vector < vectors; vector++) {
        _mm512_store_si512(values + 16 * vector, sums[pixel * vectors + vector]);
      }
      cupel_scale_float32(constants, values, 16 * vectors, 16);
      for (int vector = 0; vector < vectors; vector++) {
        sums[pixel * vectors + vector] = _mm512_load_si512(values + 16 * vector);
      }
    }
    return;
  }
#pragma clang loop unroll(full)
  for (int vector = 0; vector < vectors; vector++) {
    if (mode == CUPEL_NARROW || mode == CUPEL_NARROW_UP) {
      cupel_narrow512 constants =
          cupel_narrow512_at(scale->constants, channel / 16 + vector, mode);
#pragma clang loop unroll(full)
      for (int pixel = 0; pixel < pixels; pixel++) {
        sums[pixel * vectors + vector] = cupel_scaled_narrow512(
            sums[pixel * vectors + vector], &constants, bits == 4 ? 4 : 0, mode);
      }
      continue;
    }
    cupel_constants512 constants =
        cupel_constants512_at(scale->constants, channel / 16 + vector);
#pragma clang loop unroll(full)
    for (int pixel = 0; pixel < pixels; pixel++) {
      sums[pixel * vectors + vector] =
          cupel_scaled512(sums[pixel * vectors + vector], &constants, mode == CUPEL_WIDE_TIES);
    }
  }
}

/// Writes whole blocks, of the last of which `channels` count.
CUPEL_INLINE void write_blocks(
    const int pixels, const cupel_grid512 *grid, const __m512i *sums, int8_t *const *outputs,
    int64_t channels) {
#pragma clang loop unroll(full)
  for (int pixel = 0; pixel < pixels; pixel++) {
    __m256i values = cupel_placed32(sums[2 * pixel], sums[2 * pixel + 1], grid);
    if (channels >= 32) {
      _mm256_storeu_si256((__m256i *)outputs[pixel], values);
    } else {
      _mm256_mask_storeu_epi8(
          outputs[pixel], (__mmask32)(((uint64_t)1 << channels) - 1), values);
    }
  }
}

/// Writes short blocks, of which `channels` count. Four pixels are packed together.
CUPEL_INLINE void write_short_blocks(
    const int pixels, const cupel_grid512 *grid, const __m512i *sums, int8_t *const *outputs,
    int64_t channels) {
#pragma clang loop unroll(full)
  for (int pixel = 0; pixel < pixels; pixel += 4) {
    const __m512i zero = _mm512_setzero_si512();
    __m512i values = cupel_unshuffled64(cupel_placed64(
        sums[pixel], pixels > 1 ? sums[pixel + 1] : zero, pixels > 1 ? sums[pixel + 2] : zero,
        pixels > 1 ? sums[pixel + 3] : zero, grid));
    int8_t *const *own = outputs + pixel;
    if (pixels > 1 && own[3] - own[0] == 3 * channels && channels == 16 &&
        own[1] - own[0] == channels) {
      _mm512_storeu_si512(own[0], values);
      continue;
    }
    if (pixels > 1 && own[3] - own[0] == 3 * channels && channels == 8 &&
        own[1] - own[0] == channels) {
      const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 0, 0, 0, 0);
      values = _mm512_permutexvar_epi64(order, values);
      _mm256_storeu_si256((__m256i *)own[0], _mm512_castsi512_si256(values));
      continue;
    }
    __m128i parts[4] = {
        _mm512_castsi512_si128(values), _mm512_extracti32x4_epi32(values, 1),
        _mm512_extracti32x4_epi32(values, 2), _mm512_extracti32x4_epi32(values, 3)};
#pragma clang loop unroll(full)
    for (int part = 0; part < (pixels > 1 ? 4 : 1); part++) {
      if (channels >= 16) {
        _mm_storeu_si128((__m128i *)own[part], parts[part]);
      } else {
        _mm_mask_storeu_epi8(own[part], (__mmask16)((1u << channels) - 1), parts[part]);
      }
    }
  }
}

/// What all tiles of a call have in common.
typedef struct {
  const cupel_packed *packed;
  const uint8_t *weights;
  const int32_t *start;
  /// Position of the first channel among the constants, and channels that count.
  int64_t channel, channels;
} block_place;

CUPEL_INLINE void run_tiles(
    const int pixels, const int kind, const int bits, const int mode, const block_place *place,
    const cupel_pixels *tiles) {
  const int vectors = kind == WHOLE ? 2 : 1;
  const cupel_grid512 grid = cupel_grid512_of(&place->packed->scale);
  const uint8_t *inputs[CUPEL_MOST_PIXELS];
  int8_t *outputs[CUPEL_MOST_PIXELS];
#pragma clang loop unroll(full)
  for (int pixel = 0; pixel < pixels; pixel++) {
    inputs[pixel] = tiles->inputs[pixel];
    outputs[pixel] = tiles->outputs[pixel];
  }
  // Consecutive tiles of all rows, and how many are left of this one.
  int64_t left = tiles->tiles;
  for (int64_t tile = tiles->rows * left; tile > 0; tile--) {
    __m512i sums[CUPEL_MOST_PIXELS * 2];
    tile_sums(
        pixels, kind, bits, place->packed, inputs, place->weights, place->start, sums);
    scale_sums(pixels, vectors, bits, mode, &place->packed->scale, place->channel, sums);
    if (vectors == 2) {
      write_blocks(pixels, &grid, sums, outputs, place->channels);
    } else {
      write_short_blocks(pixels, &grid, sums, outputs, place->channels);
    }
    int64_t advance = tiles->input_advance;
    if (--left == 0) {
      left = tiles->tiles;
      advance += tiles->input_skip;
    }
#pragma clang loop unroll(full)
    for (int pixel = 0; pixel < pixels; pixel++) {
      inputs[pixel] += advance;
      outputs[pixel] += tiles->output_advance;
    }
  }
}

CUPEL_INLINE void run_blocks(
    const int blocks, const int bits, const int mode, const block_place *place,
    const cupel_pixels *pixels) {
  const cupel_grid512 grid = cupel_grid512_of(&place->packed->scale);
  __m512i sums[2 * CUPEL_MOST_BLOCKS];
  blocks_of_pixel(
      blocks, bits, place->packed, pixels->inputs[0], place->weights, place->start, sums);
  scale_sums(1, 2 * blocks, bits, mode, &place->packed->scale, place->channel, sums);
  for (int block = 0; block < blocks; block++) {
    int8_t *output = pixels->outputs[0] + 32 * block;
    write_blocks(1, &grid, sums + 2 * block, &output, place->channels - 32 * block);
  }
}

// One function a shape and mode (by its number), so that each keeps its sums in registers.
#define CUPEL_TILES(pixels, kind, bits, mode)                                        \
  CUPEL_TARGET static void tiles_##pixels##_##kind##_##bits##_##mode(                \
      const block_place *place, const cupel_pixels *tiles) {                         \
    run_tiles(pixels, kind, bits, mode, place, tiles);                               \
  }
#define CUPEL_BLOCKS(blocks, bits, mode)                                             \
  CUPEL_TARGET static void blocks_##blocks##_##bits##_##mode(                        \
      const block_place *place, const cupel_pixels *pixels) {                        \
    run_blocks(blocks, bits, mode, place, pixels);                                   \
  }
#define CUPEL_TILES_NAME(pixels, kind, bits, mode) tiles_##pixels##_##kind##_##bits##_##mode,
#define CUPEL_BLOCKS_NAME(blocks, bits, mode) blocks_##blocks##_##bits##_##mode,
/// 8 and 4 pixels against a whole block; 8, 4 and 1 against a short one in single steps and in
/// pairs; one pixel against 1 to 4 whole blocks.
#define CUPEL_SHAPES(TILES, BLOCKS, bits, mode)                                      \
  TILES(8, 0, bits, mode) TILES(4, 0, bits, mode)                                    \
  TILES(8, 1, bits, mode) TILES(4, 1, bits, mode) TILES(1, 1, bits, mode)            \
  TILES(8, 2, bits, mode) TILES(4, 2, bits, mode) TILES(1, 2, bits, mode)            \
  BLOCKS(1, bits, mode) BLOCKS(2, bits, mode) BLOCKS(3, bits, mode) BLOCKS(4, bits, mode)
#define CUPEL_DEFINED(bits, mode) CUPEL_SHAPES(CUPEL_TILES, CUPEL_BLOCKS, bits, mode)
#define CUPEL_ROW(bits, mode) {CUPEL_SHAPES(CUPEL_TILES_NAME, CUPEL_BLOCKS_NAME, bits, mode)},
#define CUPEL_MODES(EACH, bits) EACH(bits, 0) EACH(bits, 1) EACH(bits, 2) EACH(bits, 3) EACH(bits, 4)
CUPEL_MODES(CUPEL_DEFINED, 8)
CUPEL_MODES(CUPEL_DEFINED, 4)

typedef void (*shape_function)(const block_place *, const cupel_pixels *);

/// Where the shapes of a row begin.
enum { WHOLE_SHAPES = 0, SHORT_SHAPES = 2, PAIRED_SHAPES = 5, STREAMS = 8, SHAPES = 12 };
static const shape_function shapes[2][5][SHAPES] = {
    {CUPEL_MODES(CUPEL_ROW, 8)}, {CUPEL_MODES(CUPEL_ROW, 4)}};

void cupel_convolve_avx512(
    const cupel_packed *packed, const cupel_pixels *pixels, int32_t group, int32_t block,
    int32_t blocks) {
  int is_short = block == packed->blocks - 1 && packed->last_block == 16;
  int64_t channel = (int64_t)group * packed->padded_channels + block * 32;
  block_place place = {
      packed,
      packed->weights + group * packed->weight_group_bytes + block * packed->block_bytes,
      packed->start + channel, channel,
      packed->output.channels / packed->groups - (int64_t)block * 32};
  const shape_function *own = shapes[packed->weight_bits == 4][packed->scale.mode];
  int base = !is_short ? WHOLE_SHAPES : packed->is_paired ? PAIRED_SHAPES : SHORT_SHAPES;
  int shape = pixels->count > 1 ? base + (pixels->count <= 4)
              : is_short        ? base + 2
                                : STREAMS + blocks - 1;
  own[shape](&place, pixels);
}
#endif
