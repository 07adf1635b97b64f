"""Right conversions of a small trained classifier: a ring through all formats, and one from PyTorch's side. All twenty paths, and
faults in their targets, are in `make paths`."""

import json

import pytest

from conftest import PHOTOS, ROOT, fetafix

FILES = ROOT / "tests/paths/testdata"
RING = ["classifier.keras", "classifier.tflite", "tflite_to_saved_model", "tflite_to_onnx.onnx", "tflite_to_torch.pt2",
        "tflite_to_keras.h5"]
PAIRS = [*zip(RING, RING[1:] + RING[1:2]), ("classifier.onnx", "onnx_to_tflite.tflite")]


@pytest.mark.parametrize("source, target", PAIRS, ids=[" to ".join(pair) for pair in PAIRS])
def test_a_right_path_is_clean(source, target, tmp_path):
    record = tmp_path / "result.json"
    run = fetafix("localize", FILES / source, FILES / target, "--data", PHOTOS, "--preprocess", "keras-tf", "--json", record)
    assert run.code == 0, run.out + run.err
    result = json.loads(record.read_text())
    assert result["verdict"] in ("identical", "equivalent")
    assert result["faults"] == []
