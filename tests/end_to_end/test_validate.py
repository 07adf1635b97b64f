"""Files whose runtime computes otherwise than a naive reading of them says."""

import json

from conftest import DATA, MODELS, PHOTOS, fetafix

SOURCE, TARGET = MODELS / "lstm_fused.onnx", MODELS / "lstm_fused.tflite"


def result_of(folder, *words):
    done = fetafix(*words, "--json", folder / "r.json")
    assert (folder / "r.json").exists(), done.out + done.err
    return done, json.loads((folder / "r.json").read_text())


def test_clipped_cell_is_named_alone_and_repaired(tmp_path):
    done, result = result_of(tmp_path, "repair", SOURCE, TARGET, "--data", PHOTOS, "--output", tmp_path / "fixed.tflite")
    assert done.code == 0 and result["verdict"] == "repaired", done.out + done.err
    assert [fault["pattern"] for fault in result["faults"]] == ["cell_clip"]
    assert result["before"]["max_relative_error"] > 1e-4 and result["after"]["max_relative_error"] < 1e-5


def test_onnx_can_not_clip_a_cell(tmp_path):
    done, result = result_of(tmp_path, "repair", TARGET, SOURCE, "--data", PHOTOS, "--output", tmp_path / "fixed.onnx")
    assert done.code == 1 and result["verdict"] == "not-repaired", done.out + done.err
    assert "can't clip its cell" in result["faults"][0]["left_because"]


def test_nothing_is_looked_into_where_files_are_their_views(tmp_path):
    _, result = result_of(tmp_path, "localize", MODELS / "right.onnx", MODELS / "lite0_float32.tflite", *DATA)
    assert not [note for note in result["notes"] if "operator by operator" in note]


def test_int8_kernels_are_their_view_operator_by_operator(tmp_path):
    _, result = result_of(tmp_path, "localize", MODELS / "dog.onnx", MODELS / "dog_int8.tflite", "--data", PHOTOS,
                          "--preprocess", "mobilenet")
    looked_into = [note for note in result["notes"] if "operator by operator" in note]
    assert looked_into == ["target: 67 values compared with the runtime's own, operator by operator: 0 differ"]


def test_what_answers_otherwise_each_time_is_named(tmp_path):
    _, result = result_of(tmp_path, "localize", MODELS / "right.onnx", MODELS / "training_random.onnx", *DATA)
    assert any("answers otherwise each time: RandomUniformLike" in warning for warning in result["warnings"])


def test_the_class_is_listed():
    assert "runtime-fault  [runtime]" in fetafix("list", "faults").out
