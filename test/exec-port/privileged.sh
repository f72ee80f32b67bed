#!/bin/bash
# privileged.sh EXEC_PORT POLICY EXECASIO: runs a set-user-ID copy of EXEC_PORT, whose policy file is
# POLICY, as a user without rights. The last line is "N passed, N failed".
set -euo pipefail

exec_port=$1
policy=$2
execasio=$3

skip() {
    echo "skipped: $1"
    exit 77
}
[[ $EUID -eq 0 ]] || skip "takes root to make a set-user-ID program"

work_dir=$(mktemp -d /var/tmp/exec-port-test.XXXXXX)
trap 'rm -rf "$work_dir" "$(dirname "$policy")"' EXIT
chmod 755 "$work_dir"
cp "$exec_port" "$work_dir/exec-port"
cp "$execasio" "$work_dir/execasio"
chmod 4755 "$work_dir/exec-port"
cd /

nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all env -u TERM SHELL=/bin/sh)
# In AT_SECURE the sanitizers refuse to work.
"${nobody[@]}" "$work_dir/exec-port" --whoami 2>"$work_dir/who" ||
    skip "no program may be run as another user here"
[[ $(<"$work_dir/who") == root ]] || skip "set-user-ID has no effect here (nosuid)"

passed=0
failed=0

# check NAME CONDITION...
check() {
    local name=$1
    shift
    if "$@"; then
        echo "ok $name"
        ((passed += 1))
    else
        echo "FAILED $name"
        [[ ! -f $work_dir/output ]] || sed 's/^/    /' "$work_dir/output"
        ((failed += 1))
    fi
}

# allow LINE...: the policy.
allow() {
    rm -rf "$(dirname "$policy")"
    mkdir -m 755 "$(dirname "$policy")"
    printf '%s\n' "$@" >"$policy"
    chmod 644 "$policy"
}

# refused TEXT OPTION...: it does not start, and says why.
variables=() # of its environment
refused() {
    local text=$1 code=0
    shift
    "${nobody[@]}" "${variables[@]}" "$work_dir/exec-port" "$@" </dev/null >"$work_dir/output" 2>&1 ||
        code=$?
    [[ $code -eq 4 ]] && grep -q -- "$text" "$work_dir/output"
}

# prints TEXT OPTIONS COMMAND...: what the command prints when a port with these options runs it.
prints() {
    local text=$1 options=$2
    shift 2
    local word words=()
    for word in $options; do
        words+=("--port-option=$word")
    done
    "${nobody[@]}" LD_PRELOAD_X=1 SECRET=1 IFS=x \
        "$work_dir/execasio" port --program "$work_dir/exec-port" "${words[@]}" -- "$@" \
        >"$work_dir/output" 2>"$work_dir/messages" </dev/null || true
    [[ $(<"$work_dir/output") == "$text" ]]
}

rm -rf "$(dirname "$policy")"
check "no policy" refused 'allow nobody as USER' -user daemon
allow '# nothing'
check "no rule" refused "no rule for user 'nobody'" -user daemon
allow 'allow daemon as bin'
check "a rule for somebody else" refused "no rule for user 'nobody'" -user bin
allow 'allow nobody as daemon'
chmod 666 "$policy"
check "a policy that others may write" refused 'may be written by others' -user daemon
chmod 644 "$policy"
chmod 777 "$(dirname "$policy")"
check "a directory that others may write" refused 'may be written by others' -user daemon
chmod 755 "$(dirname "$policy")"
chown nobody "$policy"
check "a policy of the caller's" refused 'must belong to root' -user daemon
allow 'allow nobody as daemon nonsense-user'
check "a policy with a mistake" refused "line 1: there is no user 'nonsense-user'" -user daemon

allow 'allow nobody as daemon'
check "no user" refused 'without -user'
check "root" refused "does not allow user 'nobody' to run commands as 'root'" -user root
check "another user" refused "does not allow user 'nobody' to run commands as 'bin'" -user bin
check "a log file" refused 'log syslog' -user daemon --log "$work_dir/log"
variables=(SHELL=sh)
check "a relative SHELL" refused 'SHELL must be an absolute path .* and is sh:' -user daemon
variables=()
check "the user" prints daemon '-user daemon' /usr/bin/id -un
check "nothing of root" prints \
    $'Uid:\t1\t1\t1\t1\nGid:\t1\t1\t1\t1\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000' \
    '-user daemon' /bin/grep -E '^(Uid|Gid|CapPrm|CapEff):' /proc/self/status
check "nothing kept" prints $'CapPrm:\t0000000000000000' '-user daemon' \
    /bin/sh -c "grep CapPrm /proc/\$PPID/status"
check "the caller himself" prints nobody '-user nobody' /usr/bin/id -un
check "environment" prints \
    $'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nSHELL=/bin/sh' \
    '-user daemon' /usr/bin/env

# request ANSWER TERM...: {1, TERM} to a port that runs as daemon; its output until there is ANSWER.
# Each word of TERM is a number of bytes in hexadecimal, or a text.
request() {
    local answer=$1 word hex=83680261016803 output=$work_dir/output
    shift
    for word in "$@"; do
        [[ $word =~ ^([0-9a-f]{2})+$ ]] || word=$(printf %s "$word" | od -An -tx1 | tr -d ' \n')
        hex+=$word
    done
    : >"$output"
    # shellcheck disable=SC2059,SC2094 # the format is what it is all about; read while it is written
    { printf "$(printf '%04x%s' $((${#hex} / 2)) "$hex" | sed 's/../\\x&/g')"
        until grep -aq "$answer" "$output"; do sleep 0.01; done; } |
        "${nobody[@]}" "$work_dir/exec-port" -user daemon --no-guard >"$output" 2>/dev/null
}

# manage PID [OPTIONS]: {manage, PID, OPTIONS}
manage() {
    request 'pid\|error' 7706 manage "62$(printf %08x "$1")" "${@:2}" 6a
}

# stays PID [OPTIONS]: the port refuses to take charge of a process, which goes on.
stays() {
    manage "$@" && grep -aq eperm "$work_dir/output" && kill -0 "$1"
}

# ends PID: the port takes charge of a process, and stops it at its end.
ends() {
    manage "$1" && ! grep -aq eperm "$work_dir/output" && ! kill -0 "$1" 2>/dev/null
}

# manages OWNER OUTCOME [OPTIONS]: a process of that user's.
manages() {
    local owner=$1 outcome=$2
    shift 2
    setpriv --reuid="$owner" --regid=1 --clear-groups sleep 1000 >/dev/null 2>&1 &
    local pid=$!
    until [[ $(cat "/proc/$pid/comm") == sleep ]]; do :; done
    check "a process of $owner $outcome when it is managed" "$outcome" "$pid" "$@"
    kill "$pid" 2>/dev/null || true
    wait "$pid" || true
}

allow 'allow nobody as daemon games'
manages root stays
manages bin stays
manages daemon ends
manages daemon stays 6c00000001 770a kill_group # which has this script in it
manages games ends
manages nobody ends
# {run, "/bin/true", [{group, GROUP}, stderr]}: this script's, which root's processes are in
joins_no_group() {
    local group
    group=$(ps -o pgid= -p $$ | tr -d ' ')
    request exit_status 7703 run 6b0009 /bin/true 6c00000002 6802 7705 group \
        "62$(printf %08x "$group")" 7706 stderr 6a
    grep -aq "Cannot set effective group to $group: Operation not permitted" "$work_dir/output"
}
check "to join a process group that is not of the port's" joins_no_group

cp "$exec_port" "$work_dir/set-group-ID"
chgrp daemon "$work_dir/set-group-ID"
chmod 2755 "$work_dir/set-group-ID"
no_group() {
    "${nobody[@]}" "$work_dir/execasio" port --program "$work_dir/set-group-ID" -- \
        /bin/grep ^Gid: /proc/self/status >"$work_dir/output" 2>&1
    grep -q $'Gid:\t65534\t65534\t65534\t65534' "$work_dir/output"
}
check "a group of a set-group-ID port's" no_group

allow 'allow nobody as daemon bin' 'allow nobody as bin with net_bind_service'
# cap_kill, cap_setgid, cap_setuid for the other one, cap_net_bind_service for its commands
check "kept for another user" prints $'CapPrm:\t00000000000004e0' '-user daemon -cap all' \
    /bin/sh -c "grep CapPrm /proc/\$PPID/status"
allow 'allow nobody as root'
check "root if listed" prints root '-user root' /usr/bin/id -un

# The caller's own commands have the groups that he has, not those of his account.
allow 'allow nobody as daemon'
nobody_as_he_is=("${nobody[@]}")
nobody=(setpriv --reuid=65534 --regid=12345 --groups=23456 --inh-caps=-all env SHELL=/bin/sh)
check "groups that he has given up" prints '12345 23456' '-user nobody' /usr/bin/id -G
nobody=("${nobody_as_he_is[@]}")

# By file capabilities a port stays its caller, and has more rights than its commands.
cp "$exec_port" "$work_dir/file-capabilities"
file_capabilities() {
    setcap "$1" "$work_dir/file-capabilities" 2>"$work_dir/output"
}
mkdir -m 700 "$work_dir/hidden"
cp /usr/bin/id "$work_dir/hidden/id"
has_file_capabilities() {
    "${nobody[@]}" "$work_dir/execasio" port --program "$work_dir/file-capabilities" -- "$@" \
        >"$work_dir/output" 2>"$work_dir/messages" </dev/null || true
}
if file_capabilities cap_dac_override,cap_net_bind_service+p; then
    allow 'allow nobody as nobody with dac_override net_bind_service'
    starts() { has_file_capabilities "${@:2}" && [[ $(<"$work_dir/output") == "$1" ]]; }
    check "a command of a port with file capabilities has none" starts \
        $'CapInh:\t0000000000000000\nCapPrm:\t0000000000000000' \
        /bin/grep -E '^Cap(Inh|Prm):' /proc/self/status
    executes_nothing_hidden() {
        has_file_capabilities "$work_dir/hidden/id" && grep -q 'Permission denied' "$work_dir/messages"
    }
    check "a program that only the port may execute" executes_nothing_hidden
else
    echo "skipped: file capabilities cannot be set here: $(<"$work_dir/output")"
fi

printf '%d passed, %d failed\n' "$passed" "$failed"
[[ $failed -eq 0 ]]
