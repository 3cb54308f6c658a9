#!/bin/sh
# How many files of Sources name an operator, fast kernels apart: an operator that every format has
# takes at most eight, and a name that spreads further has left its room.
set -eu
cd "$(dirname "$0")/.."
failed=0
for name in 'concat' 'sigmoid|logistic' 'hard.?swish' 'leaky' 'transpose.?conv'; do
  files=$(grep -rliE "$name" Sources | grep -v '^Sources/CIntegerKernels/')
  count=$(echo "$files" | wc -l)
  echo "$name: $count files"
  if [ "$count" -gt 8 ]; then
    echo "$files" >&2
    failed=1
  fi
done
exit $failed
