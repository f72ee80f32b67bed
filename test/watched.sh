#!/bin/bash
# watched.sh SECONDS COMMAND...: runs a Boost.Test program, and ends one that hangs, having told what
# nobody could ask later: in which test case, and where the threads and children sleep.
set -uo pipefail

seconds=$1
shift

log_directory=$(mktemp -d)
trap 'rm -rf "$log_directory"' EXIT
chmod 777 "$log_directory" # the program may be another user's
log=$log_directory/cases

# where PID NAME: what each thread of a process waits for.
where() {
    local task
    for task in "/proc/$1/task"/*; do
        printf '  %s %s (%s): state %s, in %s, call %s\n' "$2" "${task##*/}" \
            "$(tr '\0' ' ' <"/proc/$1/cmdline" | cut -c 1-200)" \
            "$(sed -n 's/^State:\t//p' "$task/status")" "$(cat "$task/wchan")" \
            "$(cat "$task/syscall")"
        sed 's/^/    /' "$task/stack" # root's to read
        # shellcheck disable=SC2013 # numbers, separated by spaces
        for child in $(cat "$task/children"); do
            where "$child" "child of $1:"
        done
    done 2>/dev/null
}

report() {
    echo "still running after $seconds s, in: $(tail -n 1 "$log")"
    where "$1" process
}

# Jobs by their numbers: a process that has ended is none any more, whoever has its number then.
# (Boost.Test takes the other order, too, and then tells nothing on standard output.)
"$@" --color_output=no --logger=HRF,test_suite,"$log":HRF,error,stdout &
program=$!
sleep "$seconds" &
timer=$!
trap 'kill -KILL %1 %2' TERM INT

wait -n -p first "$program" "$timer"
status=$?
if [[ $first == "$timer" ]]; then
    found=$(report "$program")
    kill -ABRT %1 # a sanitizer shows the stack, and Boost.Test names the case
    sleep 10 &
    timer=$!
    wait -n -p first "$program" "$timer"
    status=$?
    if [[ $first == "$timer" ]]; then
        kill -KILL %1
        wait "$program"
        status=$?
    fi
    printf '%s\n' "$found" # last, where a log that is cut off still has it
    [[ $status -ne 0 ]] || status=1
fi
kill %2 %3 2>/dev/null
exit "$status"
