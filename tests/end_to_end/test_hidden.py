"""A fault that no sample shows: it is found, and mended, on what is made of the samples."""

import json

import numpy
import onnx
import pytest
from conftest import DATA, MODELS, Repaired, fetafix, heavy, plant
from onnx import helper, numpy_helper

BOUND = 50.0  # half as much again as the photographs reach there; scattered pixels reach twice as much


@pytest.fixture
def hidden(tmp_path):
    model = onnx.load(MODELS / "sim.onnx")
    nodes = model.graph.node
    at = [i for i, node in enumerate(nodes) if node.op_type == "Conv"][2]
    value = nodes[at].output[0]
    for node in nodes:
        for k, name in enumerate(node.input):
            if name == value:
                node.input[k] = "clipped"
    model.graph.initializer.append(numpy_helper.from_array(numpy.float32(BOUND), "bound"))
    nodes.insert(at + 1, helper.make_node("Clip", [value, "", "bound"], ["clipped"]))
    path = tmp_path / "hidden.onnx"
    onnx.save(model, path)
    return path


def test_check_says_latent(hidden, tmp_path):
    done = fetafix("check", MODELS / "right.onnx", hidden, *DATA, "--json", tmp_path / "r.json")
    result = json.loads((tmp_path / "r.json").read_text())
    assert done.code == 1 and result["verdict"] == "latent", done.out + done.err
    assert result["before"]["max_relative_error"] < 1e-5


@pytest.mark.parametrize("also", [None, heavy("weights-scale-small")])
def test_repair_takes_it_out(hidden, tmp_path, also):
    target = hidden
    if also:
        target, _ = plant(hidden, tmp_path, also, 3)
    repair = Repaired(MODELS / "right.onnx", target, tmp_path)
    assert repair.run.code == 0 and repair.result["verdict"] == "repaired", repair.run.out + repair.run.err
    assert len(repair.result["faults"]) == (2 if also else 1)
    assert not [node for node in onnx.load(repair.output).graph.node if node.output[0] == "clipped"]
