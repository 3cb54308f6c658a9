// What Cupel asks of BLIS.
#ifndef CUPEL_CBLIS_H
#define CUPEL_CBLIS_H

#include <stdbool.h>
#include <stdint.h>

/// C[m × n] = op(A) · op(B) (+ C where `accumulating`), on the calling thread. Matrices are
/// row-major; `ld…` are their row strides in elements. Without `accumulating`, C is written without
/// being read.
void cblis_multiply(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k,
                    const float *a, int64_t lda, const float *b, int64_t ldb, bool accumulating,
                    float *c, int64_t ldc);

/// Name of the kernel set in use: "skx", "haswell", "zen3", "generic", …
const char *cblis_kernel_set(void);

/// Version of the BLIS library in use, for instance "0.9.0".
const char *cblis_version(void);

#endif
