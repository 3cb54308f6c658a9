// Prepares BLIS before anything calls it: picks the kernel set and keeps each call on its thread.
//
// BLIS 0.9 chooses kernels by CPU model. It does not know CPUs newer than itself, which then get
// the generic C kernels (on an AMD Zen 5: 42 instead of 220 GFLOP/s), and on several AVX-512 Xeons
// it takes the AVX2 set. So the choice is made here, by instruction set, through the environment
// variable that BLIS reads at its first call. A constructor runs before main and so before any
// thread that could read the environment at the same time.

#include "CBLIS.h"

#include <stdlib.h>
#include <string.h>

int32_t bli_arch_query_id(void);
const char *bli_arch_string(int32_t id);
const char *bli_info_get_version_str(void);

#if defined(__x86_64__)
// Numbers of BLIS 0.9's arch_t (frame/include/bli_type_defs.h): BLIS_ARCH_SKX is 0 and
// BLIS_ARCH_HASWELL is 3.
static const char *kernel_set_for_this_cpu(void) {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    return "0";
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "3";
  return NULL;
}
#else
static const char *kernel_set_for_this_cpu(void) { return NULL; }
#endif

__attribute__((constructor)) static void prepare_blis(void) {
  // Later versions know more CPUs, and may number them differently.
  if (strncmp(bli_info_get_version_str(), "0.9", 3) == 0) {
    const char *choice = kernel_set_for_this_cpu();
    if (choice != NULL) setenv("BLIS_ARCH_TYPE", choice, 0);  // 0: a user's choice stands
  }
  // Cupel shares out work itself, in pieces that do not depend on the number of threads, so that
  // results do not either. This also overrules OMP_NUM_THREADS.
  bli_thread_set_num_threads(1);
}

const char *cblis_kernel_set(void) { return bli_arch_string(bli_arch_query_id()); }

const char *cblis_version(void) { return bli_info_get_version_str(); }
