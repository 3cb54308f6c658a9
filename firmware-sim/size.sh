#!/bin/sh
# Builds a firmware and prints how many bytes of it are the integer core (the order-taking program
# around it counted in), and how many of those belong to operators that a ResNet-8 has no use for.
#
# usage: firmware-sim/size.sh [FIRMWARE]   (default: an386-device; others as build.sh has them)
set -eu

cd "$(dirname "$0")/.."
firmware-sim/build.sh "${1:-an386-device}"
image=.build/firmware/${1:-an386-device}.elf
resources=$(swiftc -print-target-info | sed -n 's/.*"runtimeResourcePath": *"\(.*\)".*/\1/p')
# Address, size, kind and name of what is in flash, each address once: names may share one.
"$resources/../../bin/llvm-nm" --print-size --numeric-sort --radix=d "$image" |
  awk '$3 ~ /[tTrR]/ && $2 > 0 && !($1 in seen) { seen[$1] = 1; print $2 + 0, $4 }' |
  awk -v support='^(firmware_[^m]|prepare|start|vectors|mem|__aeabi)' \
    -v others='AveragePool|MaxPool|Slice|PadV|oncatenate|RequantizeV|checkPool|epthwise|widen|multiply_add|ClampV|Transpose|Subtract|subtract|Multiply|Softmax|Lookup|Broadcast|ReshapeV|ConstantV|checkElements|Function|SoftReal|FloatMultiplier|HardSwish|LeakyRelu|Logistic|Tangent|sigmoidal|eciprocal|xponential|logistic|BatchMatMul|Matrices|Gather|ResizeBilinear|Spacing' '
    { total += $1 }
    $2 ~ support { around += $1; next }
    $2 ~ others { unused += $1 }
    END {
      printf "program %d bytes: start-up, semihosting and memory functions %d, integer core %d\n",
        total, around, total - around
      printf "of the core, operators that a ResNet-8 has none of %d; with those it has %d (%.1f KiB)\n",
        unused, total - around - unused, (total - around - unused) / 1024
    }'
