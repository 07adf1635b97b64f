#!/usr/bin/env bash
# Runs fuzz targets that build.sh fuzz has built: fuzz.sh replay|run [TARGET...], all targets when none is named
#   replay  every file of fuzz/corpus/TARGET once
#   run     FUZZ_SECONDS each (600), two side by side, from that corpus; what is new grows in build/fuzz/corpus.
#           With FUZZ_SEED (a number) nothing is kept and the same inputs come in the same order each time.
# A crash, a leak, undefined behavior, over 10 s for one input or over 2 GB of memory fails; the input that did it is
# in build/fuzz/artifacts. The last line says how it went.
set -uo pipefail
cd "$(dirname "$0")/.."
mode=${1:-}
case $mode in
  replay | run) shift ;;
  *) echo "usage: fuzz.sh replay|run [TARGET...]" >&2; exit 2 ;;
esac
folder=build/fuzz
seconds=${FUZZ_SECONDS:-600}
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  for corpus in fuzz/corpus/*/; do targets+=("$(basename "$corpus")"); done
fi
mkdir -p $folder/artifacts $folder/logs
TMPDIR=$(mktemp -d) # of the inputs; a target that crashes leaves its own there
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1
limits=(-rss_limit_mb=2048 -malloc_limit_mb=1024 -timeout=10)

# What a failure was, so that a log of another machine is enough to mend it: the message, our frames and the input.
explain() {
  local target=$1 log=$2 input
  grep -vE '^\[libprotobuf ERROR' "$log" |
    grep -E '^(SUMMARY|Running|broken promise|==[0-9]+== ?ERROR|terminate called| *what\(\)|\[libprotobuf FATAL|.*Assertion|.*runtime error)' | tail -8
  grep -E '^ +#[0-9]+ .* in ' "$log" | grep -F fetafix | head -12 | sed -E 's/0x[0-9a-f]+ //; s/ \(BuildId.*//'
  input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -1)
  if [ -f "$input" ]; then
    echo "the input, packed (base64 -d | gunzip):"
    gzip -9c "$input" | base64 -w 120
  fi
  echo "fuzz $target: FAILED (all of it in $log)"
}

replay() {
  local target=$1 log=$folder/logs/$1-replay.log files=(fuzz/corpus/"$1"/*)
  [ -f "${files[0]}" ] || { echo "fuzz $target: FAILED: fuzz/corpus/$target is empty"; return 1; }
  if build/sanitize/bin/fuzz_"$target" "${limits[@]}" -artifact_prefix=$folder/artifacts/"$target"- "${files[@]}" > "$log" 2>&1 &&
     [ "$(grep -c '^Executed ' "$log")" -eq ${#files[@]} ]; then
    echo "fuzz $target: ${#files[@]} files of the corpus, clean"
  else
    explain "$target" "$log"
    return 1
  fi
}

run() {
  local target=$1 log=$folder/logs/$1-run.log grows=$folder/corpus/$1
  [ -z "${FUZZ_SEED:-}" ] || grows=$TMPDIR/corpus-$1
  mkdir -p "$grows"
  if build/sanitize/bin/fuzz_"$target" "${limits[@]}" -max_total_time="$seconds" -max_len=20000 -print_final_stats=1 ${FUZZ_SEED:+-seed="$FUZZ_SEED"} \
       -artifact_prefix=$folder/artifacts/"$target"- "$grows" fuzz/corpus/"$target" > "$log" 2>&1; then
    echo "fuzz $target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs in $seconds s, clean"
  else
    explain "$target" "$log"
    return 1
  fi
}

failures=0
while [ ${#targets[@]} -gt 0 ]; do
  pids=()
  for target in "${targets[@]:0:2}"; do
    $mode "$target" &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || failures=$((failures + 1)); done
  total=$((${total:-0} + ${#pids[@]}))
  targets=("${targets[@]:2}")
done
if [ $failures -eq 0 ]; then echo "fuzz: $total targets clean"; else echo "fuzz: $failures of $total targets failed"; exit 1; fi
