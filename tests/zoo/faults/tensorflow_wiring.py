"""TensorFlow: operators too many, too few or in other places, and edges that lead elsewhere."""

import numpy

from faults.common import GRAPH, INPUT, TENSOR_STRUCTURE, DoesNotApply, Fault
from faults.tensorflow_attributes import change_constant
from faults.tensorflow_graph import of

FROZEN_SIZE = 4096  # elements of a value that becomes a constant
SIGMOIDS = ("Sigmoid", "Tanh", "Relu", "Relu6", "LeakyRelu", "Elu", "Erf", "Softmax")


def drop(file, index, draw):
    return file.remove(index)


def residuals(file):
    return [i for i in file.of_type("AddV2", "Add") if len(set(file.operators[i].inputs) & file.fed) == 2]


def bypass(file, index, draw):
    return file.remove(index, int(draw.integers(2)))


def scopes_agree(file, index, other):
    return file.operators[index].scope is file.operators[other].scope


def rewire(file, index, draw):
    """One operand of a branch's end reads an earlier value of the same shape."""
    inputs = file.operators[index].inputs
    slots = [s for s, value in enumerate(inputs) if value in file.fed]
    slot = slots[int(draw.integers(len(slots)))]
    shape = file.input_shape(index, slot)
    earlier = [i for i in file.live if i < index and scopes_agree(file, index, i) and file.result(i) not in inputs
               and file.shape(file.result(i)) == shape and file.type(i) not in ("While", "StatelessWhile")]
    if not earlier:
        raise DoesNotApply("no other value has that shape")
    other = earlier[draw.integers(len(earlier))]
    path, before, after = file.operators[index].path, inputs[slot][0], file.operators[other].path
    file.node(index).input[slot] = file.reference(other)
    file.refresh()
    return file.record(file.numbers[path], slot=slot, before=before, after=after, index_in=index)


def swap_operands(file, index, draw):
    node, inputs = file.node(index), file.operators[index].inputs
    count = len(inputs) - (file.type(index) == "ConcatV2")
    first, second = (int(n) for n in draw.choice(count, 2, replace=False)) if count > 2 else (0, 1)
    if inputs[first] == inputs[second]:
        raise DoesNotApply("its operands are the same")
    path = file.operators[index].path
    node.input[first], node.input[second] = node.input[second], node.input[first]
    file.refresh()
    return file.record(file.numbers[path], slot=sorted([first, second]), index_in=index)


def transpose_before(file, index, slot, order):
    shape = file.input_shape(index, slot)
    at = file.insert_before(index, slot, "Transpose", [numpy.array(order, numpy.int32)], shape=[shape[a] for a in order])
    return file.inserted(at)


def insert_transpose(file, index, draw):
    """Height and width swapped on the edge into one operator, where they are equal."""
    slot = next((s for s, value in enumerate(file.operators[index].inputs) if value in file.fed), None)
    shape = file.input_shape(index, slot)
    if len(shape) != 4 or shape[1] != shape[2] or shape[1] < 2:
        raise DoesNotApply("height and width are not equal")
    return transpose_before(file, index, slot, [0, 2, 1, 3])


def transpose_input(file, index, draw):
    """The same right behind a model input: its dimensions were declared in another order."""
    slot = next(s for s, value in enumerate(file.operators[index].inputs) if value in file.flat.inputs)
    shape = file.input_shape(index, slot)
    pairs = [(a, b) for b in range(1, len(shape)) for a in range(1, b) if shape[a] == shape[b] > 1]
    if not pairs or len(file.readers(file.operators[index].inputs[slot])) > 1:
        raise DoesNotApply("no two of its dimensions are equal")
    order = list(range(len(shape)))
    a, b = pairs[-1]
    order[a], order[b] = order[b], order[a]
    return transpose_before(file, index, slot, order)


def reads_input(file):
    return [i for i in file.live if set(file.flat.inputs) & set(file.operators[i].inputs)]


def permuted_order(file, index, before, draw):
    """Two axes of equal length exchanged in what a Transpose does."""
    shape, order = file.input_shape(index), [int(a) for a in before]
    pairs = [(a, b) for b in range(len(order)) for a in range(1, b) if shape[order[a]] == shape[order[b]] > 1]
    if not pairs:
        raise DoesNotApply("no two axes are equal")
    a, b = pairs[draw.integers(len(pairs))]
    order[a], order[b] = order[b], order[a]
    return order


def equal_outputs(file):
    shapes = [file.shape(value) for value in file.outputs]
    return [(i, j) for i in range(len(shapes)) for j in range(i) if shapes[i] == shapes[j]]


def swap_outputs(file, place, draw):
    """The signature's results: what the function gives under two names."""
    first, second = place
    index, other = (file.producer(file.outputs[n]) for n in place)
    scope = file.operators[index].scope
    if scope.is_main or file.operators[other].scope is not scope:
        raise DoesNotApply("they are not given by one function")
    ret, paths = scope.graph.ret, file.paths([index, other])
    names = {file.reference(index): file.reference(other), file.reference(other): file.reference(index)}
    for key, name in list(ret.items()):
        ret[key] = names.get(name, name)
    file.refresh()
    return {**file.record(file.numbers[paths[0]]), "slot": [first, second], "attribute": "signature outputs",
            "also": file.indices(paths[1:])}


def freeze(file, index, draw):
    """A small value that depends on the data becomes a constant; which one, does not matter."""
    value = file.result(index)
    shape = [1 if n < 0 else n for n in file.shape(value) or []]
    if value in file.outputs or not 1 < numpy.prod(shape or [0]) <= FROZEN_SIZE or file.dtype(index) != 1:
        raise DoesNotApply("too large, no real numbers, or an output")
    path, readers = file.operators[index].path, file.paths(sorted({r for r, _ in file.readers(value)}))
    constant = file.add_constant(index, draw.uniform(0, 1, shape).astype(numpy.float32))
    file.replace_reads(index, constant)
    file.refresh()
    readers = file.indices(readers)
    if not readers:
        raise DoesNotApply("nothing reads it any more")
    return {**file.record(readers[0]), "index_in": index, "node": path, "also": readers[1:], "ends": readers}


def frozen_batch(file, index, before, draw):
    """[-1, ...] became [1, ...]: seen with two samples at a time."""
    if before.size < 2 or before[0] != -1:
        raise DoesNotApply("its first dimension is not free")
    return [1, *before[1:].tolist()]


def packed_shapes(file):
    """(Reshape) whose shape is packed from a computed batch."""
    return [i for i in file.of_type("Reshape") if file.type(file.source(i, 1)) == "Pack"]


def freeze_packed(file, index, draw):
    """The batch of a computed shape became 1: seen with two samples at a time."""
    pack = file.source(index, 1)
    if file.stored(pack, 0) is not None or not scopes_agree(file, index, pack):
        raise DoesNotApply("its first dimension is not computed")
    kind = {3: numpy.int32, 9: numpy.int64}[file.dtype(pack)]
    paths = file.operators[index].path, file.operators[pack].path
    file.node(pack).input[0] = file.add_constant(pack, numpy.array(1, kind))
    file.refresh()
    index, pack = (file.numbers[path] for path in paths)
    return file.record(index, slot=1, also=[pack])


def reshaped_otherwise(file, index, before, draw):
    """Two neighboring dimensions in the other order: the same numbers, cut elsewhere."""
    after = before.copy()
    pairs = [a for a in range(1, len(after) - 1) if after[a] != after[a + 1]]
    if not pairs:
        raise DoesNotApply("its dimensions are equal")
    a = pairs[draw.integers(len(pairs))]
    after[a], after[a + 1] = before[a + 1], before[a]
    return after


G, T, I = GRAPH, TENSOR_STRUCTURE, INPUT
FAULTS = [
    Fault("activation-removed", G, None, of(*SIGMOIDS), drop),
    Fault("clip-dropped", G, 20, of("Relu6", "Minimum", "Maximum"), drop),
    Fault("node-bypassed", G, 26, residuals, bypass),
    Fault("edge-rewired", G, 26, lambda f: residuals(f) + f.of_type("ConcatV2", "Mul"), rewire),
    Fault("outputs-swapped", G, 26, equal_outputs, swap_outputs),
    Fault("operands-swapped", G, 25, of("Sub", "RealDiv", "Pow", "FloorDiv"), swap_operands),
    Fault("concat-order", G, 26, of("ConcatV2"), swap_operands),
    Fault("reverse-dropped", G, 23, of("ReverseV2"), drop),
    Fault("transpose-inserted", T, 13, lambda f: f.live, insert_transpose),
    Fault("transpose-dropped", T, 13, of("Transpose"), drop),
    Fault("transpose-order", T, 13, of("Transpose"), change_constant(1, permuted_order)),
    Fault("input-transposed", T, 13, reads_input, transpose_input),
    Fault("reshape-order", T, None, of("Reshape"), change_constant(1, reshaped_otherwise)),
    Fault("batch-frozen", I, 28, of("Reshape"), change_constant(1, frozen_batch), batch=2),
    Fault("batch-frozen-computed", I, 28, packed_shapes, freeze_packed, batch=2),
    Fault("subgraph-frozen", G, None, lambda f: f.live, freeze),
    Fault("scale-dropped", G, None, of("Mul", "RealDiv"), drop),
]
