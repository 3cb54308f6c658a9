/// Small kernels in plain C, which several levels have: each compiles them for its own instructions.
#ifndef CUPEL_PLAIN_H
#define CUPEL_PLAIN_H

#include "scaling.h"

/// `stage` of levels whose staged values have 16 bits.
CUPEL_TARGET static inline void cupel_stage_plain(
    const int8_t *values, int64_t count, int32_t zero_point, void *staged) {
  int16_t *target = staged;
  int16_t zero = (int16_t)zero_point;
  for (int64_t index = 0; index < count; index++) target[index] = (int16_t)(values[index] - zero);
}

CUPEL_TARGET static inline void cupel_stage_pixels_plain(
    const int8_t *values, int64_t pixels, int64_t channels, int64_t step, int32_t zero_point,
    void *staged) {
  for (int64_t pixel = 0; pixel < pixels; pixel++) {
    cupel_stage_plain(
        values + pixel * step, channels, zero_point, (int16_t *)staged + pixel * channels);
  }
}

CUPEL_TARGET static inline void cupel_maximum_plain(
    const int8_t *values, int64_t count, int8_t *largest) {
  for (int64_t index = 0; index < count; index++) {
    largest[index] = values[index] > largest[index] ? values[index] : largest[index];
  }
}

CUPEL_TARGET static inline void cupel_accumulate_plain(
    const int8_t *values, int64_t pixels, int64_t step, int64_t channels, int32_t *sums) {
  for (int64_t pixel = 0; pixel < pixels; pixel++) {
    for (int64_t channel = 0; channel < channels; channel++) {
      sums[channel] += values[pixel * step + channel];
    }
  }
}

/// An addition in XNNPACK's form; no sum reaches 2^31.
CUPEL_TARGET static inline void cupel_add_plain(
    const cupel_packed *packed, const int8_t *first, const int8_t *second, int64_t count,
    int8_t *output) {
  const int32_t one = packed->first.multiplier, other = packed->second.multiplier;
  const int32_t shift = packed->sum_shift, zero = packed->scale.zero_point;
  const int32_t low = packed->scale.low - zero, high = packed->scale.high - zero;
  const int32_t start = (1 << (shift - 1)) - one * packed->first.zero_point -
                        other * packed->second.zero_point;
  for (int64_t index = 0; index < count; index++) {
    int32_t sum = (start + one * first[index] + other * second[index]) >> shift;
    sum = sum < low ? low : sum > high ? high : sum;
    output[index] = (int8_t)(sum + zero);
  }
}

#endif
