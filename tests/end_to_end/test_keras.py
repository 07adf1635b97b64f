"""Keras files as source and as target: a seeded net with branches and squeeze-and-excite, and its ONNX conversion."""

import json
import subprocess
import sys
import zipfile

import pytest
from conftest import PHOTOS, digest, fetafix, heavy, plant, zoo

DATA = ["--data", PHOTOS, "--preprocess", "keras-tf"]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """(ONNX, Keras): the same net."""
    folder = tmp_path_factory.mktemp("keras")
    zoo("keras_nets.py", "branches", "--keras", folder / "net.keras", "--saved-model", folder / "net")
    command = [sys.executable, "-m", "tf2onnx.convert", "--saved-model", folder / "net", "--opset", "13", "--output",
               folder / "net.onnx"]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "net.onnx", folder / "net.keras"


def test_right_pairs_are_the_same(pair, tmp_path):
    for source, target in (pair, pair[::-1]):
        done = fetafix("check", source, target, *DATA, "--json", tmp_path / "r.json")
        result = json.loads((tmp_path / "r.json").read_text())
        assert done.code == 0 and result["verdict"] == "equivalent" and not result["faults"], done.out
        assert result["coverage"]["opaque"] == 0 and result["coverage"]["unaligned"] == 0


# The ONNX file has the normalizations folded: an epsilon is named all the same.
@pytest.mark.parametrize("fault, seed, pattern", [("weights-negated", 3, "weights"), heavy("activation-linear", 1, "missing-operator"),
                                                  heavy("concat-order", 3, "rewired-operand"), heavy("norm-epsilon-large", 3, "epsilon")])
def test_a_planted_fault_is_mended_in_place(pair, tmp_path, fault, seed, pattern):
    source, right = pair
    damaged, record = plant(right, tmp_path, fault, seed)
    before, output = digest(damaged), tmp_path / "fixed.keras"
    done = fetafix("repair", source, damaged, *DATA, "--output", output, "--json", tmp_path / "r.json")
    result = json.loads((tmp_path / "r.json").read_text())
    assert done.code == 0 and result["verdict"] == "repaired" and len(result["faults"]) == 1, (record, done.out)
    assert result["faults"][0]["pattern"] == pattern
    assert digest(damaged) == before
    # Keras loads what was written, and it answers as the right file does.
    seen = json.loads(zoo("oracle.py", right, output, "--photos", PHOTOS, "--preprocess", "mobilenet"))
    assert seen["label_differences"] == 0 and seen["max_relative"] < 1e-4, seen
    # What was not touched is as it was.
    with zipfile.ZipFile(damaged) as one, zipfile.ZipFile(output) as other:
        assert one.read("metadata.json") == other.read("metadata.json")


def test_a_class_that_no_keras_has(pair, tmp_path):
    source, right = pair
    broken = tmp_path / "broken.keras"
    with zipfile.ZipFile(right) as old, zipfile.ZipFile(broken, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename == "config.json":
                content = content.replace(b'"class_name": "MaxPooling2D"', b'"class_name": "MaxPool2d"', 1)
            new.writestr(entry, content)
    done = fetafix("repair", source, broken, *DATA, "--output", tmp_path / "fixed.keras", "--json", tmp_path / "r.json")
    result = json.loads((tmp_path / "r.json").read_text())
    assert done.code == 0 and result["verdict"] == "repaired", done.out
    assert result["faults"][0]["pattern"] == "unknown-layer"


@pytest.mark.parametrize("fault, pattern", [heavy("broken-weights-lost", "missing-weight"), heavy("broken-key-quantized", "foreign-setting"),
                                            ("broken-edge", "missing-tensor")])
def test_a_file_that_does_not_load_is_mended(pair, tmp_path, fault, pattern):
    source, right = pair
    broken, record = plant(right, tmp_path, fault, 1)
    done = fetafix("repair", source, broken, *DATA, "--output", tmp_path / "fixed.keras", "--json", tmp_path / "r.json")
    result = json.loads((tmp_path / "r.json").read_text())
    assert done.code == 0 and result["verdict"] == "repaired", (record, done.out)
    first = result["faults"][0]
    place = record["index_in"] if record["index"] is None else record["index"]  # a file without a model has no numbers
    assert first["pattern"] == pattern and f"#{place} " in first["target_node"], (record, first)
    seen = json.loads(zoo("oracle.py", right, tmp_path / "fixed.keras", "--photos", PHOTOS, "--preprocess", "mobilenet"))
    assert seen["label_differences"] == 0 and seen["max_relative"] < 1e-4, seen


def test_what_is_no_model_is_refused(tmp_path):
    empty = tmp_path / "archive.keras"
    with zipfile.ZipFile(empty, "w") as archive:
        archive.writestr("config.json", "{}")
    done = fetafix("inspect", empty)
    assert done.code == 3 and "metadata.json" in done.err
