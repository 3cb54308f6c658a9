#!/bin/sh
# Runs the tests, and ends with a list of those that were skipped, and why. Fails where a test fails,
# and where one is skipped without a reason.
#
# usage: tools/test.sh [ARGUMENT_OF_SWIFT_TEST ...]
set -u
cd "$(dirname "$0")/.."
events=$(mktemp)
trap 'rm -f "$events"' EXIT

"${SWIFT:-swift}" test -c release --disable-testable-imports \
  --event-stream-output-path "$events" "$@"
status=$?
# What does not compile skips nothing.
[ -s "$events" ] || exit $status

# A line of the stream is an event in JSON, and a suite's skip comes once more for each of its tests:
#   … "kind":"testSkipped","messages":[{"symbol":"skip","text":"Test a() skipped: \"why\""}],
#   "testID":"Target.Suite\/a()\/File.swift:1:2" …
awk '
  /"kind":"testSkipped"/ && /"text":"Test / {
    suite = $0
    sub(/.*"testID":"/, "", suite)
    sub(/\\\/.*/, "", suite)
    reason = "no reason is given"
    if (match($0, / skipped: \\".*\\""}/)) {
      reason = substr($0, RSTART + 12, RLENGTH - 16)
      gsub(/\\\//, "/", reason)
    } else {
      unexplained = 1
    }
    total[reason]++
    if (!count[reason, suite]++) suites[reason] = suites[reason] " " suite
  }
  END {
    for (reason in total) {
      if (!found++) print "Skipped:"
      print "  " total[reason] (total[reason] == 1 ? " test: " : " tests: ") reason
      n = split(suites[reason], names, " ")
      for (i = 1; i <= n; i++) print "    " names[i] " " count[reason, names[i]]
    }
    if (!found) print "Nothing was skipped."
    exit unexplained
  }' "$events" || { echo "test: a test is skipped without a reason" >&2; exit 1; }
exit $status
