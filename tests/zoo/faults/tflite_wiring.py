"""TFLite: operators too many, too few or in other places, and edges that lead elsewhere."""

import numpy

import tflite_file
from faults.common import GRAPH, HYPERPARAMETERS, INPUT, TENSOR_STRUCTURE, DoesNotApply, Fault
from faults.tflite_graph import change_option, of, option

FROZEN_SIZE = 4096  # elements of a value that becomes a constant


def drop(file, index, draw):
    return file.remove(index)


def residuals(file):
    return [i for i in file.of_type("ADD") if len(set(file.operators[i].inputs) & file.fed) == 2]


def bypass(file, index, draw):
    return file.remove(index, int(draw.integers(2)))


def swap_operands(file, index, draw):
    inputs = file.operators[index].inputs
    first, second = map(int, draw.choice(len(inputs), 2, replace=False)) if len(inputs) > 2 else (0, 1)
    if len(inputs) < 2 or inputs[first] == inputs[second] or file.shape(inputs[first]) != file.shape(inputs[second]):
        raise DoesNotApply("its operands are the same, or of other shapes")
    inputs[first], inputs[second] = inputs[second], inputs[first]
    return file.record(index, slot=sorted([first, second]))


def rewire(file, index, draw):
    inputs = file.operators[index].inputs
    slot = int(draw.integers(len(inputs)))
    earlier = [t for i in file.live if i < index for t in file.operators[i].outputs[:1]
               if t not in inputs and file.shape(t) == file.shape(inputs[slot]) and
               file.tensors[t].type == file.tensors[inputs[slot]].type]
    if not earlier:
        raise DoesNotApply("no other tensor has that shape")
    before, inputs[slot] = inputs[slot], earlier[draw.integers(len(earlier))]
    return file.record(index, slot=slot, before=before, after=inputs[slot])


def transpose_before(file, index, slot, order):
    shape = file.shape(file.operators[index].inputs[slot])
    at = file.insert_before(index, slot, "TRANSPOSE", [shape[a] for a in order], numpy.array(order, numpy.int32), "TransposeOptions")
    return file.inserted(at)


def insert_transpose(file, index, draw):
    """Height and width swapped on the edge into one operator, where they are equal."""
    slot = next((s for s, t in enumerate(file.operators[index].inputs) if t in file.fed), None)
    shape = file.shape(file.operators[index].inputs[slot])
    if len(shape) != 4 or shape[1] != shape[2] or shape[1] < 2:
        raise DoesNotApply("height and width are not equal")
    return transpose_before(file, index, slot, [0, 2, 1, 3])


def transpose_input(file, index, draw):
    """The same right behind a model input: its dimensions were declared in another order."""
    inputs = tflite_file.numbers(file.graph.inputs)
    slot = next(s for s, t in enumerate(file.operators[index].inputs) if t in inputs)
    shape = file.shape(file.operators[index].inputs[slot])
    pairs = [(a, b) for b in range(1, len(shape)) for a in range(1, b) if shape[a] == shape[b] > 1]
    if not pairs or len(file.readers(file.operators[index].inputs[slot])) > 1:
        raise DoesNotApply("no two of its dimensions are equal")
    order = list(range(len(shape)))
    a, b = pairs[-1]
    order[a], order[b] = order[b], order[a]
    return transpose_before(file, index, slot, order)


def reads_input(file):
    inputs = set(tflite_file.numbers(file.graph.inputs))
    return [i for i in file.live if inputs & set(file.operators[i].inputs)]


def change_permutation(file, index, draw):
    """Two axes of equal length exchanged in what a TRANSPOSE does."""
    number = file.stored(index, 1)
    if number is None:
        raise DoesNotApply("its permutation is computed")
    shape = file.shape(file.operators[index].inputs[0])
    order = [int(a) for a in tflite_file.array(file.model, file.tensors[number])]
    pairs = [(a, b) for b in range(len(order)) for a in range(1, b) if shape[order[a]] == shape[order[b]] > 1]
    if not pairs:
        raise DoesNotApply("no two axes are equal")
    a, b = pairs[draw.integers(len(pairs))]
    after = list(order)
    after[a], after[b] = after[b], after[a]
    record = file.record(index, slot=1, before=order, after=after)
    file.own_constant(index, 1, numpy.array(after, numpy.int32))
    return record


def swap_outputs(file, place, draw):
    first, second = place
    outputs = file.outputs
    outputs[first], outputs[second] = outputs[second], outputs[first]
    file.graph.outputs = outputs
    return {**file.record(file.producer[outputs[first]]), "slot": [first, second], "attribute": "graph outputs"}


def equal_outputs(file):
    return [(i, j) for i in range(len(file.outputs)) for j in range(i)
            if file.shape(file.outputs[i]) == file.shape(file.outputs[j])]


def freeze(file, index, draw):
    """A small value that depends on the data becomes a constant; which one, does not matter."""
    result = file.operators[index].outputs[0]
    shape = file.shape(result)
    if result in file.outputs or not 1 < numpy.prod(shape or [0]) <= FROZEN_SIZE or file.tensors[result].type != 0:
        raise DoesNotApply("too large, or an output")
    readers = file.readers(result)
    number = file.new_tensor(result, shape, draw.uniform(0, 1, shape).astype(numpy.float32))
    for reader, slot in readers:
        file.operators[reader].inputs[slot] = number
    return {**file.record(index), "ends": sorted({r for r, _ in readers})}


def freeze_batch(file, index, draw):
    """[-1, ...] became [1, ...]: seen with two samples at a time."""
    number = file.stored(index, 1) if len(file.operators[index].inputs) > 1 else None
    stored = None if number is None else tflite_file.array(file.model, file.tensors[number])
    if stored is None or stored.size < 2 or stored[0] != -1:
        raise DoesNotApply("its first dimension is not free")
    after = stored.copy()
    after[0] = 1
    record = file.record(index, slot=1, before=stored.tolist(), after=after.tolist())
    file.own_constant(index, 1, after)
    if file.operators[index].builtinOptions is not None:
        file.operators[index].builtinOptions.newShape = after.tolist()
    return record


def shorten_slice(file, index, draw):
    """An end of "as far as it goes" that became -1: without the last element."""
    number, mask = file.stored(index, 2), option(file, index, "endMask")
    shape = file.shape(file.operators[index].inputs[0])
    free = [a for a in range(1, len(shape)) if mask and mask & (1 << a) and shape[a] > 1]
    if number is None or not free:
        raise DoesNotApply("its end is a number")
    axis = free[-1]
    after = tflite_file.array(file.model, file.tensors[number])
    after[axis] = -1
    file.own_constant(index, 2, after)
    return change_option(file, index, "endMask", mask & ~(1 << axis))


def divide_as_real(file, index, draw):
    """Whole-number division rounded towards zero in place of down."""
    record = file.record(index)
    file.operators[index].opcodeIndex = file.code("DIV")
    return {**record, "before": "FLOOR_DIV", "after": "DIV"}


G, T, H, I = GRAPH, TENSOR_STRUCTURE, HYPERPARAMETERS, INPUT
FAULTS = [
    Fault("activation-removed", G, None, of("LOGISTIC", "TANH", "HARD_SWISH", "RELU", "RELU6", "LEAKY_RELU", "GELU",
                                           "SOFTMAX"), drop),
    Fault("node-bypassed", G, 26, residuals, bypass),
    Fault("edge-rewired", G, 26, lambda f: residuals(f) + f.of_type("CONCATENATION"), rewire),
    Fault("outputs-swapped", G, 26, equal_outputs, swap_outputs),
    Fault("operands-swapped", G, 25, of("SUB", "DIV", "POW"), swap_operands),
    Fault("concat-order", G, 26, of("CONCATENATION"), swap_operands),
    Fault("reverse-dropped", G, 23, of("REVERSE_V2"), drop),
    Fault("transpose-inserted", T, 13, lambda f: f.live, insert_transpose),
    Fault("transpose-dropped", T, 13, of("TRANSPOSE"), drop),
    Fault("transpose-order", T, 13, of("TRANSPOSE"), change_permutation),
    Fault("input-transposed", T, 13, reads_input, transpose_input),
    Fault("batch-frozen", I, 28, of("RESHAPE"), freeze_batch, batch=2),
    Fault("subgraph-frozen", G, None, lambda f: f.live, freeze),
    Fault("softcap-dropped", G, None, of("TANH"), drop),
    Fault("slice-end", H, None, of("STRIDED_SLICE"), shorten_slice),
    Fault("integer-division", G, None, of("FLOOR_DIV"), divide_as_real),
]
