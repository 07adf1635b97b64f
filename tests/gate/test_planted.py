"""Planted faults that need models which only the gate makes: each is found by its pattern and mended. Run by `make gate`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("FETAFIX_BUILD", ROOT / "build"))
PROGRAM = Path(os.environ.get("FETAFIX_PROGRAM", BUILD / "release/bin/fetafix"))
MODELS, PHOTOS = BUILD / "models", BUILD / "photos"


@pytest.mark.parametrize("source, target, fault, seed, pattern", [
    ("gru.onnx", "gru.tflite", "activation-removed", 21, "missing-operator"),
    ("lstm.onnx", "lstm.tflite", "activation-replaced", 21, "operator-type"),
    ("lstm.onnx", "lstm.tflite", "transpose-inserted", 21, "extra-transpose"),
    ("parts.onnx", "parts.tflite", "input-transposed", 21, "extra-transpose"),
    ("resnet.onnx", "resnet.tflite", "input-transposed", 23, "extra-transpose"),
    ("parts.onnx", "parts.tflite", "pool-include-pad", 3, "pad-amounts"),
    ("seeded_shufflenet.onnx", "seeded_shufflenet.tflite", "pad-amounts-shifted", 21, "pad-amounts"),
    ("resnet.tflite", "resnet_permuted.tflite", "conv-pads-shifted", 21, "pad-amounts"),
    ("resnet.onnx", "resnet_permuted.onnx", "activation-replaced", 21, "operator-type"),
    ("mobilenet_v3.onnx", "mobilenet_v3_opset17.onnx", "clip-bounds-lost", 23, "missing-operator"),
    ("vit.onnx", "vit.tflite", "broken-stride", 21, "strides"),
    ("parts.onnx", "parts_sim.onnx", "weights-foreign", 41, "upstream-tensor"),
    ("parts.onnx", "parts.tflite", "weights-foreign", 41, "upstream-tensor"),
    ("vit.onnx", "vit.tflite", "batch-frozen", 3, "reshape-size"),
    ("mobilenet_v3.onnx", "mobilenet_v3_opset17.onnx", "batch-frozen", 3, "reshape-size"),
])
def test_is_found_and_mended(source, target, fault, seed, pattern, tmp_path):
    damaged, result_file = tmp_path / f"damaged{Path(target).suffix}", tmp_path / "r.json"
    subprocess.run([sys.executable, ROOT / "tests/zoo/plant.py", MODELS / target, damaged, "--fault", fault, "--seed", str(seed),
                    "--json", tmp_path / "planted.json"], check=True, capture_output=True)
    preprocess = "torchvision" if source.startswith("seeded") else "keras-tf"
    done = subprocess.run([PROGRAM, "repair", MODELS / source, damaged, "--data", PHOTOS, "--preprocess", preprocess, "--json",
                           result_file, "--output", tmp_path / f"fixed{damaged.suffix}"], capture_output=True, text=True)
    result = json.loads(result_file.read_text())
    assert result["verdict"] == "repaired", done.stdout + done.stderr
    assert [found["pattern"] for found in result["faults"]] == [pattern], done.stdout


def test_an_edge_with_other_numbers_behind_it_is_no_crash(tmp_path):
    """Lost pads of a file that does not run; the numbers behind the join that shows it are looked at, too."""
    damaged = tmp_path / "damaged.tflite"
    subprocess.run([sys.executable, ROOT / "tests/zoo/plant.py", MODELS / "branches_again.tflite", damaged, "--fault", "broken-pads",
                    "--seed", "41", "--json", tmp_path / "planted.json"], check=True, capture_output=True)
    done = subprocess.run([PROGRAM, "localize", MODELS / "branches.tflite", damaged, "--data", PHOTOS, "--preprocess", "keras-tf",
                           "--json", tmp_path / "r.json"], capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert json.loads((tmp_path / "r.json").read_text())["faults"][0]["pattern"] == "pads"
