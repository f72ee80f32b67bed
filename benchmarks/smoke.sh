#!/bin/bash
# Runs every scenario once with little to do. The figures mean nothing; that they come does.
#     benchmarks/smoke.sh BUILD_DIR
set -euo pipefail

program=$1/benchmarks/execasio-benchmark
while read -r scenario; do
    # shellcheck disable=SC2086 # a scenario and its arguments
    "$program" $scenario
done <<SCENARIOS
spawn_wait 20 4
spawn_rss 8 10
idle_load 20 10
many_idle 20
capture 10000000
echo_latency 50
timeout_accuracy 5
SCENARIOS
