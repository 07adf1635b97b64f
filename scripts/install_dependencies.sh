#!/usr/bin/env bash
# Debian packages that building and testing need; does nothing when all are there.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build
packages=(
  g++ cmake ninja-build ccache mold pkg-config
  libprotobuf-dev protobuf-compiler libflatbuffers-dev flatbuffers-compiler
  nlohmann-json3-dev libcli11-dev libfmt-dev libgtest-dev libgmock-dev libbenchmark-dev
  libjpeg62-turbo-dev libpng-dev libwebp-dev libzip-dev libhdf5-dev zlib1g-dev libssl-dev libleveldb-dev libisal-dev
  clang clang-format clang-tidy libclang-rt-14-dev
  python3 python3-venv python3-pip python3-torch maven default-jdk-headless
)
missing=()
for p in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
done
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi
echo "installing ${#missing[@]} Debian packages: ${missing[*]}"
if [ "$(id -u)" -ne 0 ]; then
  echo "not root: run 'apt-get install -y --no-install-recommends ${missing[*]}' as root, then again" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" > build/apt.log 2>&1 || { tail -20 build/apt.log; exit 1; }
