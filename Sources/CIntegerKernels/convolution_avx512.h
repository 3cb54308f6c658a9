/// The AVX-512 convolution's kernels.
#ifndef CUPEL_CONVOLUTION_AVX512_H
#define CUPEL_CONVOLUTION_AVX512_H

#include "kernels.h"

void cupel_tile_avx512(
    const cupel_packed *packed, const uint8_t *const *pixels, int32_t count, int32_t group,
    int32_t block, int32_t blocks, int32_t *sums);
void cupel_store_avx512(
    const cupel_packed *packed, int32_t first_channel, int32_t *sums, int32_t sum_stride,
    int32_t count, int32_t channels, int8_t *const *outputs);

#endif
