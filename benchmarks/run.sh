#!/bin/bash
# Installs what is needed, builds, and compares this library with raw system calls and with others:
# each scenario in rounds, all programs by turns, as ratios to the raw calls. With --port, compares
# exec-port with another port program in the same way.
#     benchmarks/run.sh [--port PROGRAM] [--rounds N] [--quick] [--json FILE]
set -euo pipefail

other_port=
if [[ ${1-} == --port ]]; then
    [[ -x ${2-} ]] || { echo "$0: --port wants a program" >&2; exit 2; }
    other_port=$(realpath "$2")
    shift 2
fi

here=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
build=$root/build/benchmarks

tools/install-packages.sh build bench
cmake --preset release -B "$build" -DEXECASIO_BUILD_BENCHMARKS=ON -DEXECASIO_BUILD_TOOLS=ON \
    -DEXECASIO_BUILD_TESTS=OFF >/dev/null
cmake --build "$build" >&2
cd "$here" # the caller's FILE

if [[ -n $other_port ]]; then
    exec "$build/benchmarks/execasio-port-compare" "$@" "$other_port" \
        "$build/tools/exec-port/exec-port"
fi
programs=()
for peer in raw execasio libuv boost_process; do
    program=$build/benchmarks/peer-$peer
    [[ $peer == execasio ]] && program=$build/benchmarks/execasio-benchmark
    [[ -x $program ]] && programs+=("$peer=$program")
done
exec "$build/benchmarks/execasio-compare" "$@" "${programs[@]}"
