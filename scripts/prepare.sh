#!/usr/bin/env bash
# What building and testing need, made once: prepare.sh native|models|tests
#   native   Debian packages, native runtimes, the Python packages that hold runtimes
#   models   these, converters, the models and photographs of the demo (build/models, build/photos)
#   tests    these, PyTorch (1.6 GB) and the model made by it
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install_dependencies.sh
tests/zoo/environment.sh build core
scripts/fetch_runtimes.sh
[ "${1:-native}" != native ] || exit 0

log=build/models.log
tests/zoo/environment.sh build core photographs weights converters legacy
[ "$1" != tests ] || tests/zoo/environment.sh build torch
# The training-mode export whose dropout has ratio 0, for its outputs are the same in every run.
{ python3 tests/zoo/make_models.py --build build --set demo &&
  python3 tests/zoo/make_models.py --build build --set demo --only training_still.onnx &&
  { [ "$1" != tests ] || python3 tests/zoo/make_models.py --build build --set demo --only lite0.pt2; }; } > $log 2>&1 ||
  { tail -30 $log >&2; echo "prepare: a model could not be made (all of it in $log)" >&2; exit 1; }
grep -E '^made ' $log || true
[ -e build/.photos-complete ] || {
  build/venv/bin/python tests/zoo/photos.py --output build/photos >> $log 2>&1 || { tail -5 $log >&2; exit 1; }
  touch build/.photos-complete
}
