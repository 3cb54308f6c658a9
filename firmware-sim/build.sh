#!/bin/sh
# Builds the firmware of the boards named, or of all, and the plugin that counts instructions, into
# .build/firmware. Needs nothing but the Swift toolchain; what is up to date is left alone. A board's
# name with `-device` behind it is its firmware without the arithmetics of single runtimes and the
# operators of format version 1.4, which is what most products want; the boards have them, since an
# audit asks a board for every profile and model.
#
# usage: firmware-sim/build.sh [an385|an386|an500|an547|an386-device|...]...
set -eu

cd "$(dirname "$0")/.."
build=.build/firmware
# The integer core, in the order in which its modules depend on each other.
modules="CupelFixedPoint CupelModelFormat CupelIntegerOperators CupelIntegerRuntime"
here=firmware-sim

fail() {
  echo "firmware: $*" >&2
  exit 1
}

swiftc=$(command -v swiftc) || fail "no swiftc on the path"
# swiftc may be a link or a proxy; the toolchain itself knows where its other tools stand.
resources=$("$swiftc" -print-target-info | sed -n 's/.*"runtimeResourcePath": *"\(.*\)".*/\1/p')
tools=$resources/../../bin
for tool in clang ld.lld; do
  [ -x "$tools/$tool" ] || fail "the Swift toolchain at $tools has no $tool"
done

# Whether file $1 is there and no source is newer.
is_current() {
  [ -f "$1" ] && [ -z "$(find $here Sources/CIntegerKernels $(for module in $modules; do
    echo "Sources/${module#Cupel}"; done) -type f -newer "$1" | head -n 1)" ]
}

# Compiles and links one firmware, named by $image: processor, float ABI, clang's target, memory.
build_board() {
  board=$image cpu=$1 float=$2 target=$3 memory=$4
  is_current "$build/$board.elf" && return
  folder=$build/$board
  rm -rf "$folder"
  mkdir -p "$folder"
  # Lists are words on purpose; no path in this package has a space.
  swift_flags="-target armv7em-none-none-eabi -enable-experimental-feature Embedded
    -swift-version 6 -wmo -parse-as-library -O -package-name cupel -warnings-as-errors
    -Xcc -mcpu=$cpu -Xcc -mfloat-abi=$float -Xcc -ffreestanding -Xcc -fshort-enums
    -Xcc -fmodule-map-file=$build/kernels.modulemap
    -Xfrontend -function-sections -Xfrontend -disable-stack-protector"
  case $board in *-device) swift_flags="$swift_flags -D CUPEL_DEVICE_ARITHMETIC
    -D CUPEL_WITHOUT_NEWER_OPERATORS" ;; esac
  for module in $modules; do
    # shellcheck disable=SC2086
    "$swiftc" $swift_flags -module-name "$module" -I "$folder" -emit-module \
      -emit-module-path "$folder/$module.swiftmodule" -c $(find "Sources/${module#Cupel}" -name "*.swift" | sort) \
      -o "$folder/$module.o" || fail "$module does not compile for $board"
  done
  # shellcheck disable=SC2086
  "$swiftc" $swift_flags -module-name Firmware -I "$folder" -I $here/support/include \
    -c $here/Sources/*.swift -o "$folder/Firmware.o" || fail "the program does not compile"
  for source in $here/support/*.c Sources/CIntegerKernels/direct*.c; do
    "$tools/clang" --target="$target" -mcpu="$cpu" -mfloat-abi="$float" -std=c17 -Os \
      -ffreestanding -fno-builtin -ffunction-sections -fdata-sections -fshort-enums \
      -Wall -Wextra -Werror -I $here/support/include -ISources/CIntegerKernels/include \
      -c "$source" -o "$folder/$(basename "$source" .c).o" || fail "$source does not compile"
  done
  # There is no heap to link against: a use of it is an undefined symbol.
  "$tools/ld.lld" -m armelf -L $here/boards -T $here/boards/"$memory".ld --gc-sections \
    -Map="$folder/firmware.map" "$folder"/*.o -o "$build/$board.elf" ||
    fail "$board does not link; posix_memalign and free mean that something uses the heap"
  echo "firmware: $build/$board.elf"
}

mkdir -p $build
echo "module CCupelIntegerKernels {
  header \"$PWD/Sources/CIntegerKernels/include/CIntegerKernels.h\"
  export *
}" >$build/kernels.modulemap
plugin=$build/instructions.so
is_current $plugin || "$tools/clang" -O2 -Wall -Wextra -Werror -fvisibility=hidden -fPIC -shared \
  $here/plugin/instructions.c -o $plugin || fail "the plugin does not compile"

[ $# -gt 0 ] || set -- an385 an386 an500 an547
for image in "$@"; do
  case ${image%-device} in
    an385) build_board cortex-m3 soft thumbv7m-none-eabi mps2 ;;
    an386) build_board cortex-m4 soft thumbv7em-none-eabi mps2 ;;
    an500) build_board cortex-m7 soft thumbv7em-none-eabi mps2 ;;
    an547) build_board cortex-m55 hard thumbv8.1m.main-none-eabihf mps3 ;;
    *) fail "no board is called $image" ;;
  esac
done
