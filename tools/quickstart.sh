#!/usr/bin/env bash
# From a bare Debian 12 or Ubuntu 24.04 to a trained network: installs what is missing, builds, draws cats and dogs,
# trains on them, and asks the network about one cat and one dog. Can be run again at any time.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/setup.sh

echo "== Building"
configure=(--preset default -DMANUL_TESTS=OFF)
if ! nvidia-smi >/dev/null 2>&1; then
  echo "No NVIDIA GPU answers here (nvidia-smi): the CUDA side is left out. To have it all the same, with CUDA 12 or newer"
  echo "and cuDNN 9 installed: cmake --preset default -DMANUL_CUDA=ON && cmake --build --preset default"
  configure+=(-DMANUL_CUDA=OFF)
fi
cmake "${configure[@]}" || cmake --fresh "${configure[@]}"
cmake --build --preset default --target manul_train_catdog manul_predict

echo "== Training on drawn cats and dogs"
export XDG_CACHE_HOME="${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}"
mkdir -p build/quickstart
build/tools/train_catdog --epochs "${EPOCHS:-5}" --output build/quickstart/trained_model.h5 \
  --project build/quickstart/runs

echo "== Asking about one cat and one dog"
for class in cats dogs; do
  picture=$(find "$XDG_CACHE_HOME/manul" -path "*test_set/$class/*" | sort | sed -n 1p)
  echo "predict build/quickstart/trained_model.h5 $picture"
  build/tools/predict build/quickstart/trained_model.h5 "$picture"
done
