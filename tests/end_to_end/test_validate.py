"""Files whose runtime computes otherwise than a naive reading of them says."""

import json

import onnx
from conftest import DATA, MODELS, fetafix
from onnx import helper

def result_of(folder, *words):
    done = fetafix(*words, "--json", folder / "r.json")
    assert (folder / "r.json").exists(), done.out + done.err
    return done, json.loads((folder / "r.json").read_text())


def test_nothing_is_looked_into_where_files_are_their_views(tmp_path):
    _, result = result_of(tmp_path, "localize", MODELS / "right.onnx", MODELS / "lite0_float32.tflite", *DATA)
    assert not [note for note in result["notes"] if "operator by operator" in note]


def test_what_answers_otherwise_each_time_is_named(tmp_path):
    model = onnx.load(MODELS / "sim.onnx")
    image = model.graph.input[0].name
    for node in model.graph.node:
        node.input[:] = ["shaken" if name == image else name for name in node.input]
    model.graph.node.insert(0, helper.make_node("Add", [image, "noise"], ["shaken"]))
    model.graph.node.insert(0, helper.make_node("RandomUniformLike", [image], ["noise"], high=0.1, low=-0.1))
    onnx.save(model, tmp_path / "random.onnx")
    _, result = result_of(tmp_path, "localize", MODELS / "right.onnx", tmp_path / "random.onnx", *DATA)
    assert any("answers otherwise each time: RandomUniformLike" in warning for warning in result["warnings"])


def test_the_class_is_listed():
    assert "runtime-fault  [runtime]" in fetafix("list", "faults").out
