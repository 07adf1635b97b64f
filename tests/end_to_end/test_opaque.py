"""An operator of the source that fetafix can't evaluate: what it makes is asked of its runtime, and all else is compared."""

import json

import numpy
import onnx
from conftest import fetafix
from onnx import TensorProto, helper, numpy_helper

SIZE = 12
OFFSET, SCALE = [0.5] * SIZE, [2.0] * SIZE


def weights(seed):
    return numpy.random.default_rng(seed).normal(size=(SIZE, SIZE)).astype(numpy.float32) / SIZE


def model(scaling, last, path):
    """x @ w, scaled by these nodes from `a` to `b`, and a second product behind it."""
    nodes = [helper.make_node("MatMul", ["x", "w0"], ["a"]), *scaling, helper.make_node("Sigmoid", ["b"], ["c"]),
             helper.make_node("MatMul", ["c", "w1"], ["y"])]
    constants = {"w0": weights(0), "w1": weights(last), "offset": numpy.float32(OFFSET), "scale": numpy.float32(SCALE)}
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, SIZE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, SIZE])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def test_what_stands_behind_it_is_repaired(tmp_path):
    whole = [helper.make_node("Scaler", ["a"], ["b"], domain="ai.onnx.ml", offset=OFFSET, scale=SCALE)]
    parts = [helper.make_node("Sub", ["a", "offset"], ["d"]), helper.make_node("Mul", ["d", "scale"], ["b"])]
    source, right = model(whole, 1, tmp_path / "source.onnx"), model(parts, 1, tmp_path / "right.onnx")
    damaged = model(parts, 2, tmp_path / "damaged.onnx")
    done = fetafix("check", source, right, "--json", tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text())["verdict"] in ("identical", "equivalent"), done.out + done.err
    done = fetafix("repair", source, damaged, "--json", tmp_path / "r.json", "--output", tmp_path / "fixed.onnx")
    result = json.loads((tmp_path / "r.json").read_text())
    assert result["verdict"] == "repaired" and done.code == 0, done.out + done.err
    assert [fault["pattern"] for fault in result["faults"]] == ["tensor"]
    stored = {t.name: numpy_helper.to_array(t) for t in onnx.load(tmp_path / "fixed.onnx").graph.initializer}
    assert numpy.array_equal(stored["w1"], weights(1))
