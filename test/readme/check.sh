#!/bin/bash
# check.sh PROGRAM: the program shown in README.md is the one that was built, and does what it says.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

echo "README.md against readme_example.cpp"
diff -u <(awk '/^```/ && shown { exit } shown { print } /^```cpp$/ { shown = 1 }' \
    "$here/../../README.md") "$here/readme_example.cpp"

output=$("$1")
printf '%s\n' "$output"
# How far it counts in the half second is up to the machine.
[[ $output == $'1\n2\n3\n'*$'not yet\n'*$'\nended by signal 9 (SIGKILL) in stage 1 of the plan\nafter '* ]]
