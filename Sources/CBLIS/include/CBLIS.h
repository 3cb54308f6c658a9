// The few BLIS entry points that Cupel calls, declared here because Debian's <blis.h> includes
// <omp.h>, which the Swift toolchain's clang does not ship. Signatures follow the CBLAS and BLIS
// 0.9 reference pages for Debian's build: 32-bit integers in CBLAS, 64-bit ones in BLIS's own API.
#ifndef CUPEL_CBLIS_H
#define CUPEL_CBLIS_H

#include <stdint.h>

enum { CBLIS_ROW_MAJOR = 101, CBLIS_COLUMN_MAJOR = 102 };
enum { CBLIS_NO_TRANSPOSE = 111, CBLIS_TRANSPOSE = 112 };
enum { CBLIS_UPPER = 121, CBLIS_LOWER = 122 };

/// C = alpha · op(A) · op(B) + beta · C. With beta 0, C is written without being read.
void cblas_sgemm(int32_t order, int32_t transposeA, int32_t transposeB, int32_t m, int32_t n,
                 int32_t k, float alpha, const float *a, int32_t lda, const float *b, int32_t ldb,
                 float beta, float *c, int32_t ldc);

void cblas_dgemm(int32_t order, int32_t transposeA, int32_t transposeB, int32_t m, int32_t n,
                 int32_t k, double alpha, const double *a, int32_t lda, const double *b,
                 int32_t ldb, double beta, double *c, int32_t ldc);

/// C = alpha · op(A) · op(A)ᵀ + beta · C, in one triangle only.
void cblas_ssyrk(int32_t order, int32_t triangle, int32_t transpose, int32_t n, int32_t k,
                 float alpha, const float *a, int32_t lda, float beta, float *c, int32_t ldc);

void cblas_dsyrk(int32_t order, int32_t triangle, int32_t transpose, int32_t n, int32_t k,
                 double alpha, const double *a, int32_t lda, double beta, double *c, int32_t ldc);

void bli_thread_set_num_threads(int64_t threads);

/// Name of the kernel set in use: "skx", "haswell", "zen3", "generic", …
const char *cblis_kernel_set(void);

/// Version of the BLIS library in use, for instance "0.9.0".
const char *cblis_version(void);

#endif
