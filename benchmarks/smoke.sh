#!/bin/bash
# Runs every scenario of every program once with little to do. The figures mean nothing; that they
# come does.
#     benchmarks/smoke.sh BUILD_DIR
set -euo pipefail

programs=()
for program in "$1"/benchmarks/execasio-benchmark "$1"/benchmarks/peer-*; do
    [[ -x $program ]] && programs+=("$(basename "$program")=$program")
done
"$1"/benchmarks/execasio-compare --quick --rounds 1 "${programs[@]}"

for thread in 0 1; do
    "$1"/benchmarks/execasio-benchmark loop_latency 20 "$thread" >/dev/null
done

port=$1/tools/exec-port/exec-port
"$1"/benchmarks/execasio-port-compare --quick --rounds 1 "$port" "$port"
