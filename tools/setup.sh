#!/usr/bin/env bash
# Installs the Debian or Ubuntu packages that are missing: those of the build, and with the argument "tests" those of
# the tests as well. Does nothing where all are there.
set -euo pipefail

packages=(g++ cmake make ninja-build ccache libfmt-dev nlohmann-json3-dev libjpeg-dev libpng-dev zlib1g-dev
  libcli11-dev libeigen3-dev libhdf5-dev libarchive-dev libopencv-imgcodecs-dev)
[ "${1:-}" = tests ] && packages+=(libgtest-dev libgmock-dev libbenchmark-dev hdf5-tools strace libopenmpi-dev openmpi-bin)

if ! command -v apt-get >/dev/null; then
  echo "setup: this is neither Debian nor Ubuntu; install what corresponds to: ${packages[*]}" >&2
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" = 0 ]; then
  as_root=(env)
elif command -v sudo >/dev/null; then
  as_root=(sudo env)
else
  echo "setup: these packages are missing, and installing them takes root or sudo. As root, run:" >&2
  echo "  apt-get update && apt-get install --no-install-recommends ${missing[*]}" >&2
  exit 1
fi

echo "== Installing ${missing[*]}"
"${as_root[@]}" apt-get update -q
"${as_root[@]}" DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
