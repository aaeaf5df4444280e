#!/usr/bin/env bash
# Everything that only a machine with an NVIDIA GPU can show, in one go: builds, runs the tests, compute-sanitizer over
# the tests of kernels, the benchmark, vector_add, mandelbrot and a training. Logs and a summary go to the output folder.
#
#   tools/gpu_check.sh [output folder]           all parts
#   PARTS="build tests bench" tools/gpu_check.sh  some of: build tests bench programs training sanitizer
#
# BUILD      build folder (build/gpu)
# SYSROOT    folder of libraries that the machine lacks, for CMAKE_PREFIX_PATH; SYSROOT.tar.gz is unpacked if there
# PICTURES   folder with training_set and test_set; without it the training draws its own cats and dogs
# SANITIZER_FILTER  which tests compute-sanitizer takes (--gtest_filter)
set -uo pipefail
cd "$(dirname "$0")/.."

output=$(realpath -m "${1:-build/gpu_check}")
build=${BUILD:-build/gpu}
sysroot=${SYSROOT:-build/sysroot}
parts=" ${PARTS:-build tests bench programs training sanitizer} "
mkdir -p "$output"
summary=$output/summary.txt
: >"$summary"

# run NAME SECONDS COMMAND...: the command's output to NAME.log, a line about it to the summary.
run() {
  local name=$1 seconds=$2 begin=$SECONDS status=0
  shift 2
  timeout "$seconds" "$@" >"$output/$name.log" 2>&1 || status=$?
  if [ $status = 0 ]; then verdict=ok; elif [ $status = 124 ]; then verdict="stopped after $seconds s"; else verdict="FAILED ($status)"; fi
  echo "$name: $verdict, $((SECONDS - begin)) s" | tee -a "$summary"
  [ $status = 0 ] || tail -n 25 "$output/$name.log"
  return $status
}
wants() { [[ $parts == *" $1 "* ]]; }

if wants build; then
  if [ -f "$sysroot.tar.gz" ] && [ ! -d "$sysroot" ]; then
    mkdir -p "$sysroot" && tar xzf "$sysroot.tar.gz" -C "$sysroot"
  fi
  run configure 120 cmake -S . -B "$build" -DMANUL_CUDA=ON -DCMAKE_PREFIX_PATH="$(realpath -m "$sysroot")/usr" || exit 1
  run build 540 cmake --build "$build" -j "$(nproc)" || exit 1
fi
run gpu_info 60 "$build/tools/gpu_info" && cat "$output/gpu_info.log"

if wants tests; then
  for program in "$build"/tests/*_test; do
    run "$(basename "$program")" 300 "$program" --gtest_brief=1
  done
fi

if wants bench && [ -x "$build/tools/bench" ]; then
  run bench 150 "$build/tools/bench" --benchmark_filter='train_step.*cuda|predict.*cuda' --benchmark_min_time=0.2 \
    --benchmark_repetitions=5 --benchmark_report_aggregates_only=true &&
    grep median "$output/bench.log"
fi

if wants programs; then
  run vector_add 60 "$build/tools/vector_add" --device cuda
  run vector_add_large 120 "$build/tools/vector_add" --n 536870912 --device cuda
  run mandelbrot 60 "$build/tools/mandelbrot" --device cuda --output "$output/mandelbrot.png"
  run mandelbrot_large 60 "$build/tools/mandelbrot" --device cuda --width 7680 --height 5120 --iterations 1000 \
    --output "$output/mandelbrot_large.png"
  tail -n 4 "$output"/vector_add*.log "$output"/mandelbrot*.log
fi

if wants training; then
  data=()
  [ -n "${PICTURES:-}" ] && data=(--data "$PICTURES/training_set")
  run training 300 bash -c 'time "$@"' - "$build/tools/train_catdog" "${data[@]}" --device cuda --epochs 25 \
    --output "$output/trained_model.h5"
  tail -n 12 "$output/training.log"
fi

if wants sanitizer; then
  sanitizer=$(command -v compute-sanitizer || echo /usr/local/cuda/bin/compute-sanitizer)
  for tool in memcheck racecheck initcheck; do
    run "sanitizer_$tool" "${SANITIZER_SECONDS:-150}" "$sanitizer" --tool "$tool" --error-exitcode 9 \
      "$build/tests/ops_test" --gtest_brief=1 --gtest_filter="${SANITIZER_FILTER:-*OpTest*}"
  done
fi

echo; cat "$summary"
! grep -q FAILED "$summary"
