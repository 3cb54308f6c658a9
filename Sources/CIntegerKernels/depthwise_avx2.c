// Depthwise convolution by `vpmaddwd`: 16 values at a time, two taps of each brought together by
// unpacking. Packing the sums undoes what unpacking did to their order.
#if defined(__x86_64__)
#include "avx2.h"

CUPEL_TARGET void cupel_depthwise_avx2(
    const cupel_packed *packed, const uint8_t *staged, int64_t count, int8_t *output,
    int8_t *below) {
  (void)below;
  int32_t pattern = 0;
  for (int64_t value = 0; value < count; value += 16) {
    const __m256i *start = (const __m256i *)(packed->start + 16 * pattern);
    __m256i low = _mm256_load_si256(start), high = _mm256_load_si256(start + 1);
    const __m256i *weights =
        (const __m256i *)(packed->weights + (int64_t)pattern * packed->tap_count * 32);
    for (int32_t tap = 0; tap < packed->tap_count; tap += 2) {
      const uint8_t *own = staged + 2 * value;
      __m256i a = _mm256_loadu_si256((const __m256i *)(own + packed->taps[tap]));
      __m256i b = _mm256_loadu_si256((const __m256i *)(own + packed->taps[tap + 1]));
      low = _mm256_add_epi32(
          low, _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), _mm256_load_si256(weights)));
      high = _mm256_add_epi32(
          high, _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), _mm256_load_si256(weights + 1)));
      weights += 2;
    }
    cupel_write16(
        output + value,
        cupel_finished16(&packed->scale, low, high, 2 * (int64_t)pattern, 2 * (int64_t)pattern + 1),
        count - value);
    if (++pattern == packed->patterns) pattern = 0;
  }
}
#endif
