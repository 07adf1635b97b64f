"""TensorFlow: faults in the attributes and small constants of single operators, and operators replaced by a relative."""

import numpy

from faults.common import GRAPH, HYPERPARAMETERS, DoesNotApply, Fault
from faults.tensorflow_graph import attribute, change_attribute, clear, of, set_attribute
from faults.tensorflow_parameters import FUSED, change_root, folded_sums, is_real, small_sums
from faults.tensorflow_parameters import through_half as half

RELATIVES = {"Sigmoid": "Tanh", "Tanh": "Sigmoid", "Relu": "Tanh", "Relu6": "Relu", "LeakyRelu": "Relu", "Elu": "Relu",
             "Erf": "Tanh", "Selu": "Relu", "Softplus": "Relu"}
REDUCTIONS = {"Mean": "Max", "Sum": "Mean", "Max": "Mean", "Min": "Max", "Prod": "Sum"}
LAYERS = ("Conv2D", "DepthwiseConv2dNative", "MatMul", "BiasAdd", "AddV2", "Mul")
ACTIVATIONS = ("Relu", "Relu6", "LeakyRelu", "Elu", "Sigmoid", "Tanh")
HALF_MAX = 65504


def replace_with(table):
    """Another operator of the same operands; a reduction keeps what it notes."""
    def apply(file, index, draw):
        before = file.type(index)
        clear(file.node(index), table[before], "keep_dims", "Tidx")
        return file.record(index, before=before, after=table[before])
    return apply


def become(after, **attributes):
    def apply(file, index, draw):
        before = file.type(index)
        clear(file.node(index), after)
        for key, value in attributes.items():
            set_attribute(file.node(index), key, value)
        return file.record(index, before=before, after=after)
    return apply


def insert_relu(file, index, draw):
    """In front of an operator that reads a layer without an activation function."""
    if file.type(file.source(index)) not in LAYERS:
        raise DoesNotApply("it reads no layer")
    at = file.insert_before(index, 0, "Relu", shape=file.input_shape(index))
    return file.inserted(at)


def unactivated(file):
    return [i for i in file.live if file.operators[i].inputs and file.operators[i].inputs[0] in file.fed
            and file.type(i) not in (*ACTIVATIONS, "BiasAdd", "Mul", "AddV2", "Softmax")
            and file.type(file.source(i)) in LAYERS]


def train(file, index, draw):
    return change_attribute(file, index, "is_training", True)


def change_constant(slot, new):
    """A small constant of whole numbers, in one of its own."""
    def apply(file, index, draw):
        root = file.stored(index, slot if slot >= 0 else len(file.operators[index].inputs) + slot)
        if root is None:
            raise DoesNotApply("it is no constant")
        before = file.array(root)
        after = numpy.asarray(new(file, index, before.copy(), draw)).astype(before.dtype).reshape(before.shape)
        if numpy.array_equal(before, after):
            raise DoesNotApply("nothing would change")
        path, place = file.operators[index].path, slot if slot >= 0 else len(file.operators[index].inputs) + slot
        file.own_constant(index, place, after)
        return file.record(file.numbers[path], slot=place, before=before.tolist(), after=after.tolist(), index_in=index)
    return apply


def other_axis(file, index, before, draw):
    """An axis that was not mapped when the layout changed: one of the same length when there is."""
    shape = file.shape(file.result(index))
    if shape is None or len(shape) < 3:
        raise DoesNotApply("it has two axes")
    axis = int(before) % len(shape)
    others = [a for a in range(1, len(shape)) if a != axis]
    return int(draw.choice(others))


def other_axes(file, index, before, draw):
    shape = file.input_shape(index)
    axes = [int(a) % len(shape) for a in before.ravel()]
    free = [a for a in range(1, len(shape)) if a not in axes]
    swaps = [(n, a) for n, old in enumerate(axes) for a in free if shape[a] == shape[old] or len(axes) == 1]
    if not swaps:
        raise DoesNotApply("no other axis is as long")
    position, new = swaps[draw.integers(len(swaps))]
    return sorted(axes[:position] + [new] + axes[position + 1:])


def softmax_axis(file, index, draw):
    """Softmax is over the last axis; over another it stands between two Transposes."""
    shape = file.input_shape(index)
    if len(shape) < 3 or shape[-1] < 2:
        raise DoesNotApply("it has two axes")
    order = numpy.array([*range(len(shape) - 2), len(shape) - 1, len(shape) - 2], numpy.int32)
    turned, path, before = [shape[a] for a in order], file.operators[index].path, index
    file.insert_before(index, 0, "Transpose", [order], shape=turned)
    index = file.numbers[path]
    reference, permutation = file.reference(index), file.add_constant(index, order)
    back = file.add_node(index, "Transpose", ["", permutation], like=index, shape=shape)
    file.replace_reads(index, back)
    file.nodes_of(index)[-1].input[0] = reference
    file.refresh()
    index = file.numbers[path]
    ends = [file.source(index), *(r for r, _ in file.readers(file.result(index)))]
    return {**file.record(index), "index_in": before, "ends": sorted(ends)}


def change_epsilon(factor):
    def apply(file, place, draw):
        index, slot = place
        if slot is None:
            before = attribute(file.node(index), "epsilon")
            return change_attribute(file, index, "epsilon", float(before * factor(before)))
        root = file.stored(index, slot)
        array, path = file.array(root), file.operators[index].path
        before = float(array.ravel()[0])
        also = file.paths(file.dependents(index))
        file.own_constant(index, slot, array * array.dtype.type(factor(before)))
        also = file.indices(also)
        index = file.numbers[path]
        return file.record(index, slot=slot, also=also, before=before, after=before * factor(before), index_in=place[0])
    return apply


def live_sums(file):
    live = set(file.live)
    return [(i, slot) for i, slot in small_sums(file) if i in live]


def large_constants(file):
    return [(i, slot) for i in file.live for slot in range(len(file.operators[i].inputs))
            if (root := file.stored(i, slot)) is not None and is_real(file, root) and file.array(root).size
            and numpy.abs(file.array(root)).max() > HALF_MAX]


def through_half(file, place, draw):
    index, slot = place
    return change_root(file, index, slot, file.stored(index, slot), lambda array, axis: half(array, axis, draw), 0)


def shorten_slice(file, index, draw):
    """An end of "as far as it goes" that became -1: without the last element."""
    mask, shape = attribute(file.node(index), "end_mask"), file.input_shape(index)
    root = file.stored(index, 2)
    shrunk = attribute(file.node(index), "shrink_axis_mask")
    free = [a for a in range(1, len(shape)) if mask and mask & (1 << a) and not shrunk & (1 << a) and shape[a] > 1]
    if root is None or not free:
        raise DoesNotApply("its end is a number")
    axis = free[-1]
    after, path = file.array(root).copy(), file.operators[index].path
    after[axis] = -1
    file.own_constant(index, 2, after)
    return {**change_attribute(file, file.numbers[path], "end_mask", mask & ~(1 << axis)), "index_in": index}


def reflect_kind(file, index, draw):
    before = attribute(file.node(index), "mode")
    return change_attribute(file, index, "mode", "SYMMETRIC" if before == "REFLECT" else "REFLECT")


def align_corners(file, index, draw):
    set_attribute(file.node(index), "half_pixel_centers", False)
    return change_attribute(file, index, "align_corners", True)


def half_pixel(file, index, draw):
    return change_attribute(file, index, "half_pixel_centers", not attribute(file.node(index), "half_pixel_centers"))


def bounds(file):
    """(operator, slot): the bound of a Minimum or Maximum, or of a clip."""
    return [(i, slot) for i in file.of_type("Minimum", "Maximum", "ClipByValue") for slot in (1, 2)
            if slot < len(file.operators[i].inputs) and file.stored(i, slot) is not None]


def change_bound(file, place, draw):
    index, slot = place
    return change_root(file, index, slot, file.stored(index, slot), lambda array, _: array / 2, 0)


def lose_keep_dims(file, index, draw):
    """The same numbers in other dimensions, which a reader may broadcast otherwise."""
    return change_attribute(file, index, "keep_dims", not attribute(file.node(index), "keep_dims"))


H, G = HYPERPARAMETERS, GRAPH
AXES = of("Mean", "Sum", "Max", "Min", "Prod")
FAULTS = [
    Fault("resize-coordinates", H, 9, of("ResizeBilinear"), half_pixel),
    Fault("resize-align-corners", H, 9, of("ResizeBilinear"), align_corners),
    Fault("resize-nearest", H, 10, of("ResizeNearestNeighbor"), align_corners),
    Fault("softmax-axis", H, 11, of("Softmax"), softmax_axis),
    Fault("concat-axis", H, 12, of("ConcatV2"), change_constant(-1, other_axis)),
    Fault("axes-not-mapped", H, 12, AXES, change_constant(1, other_axes)),
    Fault("reduce-keep-dims", H, None, AXES, lose_keep_dims),
    Fault("bn-epsilon", H, 15, lambda f: folded_sums(f) + [(i, None) for i in f.of_type(*FUSED)],
          change_epsilon(lambda e: 1e-2 if e > 1e-4 else 100)),
    Fault("norm-epsilon", H, 15, live_sums, change_epsilon(lambda e: 1000)),
    Fault("epsilon-inflated", H, None, small_sums, change_epsilon(lambda e: 1e4)),
    Fault("bn-training", G, 16, of(*FUSED), train),
    Fault("leaky-alpha", H, 19, of("LeakyRelu"),
          lambda f, i, d: change_attribute(f, i, "alpha", 0.01 if attribute(f.node(i), "alpha") > 0.02 else 0.2)),
    Fault("leaky-relu", H, 19, of("LeakyRelu"), become("Relu")),
    Fault("activation-unbounded", G, 20, of("Relu6"), become("Relu")),
    Fault("activation-bounded", G, None, of("Relu"), become("Relu6")),
    Fault("activation-leaky", G, None, of("Relu"), become("LeakyRelu", alpha=0.2)),
    Fault("clip-bounds", H, 20, bounds, change_bound),
    Fault("activation-extra", G, None, unactivated, insert_relu),
    Fault("activation-replaced", G, None, of(*RELATIVES), replace_with(RELATIVES)),
    Fault("norm-replaced", G, 25, of(*REDUCTIONS), replace_with(REDUCTIONS)),
    Fault("constant-through-half", G, 27, large_constants, through_half),
    Fault("pad-mode", H, None, of("MirrorPad"), reflect_kind),
    Fault("slice-end", H, None, of("StridedSlice"), shorten_slice),
]
