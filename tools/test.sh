#!/usr/bin/env bash
# Installs what is missing, builds everything and runs all tests. Can be run again at any time.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/setup.sh tests

echo "== Building"
# Where there is no GPU to choose for, one architecture without optimization shows that the kernels compile.
kernel_flags=
if ! nvidia-smi >/dev/null 2>&1; then
  export CUDAARCHS="${CUDAARCHS:-90-real}"
  kernel_flags="-Xcicc -O0 -Xptxas -O0"
fi
configure=(--preset default -DMANUL_TESTS=ON -DMANUL_CUDA=AUTO "-DCMAKE_CUDA_FLAGS=$kernel_flags")
cmake "${configure[@]}" || cmake --fresh "${configure[@]}"
cmake --build --preset default

echo "== Testing"
ctest --preset default --parallel "$(nproc)"
