#!/bin/sh
# The engine's, the pool's, the float executor's, the search's and the baselines' tests under
# ThreadSanitizer.
# Builds apart from the ordinary ones.
set -eu
cd "$(dirname "$0")/.."
swift=${SWIFT:-swift}
suites='HostRuntimeTests|ParallelTests|ProgressReporterTests|FloatExecutorTests|DifferentiationTests'
suites="$suites|TriggerScanTests|DifferentialLossTests|DetectionAuditTests|KnownTriggerAuditTests"
suites="$suites|TriggerSearchTests|CancellationTests|BaselineTests"
filter=${1:-$suites}
TSAN_OPTIONS="halt_on_error=1 ${TSAN_OPTIONS:-}" "$swift" test -c release \
  --disable-testable-imports --scratch-path .build/tsan --sanitize=thread --filter "$filter"
