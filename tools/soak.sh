#!/usr/bin/env bash
# Trains small models for MINUTES in one process, each with other options, and fails if memory or descriptors grow:
#
#     tools/soak.sh MINUTES [SEED]
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${1:?"how many minutes? tools/soak.sh MINUTES [SEED]"}
cmake --preset default >/dev/null
cmake --build build --target manul_soak
exec build/tests/soak "$minutes" "${2:-1}"
