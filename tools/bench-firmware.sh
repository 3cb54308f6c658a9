#!/bin/sh
# Runs specimens on every simulated board and writes what `cupel run --on` tells of each: outputs
# that differ, instructions, flash, RAM. Four models on 100 images, the others on 5. A folder with
# .tflite files, if one is given, adds those of them that can be compiled, on random images.
#
# CIFAR-10's binary files are looked for in cifar10/ of the folder that CUPEL_DATA names; without
# them its specimens are left out.
#
# usage: tools/bench-firmware.sh [OUTPUT.json [FOLDER]]   (default: out/firmware.json)
set -eu

cd "$(dirname "$0")/.."
output=${1:-out/firmware.json}
cupel=.build/release/cupel
folder=out/firmware
rm -rf "$folder"
mkdir -p "$folder" "$(dirname "$output")"

# One row for each board: model, images, where they are unless it is known.
measure() {
  for processor in cortex-m3 cortex-m4 cortex-m7 cortex-m55; do
    row=$folder/$(basename "$1" .cupel)-$processor.json
    "$cupel" run "$1" --on "$processor" --limit "$2" ${3:+--data "$3"} --quiet --json "$row" \
      >/dev/null
    echo "$row"
  done
}

rows=""
for name in pq-w8a8 quanti-w4a4; do
  model=models/resnet8-fmnist-$name.onnx
  scheme=${name##*-}
  "$cupel" compile "$model" --scheme "$scheme" --catalogue models/catalogue.json --quiet -o "$folder/$name-nearest.cupel"
  "$cupel" purify "$model" --scheme "$scheme" --catalogue models/catalogue.json --quiet -o "$folder/$name-purified.cupel"
  rows="$rows $(measure "$folder/$name-nearest.cupel" 100)"
  rows="$rows $(measure "$folder/$name-purified.cupel" 100)"
done
for model in models/*.onnx; do
  name=$(basename "$model" .onnx)
  case $name in
    *-w4a4) scheme=w4a4 ;;
    *) scheme=w8a8 ;;
  esac
  images=
  case $name in
    *-cifar10-*)
      images=${CUPEL_DATA:-}/cifar10
      if [ ! -e "$images/test_batch.bin" ]; then
        echo "no CIFAR-10 files in CUPEL_DATA: $name is left out" >&2
        continue
      fi
      ;;
  esac
  for own in $scheme w4a8; do
    "$cupel" compile "$model" --scheme "$own" ${images:+--data "$images"} --quiet \
      -o "$folder/$name-$own.cupel"
    rows="$rows $(measure "$folder/$name-$own.cupel" 5 "$images")"
  done
done
# The part of `inspect`'s JSON about the board, as a row.
inspected() {
  row=$folder/$(basename "$1" .cupel)-$2.json
  "$cupel" inspect "$1" --board "$2" --json "$row.all" >/dev/null
  awk -v model="$(basename "$1")" '
    /^  "device" : {/ { inside = 1; print "{\n  \"model\" : \"" model "\","; next }
    inside && /^  }/ { print "}"; exit }
    inside' "$row.all" >"$row"
  # A model that has no room on the board has no row.
  [ ! -s "$row" ] || echo "$row"
}

if [ $# -gt 1 ]; then
  for model in "$2"/*.tflite; do
    compiled=$folder/$(basename "$model" .tflite).cupel
    "$cupel" compile "$model" --quiet -o "$compiled" 2>/dev/null || continue
    for board in an385 an386 an500 an547; do rows="$rows $(inspected "$compiled" $board)"; done
  done
fi

{
  echo "["
  separator=""
  for row in $rows; do
    printf '%s' "$separator"
    cat "$row"
    separator=","
  done
  echo "]"
} >"$output"
grep -c '"mismatches" : 0' "$output" | sed "s|\$| rows of $(echo $rows | wc -w) without a mismatch in $output|"
