#!/bin/bash
# run.sh EXEC_PORT [BUILD_DIR [TEST...]]: drives the port program from Erlang VMs, as a user without
# rights and as root where it can be had. The last line is "N passed, N failed", with ", N skipped"
# where some were. Compiles to a temporary directory, in BUILD_DIR if that is given and not empty.
# TEST is a module or a test of one; all are run without.
set -euo pipefail

source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ $# -lt 1 || ! -f $1 || ! -x $1 ]]; then
    echo "usage: ${0##*/} EXEC_PORT [BUILD_DIR [TEST...]]: EXEC_PORT is the program to test" >&2
    exit 2
fi
exec_port=$(realpath "$1")
build_dir=${2:-${TMPDIR:-/tmp}}
shift "$(($# < 2 ? $# : 2))"
tests=("$@")

for tool in erl erlc; do
    command -v "$tool" >/dev/null && continue
    echo "skipped: there is no $tool, the Debian package erlang-base has it"
    exit 77
done

work_dir=$(mktemp -d "$(realpath "$build_dir")/exec-port tests.XXXXXX") # the space is part of it
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work_dir"' EXIT
chmod 755 "$work_dir"
mkdir "$work_dir/ebin"
erlc -Werror -o "$work_dir/ebin" "$source_dir"/*.erl
cp "$exec_port" "$work_dir/exec-port" # where a user without rights can reach it, too

passed=0
failed=0
skipped=0
declare -A vms

# start_as IDENTITY [PREFIX...]: a VM, started by way of PREFIX, that runs all tests.
start_as() {
    local identity=$1
    local scratch="$work_dir/$identity"
    shift
    mkdir "$scratch"
    chmod 1777 "$scratch"
    : >"$scratch.log" # finish_as may be there first
    "$@" env -u ERL_FLAGS -u ERL_LIBS HOME="$scratch" TMPDIR="$scratch" ERL_CRASH_DUMP_BYTES=0 \
        erl -noshell -noinput -pa "$work_dir/ebin" -run run_tests main \
        -extra "$work_dir/exec-port" "$scratch" "$identity" "${tests[@]}" \
        >"$scratch.log" 2>"$scratch.warnings" &
    vms[$identity]=$!
}

# finish_as IDENTITY: shows what it prints, and counts.
finish_as() {
    local log="$work_dir/$1.log" line
    echo "as $1:"
    tail -n +1 -f -s 0.1 --pid="${vms[$1]}" "$log"
    line=$(tail -n 1 "$log")
    if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)?$ ]]; then
        ((passed += BASH_REMATCH[1], failed += BASH_REMATCH[2], skipped += BASH_REMATCH[4])) || true
    else
        echo "FAILED $1: the VM ended without a result"
        ((failed += 1))
    fi
    # Some tests make a port complain, which is of interest when one has failed.
    [[ ${BASH_REMATCH[2]:-1} -eq 0 ]] || cat "$work_dir/$1.warnings"
}

# skip_as IDENTITY WHY
skip_as() {
    echo "skipped all as $1: $2"
    ((skipped += 1))
}

cd / # everybody may be here
ulimit -n 8192 2>/dev/null || true

drop=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all)
if [[ $EUID -ne 0 ]]; then
    skip_as root "started as user $EUID"
    start_as "$(id -un)"
else
    if ! "${drop[@]}" true; then
        skip_as nobody "this root may not change its user (a container without CAP_SETUID?)"
    elif ! "${drop[@]}" "$work_dir/exec-port" --whoami >/dev/null; then
        skip_as nobody "user 65534 cannot run $work_dir/exec-port"
    else
        start_as nobody "${drop[@]}"
    fi
    start_as root
fi
for identity in "${!vms[@]}"; do
    finish_as "$identity"
done

printf '%d passed, %d failed' "$passed" "$failed"
((skipped == 0)) || printf ', %d skipped' "$skipped"
echo
((failed == 0 && passed > 0))
