#!/bin/sh
# Builds CMSIS-NN's convolutions from a checkout (https://github.com/ARM-software/CMSIS-NN) and counts
# the instructions that they take for the layers of the ResNet-8 specimens, on the same simulated
# boards and with the same counter as Cupel. Nothing of the checkout is kept but what is built.
#
# usage: tools/peers/cmsis-nn/count.sh CHECKOUT [OUTPUT.json]   (default: out/cmsis-nn.json)
set -eu

cd "$(dirname "$0")/../../.."
checkout=$(cd "${1:?the folder of a CMSIS-NN checkout}" && pwd)
output=${2:-out/cmsis-nn.json}
build=.build/peers/cmsis-nn
here=tools/peers/cmsis-nn
firmware=firmware-sim
firmware-sim/build.sh an386

resources=$(swiftc -print-target-info | sed -n 's/.*"runtimeResourcePath": *"\(.*\)".*/\1/p')
tools=$resources/../../bin
rm -rf "$build"
mkdir -p "$build" "$(dirname "$output")"
sources="$(ls "$checkout"/Source/ConvolutionFunctions/*s8*.c "$checkout"/Source/NNSupportFunctions/*s8*.c |
  grep -v s4)"

# Builds and counts for one board: name, processor, float ABI, clang's target, memory, machine.
count() {
  folder=$build/$1
  mkdir -p "$folder"
  flags="--target=$4 -mcpu=$2 -mfloat-abi=$3 -std=c17 -ffunction-sections -fshort-enums
    -I$firmware/support/include"
  # Lists are words on purpose. The memory functions that CMSIS-NN loads words with are to become
  # loads; its headers are read as a system's, so that their warnings are not ours.
  # shellcheck disable=SC2086
  for source in $sources $here/layers.c; do
    "$tools/clang" $flags -O3 -w -I$here/include -isystem "$checkout/Include" -c "$source" \
      -o "$folder/$(basename "$source" .c).o"
  done
  # shellcheck disable=SC2086
  for source in "$firmware"/support/*.c; do
    "$tools/clang" $flags -O2 -ffreestanding -c "$source" -o "$folder/$(basename "$source" .c).o"
  done
  "$tools/ld.lld" -m armelf -L $firmware/boards -T "$firmware/boards/$5.ld" --gc-sections \
    "$folder"/*.o -o "$folder/layers.elf"
  qemu-system-arm -M "$6" -nodefaults -display none -kernel "$folder/layers.elf" \
    -semihosting-config enable=on,target=native \
    -plugin ".build/firmware/instructions.so,mark=0x80,out=$folder/counts" 2>/dev/null
  # Every second number lies between the two marks of a layer.
  od -An -v -w16 -tu8 "$folder/counts" | awk '{ print $2 }' >"$folder/layers.txt"
}

count an386 cortex-m4 soft thumbv7em-none-eabi mps2 mps2-an386
count an547 cortex-m55 hard thumbv8.1m.main-none-eabihf mps3 mps3-an547
{
  echo "["
  separator=""
  for board in an386 an547; do
    paste -sd ' ' "$build/$board/layers.txt" | awk -v board="$board" -v separator="$separator" '{
      sum = 0
      list = ""
      for (i = 1; i <= NF; i++) { sum += $i; list = list (i > 1 ? ", " : "") $i }
      printf "%s  {\"board\": \"%s\", \"model\": \"resnet8\", \"kernels\": \"cmsis-nn\", ", separator, board
      printf "\"instructions\": %d, \"layers\": [%s]}", sum, list
    }'
    separator=",
"
  done
  echo
  echo "]"
} >"$output"
cat "$output"
