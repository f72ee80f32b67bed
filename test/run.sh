#!/bin/bash
# Installs what is needed, builds and runs all tests.
# The last line is "N passed, N failed", with ", N skipped" where some were.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

# What fails before any test has run is a failure too.
trap 'echo "0 passed, 1 failed"' ERR
tools/install-packages.sh build test
cmake --preset release -DEXECASIO_BUILD_TESTS=ON -DEXECASIO_BUILD_TOOLS=ON
cmake --build --preset release
trap - ERR

exec test/ctest.sh release "$@"
