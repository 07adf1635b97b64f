"""Targets that do not load or run: what stops them is found in the file, mended, and then the rest is."""

import copy
import json
import sys

import numpy as np
import onnx
import pytest
from conftest import MODELS, ROOT, Repaired, fetafix, heavy
from onnx import numpy_helper

sys.path.insert(0, str(ROOT / "tests/zoo"))
import tflite_file  # noqa: E402


TOLERANCE = 5e-5


def onnx_node(model, kind, index):
    return [node for node in model.graph.node if node.op_type == kind][index]


def initializer(model, name):
    return next(tensor for tensor in model.graph.initializer if tensor.name == name)


def no_opset(model):
    del model.opset_import[:]


def future_versions(model):
    model.ir_version, model.opset_import[0].version = 99, 99


def lost_weights(model):
    model.graph.initializer.remove(initializer(model, onnx_node(model, "Conv", 20).input[1]))


def wrong_rank(model):
    tensor = initializer(model, onnx_node(model, "Conv", 20).input[1])
    array = numpy_helper.to_array(tensor)
    tensor.CopyFrom(numpy_helper.from_array(array.reshape(array.shape[0], -1), tensor.name))


def cycle(model):
    onnx_node(model, "Conv", 20).input[0] = onnx_node(model, "Conv", 22).output[0]


def double_input(model):
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.DOUBLE


def unknown_operator(model):
    onnx_node(model, "Conv", 20).domain = "com.example"


def cycle_and_weights(model):
    """Two faults: one stops the file from loading, the other shows only when it runs."""
    cycle(model)
    tensor = initializer(model, onnx_node(model, "Conv", 5).input[1])
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * 1.5, tensor.name))


TWO_FAULTS = [future_versions, cycle_and_weights]
def short_initializer(model):
    tensor = initializer(model, onnx_node(model, "Conv", 20).input[1])
    tensor.raw_data = tensor.raw_data[:-4]


ONNX = [short_initializer, no_opset, future_versions, lost_weights, wrong_rank, cycle, double_input, unknown_operator,
        cycle_and_weights]


def operators(model, *kinds):
    return [op for op in model.subgraphs[0].operators if tflite_file.op_name(model, op) in kinds]


def same_to_valid(model):
    graph = model.subgraphs[0]
    convolutions = [op for op in operators(model, "DEPTHWISE_CONV_2D") if op.builtinOptions.strideH == 1]
    convolutions[4].builtinOptions.padding = 1
    assert list(graph.tensors[convolutions[4].inputs[1]].shape)[1] > 1


def unordered(model):
    order = model.subgraphs[0].operators
    order[10], order[40] = order[40], order[10]


def lost_buffer(model):
    model.subgraphs[0].tensors[operators(model, "CONV_2D")[10].inputs[1]].buffer = 0


def integer_tensor(model):
    model.subgraphs[0].tensors[operators(model, "CONV_2D")[10].outputs[0]].type = 2


def renamed_operator(model):
    code = copy.deepcopy(model.operatorCodes[operators(model, "CONV_2D")[3].opcodeIndex])
    code.builtinCode = code.deprecatedBuiltinCode = 32
    code.customCode = b"TFL_CONV"
    operators(model, "CONV_2D")[3].opcodeIndex = len(model.operatorCodes)
    model.operatorCodes.append(code)


def weights(model):
    return model.subgraphs[0].tensors[operators(model, "CONV_2D")[10].inputs[1]]


def absent_buffer(model):
    weights(model).buffer = len(model.buffers) + 7


def short_numbers(model):
    buffer = model.buffers[weights(model).buffer]
    buffer.data = buffer.data[:-4]


def absent_tensor(model):
    operators(model, "CONV_2D")[10].inputs[0] = len(model.subgraphs[0].tensors) + 7


def integer_bias(model):
    tensor = model.subgraphs[0].tensors[operators(model, "CONV_2D")[10].inputs[2]]
    numbers = np.frombuffer(bytes(model.buffers[tensor.buffer].data), np.float32)
    model.buffers[tensor.buffer].data = np.frombuffer(numbers.astype(np.int32).tobytes(), np.uint8)
    tensor.type = 2


def input_rank(model):
    tensor = model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]]
    tensor.shape, tensor.shapeSignature = list(tensor.shape)[:-1], None


def input_channels(model):
    tensor = model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]]
    tensor.shape, tensor.shapeSignature = [*list(tensor.shape)[:-1], 7], None


TFLITE = [same_to_valid, unordered, lost_buffer, integer_tensor, renamed_operator, absent_buffer, short_numbers,
          absent_tensor, integer_bias, input_rank, input_channels]


# What the file lacked, rather than what the comparison finds in its place.
TOLD_AS = {lost_weights: "missing-tensor", short_initializer: "missing-tensor", lost_buffer: "missing-tensor",
           absent_buffer: "missing-tensor", short_numbers: "missing-tensor", integer_bias: "tensor-type",
           input_rank: "input-shape", input_channels: "input-shape"}


def plant(folder, damage):
    if damage in ONNX:
        target = folder / "broken.onnx"
        model = onnx.load(MODELS / "sim.onnx")
        damage(model)
        onnx.save(model, target)
        return target
    target = folder / "broken.tflite"
    model = tflite_file.read(MODELS / "lite0_float32.tflite")
    for operator in model.subgraphs[0].operators:
        operator.inputs, operator.outputs = map(tflite_file.numbers, (operator.inputs, operator.outputs))
    damage(model)
    tflite_file.write(model, target)
    return target


HEAVY = [no_opset, double_input, cycle, same_to_valid, integer_tensor, short_numbers, absent_tensor, input_rank]


@pytest.mark.parametrize("damage", [heavy(one) if one in HEAVY else one for one in ONNX + TFLITE],
                         ids=lambda damage: damage.__name__)
def test_is_repaired(damage, tmp_path):
    target = plant(tmp_path, damage)
    repair = Repaired(MODELS / "right.onnx", target, tmp_path)
    assert repair.run.code == 0 and repair.result["verdict"] == "repaired", repair.run.out + repair.run.err
    assert len(repair.result["faults"]) == (2 if damage in TWO_FAULTS else 1)
    assert repair.result["faults"][0]["pattern"] == TOLD_AS.get(damage, repair.result["faults"][0]["pattern"])
    assert all(fault["fixed"] for fault in repair.result["faults"]) and repair.inputs_untouched
    assert repair.oracle()["max_abs"] < TOLERANCE
    again = tmp_path / f"again{target.suffix}"
    assert fetafix("apply", f"{repair.output}.patch.json", target, "--output", again).code == 0
    assert again.read_bytes() == repair.output.read_bytes()


def test_static_says_what_stops_it(tmp_path):
    target = plant(tmp_path, cycle)
    done = fetafix("localize", "--static", MODELS / "sim.onnx", target, "--json", tmp_path / "r.json")
    result = json.loads((tmp_path / "r.json").read_text())
    assert done.code == 1 and result["verdict"] == "broken", done.out + done.err
    assert result["faults"][0]["pattern"] == "cycle"
