#!/usr/bin/env bash
# Two really broken conversions of EfficientNet-Lite0, and one damaged weight, found and repaired. Reports: build/demo.
set -euo pipefail
cd "$(dirname "$0")/.."
start=$SECONDS
demo=build/demo
fetafix=build/release/bin/fetafix
python=build/venv/bin/python
models=build/models
mkdir -p build

say() { printf '\n== %s\n\n' "$*"; }
fail() { printf '\ndemo: FAILED: %s\n' "$*"; exit 1; }
trap 'fail "line $LINENO: $BASH_COMMAND"' ERR

echo "demo: packages, converters, models (the first time takes minutes)"
scripts/prepare.sh models
scripts/build.sh release fetafix fetafix-onnxruntime-worker
rm -rf $demo
mkdir -p $demo

# repair NAME TARGET
repair() {
  $fetafix repair $models/right.onnx "$2" --data build/photos --preprocess efficientnet-lite \
    --output "$demo/$1/fixed.onnx" --run-dir "$demo/$1"
}
# expect NAME EXPRESSION: of the result r, as Python
expect() {
  python3 - "$demo/$1/result.json" "$2" <<'PYTHON' || fail "$1: expected $2"
import json, sys
r = json.load(open(sys.argv[1]))
sys.exit(0 if eval(sys.argv[2]) else 1)
PYTHON
}
number() { python3 -c "import json,sys; r=json.load(open('$demo/$1/result.json')); print(f'{r$2:.3g}')"; }

say "1 of 3: a conversion that changes every label - exported in training mode"
mkdir -p $demo/training
repair training $models/training_still.onnx
expect training "r['verdict'] == 'repaired' and r['before']['label_differences'] > 0 and r['after']['label_differences'] == 0"

say "2 of 3: a conversion that hides - tf2onnx lost the classifier's bias"
mkdir -p $demo/nobias
repair nobias $models/nobias.onnx
expect nobias "r['verdict'] == 'repaired' and r['before']['max_absolute_error'] > 0.1 and r['after']['max_absolute_error'] < 1e-3"
echo
echo "This one shows in the logits, not in the labels: $(number nobias "['before']['label_differences']") of $(number nobias "['samples']") labels change, yet every"
echo "logit vector is off by up to $(number nobias "['before']['max_absolute_error']"). A test of accuracy on these photographs passes it."
echo "After the repair the largest difference is $(number nobias "['after']['max_absolute_error']")."

say "3 of 3: one damaged convolution in a simplified copy with random names"
mkdir -p $demo/damaged
$python tests/zoo/rename.py $models/sim.onnx $demo/damaged/renamed.onnx --seed 7
$python tests/zoo/plant.py $demo/damaged/renamed.onnx $demo/damaged/damaged.onnx --fault weights-noise --seed 5 --json $demo/damaged/planted.json
repair damaged $demo/damaged/damaged.onnx
expect damaged "r['verdict'] == 'repaired' and len(r['faults']) == 1"
planted=$(python3 -c "import json; r=json.load(open('$demo/damaged/planted.json')); print(r['op_type'], '#%d' % r['index'])")
expect damaged "r['faults'][0]['target_node'].startswith('$planted ')"
echo
echo "Planted by an independent script: $planted, which is what was found first."
$python tests/zoo/surgical.py $demo/damaged/damaged.onnx $demo/damaged/fixed.onnx > $demo/damaged/surgical.json
python3 - $demo/damaged/surgical.json <<'PYTHON' || fail "the repair touched more than one tensor"
import json, sys
s = json.load(open(sys.argv[1]))
rest = [key for key in ("removed", "added", "changed", "tensors_removed", "tensors_added", "elsewhere") if s[key]]
print(f"Surgical: {len(s['tensors_changed'])} of {s['tensors_before']} tensors changed, "
      f"{'nothing else' if not rest else rest} in {s['operators_before']} operators.")
sys.exit(1 if rest or len(s["tensors_changed"]) != 1 else 0)
PYTHON

say "Where to look"
for name in training nobias damaged; do
  printf '  %-9s %s\n' $name "$demo/$name/report.html" "" "$demo/$name/fixed.onnx" "" "$demo/$name/fixed.onnx.patch.json"
done
printf '\ndemo: 3 of 3 repaired and verified in %d s\n' $((SECONDS - start))
