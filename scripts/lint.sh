#!/usr/bin/env bash
# The form of the code, clang-tidy, and the include table. LINT_TIDY=all looks at every file, else at those below.
set -uo pipefail
cd "$(dirname "$0")/.."
scripts/install_dependencies.sh || exit 1
failures=0
step() {
  echo "lint: $1"
  shift
  "$@" || failures=$((failures + 1))
}

formatted() {
  local bad=0
  while IFS= read -r file; do
    clang-format --dry-run -Werror "$file" 2>/dev/null || { echo "  $file: not formatted"; bad=$((bad + 1)); }
  done < <(find src tools workers include fuzz tests \( -name '*.cpp' -o -name '*.h' \) 2>/dev/null | sort)
  [ $bad -eq 0 ] || { echo "  $bad files; 'make format' mends them"; return 1; }
}

# The commands are those of gcc, which has options that clang does not.
tidy() {
  mkdir -p build/release
  # Generated headers must be there.
  scripts/build.sh release > build/lint-build.log 2>&1 || { cat build/lint-build.log; return 1; }
  local files=(src/graph/graph.cpp src/repair/repair.cpp src/faults/tensor.cpp src/base/json.cpp tools/fetafix/main.cpp)
  [ "${LINT_TIDY:-}" = all ] && mapfile -t files < <(find src tools workers -name '*.cpp' ! -name '*_test.cpp' ! -path '*/testing/*' | sort)
  printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 1 clang-tidy --quiet --extra-arg=-Wno-unused-command-line-argument \
    -p build/release 2> build/lint-tidy.log
}

step "form (clang-format)" formatted
step "clang-tidy" tidy
step "include table" python3 tests/include_table.py
if [ $failures -eq 0 ]; then echo "lint: clean"; else echo "lint: $failures of 3 steps failed"; exit 1; fi
