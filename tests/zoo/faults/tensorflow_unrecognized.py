"""TensorFlow: kinds of fault that no converter is known for, and that no recognizer is written for."""

import numpy
from tensorflow import int32

from faults import tensors
from faults.common import GRAPH, PARAMETERS, DoesNotApply, unrecognized
from faults.tensorflow_graph import clear, copied, of
from faults.tensorflow_parameters import change_numbers, kernels
from faults.tensorflow_wiring import residuals


def repeat(file, index, draw):
    """The operator once more, on its own result."""
    if file.input_shape(index) != file.shape(file.result(index)):
        raise DoesNotApply("it changes the shape")
    path, reference = file.operators[index].path, file.reference(index)
    again = copied(file.node(index))
    again.name = file.fresh(index)
    file.replace_reads(index, reference.replace(file.node(index).name, again.name, 1))
    again.input[0] = reference
    file.nodes_of(index).append(again)
    file.refresh()
    first = file.numbers[path]
    at = file.readers(file.result(first))[0][0]
    return {**file.record(at), "index_in": None, "ends": [first, *sorted({r for r, _ in file.readers(file.result(at))})]}


def largest(file, index, draw):
    before = file.type(index)
    clear(file.node(index), "Maximum")
    return file.record(index, before=before, after="Maximum")


def exchange(file, index, draw):
    """Two neighbors that keep the shape, in the other order."""
    first = file.source(index)
    if file.operators[first].scope is not file.operators[index].scope or first not in file.live:
        raise DoesNotApply("nothing is before it")
    begin = file.operators[first].inputs[0]
    shapes = [file.shape(value) for value in (begin, file.result(first), file.result(index))]
    if file.type(index) == file.type(first) or shapes[0] is None or not shapes[0] == shapes[1] == shapes[2]:
        raise DoesNotApply("they are of one type, or change the shape")
    if begin not in file.fed or len(file.readers(file.result(first))) > 1 or file.result(first) in file.outputs:
        raise DoesNotApply("what is between them is read elsewhere")
    if any(value in file.fed for n in (first, index) for value in file.operators[n].inputs[1:]):
        raise DoesNotApply("one needs more of what is before")
    paths, middle = file.paths([first, index]), file.reference(first)
    end, start = file.reference(index), file.node(first).input[0]
    file.replace_reads(index, middle)
    file.node(index).input[0], file.node(first).input[0] = start, end
    file.refresh()
    index = file.numbers[paths[0]]
    return file.record(index, also=[file.numbers[paths[1]]])


def shuffle(file, index, draw):
    """Channels in another order before an operator that doesn't expect it."""
    shape = file.input_shape(index)
    if len(shape) != 4 or shape[3] < 4 or file.operators[index].inputs[0] not in file.fed:
        raise DoesNotApply("it has no channels")
    order = numpy.roll(draw.permutation(shape[3]), 1).astype(numpy.int32)
    constants = [order, numpy.array(3, numpy.int32)]
    from tensorflow import int32
    at = file.insert_before(index, 0, "GatherV2", constants, shape=shape, Tindices=int32, Taxis=int32)
    return file.inserted(at)


FAULTS = [
    unrecognized("low-rank", PARAMETERS, kernels, change_numbers(tensors.low_rank)),
    unrecognized("node-repeated", GRAPH, of("Conv2D", "DepthwiseConv2dNative", "MatMul", "AvgPool", "Softmax", "BiasAdd",
                                            "Sigmoid", "Mul", "Tanh"), repeat),
    unrecognized("add-to-max", GRAPH, residuals, largest),
    unrecognized("order-exchanged", GRAPH, lambda file: file.live, exchange),
    unrecognized("channels-shuffled", GRAPH, of("Conv2D", "DepthwiseConv2dNative", "Relu", "AddV2", "LeakyRelu", "Relu6"),
                 shuffle),
]
