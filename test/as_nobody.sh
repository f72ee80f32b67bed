#!/bin/bash
# as_nobody.sh PROGRAM [ARGUMENT...]: runs a test program as a user without any rights.
# Exits with 77, which ctest counts as skipped, when that cannot be done.
set -euo pipefail

drop=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all)

skip() {
    echo "skipped: $1"
    exit 77
}

[[ $EUID -eq 0 ]] || skip "started as user $EUID already, only root can become somebody else"
"${drop[@]}" true || skip "this root may not change its user (a container without CAP_SETUID?)"
for file in "$1" "$(dirname "$1")/puppet"; do
    "${drop[@]}" test -x "$file" || skip "user 65534 cannot reach $file"
done

# PATH: directories of root's that this user may not search would turn "not found" into EACCES.
cd /
exec "${drop[@]}" env HOME=/nonexistent TMPDIR=/tmp PATH=/usr/local/bin:/usr/bin:/bin "$@"
