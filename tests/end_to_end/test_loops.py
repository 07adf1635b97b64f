"""A recurrent layer that runs both ways, and the loops that a converter makes of it."""

import json

import numpy
import onnx
import pytest
from conftest import MODELS, PHOTOS, fetafix, heavy, plant, zoo
from onnx import TensorProto, helper, numpy_helper

STEPS, IN, HIDDEN, CLASSES = 9, 6, 5, 4


def constant(name, array):
    return numpy_helper.from_array(numpy.asarray(array), name)


def model(nodes, constants, path):
    graph = helper.make_graph(nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [STEPS, 1, IN])],
                              [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, CLASSES])], constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(made)
    onnx.save(made, path)
    return path


def head():
    """What follows the layer, whose answers are `sequence`, [steps, 1, 2 * hidden]."""
    return [helper.make_node("Tanh", ["sequence"], ["bent"]),
            helper.make_node("ReduceMean", ["bent"], ["mean"], axes=[0], keepdims=0),
            helper.make_node("MatMul", ["mean", "dense"], ["scores"])]


def layer(path, weights):
    constants = [constant(name, array) for name, array in weights.items()]
    nodes = [helper.make_node("LSTM", ["x", "w", "r"], ["both"], hidden_size=HIDDEN, direction="bidirectional"),
             helper.make_node("Split", ["both"], ["ahead", "back"], axis=1),
             helper.make_node("Squeeze", ["ahead", "one"], ["ahead3"]), helper.make_node("Squeeze", ["back", "one"], ["back3"]),
             helper.make_node("Concat", ["ahead3", "back3"], ["sequence"], axis=2), *head()]
    return model(nodes, [*constants, constant("one", [1])], path)


def one_way(name, read, made, number):
    """A loop over the steps of `read`; each is gathered and goes through a layer of one step."""
    def at(word):
        return f"{name}_{word}"
    info = helper.make_tensor_value_info
    state = [1, 1, HIDDEN]
    nodes = [helper.make_node("Gather", [read, at("i")], [at("step")], axis=0),
             helper.make_node("Unsqueeze", [at("step"), "zero"], [at("step3")]),
             helper.make_node("LSTM", [at("step3"), f"w{number}", f"r{number}", "", "", at("h"), at("c")],
                              ["", at("h_next"), at("c_next")], hidden_size=HIDDEN),
             helper.make_node("Squeeze", [at("h_next"), "zero"], [at("kept")]),
             helper.make_node("Identity", [at("go")], [at("go_on")])]
    body = helper.make_graph(nodes, at("body"),
                             [info(at("i"), TensorProto.INT64, []), info(at("go"), TensorProto.BOOL, []),
                              info(at("h"), TensorProto.FLOAT, state), info(at("c"), TensorProto.FLOAT, state)],
                             [info(at("go_on"), TensorProto.BOOL, []), info(at("h_next"), TensorProto.FLOAT, state),
                              info(at("c_next"), TensorProto.FLOAT, state), info(at("kept"), TensorProto.FLOAT, [1, HIDDEN])])
    return helper.make_node("Loop", ["steps", "yes", "rest", "rest"], [at("h_end"), at("c_end"), made], body=body)


def turned(read, made):
    """The steps in the other order, as tf2onnx says it: so many operators that the loop is given up before the last."""
    return [helper.make_node("Transpose", [read], [f"{made}_batch"], perm=[1, 0, 2]),
            helper.make_node("Transpose", [f"{made}_batch"], [f"{made}_time"], perm=[1, 0, 2]),
            helper.make_node("Shape", [f"{made}_time"], [f"{made}_sizes"]),
            helper.make_node("Gather", [f"{made}_sizes", "zero"], [f"{made}_steps"]),
            helper.make_node("Shape", [f"{made}_batch"], [f"{made}_sizes2"]),
            helper.make_node("Gather", [f"{made}_sizes2", "zero"], [f"{made}_count"]),
            helper.make_node("Expand", [f"{made}_steps", f"{made}_count"], [f"{made}_lengths"]),
            helper.make_node("ReverseSequence", [f"{made}_time", f"{made}_lengths"], [made], time_axis=0, batch_axis=1)]


def loops(path, weights):
    constants = [constant(f"{name}{k}", weights[name][k:k + 1]) for name in ("w", "r") for k in (0, 1)]
    constants += [constant("dense", weights["dense"]), constant("zero", [0]), constant("steps", numpy.int64(STEPS)),
                  constant("yes", True), constant("rest", numpy.zeros((1, 1, HIDDEN), numpy.float32))]
    nodes = [one_way("ahead", "x", "ahead_all", 0), *turned("x", "x_back"), one_way("back", "x_back", "back_all", 1),
             *turned("back_all", "back_turned"),
             helper.make_node("Concat", ["ahead_all", "back_turned"], ["sequence"], axis=2), *head()]
    return model(nodes, constants, path)


def weights(seed=1):
    random = numpy.random.default_rng(seed)
    return {name: random.normal(0, 0.4, shape).astype(numpy.float32)
            for name, shape in (("w", (2, 4 * HIDDEN, IN)), ("r", (2, 4 * HIDDEN, HIDDEN)), ("dense", (2 * HIDDEN, CLASSES)))}


def localized(folder, planted):
    source, target = layer(folder / "layer.onnx", weights()), loops(folder / "loops.onnx", planted)
    done = fetafix("localize", source, target, "--json", folder / "r.json")
    return done, json.loads((folder / "r.json").read_text())


def test_a_right_pair_has_no_fault(tmp_path):
    done, result = localized(tmp_path, weights())
    assert done.code == 0 and result["verdict"] in ("identical", "equivalent"), done.out
    assert result["faults"] == [] and result["coverage"]["unaligned"] == 0


@pytest.mark.parametrize("name", ["ahead", "back"])
def test_the_loop_that_is_wrong_is_named(name, tmp_path):
    planted = weights()
    planted["r"][["ahead", "back"].index(name)] *= 1.5
    done, result = localized(tmp_path, planted)
    assert done.code == 1 and len(result["faults"]) == 1, done.out
    assert f"Loop #{0 if name == 'ahead' else 9} " in result["faults"][0]["target_node"] + " ", done.out


@pytest.mark.parametrize("source, right, fault", [heavy("lstm.onnx", "lstm.tflite", "loop-gates"),
                                                  heavy("gru.tflite", "gru.onnx", "loop-numbers-noise"),
                                                  heavy("gru.onnx", "gru_saved_model", "recurrent-gates"),
                                                  heavy("lstm.keras", "lstm_saved_model", "recurrent-noise"),
                                                  heavy("lstm.onnx", "lstm.keras", "recurrent-gates")])
def test_the_parameters_of_a_cell_are_mended_where_they_lie(tmp_path, source, right, fault):
    target, record = plant(MODELS / right, tmp_path, fault, 5)
    output = tmp_path / f"fixed_{right}"
    done = fetafix("repair", MODELS / source, target, "--data", PHOTOS, "--output", output, "--json", tmp_path / "r.json")
    result = json.loads((tmp_path / "r.json").read_text())
    assert done.code == 0 and result["verdict"] == "repaired", done.out
    assert [(fault["class"], fault["pattern"]) for fault in result["faults"]] == [("parameters", "recurrent-tensor")]
    assert record["node"] in result["faults"][0]["target_node"]
    seen = json.loads(zoo("oracle.py", MODELS / right, output, "--noise", 2))
    assert seen["max_relative"] < 1e-5, seen
