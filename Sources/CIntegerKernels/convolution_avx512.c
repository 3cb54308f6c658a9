// Convolution by `vpdpbusd`: four bytes of staged input, unsigned by the offset of 128, against
// four weights of each of 16 output channels.
#if defined(__x86_64__)
#include "avx512.h"
#include "convolution_avx512.h"

CUPEL_INLINE __m512i broadcast(const uint8_t *bytes) {
  int32_t step;
  __builtin_memcpy(&step, bytes, 4);
  return _mm512_set1_epi32(step);
}

/// The weights of one step of a block, or of two of a short one, from half a byte each: 16 times
/// what they are, in the high half of the byte.
CUPEL_INLINE void unpack(const uint8_t *weights, __m512i vectors[2]) {
  const __m512i mask = _mm512_set1_epi8((char)0xF0);
  __m512i pairs = _mm512_loadu_si512(weights);
  vectors[0] = _mm512_and_si512(_mm512_slli_epi16(pairs, 4), mask);
  vectors[1] = _mm512_and_si512(pairs, mask);
}

/// One step of all pixels against `vectors` vectors of channels.
CUPEL_INLINE void multiply(
    const int pixels, const int vectors, const uint8_t *const *inputs, int64_t offset,
    const __m512i *weights, __m512i *sums) {
#pragma clang loop unroll(full)
  for (int pixel = 0; pixel < pixels; pixel++) {
    __m512i values = broadcast(inputs[pixel] + offset);
#pragma clang loop unroll(full)
    for (int vector = 0; vector < vectors; vector++) {
      sums[pixel * vectors + vector] =
          _mm512_dpbusd_epi32(sums[pixel * vectors + vector], values, weights[vector]);
    }
  }
}

/// A run of steps of a whole block or a short one.
CUPEL_INLINE const uint8_t *run_of_steps(
    const int pixels, const int vectors, const int bits, const uint8_t *const *inputs,
    int64_t offset, int64_t end, const uint8_t *weights, __m512i *sums) {
  __m512i own[2];
  if (bits == 4 && vectors == 1) {
    for (; offset + CUPEL_STEP_BYTES < end; offset += 2 * CUPEL_STEP_BYTES) {
      unpack(weights, own);
      weights += 64;
      multiply(pixels, 1, inputs, offset, own, sums);
      multiply(pixels, 1, inputs, offset + CUPEL_STEP_BYTES, own + 1, sums);
    }
    if (offset < end) {
      unpack(weights, own);
      weights += 64;
      multiply(pixels, 1, inputs, offset, own, sums);
    }
    return weights;
  }
  for (; offset < end; offset += CUPEL_STEP_BYTES) {
    if (bits == 4) {
      unpack(weights, own);
      weights += 64;
    } else {
      own[0] = _mm512_loadu_si512(weights);
      if (vectors == 2) own[1] = _mm512_loadu_si512(weights + 64);
      weights += 64 * vectors;
    }
    multiply(pixels, vectors, inputs, offset, own, sums);
  }
  return weights;
}

/// Sums of a tile for one block.
CUPEL_INLINE void tile(
    const int pixels, const int vectors, const int bits, const cupel_packed *packed,
    const uint8_t *const *inputs, const uint8_t *weights, const int32_t *start,
    int32_t *target) {
  __m512i sums[CUPEL_MOST_PIXELS * 2];
  const uint8_t *own[CUPEL_MOST_PIXELS];
#pragma clang loop unroll(full)
  for (int pixel = 0; pixel < pixels; pixel++) {
    own[pixel] = inputs[pixel];
#pragma clang loop unroll(full)
    for (int vector = 0; vector < vectors; vector++) {
      sums[pixel * vectors + vector] = _mm512_loadu_si512(start + 16 * vector);
    }
  }
  int64_t length = (int64_t)packed->run_steps * CUPEL_STEP_BYTES;
  for (int32_t row = 0; row < packed->run_rows; row++) {
    int64_t offset = row * packed->run_row_bytes;
    for (int32_t column = 0; column < packed->run_columns; column++) {
      weights =
          run_of_steps(pixels, vectors, bits, own, offset, offset + length, weights, sums);
      offset += packed->run_column_bytes;
    }
  }
#pragma clang loop unroll(full)
  for (int index = 0; index < pixels * vectors; index++) {
    _mm512_store_si512(target + 16 * index, sums[index]);
  }
}

/// Sums of one pixel for several whole blocks: their weights are what takes time to load, so that
/// several streams of them are read at a time.
CUPEL_INLINE void blocks_of_pixel(
    const int blocks, const int bits, const cupel_packed *packed, const uint8_t *input,
    const uint8_t *weights, const int32_t *start, int32_t *target) {
  __m512i sums[2 * CUPEL_MOST_BLOCKS];
#pragma clang loop unroll(full)
  for (int index = 0; index < 2 * blocks; index++) {
    sums[index] = _mm512_loadu_si512(start + 16 * index);
  }
  int64_t length = (int64_t)packed->run_steps * CUPEL_STEP_BYTES;
  int64_t block_bytes = packed->block_bytes;
  for (int32_t row = 0; row < packed->run_rows; row++) {
    const uint8_t *values = input + row * packed->run_row_bytes;
    for (int32_t column = 0; column < packed->run_columns; column++) {
      for (int64_t offset = 0; offset < length; offset += CUPEL_STEP_BYTES) {
        __m512i step = broadcast(values + offset);
#pragma clang loop unroll(full)
        for (int block = 0; block < blocks; block++) {
          const uint8_t *own = weights + block * block_bytes;
          __m512i pair[2];
          if (bits == 4) {
            unpack(own, pair);
          } else {
            pair[0] = _mm512_loadu_si512(own);
            pair[1] = _mm512_loadu_si512(own + 64);
          }
          sums[2 * block] = _mm512_dpbusd_epi32(sums[2 * block], step, pair[0]);
          sums[2 * block + 1] = _mm512_dpbusd_epi32(sums[2 * block + 1], step, pair[1]);
        }
        weights += bits == 4 ? 64 : 128;
      }
      values += packed->run_column_bytes;
    }
  }
#pragma clang loop unroll(full)
  for (int index = 0; index < 2 * blocks; index++) {
    _mm512_store_si512(target + 16 * index, sums[index]);
  }
}

// One function a shape, so that each keeps its sums in registers.
#define CUPEL_TILE(pixels, vectors, bits)                                                      \
  CUPEL_TARGET static void tile_##pixels##_##vectors##_##bits(                                 \
      const cupel_packed *packed, const uint8_t *const *inputs, const uint8_t *weights,        \
      const int32_t *start, int32_t *target) {                                                 \
    tile(pixels, vectors, bits, packed, inputs, weights, start, target);                     \
  }
CUPEL_TILE(8, 2, 8)
CUPEL_TILE(8, 1, 8)
CUPEL_TILE(8, 2, 4)
CUPEL_TILE(8, 1, 4)
CUPEL_TILE(4, 2, 8)
CUPEL_TILE(4, 1, 8)
CUPEL_TILE(4, 2, 4)
CUPEL_TILE(4, 1, 4)
CUPEL_TILE(1, 1, 8)
CUPEL_TILE(1, 1, 4)

#define CUPEL_BLOCKS(blocks, bits)                                                             \
  CUPEL_TARGET static void blocks_##blocks##_##bits(                                           \
      const cupel_packed *packed, const uint8_t *const *inputs, const uint8_t *weights,        \
      const int32_t *start, int32_t *target) {                                                 \
    blocks_of_pixel(blocks, bits, packed, inputs[0], weights, start, target);                  \
  }
CUPEL_BLOCKS(1, 8)
CUPEL_BLOCKS(2, 8)
CUPEL_BLOCKS(3, 8)
CUPEL_BLOCKS(4, 8)
CUPEL_BLOCKS(1, 4)
CUPEL_BLOCKS(2, 4)
CUPEL_BLOCKS(3, 4)
CUPEL_BLOCKS(4, 4)

typedef void (*tile_function)(
    const cupel_packed *, const uint8_t *const *, const uint8_t *, const int32_t *, int32_t *);

/// By short block, pixels (4, 8) and bits.
static const tile_function tiles[2][2][2] = {
    {{tile_4_2_8, tile_4_2_4}, {tile_8_2_8, tile_8_2_4}},
    {{tile_4_1_8, tile_4_1_4}, {tile_8_1_8, tile_8_1_4}}};
/// By blocks and bits.
static const tile_function streams[CUPEL_MOST_BLOCKS][2] = {
    {blocks_1_8, blocks_1_4},
    {blocks_2_8, blocks_2_4},
    {blocks_3_8, blocks_3_4},
    {blocks_4_8, blocks_4_4}};

void cupel_tile_avx512(
    const cupel_packed *packed, const uint8_t *const *pixels, int32_t count, int32_t group,
    int32_t block, int32_t blocks, int32_t *sums) {
  int32_t last = packed->blocks - 1;
  int is_short = block == last && packed->last_block == 16;
  int is_four_bit = packed->weight_bits == 4;
  // Whole blocks have two vectors, short ones one.
  int64_t group_bytes = packed->weight_group_bytes;
  const uint8_t *weights = packed->weights + group * group_bytes + block * packed->block_bytes;
  const int32_t *start = packed->start + group * packed->padded_channels + block * 32;
  if (count == 1) {
    tile_function run = is_short ? (is_four_bit ? tile_1_1_4 : tile_1_1_8)
                                 : streams[blocks - 1][is_four_bit];
    run(packed, pixels, weights, start, sums);
  } else {
    tiles[is_short][count > 4][is_four_bit](packed, pixels, weights, start, sums);
  }
}

/// Scales and places sums; a chunk of 32 channels at a time, or 16 of a short block.
CUPEL_INLINE void store(
    const cupel_packed *packed, int32_t first_channel, const int32_t *sums, int32_t sum_stride,
    int32_t count, int32_t channels, int8_t *const *outputs, const int is_scaled,
    const int has_ties) {
  const cupel_scale *scale = &packed->scale;
  const cupel_grid512 grid = cupel_grid512_of(scale);
  int32_t channel = 0;
  int64_t vector = first_channel / 16;
  for (; sum_stride - channel >= 32; channel += 32, vector += 2) {
    int64_t left = channels - channel;
    cupel_constants512 first = {0}, second = {0};
    if (!is_scaled) {
      first = cupel_constants512_at(scale->constants, vector);
      second = cupel_constants512_at(scale->constants, vector + 1);
    }
    for (int32_t pixel = 0; pixel < count; pixel++) {
      const int32_t *own = sums + pixel * sum_stride + channel;
      __m512i a = _mm512_load_si512(own), b = _mm512_load_si512(own + 16);
      if (!is_scaled) {
        a = cupel_scaled512(a, &first, has_ties);
        b = cupel_scaled512(b, &second, has_ties);
      }
      __m256i values = cupel_placed32(a, b, &grid);
      if (left >= 32) {
        _mm256_storeu_si256((__m256i *)(outputs[pixel] + channel), values);
      } else {
        _mm256_mask_storeu_epi8(
            outputs[pixel] + channel, (__mmask32)(((uint64_t)1 << left) - 1), values);
      }
    }
  }
  if (channel == sum_stride) return;
  int64_t left = channels - channel;
  cupel_constants512 only = {0};
  if (!is_scaled) only = cupel_constants512_at(scale->constants, vector);
  for (int32_t pixel = 0; pixel < count; pixel++) {
    __m512i a = _mm512_load_si512(sums + pixel * sum_stride + channel);
    if (!is_scaled) a = cupel_scaled512(a, &only, has_ties);
    __m128i values = cupel_placed16(a, &grid);
    if (left >= 16) {
      _mm_storeu_si128((__m128i *)(outputs[pixel] + channel), values);
    } else {
      _mm_mask_storeu_epi8(outputs[pixel] + channel, (__mmask16)((1u << left) - 1), values);
    }
  }
}

CUPEL_TARGET void cupel_store_avx512(
    const cupel_packed *packed, int32_t first_channel, int32_t *sums, int32_t sum_stride,
    int32_t count, int32_t channels, int8_t *const *outputs) {
  const cupel_scale *scale = &packed->scale;
  if (scale->is_float32) {
    const int32_t *constants = (const int32_t *)scale->constants + 3 * (int64_t)first_channel;
    for (int32_t pixel = 0; pixel < count; pixel++) {
      cupel_scale_float32(scale, constants, sums + pixel * sum_stride, sum_stride, 16);
    }
    store(packed, first_channel, sums, sum_stride, count, channels, outputs, 1, 0);
  } else if (scale->has_ties) {
    store(packed, first_channel, sums, sum_stride, count, channels, outputs, 0, 1);
  } else {
    store(packed, first_channel, sums, sum_stride, count, channels, outputs, 0, 0);
  }
}
#endif
