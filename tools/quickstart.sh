#!/bin/bash
# Installs what the build needs, builds, and shows the main job: a command that does not want to end
# is run under a time limit, first by itself, then through exec-port as an Erlang VM would.
set -euo pipefail

[[ $# -eq 0 ]] || { echo "$0 takes no arguments" >&2; exit 2; }

cd "$(dirname "${BASH_SOURCE[0]}")/.."

tools/install-packages.sh build

# The tests need more packages. A tree that has them keeps them.
options=()
[[ -f build/release/CMakeCache.txt ]] || options=(-DEXECASIO_BUILD_TESTS=OFF)
cmake --preset release "${options[@]}" >/dev/null
cmake --build --preset release --target tools/execasio/execasio tools/exec-port/exec-port

execasio=build/release/tools/execasio/execasio
port=build/release/tools/exec-port/exec-port

# Counts the lines of Asio's headers, one file after the other. SIGTERM means nothing to it.
# shellcheck disable=SC2016 # the inner shell expands it
job=(/bin/sh -c 'trap "" TERM; for f in /usr/include/boost/asio/*.hpp; do wc -l "$f"; sleep 0.2; done')

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# show EXPECTED COMMAND...: shows the command and runs it. That the job was stopped is no failure of
# this script's, but that nothing is said about how it ended is.
show() {
    local expected=$1 word
    shift
    printf '\n$'
    for word in "$@"; do
        [[ $word =~ ^[A-Za-z0-9_./=-]+$ ]] || word=${word@Q}
        printf ' %s' "$word"
    done
    printf '\n'
    "$@" 2>&1 | tee "$log" || true
    grep -q -- "$expected" "$log" || { echo "$0: expected to see $expected" >&2; exit 1; }
}

show SIGKILL "$execasio" run --time-limit 2s --grace 1s --record -- "${job[@]}"

export SHELL="${SHELL:-/bin/sh}" # exec-port insists on one, as erlexec does
show exit_status "$execasio" port --program "$port" --stop-after 1s --kill-timeout 1 -- "${job[@]}"
