#!/bin/bash
# run.sh BUILD_DIR: installs the built tree into a temporary prefix, builds a program against what
# was installed, by find_package and by pkg-config, and runs it. Exits with 77 if it cannot apply.
set -euo pipefail

source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build_dir=$(cd "$1" && pwd)

if grep -q '^CMAKE_CXX_FLAGS:.*-fsanitize' "$build_dir/CMakeCache.txt"; then
    echo "skipped: a tree built with sanitizers, whose flags are not for those who use it"
    exit 77
fi

work_dir=$(mktemp -d)
trap 'rm -rf "$work_dir"' EXIT
prefix="$work_dir/a prefix" # the space is part of the test
cmake --install "$build_dir" --prefix "$prefix" >"$work_dir/install.log" ||
    { cat "$work_dir/install.log"; exit 1; }

# Flags and package paths of the caller's would make this another test.
unset CXXFLAGS CPPFLAGS LDFLAGS CPATH CMAKE_PREFIX_PATH

echo "find_package"
cmake -G Ninja -S "$source_dir" -B "$work_dir/cmake" -DCMAKE_PREFIX_PATH="$prefix" \
    >"$work_dir/configure.log" || { cat "$work_dir/configure.log"; exit 1; }
cmake --build "$work_dir/cmake" >"$work_dir/build.log" || { cat "$work_dir/build.log"; exit 1; }
"$work_dir/cmake/consumer"

echo "pkg-config"
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name execasio.pc)")
export PKG_CONFIG_PATH
flags=()
eval "flags=($(pkg-config --cflags --libs execasio))" # it escapes spaces for the shell
"${CXX:-g++}" -std=c++20 "$source_dir/consumer.cpp" "${flags[@]}" -o "$work_dir/consumer"
LD_LIBRARY_PATH=$(pkg-config --variable=libdir execasio | sed 's/\\ / /g') "$work_dir/consumer"
