#!/usr/bin/env bash
# Attacks the readers of files and command lines with libFuzzer, AddressSanitizer and UBSan, for MINUTES in all:
#
#     tools/fuzz.sh [--instrumented-libraries] MINUTES [TARGET ...]      targets: the folders of tests/fuzz/corpus
#     tools/fuzz.sh --coverage [TARGET ...]
#
# New inputs that reach new code gather in build/fuzz/found/TARGET and are begun with the next time; an input that shows
# a fault is kept in build/fuzz/faults, and the exit code is then 1. Needs clang (Debian: clang libclang-rt-14-dev).
# --instrumented-libraries: those that decode pictures and unpack archives are built likewise (tools/fuzz_libraries.sh).
# --coverage runs what was found once more, and says how much of the readers it reaches (Debian: llvm).
set -euo pipefail
cd "$(dirname "$0")/.."

coverage=
while [[ ${1:-} == --* ]]; do
  case $1 in
    --instrumented-libraries)
      [ -e build/fuzz/libraries/built ] || tools/fuzz_libraries.sh build/fuzz/libraries
      export LD_LIBRARY_PATH=$PWD/build/fuzz/libraries/lib ;;
    --coverage) coverage=yes ;;
    *) echo "tools/fuzz.sh: $1 is no option" >&2; exit 2 ;;
  esac
  shift
done
if [ -z "$coverage" ]; then
  minutes=${1:?"how many minutes? tools/fuzz.sh MINUTES [TARGET ...]"}
  shift
fi
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(ls tests/fuzz/corpus)

flags="-O1 -gline-tables-only -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined"
cmake -S . -B build/fuzz -G Ninja -DCMAKE_C_COMPILER="${CC:-clang}" -DCMAKE_CXX_COMPILER="${CXX:-clang++}" \
  -DCMAKE_BUILD_TYPE=RelWithDebInfo "-DCMAKE_CXX_FLAGS=$flags" -DMANUL_CUDA=OFF -DMANUL_TESTS=ON \
  -DCMAKE_UNITY_BUILD=ON >/dev/null
cmake --build build/fuzz --target manul_fuzzer

mkdir -p build/fuzz/faults
# fuzz TARGET [OPTION OF LIBFUZZER ...]; libFuzzer 14 dies of the names of functions in modules loaded late (-print_funcs).
fuzz() {
  local target=$1
  shift
  mkdir -p "build/fuzz/found/$target"
  MANUL_FUZZ_TARGET=$target build/fuzz/tests/fuzzer "build/fuzz/found/$target" "tests/fuzz/corpus/$target" \
    -artifact_prefix="build/fuzz/faults/$target-" -max_len=65536 -timeout=10 -rss_limit_mb=2048 -print_funcs=0 "$@"
}

# The functions that a target has entered, with the share of their branches that it took: of the readers' sources.
if [ -n "$coverage" ]; then
  for target in "${targets[@]}"; do
    fuzz "$target" -runs=0 -print_coverage=1 2>&1 |
      sed -nE "s#^(UN)?COVERED_FUNC: .*edges: ([0-9]+)/([0-9]+) .* $PWD/((data|models|framework|tools|layers)/[^: ]+).*#\2 \3 \4#p" |
      awk -v target="$target" '
        { taken[$3] += $1; all[$3] += $2 }
        END { for (file in taken) if (taken[file] > 0)
                printf "%s %s: %d of %d edges, %.0f %%\n", target, file, taken[file], all[file], 100 * taken[file] / all[file] }' |
      sort
  done
  exit
fi

seconds=$((minutes * 60 / ${#targets[@]}))
result=0
for target in "${targets[@]}"; do
  echo "$target: $seconds s"
  fuzz "$target" -max_total_time="$seconds" -print_final_stats=1 >"build/fuzz/$target.log" 2>&1 || result=1
  grep -E "ERROR|SUMMARY|runtime error|number_of_executed_units|peak_rss_mb" "build/fuzz/$target.log" || true
  grep -E "cov: [0-9]+" "build/fuzz/$target.log" | tail -n 1 || true
done
exit $result
