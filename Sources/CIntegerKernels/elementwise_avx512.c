// Staging, addition, requantization and pools by AVX-512, and the level's table.
#if defined(__x86_64__)
#include "avx512.h"
#include "plain.h"

CUPEL_INLINE void stage_values(const int8_t *values, int64_t count, uint8_t *target) {
  const __m512i offset = _mm512_set1_epi8((char)0x80);
  int64_t index = 0;
  for (; index + 64 <= count; index += 64) {
    __m512i own = _mm512_loadu_si512(values + index);
    _mm512_storeu_si512(target + index, _mm512_xor_si512(own, offset));
  }
  if (count & 32) {
    __m256i own = _mm256_loadu_si256((const __m256i *)(values + index));
    _mm256_storeu_si256(
        (__m256i *)(target + index), _mm256_xor_si256(own, _mm512_castsi512_si256(offset)));
    index += 32;
  }
  if (count & 16) {
    __m128i own = _mm_loadu_si128((const __m128i *)(values + index));
    _mm_storeu_si128(
        (__m128i *)(target + index), _mm_xor_si128(own, _mm512_castsi512_si128(offset)));
    index += 16;
  }
  for (; index < count; index++) target[index] = (uint8_t)values[index] ^ 0x80;
}

CUPEL_TARGET static void stage(
    const int8_t *values, int64_t count, int32_t zero_point, void *staged) {
  (void)zero_point;
  stage_values(values, count, staged);
}

/// Every second pixel of 16 channels: four of eight at a time. Returns how many it has staged.
CUPEL_INLINE int64_t stage_halved16(const int8_t *values, int64_t pixels, uint8_t *target) {
  const __m512i offset = _mm512_set1_epi8((char)0x80);
  const __m512i order = _mm512_setr_epi64(0, 1, 4, 5, 8, 9, 12, 13);
  int64_t pixel = 0;
  // One pixel more than is staged, so that what is read lies in the row.
  for (; pixel + 5 <= pixels; pixel += 4) {
    __m512i a = _mm512_loadu_si512(values + 32 * pixel);
    __m512i b = _mm512_loadu_si512(values + 32 * pixel + 64);
    __m512i own = _mm512_permutex2var_epi64(a, order, b);
    _mm512_storeu_si512(target + 16 * pixel, _mm512_xor_si512(own, offset));
  }
  return pixel;
}

CUPEL_TARGET static void stage_pixels(
    const int8_t *values, int64_t pixels, int64_t channels, int64_t step, int32_t zero_point,
    void *staged) {
  (void)zero_point;
  uint8_t *target = staged;
  int64_t first = channels == 16 && step == 32 ? stage_halved16(values, pixels, target) : 0;
  for (int64_t pixel = first; pixel < pixels; pixel++) {
    stage_values(values + pixel * step, channels, target + pixel * channels);
  }
}

/// An addend's constants: its multiplier in two parts, so that both products fit 32 bits, and the
/// rounding division behind it.
typedef struct {
  __m512i zero_point, high, low, half, sign_mask;
  __m128i shift;
} addend512;

CUPEL_INLINE addend512 addend_of(const cupel_addend *addend) {
  int32_t right = -addend->shift;
  return (addend512){
      _mm512_set1_epi32(addend->zero_point), _mm512_set1_epi32(addend->multiplier >> 11),
      _mm512_set1_epi32(addend->multiplier & 0x7FF),
      _mm512_set1_epi32(right > 0 ? 1 << (right - 1) : 0), _mm512_set1_epi32(right > 0 ? -1 : 0),
      _mm_cvtsi32_si128(right)};
}

/// (q - z) * 2^20, scaled with double rounding. The high multiply is floor((x * m + 2^10) / 2^11)
/// of x = q - z; with m = high * 2^11 + low that is x * high + floor((x * low + 2^10) / 2^11).
CUPEL_INLINE __m512i scaled_addend(__m128i values, const addend512 *addend, const int is_shift) {
  __m512i x = _mm512_sub_epi32(_mm512_cvtepi8_epi32(values), addend->zero_point);
  // A multiplier of one half, which the coarser of two grids has: the product is a shift.
  if (is_shift) return _mm512_slli_epi32(x, 19);
  __m512i low = _mm512_add_epi32(_mm512_mullo_epi32(x, addend->low), _mm512_set1_epi32(1 << 10));
  __m512i product =
      _mm512_add_epi32(_mm512_mullo_epi32(x, addend->high), _mm512_srai_epi32(low, 11));
  // Ties away from zero: one less than half below it.
  __m512i sign = _mm512_and_si512(_mm512_srai_epi32(product, 31), addend->sign_mask);
  product = _mm512_add_epi32(_mm512_add_epi32(product, addend->half), sign);
  return _mm512_sra_epi32(product, addend->shift);
}

CUPEL_INLINE void add(
    const cupel_packed *packed, const int8_t *first, const int8_t *second, int64_t count,
    int8_t *output, const int first_is_shift, const int second_is_shift,
    const int mode) {
  const int is_narrow = mode == CUPEL_NARROW || mode == CUPEL_NARROW_UP;
  const addend512 a = addend_of(&packed->first), b = addend_of(&packed->second);
  cupel_constants512 wide = {0};
  cupel_narrow512 narrow = {0};
  if (is_narrow) {
    narrow = cupel_narrow512_at(packed->scale.constants, 0, mode);
  } else {
    wide = cupel_constants512_at(packed->scale.constants, 0);
  }
  const cupel_grid512 grid = cupel_grid512_of(&packed->scale);
  for (int64_t index = 0; index < count; index += 64) {
    int64_t left = count - index;
    __mmask64 mask = cupel_first_bytes(left);
    __m512i sums[4];
#pragma clang loop unroll(full)
    for (int part = 0; part < 4; part++) {
      __m128i one, other;
      if (left >= 64) {
        one = _mm_loadu_si128((const __m128i *)(first + index + 16 * part));
        other = _mm_loadu_si128((const __m128i *)(second + index + 16 * part));
      } else {
        __mmask16 own = (__mmask16)(mask >> (16 * part));
        one = _mm_maskz_loadu_epi8(own, first + index + 16 * part);
        other = _mm_maskz_loadu_epi8(own, second + index + 16 * part);
      }
      __m512i sum = _mm512_add_epi32(
          scaled_addend(one, &a, first_is_shift), scaled_addend(other, &b, second_is_shift));
      sums[part] =
          is_narrow ? cupel_scaled_narrow512(sum, &narrow, 0, mode)
                    : cupel_scaled512(sum, &wide, 1);
    }
    __m512i values = cupel_placed64(sums[0], sums[1], sums[2], sums[3], &grid);
    cupel_write64(output + index, cupel_unshuffled64(values), left);
  }
}

static int is_shift(const cupel_addend *addend) {
  return addend->multiplier == 1 << 30 && addend->shift == 0;
}

/// One loop for each way to scale the operands.
CUPEL_INLINE void add_in_mode(
    const cupel_packed *packed, const int8_t *first, const int8_t *second, int64_t count,
    int8_t *output, const int mode) {
  if (is_shift(&packed->first)) {
    add(packed, first, second, count, output, 1, 0, mode);
  } else if (is_shift(&packed->second)) {
    add(packed, first, second, count, output, 0, 1, mode);
  } else {
    add(packed, first, second, count, output, 0, 0, mode);
  }
}

CUPEL_TARGET static void add_values(
    const cupel_packed *packed, const int8_t *first, const int8_t *second, int64_t count,
    int8_t *output) {
  if (packed->sum_shift > 0) {
    cupel_add_plain(packed, first, second, count, output);
    return;
  }
  switch (packed->scale.mode) {
    case CUPEL_NARROW: add_in_mode(packed, first, second, count, output, CUPEL_NARROW); return;
    case CUPEL_NARROW_UP:
      add_in_mode(packed, first, second, count, output, CUPEL_NARROW_UP);
      return;
    default: add(packed, first, second, count, output, 0, 0, CUPEL_WIDE_TIES); return;
  }
}

/// Scales 16 sums by the constants of all channels, whatever the mode.
CUPEL_INLINE __m512i rescaled(const cupel_scale *scale, __m512i sums) {
  if (scale->mode == CUPEL_FLOAT32) {
    int32_t buffer[16] __attribute__((aligned(64)));
    _mm512_store_si512(buffer, sums);
    cupel_scale_float32(scale->constants, buffer, 16, 16);
    return _mm512_load_si512(buffer);
  }
  if (scale->mode == CUPEL_NARROW) {
    cupel_narrow512 constants = cupel_narrow512_at(scale->constants, 0, CUPEL_NARROW);
    return cupel_scaled_narrow512(sums, &constants, 0, CUPEL_NARROW);
  }
  if (scale->mode == CUPEL_NARROW_UP) {
    cupel_narrow512 constants = cupel_narrow512_at(scale->constants, 0, CUPEL_NARROW_UP);
    return cupel_scaled_narrow512(sums, &constants, 0, CUPEL_NARROW_UP);
  }
  cupel_constants512 constants = cupel_constants512_at(scale->constants, 0);
  return cupel_scaled512(sums, &constants, 1);
}

CUPEL_TARGET static void requantize(
    const cupel_packed *packed, const int8_t *input, int64_t count, int8_t *output) {
  const __m512i zero_point = _mm512_set1_epi32(packed->input_zero_point);
  const cupel_grid512 grid = cupel_grid512_of(&packed->scale);
  for (int64_t index = 0; index < count; index += 64) {
    int64_t left = count - index;
    __mmask64 mask = cupel_first_bytes(left);
    __m512i sums[4];
    for (int part = 0; part < 4; part++) {
      __mmask16 own = (__mmask16)(mask >> (16 * part));
      __m128i values = _mm_maskz_loadu_epi8(own, input + index + 16 * part);
      sums[part] = rescaled(
          &packed->scale, _mm512_sub_epi32(_mm512_cvtepi8_epi32(values), zero_point));
    }
    __m512i values = cupel_placed64(sums[0], sums[1], sums[2], sums[3], &grid);
    cupel_write64(output + index, cupel_unshuffled64(values), left);
  }
}

CUPEL_TARGET static void accumulate(
    const int8_t *values, int64_t pixels, int64_t step, int64_t channels, int32_t *sums) {
  int64_t channel = 0;
  for (; channel + 64 <= channels; channel += 64) {
    __m512i own[4];
    for (int part = 0; part < 4; part++) own[part] = _mm512_loadu_si512(sums + channel + 16 * part);
    for (int64_t pixel = 0; pixel < pixels; pixel++) {
      const __m128i *source = (const __m128i *)(values + pixel * step + channel);
      for (int part = 0; part < 4; part++) {
        own[part] =
            _mm512_add_epi32(own[part], _mm512_cvtepi8_epi32(_mm_loadu_si128(source + part)));
      }
    }
    for (int part = 0; part < 4; part++) _mm512_storeu_si512(sums + channel + 16 * part, own[part]);
  }
  for (int64_t pixel = 0; pixel < pixels; pixel++) {
    for (int64_t each = channel; each < channels; each++) sums[each] += values[pixel * step + each];
  }
}

const cupel_kernels cupel_kernels_avx512 = {
    .element_bytes = 1,
    .offset = 128,
    .block = 32,
    .short_block = 16,
    .lanes = 16,
    .interleave = 2,
    .depthwise_interleave = 4,
    .depthwise_values = 64,
    .narrows_up = 1,
    .pairs_rows = 1,
    .stage = stage,
    .stage_pixels = stage_pixels,
    .convolve = cupel_convolve_avx512,
    .depthwise = cupel_depthwise_avx512,
    .add = add_values,
    .requantize = requantize,
    .maximum = cupel_maximum_plain,
    .accumulate = accumulate,
};
#endif
