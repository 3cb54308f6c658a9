#!/bin/sh
# The kernels' and the engine's tests under AddressSanitizer and UndefinedBehaviorSanitizer, at every
# level that the machine has: memory checks in all of it, undefined behaviour in the C kernels.
# Builds apart from the ordinary ones, and only what those tests need.
set -eu
cd "$(dirname "$0")/.."
swift=${SWIFT:-swift}
filter=${1:-'IntegerRuntimeTests|IntegerEngineTests|InstructionSetTests'}
ASAN_OPTIONS=detect_leaks=0 "$swift" test -c release --disable-testable-imports \
  --scratch-path .build/sanitize --sanitize=address \
  -Xcc -fsanitize=undefined -Xcc -fsanitize-trap=undefined \
  --filter "$filter"
