"""PyTorch: operators too many, too few or in other places, and edges that lead elsewhere."""

import numpy

from faults.common import GRAPH, INPUT, TENSOR_STRUCTURE, DoesNotApply, Fault
from faults.torch_attributes import ACTIVATIONS, CLIPS
from faults.torch_graph import argument, data_slot, encoded, of, references, set_argument, slot_name, tensor, word
from faults.torch_parameters import NORMS

LINEAR = ("conv1d", "conv2d", "conv_transpose2d", "convolution", "_convolution", "linear", "addmm", "matmul", "mm", "add", "mul", *NORMS)
NOT_COMMUTATIVE = ("sub", "div", "pow", "matmul", "mm", "bmm", "where")
FROZEN_SIZE = 4096  # elements of a value that becomes a constant
MOVERS = ("permute", "transpose")


def drop(file, index, draw):
    return file.remove(index, data_slot(file, index))


def linear_values(file):
    """Values of linear operators that no activation reads: where an extra one changes something."""
    active = {*ACTIVATIONS, *NORMS, "softmax", "_softmax"}
    return [i for i in file.of_type(*LINEAR) if len(file.results(i)) == 1 and
            not any(word(file.nodes[r]) in active for r, _ in file.readers(file.output(i)))]


def insert_relu(file, index, draw):
    return file.insert(file.output(index), "relu.default")


def equal_axes(file, value):
    """Two axes of a value that are equally long, without the batch; the last such pair."""
    shape = file.shape(value) or []
    pairs = [(a, b) for b in range(1, len(shape)) for a in range(1, b) if shape[a] == shape[b] > 1]
    if not pairs:
        raise DoesNotApply("no two axes are equal")
    return pairs[-1]


def insert_transpose(file, index, draw):
    """Two axes of equal length swapped on one edge."""
    value = file.output(index)
    if len(file.results(index)) > 1:
        raise DoesNotApply("it has several results")
    a, b = equal_axes(file, value)
    return file.insert(value, "transpose.int", {"dim0": a, "dim1": b})


def transpose_input(file, index, draw):
    """The same right behind a model input: its dimensions were declared in another order."""
    name = next((n for n in file.operands(index) if n in file.inputs), None)
    a, b = equal_axes(file, name)
    return file.insert(name, "transpose.int", {"dim0": a, "dim1": b})


def reads_input(file):
    return [i for i in file.live if set(file.inputs) & set(file.operands(i))]


def change_permutation(file, index, draw):
    """Two axes of equal length exchanged in what a permute or transpose does."""
    node = file.nodes[index]
    shape = file.shape(file.operand(index, ("self", None)))
    order = order_of(node, len(shape))
    pairs = [(a, b) for b in range(len(order)) for a in range(1, b) if shape[order[a]] == shape[order[b]] > 1]
    if not pairs:
        raise DoesNotApply("no two axes are equal")
    a, b = pairs[draw.integers(len(pairs))]
    after = list(order)
    after[a], after[b] = after[b], after[a]
    file.replace(index, "permute.default", {"self": tensor(file.operand(index, ("self", None))), "dims": encoded(after)})
    return file.record(index, attribute="dims", before=order, after=after)


def order_of(node, rank):
    if word(node) == "permute":
        return [d % rank for d in argument(node, "dims")]
    order = list(range(rank))
    a, b = (argument(node, name) % rank for name in ("dim0", "dim1"))
    order[a], order[b] = order[b], order[a]
    return order


def reshape_instead(file, index, draw):
    """The shape that a permute or transpose gives, but the numbers in the order that they were in."""
    node = file.nodes[index]
    shape = file.shape(file.operand(index, ("self", None)))
    after = [shape[d] for d in order_of(node, len(shape))]
    if 0 in after:
        raise DoesNotApply("it has a free dimension")
    return file.replace(index, "reshape.default", {"self": tensor(file.operand(index, ("self", None))), "shape": encoded(after)})


def exchange_before_reshape(file, index, draw):
    """What a reshape takes apart or together has its axes in another order: last first."""
    value = file.operand(index, ("self", None))
    shape = file.shape(value)
    if len(shape) < 3 or 0 in shape or sum(n > 1 for n in shape[1:]) < 2:
        raise DoesNotApply("nothing would change")
    order = [0, *range(2, len(shape)), 1]
    return file.insert(value, "permute.default", {"dims": encoded(order)}, "self", [(index, ("self", None))])


def residuals(file):
    return [i for i in file.of_type("add", "add_") if sum(name in file.fed for name in file.operands(i)) > 1]


def gates(file):
    return [i for i in file.of_type("mul") if sum(name in file.fed for name in file.operands(i)) > 1]


def bypass(file, index, draw):
    """Either operand alone; an operand of another shape would change the result's."""
    shape = file.shape(file.output(index))
    slots = [(name, None) for name in ("self", "other") if file.shape(file.operand(index, (name, None))) == shape]
    if not slots:
        raise DoesNotApply("no operand has the result's shape")
    return file.remove(index, slots[draw.integers(len(slots))])


def slots_of(node):
    return [(e["name"], place) for e in node["inputs"] for place, _ in references(e["arg"])]


def swap_operands(file, index, draw):
    node = file.nodes[index]
    slots = slots_of(node)[-2:] if word(node) == "where" else slots_of(node)
    if len(slots) < 2:
        return swap_with_number(file, index)
    first, second = (slots[k] for k in draw.choice(len(slots), 2, replace=False))
    names = [file.operand(index, slot) for slot in (first, second)]
    if names[0] == names[1]:
        raise DoesNotApply("its operands are the same")
    file.set_operand(index, first, names[1])
    file.set_operand(index, second, names[0])
    return file.record(index, slot=sorted([slot_name(first), slot_name(second)]))


def swap_with_number(file, index):
    """x - 3 as 3 - x, and x / 3 as 3 / x."""
    node = file.nodes[index]
    number, value = argument(node, "other"), tensor(file.operand(index, ("self", None)))
    if word(node) == "sub" and isinstance(number, (int, float)):
        return file.replace(index, "rsub.Scalar", {"self": value, "other": number, "alpha": 1})
    raise DoesNotApply("its operand is a number")


def rewire(file, index, draw):
    """One operand of a branch's end reads an earlier value of the same shape."""
    node = file.nodes[index]
    slots = [slot for slot in slots_of(node) if file.operand(index, slot) in file.fed]
    slot = slots[draw.integers(len(slots))]
    shape = file.shape(file.operand(index, slot))
    earlier = [file.output(i) for i in file.live if i < index and len(file.results(i)) == 1
               and file.output(i) not in file.operands(index) and file.shape(file.output(i)) == shape]
    if not earlier:
        raise DoesNotApply("no other value has that shape")
    before, after = file.operand(index, slot), earlier[draw.integers(len(earlier))]
    file.set_operand(index, slot, after)
    return file.record(index, slot=slot_name(slot), before=before, after=after)


def swap_outputs(file, place, draw):
    first, second = place
    names = [file.outputs[first], file.outputs[second]]
    for old, new in zip([*names, "planted_between"], ["planted_between", names[0], names[1]]):
        file.set_outputs(old, new)
    return {**file.record(file.producer[names[0]]), "slot": [first, second], "attribute": "graph outputs"}


def equal_outputs(file):
    shapes = [file.shape(name) for name in file.outputs]
    return [(i, j) for i in range(len(shapes)) for j in range(i) if shapes[i] == shapes[j]]


def swap_inputs(file, index, draw):
    """Two model inputs of one shape change places for their readers."""
    pairs = [(a, b) for a in file.inputs for b in file.inputs if a < b and file.shape(a) == file.shape(b)]
    if not pairs:
        raise DoesNotApply("no two inputs have one shape")
    first, second = pairs[0]
    for readers, name in [(file.readers(first), second), (file.readers(second), first)]:
        for reader, slot in readers:
            file.set_operand(reader, slot, name)
    return file.record(index, attribute="graph inputs")


def swap_results(file, index, draw):
    """Two of the parts that a tensor is taken apart in, as keys and queries."""
    names = file.results(index)
    pairs = [(a, b) for b in range(len(names)) for a in range(b) if file.shape(names[a]) == file.shape(names[b])]
    if not pairs:
        raise DoesNotApply("no two parts are equal")
    a, b = pairs[draw.integers(len(pairs))]
    reads = [(file.readers(names[a]), names[b]), (file.readers(names[b]), names[a])]
    for readers, name in reads:
        for reader, slot in readers:
            file.set_operand(reader, slot, name)
    return file.record(index, slot=[a, b])


def mask_by_arithmetic(file, index, draw):
    """where(c, x, y) as c * x + (1 - c) * y, which makes NaN of an infinite y."""
    names = {key: file.operand(index, (key, None)) for key in ("condition", "self", "other")}
    if None in names.values():
        raise DoesNotApply("it has a number")
    record, value, like = file.record(index), file.output(index), names["self"]
    real = file.new_node("to.dtype", {"self": tensor(names["condition"]), "dtype": {"as_scalar_type": 7}}, like)
    yes = file.new_node("mul.Tensor", {"self": tensor(real["name"]), "other": tensor(names["self"])}, value)
    rest = file.new_node("rsub.Scalar", {"self": tensor(real["name"]), "other": 1.0}, like)
    no = file.new_node("mul.Tensor", {"self": tensor(rest["name"]), "other": tensor(names["other"])}, value)
    file.replace(index, "add.Tensor", {"self": tensor(yes["name"]), "other": tensor(no["name"])})
    file.nodes[index:index] = [real, yes, rest, no]
    file.refresh()
    return {**record, "index": index + 4, "op_type": "aten.add.Tensor", "ends": list(range(index, index + 5))}


def freeze(file, index, draw):
    """A small value that depends on the data becomes what it is for one sample."""
    value = file.output(index)
    shape = file.shape(value) or []
    if value in file.outputs or len(file.results(index)) > 1 or not 1 < numpy.prod(shape or [0]) <= FROZEN_SIZE:
        raise DoesNotApply("too large, or an output")
    readers = file.readers(value)
    name = file.add_constant(file.model.value(value))
    for reader, slot in readers:
        file.set_operand(reader, slot, name)
    return {**file.record(index), "ends": sorted({r for r, _ in readers})}


def freeze_batch(file, index, draw):
    """[-1, ...] became [1, ...]: seen with two samples at a time."""
    node = file.nodes[index]
    name = "size" if word(node) == "view" else "shape"
    sizes = [n.get("as_int", -1) if isinstance(n, dict) else n for n in argument(node, name)]
    if not sizes or file.shape(file.operand(index, ("self", None)))[0] != 0 or sizes[0] != -1:
        raise DoesNotApply("its first dimension is not free")
    before, after = sizes, [1, *sizes[1:]]
    set_argument(node, name, encoded(after))
    return file.record(index, attribute=name, before=before, after=after)


def freeze_flatten(file, index, draw):
    """A flatten that became a reshape to the shape for one sample."""
    shape = file.shape(file.output(index))
    if shape[0] != 0 or 0 in shape[1:]:
        raise DoesNotApply("its first dimension is not free")
    return file.replace(index, "reshape.default", {"self": tensor(file.operand(index, ("self", None))), "shape": [1, *shape[1:]]})


def drop_norm(file, index, draw):
    if len(file.results(index)) > 1:
        raise DoesNotApply("it has several results")
    return file.remove(index, ("input", None))


G, T, I = GRAPH, TENSOR_STRUCTURE, INPUT
activations = [name for name in ACTIVATIONS if name not in CLIPS]
FAULTS = [
    Fault("clip-dropped", G, 20, of(*CLIPS), drop),
    Fault("activation-dropped", G, None, of(*activations, "softmax", "_softmax"), drop),
    Fault("activation-extra", G, None, linear_values, insert_relu),
    Fault("norm-dropped", G, None, of(*NORMS), drop_norm),
    Fault("node-bypassed", G, 26, residuals, bypass),
    Fault("gate-bypassed", G, 26, gates, bypass),
    Fault("edge-rewired", G, 26, lambda file: residuals(file) + file.of_type("cat"), rewire),
    Fault("outputs-swapped", G, 26, equal_outputs, swap_outputs),
    Fault("inputs-swapped", G, 26, reads_input, swap_inputs),
    Fault("parts-swapped", G, 26, of("chunk", "split", "split_with_sizes"), swap_results),
    Fault("operands-swapped", G, 25, of(*NOT_COMMUTATIVE), swap_operands),
    Fault("concat-order", G, 26, of("cat"), swap_operands),
    Fault("transpose-inserted", T, 13, lambda file: file.live, insert_transpose),
    Fault("transpose-dropped", T, 13, of(*MOVERS), drop),
    Fault("transpose-order", T, 13, of(*MOVERS), change_permutation),
    Fault("transpose-as-reshape", T, 13, of(*MOVERS), reshape_instead),
    Fault("reshape-order", T, 14, of("reshape", "flatten"), exchange_before_reshape),
    Fault("mask-by-arithmetic", G, 27, of("where"), mask_by_arithmetic),
    Fault("input-transposed", T, 13, reads_input, transpose_input),
    Fault("batch-frozen", I, 28, of("reshape", "view"), freeze_batch, batch=2),
    Fault("flatten-frozen", I, 28, of("flatten"), freeze_flatten, batch=2),
    Fault("subgraph-frozen", G, None, lambda file: file.live, freeze),
    Fault("softcap-dropped", G, None, of("tanh"), drop),
]
