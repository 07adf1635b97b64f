"""ONNX: operators too many, too few or in other places, and edges that lead elsewhere."""

import numpy
import onnx
from onnx import helper

from faults.common import GRAPH, HYPERPARAMETERS, INPUT, TENSOR_STRUCTURE, DoesNotApply, Fault
from faults.onnx_graph import of, set_attribute, attribute

NOT_COMMUTATIVE = ("Sub", "Div", "Pow")
FROZEN_SIZE = 4096  # elements of a value that becomes a constant


def drop(file, index, draw):
    return file.remove(index)


def linear_values(file):
    """Values of linear operators that no activation reads: where an extra one changes something."""
    active = ("Relu", "Clip", "LeakyRelu", "BatchNormalization", "Softmax", "Sigmoid")
    return [i for i in file.of_type("Conv", "Add", "BatchNormalization", "Gemm", "MatMul", "Mul")
            if not any(file.nodes[r].op_type in active for r, _ in file.readers(file.nodes[i].output[0]))]


def insert_relu(file, index, draw):
    return file.insert(file.nodes[index].output[0], "Relu")


def insert_transpose(file, index, draw):
    """Height and width swapped on one edge where they are equal."""
    value = file.nodes[index].output[0]
    shape = file.shape(value) or []
    if len(shape) != 4 or shape[2] != shape[3] or shape[2] < 2:
        raise DoesNotApply("height and width are not equal")
    return file.insert(value, "Transpose", perm=[0, 1, 3, 2])


def transpose_input(file, index, draw):
    """The same right behind a model input: its dimensions were declared in another order."""
    name = next((n for n in file.nodes[index].input if n in {v.name for v in file.graph.input} & file.fed), None)
    shape = (file.shape(name) if name else None) or []
    pairs = [(a, b) for b in range(1, len(shape)) for a in range(1, b) if shape[a] == shape[b] > 1]
    if not pairs:
        raise DoesNotApply("no two of its dimensions are equal")
    order = list(range(len(shape)))
    a, b = pairs[-1]
    order[a], order[b] = order[b], order[a]
    return file.insert(name, "Transpose", perm=order)


def reads_input(file):
    inputs = {v.name for v in file.graph.input}
    return [i for i in file.live if inputs & set(file.nodes[i].input) & file.fed]


def change_permutation(file, index, draw):
    """Two axes of equal length exchanged in what a Transpose does."""
    node = file.nodes[index]
    shape, order = file.shape(node.input[0]) or [], list(attribute(node, "perm", []))
    pairs = [(a, b) for b in range(len(order)) for a in range(1, b)
             if len(shape) == len(order) and shape[order[a]] == shape[order[b]] > 1]
    if not pairs:
        raise DoesNotApply("no two axes are equal")
    a, b = pairs[draw.integers(len(pairs))]
    before = list(order)
    order[a], order[b] = order[b], order[a]
    set_attribute(node, "perm", order)
    return file.record(index, attribute="perm", before=before, after=order)


def residuals(file):
    return [i for i in file.of_type("Add", "Sum") if sum(name in file.fed for name in file.nodes[i].input) > 1]


def bypass(file, index, draw):
    return file.remove(index, int(draw.integers(2)))


def swap_operands(file, index, draw):
    node = file.nodes[index]
    first, second = draw.choice(len(node.input), 2, replace=False) if node.op_type == "Concat" else (0, 1)
    if len(node.input) < 2 or node.input[first] == node.input[second]:
        raise DoesNotApply("its operands are the same")
    node.input[first], node.input[second] = node.input[second], node.input[first]
    return file.record(index, slot=sorted([int(first), int(second)]))


def rewire(file, index, draw):
    """One operand of a branch's end reads an earlier value of the same shape."""
    node = file.nodes[index]
    slot = int(draw.integers(len(node.input)))
    shape = file.shape(node.input[slot])
    earlier = [name for i in file.live if i < index for name in file.nodes[i].output[:1]
               if name not in node.input and shape and file.shape(name) == shape]
    if not earlier:
        raise DoesNotApply("no other value has that shape")
    before, node.input[slot] = node.input[slot], earlier[draw.integers(len(earlier))]
    return file.record(index, slot=slot, before=before, after=node.input[slot])


def swap_outputs(file, place, draw):
    first, second = place
    outputs = file.graph.output
    kept = onnx.ValueInfoProto()
    kept.CopyFrom(outputs[first])
    outputs[first].CopyFrom(outputs[second])
    outputs[second].CopyFrom(kept)
    return {**file.record(file.producer[outputs[first].name]), "slot": [first, second], "attribute": "graph outputs"}


def equal_outputs(file):
    shapes = [file.shape(name) for name in file.outputs]
    return [(i, j) for i in range(len(shapes)) for j in range(i) if shapes[i] == shapes[j]]


def swap_inputs(file, index, draw):
    """Two model inputs of one shape change places for their readers."""
    inputs = [v.name for v in file.graph.input if v.name in file.fed]
    pairs = [(a, b) for a in inputs for b in inputs if a < b and file.shape(a) == file.shape(b)]
    if not pairs:
        raise DoesNotApply("no two inputs have one shape")
    first, second = pairs[0]
    reads = [(file.readers(first), second), (file.readers(second), first)]
    for readers, name in reads:
        for reader, slot in readers:
            file.nodes[reader].input[slot] = name
    return file.record(index, attribute="graph inputs")


def mask_by_arithmetic(file, index, draw):
    """Where(c, x, y) as c * x + (1 - c) * y, which makes NaN of an infinite y."""
    node = file.nodes[index]
    condition, yes, no = node.input
    names = [f"{file.fresh()}_{n}" for n in range(5)]
    one = file.add_constant(numpy.float32(1))
    record = file.record(index)
    nodes = [helper.make_node("Cast", [condition], [names[0]], to=onnx.TensorProto.FLOAT),
             helper.make_node("Mul", [names[0], yes], [names[1]]), helper.make_node("Sub", [one, names[0]], [names[2]]),
             helper.make_node("Mul", [names[2], no], [names[3]]), helper.make_node("Add", [names[1], names[3]], list(node.output))]
    del file.nodes[index]
    for offset, new in enumerate(nodes):
        file.nodes.insert(index + offset, new)
    file.refresh()
    return {**record, "index": index + 4, "op_type": "Add", "node": "", "ends": list(range(index, index + 5))}


def freeze(file, index, draw):
    """A small value that depends on the data becomes what it is for one sample."""
    value = file.nodes[index].output[0]
    shape = file.shape(value) or []
    if value in file.outputs or not 1 < abs(numpy.prod(shape or [0])) <= FROZEN_SIZE:
        raise DoesNotApply("too large, or an output")
    readers = file.readers(value)
    name = file.add_constant(file.value(value))
    for reader, slot in readers:
        file.nodes[reader].input[slot] = name
    return {**file.record(index), "ends": sorted({r for r, _ in readers})}


def freeze_batch(file, index, draw):
    """[-1, ...] became [1, ...]: seen with two samples at a time."""
    node = file.nodes[index]
    stored = file.constant(node.input[1])
    if stored is None or stored.size < 2 or stored[0] not in (-1, 0):
        raise DoesNotApply("its first dimension is not free")
    after = stored.copy()
    after[0] = 1
    record = file.record(index, slot=1, before=stored.tolist(), after=after.tolist())
    file.set_constant(index, 1, after)
    return record


def lose_squeeze_axes(file, index, draw):
    """Without axes every dimension of one goes, the batch too."""
    node = file.nodes[index]
    if len(node.input) < 2 and not attribute(node, "axes"):
        raise DoesNotApply("it has none")
    record = file.record(index, attribute="axes", after=None)
    del node.input[1:], node.attribute[:]
    return record


def divide_as_real(file, index, draw):
    """A whole-number division done in real numbers, rounded in place of cut off."""
    node = file.nodes[index]
    divisor = file.constant(node.input[1])
    if divisor is None or divisor.dtype.kind != "i":
        raise DoesNotApply("it divides real numbers")
    element = helper.np_dtype_to_tensor_dtype(divisor.dtype)
    record = file.record(index)
    names = [f"{file.fresh()}_{n}" for n in range(3)]
    real = file.add_constant(divisor.astype(numpy.float32))
    nodes = [helper.make_node("Cast", [node.input[0]], [names[0]], to=1), helper.make_node("Div", [names[0], real], [names[1]]),
             helper.make_node("Round", [names[1]], [names[2]]), helper.make_node("Cast", [names[2]], list(node.output), to=element)]
    del file.nodes[index]
    for offset, new in enumerate(nodes):
        file.nodes.insert(index + offset, new)
    file.refresh()
    return {**record, "index": index + 1, "ends": list(range(index, index + 4))}


G, T, H, I = GRAPH, TENSOR_STRUCTURE, HYPERPARAMETERS, INPUT
FAULTS = [
    Fault("clip-dropped", G, 20, of("Clip"), drop),
    Fault("activation-dropped", G, None, of("Relu", "LeakyRelu", "Sigmoid", "Tanh", "HardSwish", "Softmax"), drop),
    Fault("activation-extra", G, None, linear_values, insert_relu),
    Fault("node-bypassed", G, 26, residuals, bypass),
    Fault("edge-rewired", G, 26, lambda file: residuals(file) + file.of_type("Concat"), rewire),
    Fault("outputs-swapped", G, 26, equal_outputs, swap_outputs),
    Fault("inputs-swapped", G, 26, reads_input, swap_inputs),
    Fault("operands-swapped", G, 25, of(*NOT_COMMUTATIVE), swap_operands),
    Fault("concat-order", G, 26, of("Concat"), swap_operands),
    Fault("reverse-dropped", G, 23, of("ReverseSequence"), drop),
    Fault("transpose-inserted", T, 13, lambda file: file.live, insert_transpose),
    Fault("transpose-dropped", T, 13, of("Transpose"), drop),
    Fault("transpose-order", T, 13, of("Transpose"), change_permutation),
    Fault("mask-by-arithmetic", G, 27, of("Where"), mask_by_arithmetic),
    Fault("input-transposed", T, 13, reads_input, transpose_input),
    Fault("batch-frozen", I, 28, of("Reshape"), freeze_batch, batch=2),
    Fault("subgraph-frozen", G, None, lambda file: file.live, freeze),
    Fault("softcap-dropped", G, None, of("Tanh"), drop),
    Fault("squeeze-axes", H, None, of("Squeeze"), lose_squeeze_axes),
    Fault("integer-division", G, None, of("Div"), divide_as_real),
]
