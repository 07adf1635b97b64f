"""TFLite: kinds of fault that no converter is known for, and that no recognizer is written for."""

import copy

import numpy

from faults import tensors
from faults.common import GRAPH, PARAMETERS, DoesNotApply, unrecognized
from faults.tflite_graph import of, option
from faults.tflite_parameters import change_numbers, kernels
from faults.tflite_wiring import residuals


def repeat(file, index, draw):
    """The operator once more, on its own result."""
    operator = file.operators[index]
    source, result = operator.inputs[0], operator.outputs[0]
    if file.shape(source) != file.shape(result):
        raise DoesNotApply("it changes the shape")
    middle = file.new_tensor(result, file.shape(result))
    again = copy.deepcopy(operator)
    operator.outputs, again.inputs[0] = [middle], middle
    file.operators.insert(index + 1, again)
    file.refresh()
    record = file.record(index + 1)
    return {**record, "index_in": None, "ends": [index, *sorted({r for r, _ in file.readers(result)})]}


def largest(file, index, draw):
    if option(file, index, "fusedActivationFunction"):
        raise DoesNotApply("its activation would be lost too")
    record = file.record(index)
    operator = file.operators[index]
    operator.opcodeIndex, operator.builtinOptionsType, operator.builtinOptions = file.code("MAXIMUM"), 0, None
    return {**record, "op_type": "MAXIMUM", "before": "ADD", "after": "MAXIMUM"}


def exchange(file, index, draw):
    """Two neighbors that keep the shape, in the other order."""
    second = file.operators[index]
    first_index = file.producer.get(second.inputs[0])
    if first_index is None or first_index in [file.producer.get(t) for t in second.inputs[1:]]:
        raise DoesNotApply("nothing is before it")
    first = file.operators[first_index]
    shapes = [file.shape(t) for t in (first.inputs[0], first.outputs[0], second.outputs[0])]
    if file.type(index) == file.type(first_index) or not shapes[0] == shapes[1] == shapes[2]:
        raise DoesNotApply("they are of one type, or change the shape")
    if len(file.readers(first.outputs[0])) > 1 or first.outputs[0] in file.outputs:
        raise DoesNotApply("what is between them is read elsewhere")
    if any(file.producer.get(t, -1) >= first_index for t in second.inputs[1:]):
        raise DoesNotApply("the second needs more of the first")
    begin, middle, end = first.inputs[0], first.outputs[0], second.outputs[0]
    file.operators[first_index], file.operators[index] = second, first
    second.inputs[0], second.outputs, first.inputs[0], first.outputs = begin, [middle], middle, [end]
    return file.record(first_index, also=[index])


def shuffle(file, index, draw):
    """Channels in another order before an operator that doesn't expect it."""
    tensor = file.operators[index].inputs[0]
    shape = file.shape(tensor)
    if len(shape) != 4 or shape[3] < 4 or tensor not in file.producer:
        raise DoesNotApply("it has no channels")
    order = numpy.roll(draw.permutation(shape[3]), 1).astype(numpy.int32)
    at = file.insert_before(index, 0, "GATHER", shape, order, "GatherOptions")
    file.operators[at].builtinOptions.axis = 3
    return file.inserted(at)


FAULTS = [
    unrecognized("low-rank", PARAMETERS, kernels, change_numbers(tensors.low_rank)),
    unrecognized("node-repeated", GRAPH, of("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "AVERAGE_POOL_2D", "SOFTMAX",
                                            "HARD_SWISH", "LOGISTIC", "MUL"), repeat),
    unrecognized("add-to-max", GRAPH, residuals, largest),
    unrecognized("order-exchanged", GRAPH, lambda file: file.live, exchange),
    unrecognized("channels-shuffled", GRAPH, of("CONV_2D", "DEPTHWISE_CONV_2D", "HARD_SWISH", "ADD", "LEAKY_RELU"), shuffle),
]
