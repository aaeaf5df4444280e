#!/usr/bin/env bash
# Checks the format of all sources and runs clang-tidy on those that build/develop compiles, or on the files that are named.
set -euo pipefail
cd "$(dirname "$0")/.."

git ls-files '*.h' '*.cpp' '*.cu' | xargs clang-format --dry-run --Werror

cmake --preset develop >/dev/null
files=("$@")
[ ${#files[@]} -gt 0 ] || mapfile -t files < <(git ls-files '*.cpp' ':!data/image/image_io_opencv.cpp' |
  grep -Fxf <(sed -n "s|.*\"file\": \"$PWD/\(.*\)\".*|\1|p" build/develop/compile_commands.json))
# g++'s own flags are none of clang-tidy's business.
printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 1 clang-tidy -p build/develop --quiet --extra-arg=-Wno-unknown-warning-option \
  --extra-arg=-Wno-ignored-optimization-argument
