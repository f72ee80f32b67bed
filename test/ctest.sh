#!/bin/bash
# ctest.sh PRESET [CTEST ARGUMENT...]: runs the tests of a built preset. The last line counts test
# cases: those that a Boost.Test report tells, or a line "N passed, N failed" of the entry's own, and
# every other ctest entry as one.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
preset=$1
shift

results=build/$preset/results.xml
rm -f "$results"
status=0
# The reports are at the end of the output, which ctest would cut off.
ctest --preset "$preset" --no-tests=error --output-junit results.xml \
    --test-output-size-passed 1000000 --test-output-size-failed 1000000 "$@" || status=$?
[[ -f $results ]] || { echo "0 passed, 1 failed"; exit 1; }

awk -v status="$status" '
    # What tests print is escaped in this file, so a tag is one of ctest itself.
    /<testcase / {
        name = $0
        gsub(/.*<testcase name="|" classname.*/, "", name)
        ran = /status="run"/
        skip = /status="disabled"/
        in_report = cases_passed = cases_failed = cases_skipped = 0
        reason = ""
    }
    # ctest also calls "skipped" what it could not start.
    /<skipped message="SKIP_/ { skip = 1 }
    /skipped: / && reason == "" { reason = $0; sub(/.*skipped: /, ": ", reason) }

    { sub(/^.*<system-out>/, "") }
    /^[0-9]+ passed, [0-9]+ failed/ { cases_passed += $1; cases_failed += $3 }
    /^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped/ { cases_skipped += $5 }
    /^Test module ".*" has (passed|failed|been aborted)/ { in_report = 1 }
    in_report && /^ *[0-9]+ test cases? out of [0-9]+ passed$/ { cases_passed += $1 }
    in_report && /^ *[0-9]+ test cases? out of [0-9]+ failed$/ { cases_failed += $1 }
    in_report && /^ *[0-9]+ test cases? out of [0-9]+ skipped$/ { cases_skipped += $1 }

    /<\/testcase>/ {
        if (skip) {
            print name " was skipped" reason
            skipped++
        } else {
            passed += cases_passed
            failed += cases_failed
            skipped += cases_skipped
            if (ran && !cases_passed && !cases_failed)
                passed++
            if (!ran && !cases_failed) # it died before its report, or after it
                failed++
        }
    }
    END {
        if (status && !failed)
            failed = 1
        printf "%d passed, %d failed%s\n", passed, failed, skipped ? ", " skipped " skipped" : ""
        exit failed ? 1 : 0
    }' "$results"
