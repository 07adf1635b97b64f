#!/usr/bin/env bash
# Configures and builds: build.sh release|sanitize|fuzz [TARGET...]
#   release   build/release
#   sanitize  build/sanitize, the unit tests with sanitizers
#   fuzz      of the same folder the fuzz targets alone
set -euo pipefail
cd "$(dirname "$0")/.."
kind=$1
shift
case $kind in
  release) options=(-DCMAKE_BUILD_TYPE=Release) ;;
  sanitize | fuzz)
    options=(-DCMAKE_BUILD_TYPE=RelWithDebInfo "-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O1" -DCMAKE_CXX_COMPILER=clang++
             -DFETAFIX_SANITIZE=ON -DFETAFIX_DEVELOPER=OFF)
    export CCACHE_SLOPPINESS=pch_defines,time_macros
    [ "$kind" = sanitize ] || [ $# -gt 0 ] || set -- fuzz_targets
    kind=sanitize ;;
  *) echo "usage: build.sh release|sanitize|fuzz" >&2; exit 2 ;;
esac
folder=build/$kind
mkdir -p "$folder"
cmake -S . -B "$folder" -G Ninja "${options[@]}" > "$folder/configure.log" 2>&1 || { tail -30 "$folder/configure.log" >&2; exit 1; }
cmake --build "$folder" -j "${JOBS:-$(nproc)}" ${1:+--target "$@"} > "$folder/build.log" 2>&1 || {
  grep -E -m 20 'error|FAILED|undefined' "$folder/build.log" >&2 || tail -30 "$folder/build.log" >&2
  echo "build: $kind failed (all of it in $folder/build.log)" >&2
  exit 1
}
echo "built $folder"
