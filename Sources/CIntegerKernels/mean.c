// Means over all pixels.
#include "kinds.h"
#include "scaling.h"

static int64_t plan(
    const cupel_operation *operation, cupel_tuning tuning, cupel_packed *packed) {
  (void)tuning;
  int64_t pixels = (int64_t)operation->input.height * operation->input.width;
  return cupel_scale_plan_uniform(packed, operation, 255 * pixels);
}

/// A sum for each channel.
static int64_t scratch(const cupel_packed *packed, int32_t images) {
  (void)images;
  return cupel_rounded_up((int64_t)packed->input.channels * 4, 64);
}

static void run(const cupel_packed *packed, const cupel_job *job) {
  if (job->part > 0) return;
  int64_t channels = packed->input.channels;
  int64_t pixels = (int64_t)packed->input.height * packed->input.width;
  int32_t *sums = (int32_t *)job->scratch;
  uint32_t zeros = (uint32_t)pixels * (uint32_t)packed->input_zero_point;
  for (int32_t image = 0; image < job->images; image++) {
    const int8_t *input = job->input + image * job->image_stride;
    int8_t *output = job->output + image * job->image_stride;
    __builtin_memset(sums, 0, (size_t)channels * 4);
    packed->kernels->accumulate(input, pixels, channels, channels, sums);
    for (int64_t channel = 0; channel < channels; channel++) {
      int32_t sum = (int32_t)((uint32_t)sums[channel] - zeros);
      output[channel] = cupel_scaled_value(&packed->scale, sum, 0);
    }
  }
}

const cupel_driver cupel_mean = {
    .plan = plan, .pack = cupel_scale_pack_uniform, .scratch = scratch, .run = run};
