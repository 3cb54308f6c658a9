#!/bin/sh
# Compiles the integer core with Embedded Swift for Cortex-M4 and proves that it needs no heap and
# no floating point: everything the core defines is linked, with nothing to link against but the
# memory functions that every firmware has, so that any other need is an undefined symbol. It does so
# twice, the second time without what devices may leave out (docs/firmware.md). Needs nothing
# but the Swift toolchain.
#
# usage: tools/embedded-check.sh [BUILD_FOLDER]     (default: .build/embedded)
set -eu

cd "$(dirname "$0")/.."
build=${1:-.build/embedded}
# In the order in which they depend on each other.
modules="CupelFixedPoint CupelModelFormat CupelIntegerOperators CupelIntegerRuntime"
target=armv7em-none-none-eabi
# What firmware supplies in a few lines. The heap (posix_memalign and free, which the standard
# library's own parts refer to) and the float helpers (__aeabi_fadd and its kin) are left out.
supplied="memcpy memmove memset memcmp
  __aeabi_memcpy __aeabi_memcpy4 __aeabi_memcpy8 __aeabi_memmove __aeabi_memmove4
  __aeabi_memmove8 __aeabi_memset __aeabi_memset4 __aeabi_memset8 __aeabi_memclr
  __aeabi_memclr4 __aeabi_memclr8"

fail() {
  echo "embedded-check: $*" >&2
  exit 1
}

swiftc=$(command -v swiftc) || fail "no swiftc on the path"
# swiftc may be a link or a proxy; the toolchain itself knows where its other tools stand.
resources=$("$swiftc" -print-target-info | sed -n 's/.*"runtimeResourcePath": *"\(.*\)".*/\1/p')
tools=$resources/../../bin
for tool in clang llvm-nm ld.lld; do
  [ -x "$tools/$tool" ] || fail "the Swift toolchain at $tools has no $tool"
done

# Compiles and links: the folder for what is built, further options of the compiler.
check() {
  build=$1
  shift
  rm -rf "$build"
  flags="-target $target -enable-experimental-feature Embedded -swift-version 6 -wmo
    -parse-as-library -O -package-name cupel -warnings-as-errors
    -Xcc -mcpu=cortex-m4 -Xcc -mfloat-abi=soft -Xcc -ffreestanding -Xcc -fshort-enums
    -Xcc -fmodule-map-file=$build/kernels.modulemap
    -Xfrontend -function-sections -Xfrontend -disable-stack-protector $*"
  mkdir -p "$build"
  echo "module CCupelIntegerKernels {
    header \"$PWD/Sources/CIntegerKernels/include/CIntegerKernels.h\"
    export *
  }" >"$build/kernels.modulemap"
  objects=""
  pattern=""
  for module in $modules; do
    sources=$(find "Sources/${module#Cupel}" -name '*.swift' 2>/dev/null | sort)
    if [ -z "$sources" ]; then
      echo "embedded-check: $module has no sources"
      continue
    fi
    # The lists are words on purpose; no path in this package has a space.
    # shellcheck disable=SC2086
    "$swiftc" $flags -module-name "$module" -I "$build" \
      -emit-module -emit-module-path "$build/$module.swiftmodule" -c $sources \
      -o "$build/$module.o" || fail "$module does not compile for $target"
    objects="$objects $build/$module.o"
    # Mangled names in Embedded Swift: $e, the module's length, the module.
    pattern="$pattern|${#module}$module"
  done
  [ -n "$objects" ] || fail "nothing to compile"
  swift_objects=$objects
  # The kernels for Cortex-M; the others are for the workstation.
  for source in Sources/CIntegerKernels/direct*.c; do
    object=$build/$(basename "$source" .c).o
    "$tools/clang" --target=thumbv7em-none-eabi -mcpu=cortex-m4 -mfloat-abi=soft -std=c17 -O2 \
      -ffreestanding -ffunction-sections -fshort-enums -Wall -Wextra -Werror \
      -ISources/CIntegerKernels/include -c "$source" -o "$object" ||
      fail "$source does not compile for $target"
    objects="$objects $object"
  done

  # Every global function of our own is a root; the standard library's parts come in only if needed.
  # shellcheck disable=SC2086
  "$tools/llvm-nm" --defined-only --extern-only --format=just-symbols $swift_objects |
    grep -E "^[$]e(${pattern#|})" | sort -u >"$build/roots" || fail "no function came out"
  {
    sed 's/.*/--undefined=&/' "$build/roots"
    for name in $supplied; do echo "--defsym=$name=0"; done
  } >"$build/link"
  # shellcheck disable=SC2086
  if ! "$tools/ld.lld" -m armelf --entry=0 --gc-sections --error-limit=0 "@$build/link" $objects \
    -o "$build/core.elf" 2>"$build/errors"; then
    cat "$build/errors" >&2
    fail "the integer core needs what firmware does not have
    heap: posix_memalign, free; floating point: __aeabi_f*, __aeabi_d*, __aeabi_*2f, __aeabi_*2d
    division in 64 bits: __aeabi_ldivmod, __aeabi_uldivmod"
  fi
  echo "embedded-check: $(wc -l <"$build/roots") functions of$(printf ' %s' $swift_objects |
    sed "s|$build/||g; s|\.o||g") linked for $target; no heap, no floating point"
}

check "$build"
check "$build/device" -D CUPEL_DEVICE_ARITHMETIC -D CUPEL_WITHOUT_NEWER_OPERATORS
