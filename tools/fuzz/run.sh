#!/bin/sh
# Runs a libFuzzer target under AddressSanitizer for some seconds, from the tests' own files:
#   tools/fuzz/run.sh FuzzModel 600
# New inputs go to .build/fuzz/corpus/TARGET; what crashes is left in .build/fuzz.
set -eu
cd "$(dirname "$0")/../.."
swift=${SWIFT:-swift}
target=$1
seconds=${2:-60}
"$swift" build --package-path tools/fuzz --scratch-path .build/fuzz/build -c release \
  --product "$target" --sanitize=address -Xswiftc -sanitize=fuzzer -Xswiftc -use-ld=lld \
  -Xcc -fsanitize=fuzzer-no-link
corpus=.build/fuzz/corpus/$target
mkdir -p "$corpus"
case $target in
  FuzzCupel) cp -n Tests/*/Golden/*.cupel "$corpus" 2>/dev/null || true ;;
  FuzzModel) cp -n Tests/ModelImportTests/Golden/*.onnx Tests/ModelImportTests/Golden/tflite/*.tflite "$corpus" ;;
  FuzzArrays) find Tests -name '*.np[yz]' -exec cp -n {} "$corpus" \; ;;
esac
cd .build/fuzz
ASAN_OPTIONS=detect_leaks=0 build/release/"$target" -max_total_time="$seconds" -timeout=5 \
  -rss_limit_mb=2048 "corpus/$target"
