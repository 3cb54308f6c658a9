// One product by BLIS, on the calling thread and with kernels for this CPU, both chosen for that
// call: whatever else the process does with BLIS stays as it is, and the environment is only read.
//
// BLIS's expert interface takes the number of threads (`rntm_t`) and the kernels (`cntx_t`) per
// call. The look-up of kernels by instruction set is not exported from BLIS's shared library, so
// that Cupel links the static one.

#include "CBLIS.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// As BLIS 0.9's headers have it (frame/include/bli_type_defs.h). Debian's <blis.h> includes
// <omp.h>, which the Swift toolchain's clang does not ship.
typedef int64_t dim_t;
typedef struct cntx_s cntx_t;
typedef struct {
  bool auto_factor;
  dim_t num_threads;
  dim_t ways[6];
  bool pack_a, pack_b, l3_sup;
  void *sba_pool, *pba;
} rntm_t;
enum { BLIS_NO_TRANSPOSE = 0, BLIS_TRANSPOSE = 8 };
enum { BLIS_ARCH_SKX = 0, BLIS_ARCH_HASWELL = 3 };

void bli_init(void);
int32_t bli_arch_query_id(void);
const char *bli_arch_string(int32_t id);
const char *bli_info_get_version_str(void);
void bli_thread_set_num_threads(dim_t threads);
__attribute__((weak)) cntx_t **bli_gks_lookup_id(int32_t id);
__attribute__((weak)) cntx_t *bli_gks_lookup_nat_cntx(int32_t id);
void bli_sgemm_ex(int32_t transa, int32_t transb, dim_t m, dim_t n, dim_t k, const float *alpha,
                  const float *a, dim_t rsa, dim_t csa, const float *b, dim_t rsb, dim_t csb,
                  const float *beta, float *c, dim_t rsc, dim_t csc, const cntx_t *cntx,
                  rntm_t *rntm);
void bli_sgemv_ex(int32_t transa, int32_t conjx, dim_t m, dim_t n, const float *alpha,
                  const float *a, dim_t rsa, dim_t csa, const float *x, dim_t incx,
                  const float *beta, float *y, dim_t incy, const cntx_t *cntx, rntm_t *rntm);

// What every product uses; written once, before the first.
static struct {
  bool is_09;
  int32_t arch;
  // NULL for the kernels that BLIS itself takes.
  const cntx_t *cntx;
} kernels;
static pthread_once_t chosen = PTHREAD_ONCE_INIT;

// BLIS 0.9 goes by CPU model. It does not know CPUs newer than itself, which then get the generic C
// kernels (on an AMD Zen 5: 42 instead of 220 GFLOP/s), and on several AVX-512 Xeons it takes the
// AVX2 set. So the choice is made here, by instruction set; -1 leaves it to BLIS.
static int32_t arch_of_this_cpu(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    return BLIS_ARCH_SKX;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return BLIS_ARCH_HASWELL;
#endif
  return -1;
}

static void choose_kernels(void) {
  bli_init();
  kernels.arch = bli_arch_query_id();
  // Later versions know more CPUs, and number and declare things differently.
  kernels.is_09 = strncmp(bli_info_get_version_str(), "0.9", 3) == 0;
  // A user's choice stands.
  if (!kernels.is_09 || getenv("BLIS_ARCH_TYPE") != NULL) return;
  int32_t arch = arch_of_this_cpu();
  if (arch < 0 || bli_gks_lookup_id == NULL || bli_gks_lookup_nat_cntx == NULL) return;
  // A BLIS that was built for one kind of CPU has no other kernels.
  if (bli_gks_lookup_id(arch) == NULL) return;
  kernels.arch = arch;
  kernels.cntx = bli_gks_lookup_nat_cntx(arch);
}

// Row-major matrices are column-major ones transposed, so that this computes Cᵀ = op(B)ᵀ · op(A)ᵀ.
void cblis_multiply(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k,
                    const float *a, int64_t lda, const float *b, int64_t ldb, bool accumulating,
                    float *c, int64_t ldc) {
  if (m <= 0 || n <= 0) return;
  pthread_once(&chosen, choose_kernels);
  const float one = 1, beta = accumulating ? 1 : 0;
  const int32_t first = transpose_b ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE;
  const int32_t second = transpose_a ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE;
  rntm_t runtime = {.num_threads = 1, .ways = {1, 1, 1, 1, 1, 1}, .l3_sup = true};
  rntm_t *one_thread = &runtime;
  if (!kernels.is_09) {
    // Since version 1.0 BLIS keeps this number for each calling thread, and `rntm_t` has changed.
    bli_thread_set_num_threads(1);
    one_thread = NULL;
  }
  // A row or a column times a matrix, as BLIS's own CBLAS layer does it.
  if (m == 1) {
    bli_sgemv_ex(first, 0, transpose_b ? k : n, transpose_b ? n : k, &one, b, 1, ldb, a,
                 transpose_a ? lda : 1, &beta, c, 1, kernels.cntx, one_thread);
  } else if (n == 1) {
    bli_sgemv_ex(BLIS_TRANSPOSE - second, 0, transpose_a ? m : k, transpose_a ? k : m, &one, a, 1,
                 lda, b, transpose_b ? 1 : ldb, &beta, c, ldc, kernels.cntx, one_thread);
  } else {
    bli_sgemm_ex(first, second, n, m, k, &one, b, 1, ldb, a, 1, lda, &beta, c, 1, ldc,
                 kernels.cntx, one_thread);
  }
}

const char *cblis_kernel_set(void) {
  pthread_once(&chosen, choose_kernels);
  return bli_arch_string(kernels.arch);
}

const char *cblis_version(void) { return bli_info_get_version_str(); }
