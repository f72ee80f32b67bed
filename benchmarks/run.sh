#!/bin/bash
# Installs what is needed, builds, and compares this library with raw system calls and with others:
# each scenario in rounds, all programs by turns, as ratios to the raw calls.
#     benchmarks/run.sh [--rounds N] [--quick] [--json FILE]
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=build/benchmarks

tools/install-packages.sh build bench
cmake --preset release -B "$build" -DEXECASIO_BUILD_BENCHMARKS=ON -DEXECASIO_BUILD_TOOLS=OFF \
    -DEXECASIO_BUILD_TESTS=OFF >/dev/null
cmake --build "$build" >&2

programs=()
for peer in raw execasio libuv boost_process; do
    program=$build/benchmarks/peer-$peer
    [[ $peer == execasio ]] && program=$build/benchmarks/execasio-benchmark
    [[ -x $program ]] && programs+=("$peer=$PWD/$program")
done
exec "$build/benchmarks/execasio-compare" "$@" "${programs[@]}"
