"""ONNX: kinds of fault that no converter is known for, and that no recognizer is written for."""

import numpy
from onnx import NodeProto

from faults import tensors
from faults.common import GRAPH, PARAMETERS, DoesNotApply, unrecognized
from faults.onnx_graph import attribute, of
from faults.onnx_parameters import change_numbers, kernels
from faults.onnx_wiring import residuals


def repeat(file, index, draw):
    """The operator once more, on its own result."""
    node = NodeProto()
    node.CopyFrom(file.nodes[index])
    if file.shape(node.input[0]) != file.shape(node.output[0]):
        raise DoesNotApply("it changes the shape")
    record = file.insert(node.output[0], node.op_type, list(node.input[1:]))
    inserted = file.nodes[record["index"]]
    inserted.attribute.extend(node.attribute)
    return record


def largest(file, index, draw):
    node = file.nodes[index]
    before, node.op_type = node.op_type, "Max"
    return file.record(index, before=before, after="Max")


def exchange(file, index, draw):
    """Two neighbors that keep the shape, in the other order."""
    second = file.nodes[index]
    first_index = file.producer.get(second.input[0])
    if first_index is None:
        raise DoesNotApply("nothing is before it")
    first = file.nodes[first_index]
    shapes = [file.shape(n) for n in (first.input[0], first.output[0], second.output[0])]
    if first.op_type == second.op_type or shapes[0] is None or not shapes[0] == shapes[1] == shapes[2]:
        raise DoesNotApply("they are of one type, or change the shape")
    if len(file.readers(first.output[0])) > 1 or first.output[0] in file.outputs:
        raise DoesNotApply("what is between them is read elsewhere")
    if any(name in file.producer and file.producer[name] >= first_index for name in second.input[1:]):
        raise DoesNotApply("the second needs more of the first")
    kept = NodeProto()
    kept.CopyFrom(first)
    begin, middle, end = kept.input[0], kept.output[0], second.output[0]
    first.CopyFrom(second)
    second.CopyFrom(kept)
    first.input[0], first.output[0], second.input[0], second.output[0] = begin, middle, middle, end
    return file.record(first_index, also=[index])


def shuffle(file, index, draw):
    """Channels in another order before an activation, where the next operator doesn't expect it."""
    name = file.nodes[index].input[0]
    shape = file.shape(name) or []
    if len(shape) != 4 or shape[1] < 4 or name not in file.producer:
        raise DoesNotApply("it has no channels")
    order = numpy.roll(draw.permutation(shape[1]), 1).astype(numpy.int64)
    return file.insert(name, "Gather", [file.add_constant(order)], [(index, 0)], axis=1)


FAULTS = [
    unrecognized("low-rank", PARAMETERS, kernels, change_numbers(tensors.low_rank)),
    unrecognized("node-repeated", GRAPH, of("Conv", "MatMul", "Gemm", "AveragePool", "Softmax", "HardSwish", "Sigmoid", "Mul"),
                 repeat),
    unrecognized("add-to-max", GRAPH, residuals, largest),
    unrecognized("order-exchanged", GRAPH, lambda file: file.live, exchange),
    unrecognized("channels-shuffled", GRAPH, of("Relu", "HardSwish", "Clip", "LeakyRelu", "Sigmoid"), shuffle),
]
