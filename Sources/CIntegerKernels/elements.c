// Kinds that work value by value: additions and requantizations.
#include "kinds.h"

static int64_t plan(
    const cupel_operation *operation, cupel_tuning tuning, cupel_packed *packed) {
  (void)tuning;
  // Sums of an addition are below 2^30.
  return cupel_scale_plan_uniform(packed, operation, (1 << 30) - 1);
}

static int64_t plan_addition(
    const cupel_operation *operation, cupel_tuning tuning, cupel_packed *packed) {
  if (operation->rounding != CUPEL_XNNPACK) return plan(operation, tuning, packed);
  packed->sum_shift = operation->shift;
  return 0;
}

static void pack_addition(
    const cupel_operation *operation, cupel_packed *packed, uint8_t *memory) {
  if (packed->sum_shift == 0) cupel_scale_pack_uniform(operation, packed, memory);
}

static int64_t work(const cupel_packed *packed, int64_t values) {
  (void)packed;
  return values;
}

/// What a part does of each image.
typedef struct {
  int64_t first, count;
} share;

/// Whole cache lines, so that no two parts write to one.
static share share_of(const cupel_packed *packed, const cupel_job *job) {
  const cupel_extent *extent = &packed->output;
  int64_t count = (int64_t)extent->height * extent->width * extent->channels;
  int64_t first = count / 64 * job->part / job->parts * 64;
  int64_t last =
      job->part + 1 == job->parts ? count : count / 64 * (job->part + 1) / job->parts * 64;
  return (share){first, last - first};
}

static void run_addition(const cupel_packed *packed, const cupel_job *job) {
  share own = share_of(packed, job);
  for (int32_t image = 0; image < job->images; image++) {
    int64_t offset = image * job->image_stride + own.first;
    packed->kernels->add(
        packed, job->input + offset, job->second + offset, own.count, job->output + offset);
  }
}

static void run_requantization(const cupel_packed *packed, const cupel_job *job) {
  share own = share_of(packed, job);
  for (int32_t image = 0; image < job->images; image++) {
    int64_t offset = image * job->image_stride + own.first;
    packed->kernels->requantize(packed, job->input + offset, own.count, job->output + offset);
  }
}

const cupel_driver cupel_addition = {
    .plan = plan_addition, .pack = pack_addition, .work = work, .run = run_addition};
const cupel_driver cupel_requantization = {
    .plan = plan, .pack = cupel_scale_pack_uniform, .work = work, .run = run_requantization};
