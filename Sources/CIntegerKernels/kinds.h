/// Kinds of operations: how each is planned, packed and run. Each has a file of its own.
#ifndef CUPEL_KINDS_H
#define CUPEL_KINDS_H

#include "kernels.h"

/// A run's tensors.
typedef struct {
  const int8_t *input, *second;
  int8_t *output;
  int64_t image_stride;
  int32_t images;
  int32_t part, parts;
  uint8_t *scratch;
  /// The addition to run on what has been written, if any.
  const cupel_packed *addition;
  const int8_t *shortcut;
  int32_t shortcut_first;
  int8_t *sum;
} cupel_job;

/// Runs the job's addition, if it has one, on `count` values, `offset` bytes from the first
/// image's first.
static inline void cupel_job_add(const cupel_job *job, int64_t offset, int64_t count) {
  if (job->addition == 0) return;
  const int8_t *shortcut = job->shortcut + offset, *own = job->output + offset;
  job->addition->kernels->add(
      job->addition, job->shortcut_first ? shortcut : own, job->shortcut_first ? own : shortcut,
      count, job->sum + offset);
}

typedef struct {
  /// Fills in what the kind needs beyond what every operation has. Bytes behind the head, -1 where
  /// no kernel serves the operation; null where there are none.
  int64_t (*plan)(
      const cupel_operation *operation, cupel_tuning tuning, cupel_packed *packed);
  /// Fills in those bytes, which are zero.
  void (*pack)(const cupel_operation *operation, cupel_packed *packed, uint8_t *memory);
  /// Bytes of scratch of a part; null where it takes none.
  int64_t (*scratch)(const cupel_packed *packed, int32_t images);
  /// What an image of `values` output values takes, in the time that scaling one takes; null where
  /// a run is never split.
  int64_t (*work)(const cupel_packed *packed, int64_t values);
  /// Runs the job's part.
  void (*run)(const cupel_packed *packed, const cupel_job *job);
} cupel_driver;

extern const cupel_driver cupel_convolution, cupel_depthwise, cupel_addition, cupel_average_pool,
    cupel_max_pool, cupel_mean, cupel_requantization;

/// A convolution's run, whose plan and packing are in a file of their own.
void cupel_convolution_run(const cupel_packed *packed, const cupel_job *job);

#endif
