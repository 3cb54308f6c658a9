#!/bin/sh
# Builds the documentation of every module that has a catalogue, from a build that is there, into a
# folder for each. A warning is an error.
#
# usage: tools/documentation.sh [OUTPUT_FOLDER] [BUILD_FOLDER]   (default: out/docs .build/release)
set -eu
cd "$(dirname "$0")/.."
output=${1:-out/docs}
build=${2:-.build/release}
graphs=$(mktemp -d)
trap 'rm -rf "$graphs"' EXIT

swiftc=$(command -v swiftc) || { echo "documentation: no swiftc on the path" >&2; exit 1; }
resources=$("$swiftc" -print-target-info | sed -n 's/.*"runtimeResourcePath": *"\(.*\)".*/\1/p')
docc=$resources/../../bin/docc
[ -x "$docc" ] || { echo "documentation: the Swift toolchain has no docc" >&2; exit 1; }

tools/symbol-graphs.sh "$graphs/all" "$build"
rm -rf "$output"
mkdir -p "$output"
for catalogue in Sources/*/*.docc; do
  module=$(basename "$catalogue" .docc)
  mkdir "$graphs/$module"
  # A module's own symbols, and those that it adds to other modules' types.
  cp "$graphs/all/$module.symbols.json" "$graphs/$module"
  for extension in "$graphs/all/$module@"*.symbols.json; do
    if [ -e "$extension" ]; then cp "$extension" "$graphs/$module"; fi
  done
  "$docc" convert "$catalogue" --additional-symbol-graph-dir "$graphs/$module" \
    --fallback-display-name "$module" --fallback-bundle-identifier "cupel.$module" \
    --warnings-as-errors --output-dir "$output/$module"
done
