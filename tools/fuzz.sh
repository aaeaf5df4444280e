#!/usr/bin/env bash
# Attacks the readers of files and command lines with libFuzzer, AddressSanitizer and UBSan, for MINUTES in all:
#
#     tools/fuzz.sh MINUTES [TARGET ...]      targets: the folders of tests/fuzz/corpus
#
# New inputs that reach new code gather in build/fuzz/found/TARGET and are begun with the next time; an input that shows
# a fault is kept in build/fuzz/faults, and the exit code is then 1. Needs clang (Debian: clang libclang-rt-14-dev).
set -euo pipefail
cd "$(dirname "$0")/.."

minutes=${1:?"how many minutes? tools/fuzz.sh MINUTES [TARGET ...]"}
shift
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(ls tests/fuzz/corpus)

flags="-O1 -gline-tables-only -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined"
cmake -S . -B build/fuzz -G Ninja -DCMAKE_C_COMPILER="${CC:-clang}" -DCMAKE_CXX_COMPILER="${CXX:-clang++}" \
  -DCMAKE_BUILD_TYPE=RelWithDebInfo "-DCMAKE_CXX_FLAGS=$flags" -DMANUL_CUDA=OFF -DMANUL_TESTS=ON >/dev/null
cmake --build build/fuzz --target manul_fuzzer

mkdir -p build/fuzz/faults
seconds=$((minutes * 60 / ${#targets[@]}))
result=0
for target in "${targets[@]}"; do
  mkdir -p "build/fuzz/found/$target"
  echo "$target: $seconds s"
  MANUL_FUZZ_TARGET=$target build/fuzz/tests/fuzz/fuzzer "build/fuzz/found/$target" "tests/fuzz/corpus/$target" \
    -artifact_prefix="build/fuzz/faults/$target-" -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=2048 \
    -print_final_stats=1 >"build/fuzz/$target.log" 2>&1 || result=1
  grep -E "ERROR|SUMMARY|runtime error|number_of_executed_units|peak_rss_mb" "build/fuzz/$target.log" || true
  grep -E "cov: [0-9]+" "build/fuzz/$target.log" | tail -n 1 || true
done
exit $result
