"""ONNX: files that ONNX Runtime refuses to load or to run."""

import numpy
from onnx import numpy_helper

from faults.common import GRAPH, HYPERPARAMETERS, INPUT, PARAMETERS, TENSOR_STRUCTURE, DoesNotApply, broken
from faults.onnx_graph import attribute, of, set_attribute
from faults.onnx_parameters import change_numbers, constants_in, kernels, weights, BIASES
from faults.onnx_windows import padded


def lose_pads(file, index, draw):
    record = file.record(index, attribute="pads", before=list(attribute(file.nodes[index], "pads")), after=None)
    set_attribute(file.nodes[index], "pads", [0] * len(record["before"]))
    return record


def flat(array, axis, draw):
    return array.reshape(-1)


def exchanged(array, axis, draw):
    """Shape of another layout: first axis last."""
    return numpy.ascontiguousarray(numpy.moveaxis(array, 0, -1)) if array.ndim > 1 else None


def shorter(array, axis, draw):
    return array[:-1]


def as_type(kind):
    return lambda array, axis, draw: array.astype(kind)


def is_initializer(places):
    return lambda file: [(i, s) for i, s in places(file) if file.nodes[i].input[s] in file.initializers]


def lose_initializer(file, place, draw):
    index, slot = place
    name = file.nodes[index].input[slot]
    file.graph.initializer.remove(file.initializers[name])
    for value in [v for v in file.graph.input if v.name == name]:
        file.graph.input.remove(value)
    return file.record(index, slot=slot, tensor=name)


def cut_data(file, place, draw):
    index, slot = place
    tensor = file.initializers[file.nodes[index].input[slot]]
    if not tensor.raw_data:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor), tensor.name))
    tensor.raw_data = tensor.raw_data[:-4]
    return file.record(index, slot=slot, tensor=tensor.name)


def drop_flatten(file, index, draw):
    if file.nodes[index].output[0] in file.outputs:
        raise DoesNotApply("it is an output")
    return file.remove(index)


def resize_reshape(file, index, draw):
    stored = file.constant(file.nodes[index].input[1])
    if stored is None or stored.dtype.kind != "i" or stored.size < 1:
        raise DoesNotApply("its shape is computed")
    after = stored.copy()
    after[-1] = abs(after[-1]) * 7 + 3
    after = numpy.where(after == -1, 1, after)
    record = file.record(index, slot=1, before=stored.tolist(), after=after.tolist())
    file.set_constant(index, 1, after.astype(numpy.int64))
    return record


def repeat_name(file, index, draw):
    other = next(i for i in file.live if i != index and file.nodes[i].output[0] not in file.outputs)
    before = file.nodes[index].output[0]
    if before in file.outputs:
        raise DoesNotApply("it is an output")
    file.nodes[index].output[0] = file.nodes[other].output[0]
    for reader, slot in file.readers(before):
        file.nodes[reader].input[slot] = file.nodes[index].output[0]
    return file.record(index, before=before, after=file.nodes[index].output[0])


def close_cycle(file, index, draw):
    later = [n for i in file.live if i > index + 1 for n in file.nodes[i].output[:1]]
    if not later:
        raise DoesNotApply("nothing comes after it")
    node = file.nodes[index]
    before, node.input[0] = node.input[0], later[draw.integers(len(later))]
    return file.record(index, slot=0, before=before, after=node.input[0])


def change_node(change, **what):
    def apply(file, index, draw):
        change(file.nodes[index])
        return file.record(index, **what)
    return apply


def rename_type(node):
    node.op_type += "c"


def lose_operand(node):
    del node.input[1:]


def change_model(change, **what):
    """About the whole file: told at its first operator."""
    def apply(file, index, draw):
        change(file.model)
        return {**file.record(index), "whole": True, **what}
    return apply


def set_opset(version):
    def change(model):
        for entry in model.opset_import:
            if entry.domain in ("", "ai.onnx"):
                entry.version = version
    return change


def lose_opset(model):
    for entry in [e for e in model.opset_import if e.domain in ("", "ai.onnx")]:
        model.opset_import.remove(entry)


def set_ir(version):
    def change(model):
        model.ir_version = version
    return change


def rename_output(model):
    model.graph.output[0].name += "_lost"


def lose_dimension(model):
    constants = {t.name for t in model.graph.initializer}
    value = next(v for v in model.graph.input if v.name not in constants)
    del value.type.tensor_type.shape.dim[-1]


def reverse(model):
    nodes = list(model.graph.node)[::-1]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def first(file):
    return file.live[:1]


P, H, G, T, I = PARAMETERS, HYPERPARAMETERS, GRAPH, TENSOR_STRUCTURE, INPUT
biases = constants_in(BIASES)
FAULTS = [
    broken("broken-pads", H, padded, lose_pads),
    broken("broken-weights-shape", P, weights, change_numbers(exchanged)),
    broken("broken-weights-rank", T, kernels, change_numbers(flat)),
    broken("broken-weights-type", T, is_initializer(weights), change_numbers(as_type(numpy.float64))),
    broken("broken-bias-length", P, biases, change_numbers(shorter)),
    broken("broken-bias-type", T, biases, change_numbers(as_type(numpy.int32))),
    broken("broken-initializer-lost", P, is_initializer(weights), lose_initializer),
    broken("broken-data-short", P, is_initializer(weights), cut_data),
    broken("broken-flatten-dropped", G, of("Flatten", "Reshape", "Squeeze"), drop_flatten),
    broken("broken-reshape-size", T, of("Reshape"), resize_reshape),
    broken("broken-name-twice", G, lambda f: f.live[1:], repeat_name),
    broken("broken-cycle", G, lambda f: f.live, close_cycle),
    broken("broken-attribute-unknown", H, of("Conv", "Relu", "Add", "Gemm", "Concat", "MatMul"),
           change_node(lambda n: set_attribute(n, "data_format", "NHWC"), attribute="data_format", before=None, after="NHWC")),
    broken("broken-group", H, of("Conv"), change_node(lambda n: set_attribute(n, "group", 5), attribute="group", after=5)),
    broken("broken-kernel-shape", H, of("Conv"),
           change_node(lambda n: set_attribute(n, "kernel_shape", [9, 9]), attribute="kernel_shape", after=[9, 9])),
    broken("broken-axis-range", H, of("Concat", "Softmax", "Gather"),
           change_node(lambda n: set_attribute(n, "axis", 9), attribute="axis", after=9)),
    broken("broken-type-unknown", G, lambda f: f.live, change_node(rename_type)),
    broken("broken-operand-lost", G, of("Add", "Mul", "Conv", "MatMul", "Gemm"), change_node(lose_operand, slot=1)),
    broken("broken-opset-lost", G, first, change_model(lose_opset, attribute="opset_import")),
    broken("broken-opset-old", G, first, change_model(set_opset(5), attribute="opset_import", after=5)),
    broken("broken-opset-new", G, first, change_model(set_opset(99), attribute="opset_import", after=99)),
    broken("broken-ir-new", G, first, change_model(set_ir(99), attribute="ir_version", after=99)),
    broken("broken-ir-old", G, first, change_model(set_ir(1), attribute="ir_version", after=1)),
    broken("broken-output-lost", G, first, change_model(rename_output, attribute="graph outputs")),
    broken("broken-input-rank", I, first, change_model(lose_dimension, attribute="graph inputs")),
    broken("broken-order", G, first, change_model(reverse, attribute="order")),
]
