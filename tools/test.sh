#!/usr/bin/env bash
# Installs what is missing, builds everything and runs all tests. Can be run again at any time.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/setup.sh tests

echo "== Building"
cmake --preset default || cmake --fresh --preset default
cmake --build --preset default

echo "== Testing"
ctest --preset default --parallel "$(nproc)"
