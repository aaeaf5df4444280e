#!/usr/bin/env bash
# Installs what is missing, builds everything and runs all tests. Can be run again at any time.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/setup.sh tests

echo "== Building"
# Where there is no GPU to choose for, one architecture shows that the kernels compile.
nvidia-smi >/dev/null 2>&1 || export CUDAARCHS="${CUDAARCHS:-90-real}"
configure=(--preset default -DMANUL_TESTS=ON -DMANUL_CUDA=AUTO)
cmake "${configure[@]}" || cmake --fresh "${configure[@]}"
cmake --build --preset default

echo "== Testing"
ctest --preset default --parallel "$(nproc)"
