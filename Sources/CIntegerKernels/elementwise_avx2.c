// Staging, addition, requantization and pools by AVX2, and the level's table.
#if defined(__x86_64__)
#include "avx2.h"
#include "plain.h"

/// (q - z) * 2^20 of eight values, scaled with double rounding: see the AVX-512 kernel for how the
/// product is split.
CUPEL_INLINE __m256i scaled_addend(__m128i values, const cupel_addend *addend) {
  __m256i x =
      _mm256_sub_epi32(_mm256_cvtepi8_epi32(values), _mm256_set1_epi32(addend->zero_point));
  __m256i low = _mm256_add_epi32(
      _mm256_mullo_epi32(x, _mm256_set1_epi32(addend->multiplier & 0x7FF)),
      _mm256_set1_epi32(1 << 10));
  __m256i product = _mm256_add_epi32(
      _mm256_mullo_epi32(x, _mm256_set1_epi32(addend->multiplier >> 11)),
      _mm256_srai_epi32(low, 11));
  int32_t right = -addend->shift;
  if (right == 0) return product;
  __m256i sign = _mm256_srai_epi32(product, 31);
  product = _mm256_add_epi32(product, _mm256_set1_epi32(1 << (right - 1)));
  return _mm256_sra_epi32(_mm256_add_epi32(product, sign), _mm_cvtsi32_si128(right));
}

/// The first `count` of eight values.
CUPEL_INLINE __m128i read8(const int8_t *values, int64_t count) {
  if (count >= 8) return _mm_loadl_epi64((const __m128i *)values);
  int8_t bytes[16] = {0};
  for (int64_t index = 0; index < count; index++) bytes[index] = values[index];
  return _mm_loadl_epi64((const __m128i *)bytes);
}

/// Scales two vectors whose values lie in order, and writes them in order.
CUPEL_INLINE void finish(
    const cupel_scale *scale, __m256i a, __m256i b, int64_t count, int8_t *output) {
  // Packing takes four of each in turn, so the middle ones change places first.
  __m256i first = _mm256_permute2x128_si256(a, b, 0x20);
  __m256i second = _mm256_permute2x128_si256(a, b, 0x31);
  // a0-3 b0-3, a4-7 b4-7 packed pairwise: a0-3 a4-7 b0-3 b4-7.
  cupel_write16(output, cupel_finished16(scale, first, second, 0, 0), count);
}

CUPEL_TARGET static void add(
    const cupel_packed *packed, const int8_t *first, const int8_t *second, int64_t count,
    int8_t *output) {
  if (packed->sum_shift > 0) {
    cupel_add_plain(packed, first, second, count, output);
    return;
  }
  for (int64_t index = 0; index < count; index += 16) {
    int64_t left = count - index;
    __m256i sums[2];
    for (int half = 0; half < 2; half++) {
      int64_t place = index + 8 * half, own = left - 8 * half;
      sums[half] = _mm256_add_epi32(
          scaled_addend(own > 0 ? read8(first + place, own) : _mm_setzero_si128(), &packed->first),
          scaled_addend(
              own > 0 ? read8(second + place, own) : _mm_setzero_si128(), &packed->second));
    }
    finish(&packed->scale, sums[0], sums[1], left, output + index);
  }
}

CUPEL_TARGET static void requantize(
    const cupel_packed *packed, const int8_t *input, int64_t count, int8_t *output) {
  const __m256i zero = _mm256_set1_epi32(packed->input_zero_point);
  for (int64_t index = 0; index < count; index += 16) {
    int64_t left = count - index;
    __m256i sums[2];
    for (int half = 0; half < 2; half++) {
      int64_t own = left - 8 * half;
      __m128i values = own > 0 ? read8(input + index + 8 * half, own) : _mm_setzero_si128();
      sums[half] = _mm256_sub_epi32(_mm256_cvtepi8_epi32(values), zero);
    }
    finish(&packed->scale, sums[0], sums[1], left, output + index);
  }
}

const cupel_kernels cupel_kernels_avx2 = {
    .element_bytes = 2,
    .offset = 0,
    .block = 16,
    .short_block = 16,
    .lanes = 8,
    .interleave = 2,
    .depthwise_interleave = 2,
    .depthwise_values = 16,
    .stage = cupel_stage_plain,
    .stage_pixels = cupel_stage_pixels_plain,
    .convolve = cupel_convolve_avx2,
    .depthwise = cupel_depthwise_avx2,
    .add = add,
    .requantize = requantize,
    .maximum = cupel_maximum_plain,
    .accumulate = cupel_accumulate_plain,
};
#endif
