#!/usr/bin/env bash
# Installs through apt what Cupel needs from Debian and is not there yet, and the packages named as
# arguments.
set -euo pipefail

packages=(libblis-dev dataset-fashion-mnist zlib1g-dev libpng-dev libjpeg-dev qemu-system-arm openssl "$@")

if ! command -v swift >/dev/null; then
  echo "Cupel needs the Swift 6.3 toolchain (https://www.swift.org/install/linux)." >&2
  exit 1
fi
if ! command -v dpkg-query >/dev/null; then
  echo "Not a Debian system: please install what these packages hold: ${packages[*]}" >&2
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

command="apt-get install -y --no-install-recommends ${missing[*]}"
if [ "$(id -u)" -ne 0 ]; then
  echo "Cupel needs Debian packages that are missing here. Please have them installed:" >&2
  echo "  sudo apt-get update && sudo $command" >&2
  exit 1
fi
echo "Installing from Debian: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
$command
