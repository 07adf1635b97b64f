"""What real runtimes do otherwise, on models that only the gate makes; run by `make gate` behind the pairs."""

import json
import os
import subprocess
from pathlib import Path

BUILD = Path(os.environ.get("FETAFIX_BUILD", Path(__file__).resolve().parents[2] / "build"))
PROGRAM = Path(os.environ.get("FETAFIX_PROGRAM", BUILD / "release/bin/fetafix"))
MODELS, PHOTOS = BUILD / "models", BUILD / "photos"
SOURCE, TARGET = MODELS / "lstm_fused.onnx", MODELS / "lstm_fused.tflite"


def result_of(folder, *words):
    done = subprocess.run([PROGRAM, *words, "--json", folder / "r.json"], capture_output=True, text=True)
    assert (folder / "r.json").exists(), done.stdout + done.stderr
    return done, json.loads((folder / "r.json").read_text())


def test_clipped_cell_is_named_alone_and_repaired(tmp_path):
    done, result = result_of(tmp_path, "repair", SOURCE, TARGET, "--data", PHOTOS, "--output", tmp_path / "fixed.tflite")
    assert done.returncode == 0 and result["verdict"] == "repaired", done.stdout + done.stderr
    assert [fault["pattern"] for fault in result["faults"]] == ["cell_clip"]
    assert result["before"]["max_relative_error"] > 1e-4 and result["after"]["max_relative_error"] < 1e-5


def test_onnx_can_not_clip_a_cell(tmp_path):
    done, result = result_of(tmp_path, "repair", TARGET, SOURCE, "--data", PHOTOS, "--output", tmp_path / "fixed.onnx")
    assert done.returncode == 1 and result["verdict"] == "not-repaired", done.stdout + done.stderr
    assert "can't clip its cell" in result["faults"][0]["left_because"]


def test_int8_kernels_are_their_view_operator_by_operator(tmp_path):
    _, result = result_of(tmp_path, "localize", MODELS / "dog.onnx", MODELS / "dog_int8.tflite", "--data", PHOTOS,
                          "--preprocess", "mobilenet")
    looked_into = [note for note in result["notes"] if "operator by operator" in note]
    assert looked_into == ["target: 67 values compared with the runtime's own, operator by operator: 0 differ"]
