// Convolution by `vpmaddwd`: pairs of staged 16-bit values against pairs of weights of each of
// eight output channels, widened from 8 bits or unpacked from 4 as they are loaded.
#if defined(__x86_64__)
#include "avx2.h"

/// The two vectors of weights of one step.
CUPEL_INLINE void load(const uint8_t *weights, const int bits, __m256i vectors[2]) {
  __m128i low = _mm_loadu_si128((const __m128i *)weights), high;
  if (bits == 4) {
    const __m128i mask = _mm_set1_epi8((char)0xF0);
    high = _mm_and_si128(low, mask);
    low = _mm_and_si128(_mm_slli_epi16(low, 4), mask);
  } else {
    high = _mm_loadu_si128((const __m128i *)(weights + 16));
  }
  vectors[0] = _mm256_cvtepi8_epi16(low);
  vectors[1] = _mm256_cvtepi8_epi16(high);
}

CUPEL_INLINE void tile(
    const int pixels, const int bits, const cupel_packed *packed, const uint8_t *const *inputs,
    const uint8_t *weights, const int32_t *start, int32_t *target) {
  __m256i sums[8];
#pragma clang loop unroll(full)
  for (int index = 0; index < 2 * pixels; index++) {
    sums[index] = _mm256_loadu_si256((const __m256i *)(start + index % 2 * 8));
  }
  const int32_t *offsets = packed->offsets;
  for (const int32_t *end = offsets + packed->steps; offsets < end; offsets++) {
    __m256i own[2];
    load(weights, bits, own);
    weights += bits == 4 ? 16 : 32;
#pragma clang loop unroll(full)
    for (int pixel = 0; pixel < pixels; pixel++) {
      int32_t step;
      __builtin_memcpy(&step, inputs[pixel] + *offsets, 4);
      __m256i values = _mm256_set1_epi32(step);
      sums[2 * pixel] = _mm256_add_epi32(sums[2 * pixel], _mm256_madd_epi16(values, own[0]));
      sums[2 * pixel + 1] =
          _mm256_add_epi32(sums[2 * pixel + 1], _mm256_madd_epi16(values, own[1]));
    }
  }
#pragma clang loop unroll(full)
  for (int index = 0; index < 2 * pixels; index++) {
    _mm256_store_si256((__m256i *)(target + 8 * index), sums[index]);
  }
}

#include "tiles16.h"

CUPEL_TARGET static void store(
    const cupel_packed *packed, int32_t first_channel, int32_t *sums, int32_t sum_stride,
    int32_t count, int32_t channels, int8_t *const *outputs) {
  for (int32_t pixel = 0; pixel < count; pixel++) {
    for (int32_t channel = 0; channel < channels; channel += 16) {
      const __m256i *own = (const __m256i *)(sums + pixel * sum_stride + channel);
      __m128i values = cupel_finished16(
          &packed->scale, _mm256_load_si256(own), _mm256_load_si256(own + 1),
          (first_channel + channel) / 8, (first_channel + channel) / 8 + 1);
      cupel_write16(outputs[pixel] + channel, values, channels - channel);
    }
  }
}
void cupel_convolve_avx2(
    const cupel_packed *packed, const cupel_pixels *pixels, int32_t group, int32_t block,
    int32_t blocks) {
  cupel_convolve_by_tiles(packed, pixels, group, block, blocks, 4, tile_of_pixels, store);
}
#endif
