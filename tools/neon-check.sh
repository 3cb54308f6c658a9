#!/bin/sh
# Compiles the kernels for AArch64 and compares the NEON ones with the plain C ones, under qemu-user
# where it is installed (Debian's qemu-user or qemu-user-static).
set -eu
cd "$(dirname "$0")/.."
build=${1:-.build/neon}
mkdir -p "$build"
clang --target=aarch64-linux-gnu -ffreestanding -fno-builtin -nostdlib -static -fuse-ld=lld \
  -fno-stack-protector -mno-outline-atomics -O2 -Wall -Wextra -Werror \
  -I Sources/CIntegerKernels/include Sources/CIntegerKernels/*.c tools/neon-check.c \
  -o "$build/neon-check"
for runner in qemu-aarch64 qemu-aarch64-static; do
  if command -v "$runner" >/dev/null; then exec "$runner" -cpu max "$build/neon-check"; fi
done
if [ "$(uname -m)" = aarch64 ]; then exec "$build/neon-check"; fi
echo "neon-check: compiled, not run: no qemu-aarch64 on the path"
