#!/bin/sh
# Builds and runs every snippet and both example packages, a line each; fails if one fails.
#
# The examples are packages of their own that share the build folder, so that only their own sources
# are compiled after a build of Cupel. They run in a folder that is new each time.
#
# usage: tools/run-examples.sh
set -eu
cd "$(dirname "$0")/.."
swift=${SWIFT:-swift}
build=$PWD/.build
images=/usr/share/datasets/fashion-mnist
output=$(mktemp -d)
trap 'rm -rf "$output"' EXIT
failures=0

# Runs a program, shows the first lines that it prints, and holds its status and what it must say.
# usage: check NAME STATUS PATTERN COMMAND ...
check() {
  name=$1 status=$2 pattern=$3
  shift 3
  started=$(date +%s)
  found=0
  timeout 300 "$@" >"$output/lines" 2>&1 || found=$?
  if [ "$found" = "$status" ] && grep -q "$pattern" "$output/lines"; then
    echo "ok      $name, $(($(date +%s) - started)) s: $(paste -sd ' ' "$output/lines")"
  else
    echo "FAILED  $name: status $found, wanted $status and a line with '$pattern'" >&2
    tail -n 20 "$output/lines" >&2
    failures=$((failures + 1))
  fi
}

# Builds an example with the versions of other packages that Cupel itself is built with. What is to
# be built is planned anew, since the plan in the folder is another package's.
example() {
  if [ -e Package.resolved ]; then cp Package.resolved "Examples/$1/"; fi
  "$swift" build -c release --package-path "Examples/$1" --scratch-path "$build" \
    --disable-build-manifest-caching --product "$1"
}

# The images of an IDX file begin at its byte 16.
firmware_image() { zcat "$images/t10k-images-idx3-ubyte.gz" | tail -c +17 | head -c 784; }

"$swift" build -c release
for snippet in Snippets/*.swift; do
  name=$(basename "$snippet" .swift)
  check "$name" 0 . "$build/release/$name"
done

example AuditAndPurify
check AuditAndPurify 0 "to nearest: dormant-backdoor" "$build/release/AuditAndPurify" \
  models/resnet8-fmnist-pq-w8a8.onnx "$output"
example CoreOnly
firmware_image >"$output/image"
check CoreOnly 0 "class 9" sh -c '"$1" "$2" <"$3"' - "$build/release/CoreOnly" \
  models/resnet8-fmnist-qura-w4a8.cupel "$output/image"

exit "$((failures > 0))"
