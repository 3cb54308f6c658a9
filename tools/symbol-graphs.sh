#!/bin/sh
# Extracts the symbol graph of every module of the library from a build that is there: what is
# public, with its documentation comment.
#
# usage: tools/symbol-graphs.sh OUTPUT_FOLDER [BUILD_FOLDER]     (default: .build/release)
set -eu

output=$(realpath -m "$1")
build=$(realpath -m "${2:-$(dirname "$0")/../.build/release}")
cd "$(dirname "$0")/.."
# Targets that no library product offers.
inner="CupelCommand CupelOnnxSchema CupelTFLiteSchema"

fail() {
  echo "symbol-graphs: $*" >&2
  exit 1
}

swiftc=$(command -v swiftc) || fail "no swiftc on the path"
information=$("$swiftc" -print-target-info)
triple=$(echo "$information" | sed -n 's/.*"triple": *"\(.*\)".*/\1/p' | head -n 1)
# swiftc may be a link or a proxy; the toolchain itself knows where its other tools stand.
resources=$(echo "$information" | sed -n 's/.*"runtimeResourcePath": *"\(.*\)".*/\1/p')
extract=$resources/../../bin/swift-symbolgraph-extract
[ -x "$extract" ] || fail "the Swift toolchain at $resources has no swift-symbolgraph-extract"

set -- -I "$build/Modules" -target "$triple" -minimum-access-level public \
  -skip-synthesized-members -skip-protocol-implementations -output-dir "$output"
for map in "$build"/*.build/module.modulemap; do
  set -- "$@" -Xcc "-fmodule-map-file=$map"
done
rm -rf "$output"
mkdir -p "$output"
for folder in Sources/*/; do
  # A folder is named after its subject; the module has the package's name before it.
  subject=$(basename "$folder")
  module=Cupel${subject#Cupel}
  case " $inner " in *" $module "*) continue ;; esac
  # C targets have no Swift module.
  [ -n "$(find "$folder" -name '*.swift')" ] || continue
  [ -e "$build/Modules/$module.swiftmodule" ] || fail "$build has no module $module: make build"
  "$extract" -module-name "$module" "$@" || fail "$module: its symbols cannot be extracted"
done
