#!/bin/sh
# The engine's, the pool's, the float executor's, the search's and the baselines' tests under
# ThreadSanitizer.
# Builds apart from the ordinary ones.
set -eu
cd "$(dirname "$0")/.."
swift=${SWIFT:-swift}
suites='HostRuntimeTests|ParallelTests|ProgressReporterTests|FloatExecutorTests|DifferentiationTests'
suites="$suites|TriggerScanTests|DifferentialLossTests|DetectionAuditTests|KnownTriggerAuditTests"
# Whole searches are some forty times slower here: one by rectangles and one by gradients.
suites="$suites|TriggerSearchTests/decisiveFinding|TriggerSearchTests/boundBeyondReach"
suites="$suites|CancellationTests|BaselineTests"
filter=${1:-$suites}
# Every report is shown; one is enough to fail.
CUPEL_MUTANTS=${CUPEL_MUTANTS:-20} \
  TSAN_OPTIONS="suppressions=$PWD/tools/thread-sanitizer.supp ${TSAN_OPTIONS:-}" "$swift" test -c release \
  --disable-testable-imports --scratch-path .build/tsan --sanitize=thread --filter "$filter"
