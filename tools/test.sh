#!/bin/sh
# Runs the tests, and ends with a list of those that were skipped, and why, and of those that failed.
# Fails where a test fails, and where one is skipped without a reason.
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
[ $status -ne 0 ] || exit 0

# The log is long, and what failed lies far above. Where the process ended in the middle of tests,
# those are named:
#   … "kind":"issueRecorded","messages":[{"symbol":"fail","text":"…"}, …],"testID":"…" …
awk '
  function identifier(line) {
    sub(/.*"testID":"/, "", line)
    sub(/".*/, "", line)
    gsub(/\\\//, "/", line)
    return line
  }
  /"kind":"testStarted"/ { begun[identifier($0)] = 1 }
  /"kind":"testEnded"/ { delete begun[identifier($0)] }
  /"kind":"runEnded"/ { ended = 1 }
  /"kind":"issueRecorded"/ {
    text = $0
    sub(/.*"messages":\[[^]]*"text":"/, "", text)
    sub(/"}.*/, "", text)
    test = identifier($0)
    if (!count[test]++) first[test] = substr(text, 1, 300)
  }
  END {
    print "Failed:"
    for (test in count) print "  " test ", " count[test] (count[test] == 1 ? " issue: " : " issues: ") first[test]
    if (!ended) for (test in begun) if (test ~ /\(/) print "  did not end: " test
  }' "$events"
exit $status
