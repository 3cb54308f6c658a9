/// The AVX-512 depthwise kernel.
#ifndef CUPEL_DEPTHWISE_AVX512_H
#define CUPEL_DEPTHWISE_AVX512_H

#include "kernels.h"

void cupel_depthwise_avx512(
    const cupel_packed *packed, const uint8_t *staged, int64_t count, int8_t *output,
    int8_t *below);

#endif
