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
  FuzzCupel)
    "$swift" run -c release cupel compile models/resnet8-fmnist-clean-a.onnx \
      --catalogue models/catalogue.json --scheme w4a4 \
      --calibration 16 --quiet -o "$corpus/seed.cupel" ;;
  FuzzModel)
    cp -n Tests/ModelImportTests/Golden/*.onnx Tests/ModelImportTests/Golden/tflite/*.tflite \
      "$corpus" ;;
  FuzzArrays)
    python3 - "$corpus" <<'END'
import base64, json, pathlib, sys
golden = json.loads(pathlib.Path("Tests/DatasetsTests/Golden/numpy.json").read_text())
seeds = [file["bytes"] for file in golden["files"]] + [golden["stored"], golden["deflated"]]
for index, seed in enumerate(seeds):
    pathlib.Path(sys.argv[1], f"seed-{index}").write_bytes(base64.b64decode(seed))
END
    ;;
esac
cd .build/fuzz
ASAN_OPTIONS=detect_leaks=0 build/release/"$target" -max_total_time="$seconds" -timeout=5 \
  -rss_limit_mb=2048 "corpus/$target"
