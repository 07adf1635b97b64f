"""PyTorch: kinds of fault that no converter is known for, and that no recognizer is written for."""

import copy

import numpy

from faults import tensors
from faults.common import GRAPH, PARAMETERS, DoesNotApply, unrecognized
from faults.torch_graph import data_slot, of, references, tensor, word
from faults.torch_parameters import change_numbers, kernels
from faults.torch_wiring import residuals


def repeat(file, index, draw):
    """The operator once more, on its own result."""
    node = file.nodes[index]
    slot, value = data_slot(file, index), file.output(index)
    if len(file.results(index)) > 1 or file.shape(file.operand(index, slot)) != file.shape(value):
        raise DoesNotApply("it changes the shape")
    kept = copy.deepcopy(node["inputs"])
    record = file.insert(value, node["target"].removeprefix("torch.ops.aten."), first=slot[0])
    inserted = file.nodes[record["index"]]
    for entry in kept:
        for place, ref in references(entry["arg"]):
            if (entry["name"], place) == slot:
                ref["name"] = value
    inserted["inputs"] = kept
    file.refresh()
    return record


def largest(file, index, draw):
    return file.replace(index, "maximum.default", {name: tensor(file.operand(index, (name, None))) for name in ("self", "other")})


def exchange(file, index, draw):
    """Two neighbors that keep the shape, in the other order."""
    second = file.nodes[index]
    slot = data_slot(file, index)
    before = file.producer.get(file.operand(index, slot))
    if before is None:
        raise DoesNotApply("nothing is before it")
    first, slot1 = file.nodes[before], data_slot(file, before)
    if word(first) == word(second) or len(file.results(before)) > 1 or len(file.results(index)) > 1:
        raise DoesNotApply("they are of one type, or have several results")
    begin, middle, end = file.operand(before, slot1), file.output(before), file.output(index)
    if not file.shape(begin) == file.shape(middle) == file.shape(end):
        raise DoesNotApply("they change the shape")
    if len(file.readers(middle)) > 1 or middle in file.outputs:
        raise DoesNotApply("what is between them is read elsewhere")
    if any(name in file.producer and file.producer[name] >= before for name in file.operands(index) if name != middle):
        raise DoesNotApply("the second needs more of the first")
    for key in ("target", "inputs", "metadata"):
        first[key], second[key] = second[key], first[key]
    file.set_operand(before, slot, begin)
    file.set_operand(index, slot1, middle)
    return file.record(before, also=[index])


def shuffle(file, index, draw):
    """Channels in another order before an activation, where the next operator doesn't expect it."""
    name = file.operand(index, ("self", None))
    shape = file.shape(name) or []
    if len(shape) != 4 or shape[1] < 4 or name not in file.producer:
        raise DoesNotApply("it has no channels")
    order = numpy.roll(draw.permutation(shape[1]), 1).astype(numpy.int64)
    constant = file.add_constant(order)
    return file.insert(name, "index_select.default", {"dim": 1, "index": tensor(constant)}, "self", [(index, ("self", None))])


FAULTS = [
    unrecognized("low-rank", PARAMETERS, kernels, change_numbers(tensors.low_rank)),
    unrecognized("node-repeated", GRAPH, of("conv2d", "_convolution", "linear", "avg_pool2d", "softmax", "hardswish", "sigmoid", "mul",
                                            "batch_norm", "layer_norm"), repeat),
    unrecognized("add-to-max", GRAPH, residuals, largest),
    unrecognized("order-exchanged", GRAPH, lambda file: file.live, exchange),
    unrecognized("channels-shuffled", GRAPH, of("relu", "hardswish", "hardtanh", "leaky_relu", "sigmoid", "silu"), shuffle),
]
