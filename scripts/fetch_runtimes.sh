#!/usr/bin/env bash
# Native runtimes that come from no Python environment, unpacked to build/runtimes; does nothing when all are there.
#   build/runtimes/tflite/             the TFLite C library that the tflite worker opens
#   build/runtimes/onnxruntime-oldest/ the oldest ONNX Runtime that we support, for the tests of the worker
set -euo pipefail
cd "$(dirname "$0")/.."

tflite=org.bytedeco:tensorflow-lite:2.21.0-1.5.14
oldest_onnxruntime=onnxruntime==1.20.1
runtimes=build/runtimes

mkdir -p $runtimes
exec 9>$runtimes/.lock
flock 9

# current NAME VERSION: true when the folder holds that version.
current() { [ "$(cat "$runtimes/$1/.version" 2>/dev/null)" = "$2" ]; }

# Fills a new folder and renames it, so that an interrupted run leaves nothing that looks complete.
fetch() {
  local name=$1 version=$2 fill=$3 fresh=$runtimes/.new-$1
  current "$name" "$version" && return
  echo "fetching $version"
  rm -rf "$fresh"
  mkdir -p "$fresh"
  "$fill" "$fresh" > "$runtimes/fetch-$name.log" 2>&1 || { tail -20 "$runtimes/fetch-$name.log" >&2; exit 1; }
  echo "$version" > "$fresh/.version"
  rm -rf "${runtimes:?}/$name"
  mv "$fresh" "$runtimes/$name"
}

fill_tflite() {
  mvn -B -q org.apache.maven.plugins:maven-dependency-plugin:3.6.0:copy \
    -Dartifact="$tflite:jar:linux-$(uname -m)" -DoutputDirectory="$PWD/$1"
  (cd "$1" && "${JAVA_HOME:+$JAVA_HOME/bin/}jar" xf ./*.jar)
  find "$1" -name 'libjnitensorflowlite.so' -exec mv {} "$1/libtensorflowlite.so" \;
  rm -rf "$1"/*.jar "$1/org" "$1/META-INF"
  test -s "$1/libtensorflowlite.so"
}

fill_onnxruntime() {
  local python=python3
  [ -x build/venv/bin/python ] && python=build/venv/bin/python
  "$python" -m pip install -q --no-deps --disable-pip-version-check --target "$1" "$oldest_onnxruntime"
}

fetch tflite $tflite fill_tflite
fetch onnxruntime-oldest $oldest_onnxruntime fill_onnxruntime
