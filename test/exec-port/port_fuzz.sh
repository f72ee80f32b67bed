#!/bin/bash
# port_fuzz.sh PORT_FUZZ FRAMES [SEED]: runs it in a PID namespace of its own, by root as nobody,
# since frames may happen to be right: they name processes, files and commands. Exits with 77 where
# that cannot be.
set -euo pipefail

program=$(realpath "$1")
shift
isolated=(unshare --pid --fork --mount-proc --kill-child)
if [[ $EUID -eq 0 ]]; then
    isolated+=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all
        --pdeathsig KILL --no-new-privs) # changing the user takes back what --kill-child set
else
    isolated+=(--user --map-current-user)
fi
"${isolated[@]}" true || { echo "skipped: there can be no PID namespace"; exit 77; }
"${isolated[@]}" test -x "$program" || { echo "skipped: cannot be run in there: $program"; exit 77; }

work_dir=$(mktemp -d)
trap 'rm -rf "$work_dir"' EXIT
chmod 777 "$work_dir"
cd "$work_dir"
# What AddressSanitizer holds back of freed memory would look like growth.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=1
# Lines for the shell, which may be anything by now, are not to be carried out.
SHELL=/bin/true HOME=$work_dir PATH=/usr/bin:/bin "${isolated[@]}" "$program" "$@"
