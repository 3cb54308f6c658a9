/// The AVX-512 convolution's kernels.
#ifndef CUPEL_CONVOLUTION_AVX512_H
#define CUPEL_CONVOLUTION_AVX512_H

#include "kernels.h"

void cupel_convolve_avx512(
    const cupel_packed *packed, const cupel_pixels *pixels, int32_t group, int32_t block,
    int32_t blocks);

#endif
