#!/bin/bash
# check.sh PROGRAM: the program shown in README.md is the one that was built, and does what it says.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

echo "README.md against readme_example.cpp"
diff -u <(awk '/^```/ && shown { exit } shown { print } /^```cpp$/ { shown = 1 }' \
    "$here/../../README.md") "$here/readme_example.cpp"

# How far it counts in the half second is up to the machine; one that is busy may not even let it
# speak, so that once is enough.
for _ in 1 2 3 4 5; do
    output=$("$1")
    printf '%s\n' "$output"
    [[ $output == $'1\n2\n3'*$'\nended by signal 9 (SIGKILL) in stage 1 of the plan\nafter '* ]]
    [[ $output != *$'\nnot yet\n'* ]] || exit 0
done
echo "it never says 'not yet'"
exit 1
