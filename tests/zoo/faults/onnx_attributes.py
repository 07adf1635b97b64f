"""ONNX: faults in the attributes of single operators, and operators replaced by a relative."""

import numpy
from onnx import helper

from faults.common import GRAPH, HYPERPARAMETERS, PARAMETERS, TENSOR_STRUCTURE, DoesNotApply, Fault
from faults.onnx_graph import attribute, change_attribute, of, set_attribute, set_to
from faults.onnx_parameters import change_numbers, constants_in

ACTIVATIONS = {"Relu": ("Tanh", {}), "Clip": ("Relu", {}), "LeakyRelu": ("Relu", {}), "Sigmoid": ("HardSigmoid", {}),
               "HardSwish": ("Relu", {}), "HardSigmoid": ("Sigmoid", {}), "Tanh": ("Sigmoid", {}), "Erf": ("Tanh", {})}
NORMS = {"ReduceL1": ("ReduceL2", None), "ReduceL2": ("ReduceL1", None), "ReduceMean": ("ReduceMax", None)}
HALF_MAX = 65504


def train(file, index, draw):
    """One normalization in training mode, as its opset writes that."""
    node = file.nodes[index]
    if file.opset >= 14:
        set_attribute(node, "training_mode", 1)
    count = 3 if file.opset >= 14 else 5
    if len(node.output) > 1:
        raise DoesNotApply("it is in training mode")
    first = file.fresh()
    node.output.extend(f"{first}_statistic_{n}" for n in range(1, count))
    return file.record(index, attribute="training_mode", before=0, after=1)


def instance(file, index, draw):
    """Statistics of the sample in place of the stored ones."""
    node = file.nodes[index]
    before, node.op_type = node.op_type, "InstanceNormalization"
    epsilon = attribute(node, "epsilon", 1e-5)
    del node.input[3:], node.output[1:], node.attribute[:]
    set_attribute(node, "epsilon", epsilon)
    return file.record(index, before=before, after=node.op_type)


def change_clip(file, index, draw):
    node = file.nodes[index]
    if file.opset < 11:
        return change_attribute(file, index, "max", attribute(node, "max", 6.0) / 2)
    array = file.constant(node.input[2]) if len(node.input) > 2 else None
    if array is None:
        raise DoesNotApply("its upper bound is no constant")
    record = file.record(index, slot=2, before=float(array), after=float(array) / 2)
    file.set_constant(index, 2, array / array.dtype.type(2))
    return record


def lose_clip_bounds(file, index, draw):
    """Bounds that are not read: the operator stays and does nothing."""
    node = file.nodes[index]
    record = file.record(index, slot=[1, 2])
    del node.input[1:], node.attribute[:]
    return record


def replace_with(table):
    """Another type; attributes None: it keeps its own and its operands."""
    def apply(file, index, draw):
        node = file.nodes[index]
        new, attributes = table[node.op_type]
        before, node.op_type = node.op_type, new
        if attributes is not None:
            del node.attribute[:], node.input[1:]
            node.attribute.extend(helper.make_attribute(k, v) for k, v in attributes.items())
        return file.record(index, before=before, after=new)
    return apply


def nearest(file):
    return [i for i in file.of_type("Resize") if attribute(file.nodes[i], "mode", b"nearest") == b"nearest"]


def linear(file):
    return [i for i in file.of_type("Resize") if attribute(file.nodes[i], "mode", b"nearest") == b"linear"]


def change_nearest(file, index, draw):
    """half_pixel and ceil: at whole scales most other combinations are the same (see patterns, section 3)."""
    node = file.nodes[index]
    if attribute(node, "nearest_mode", b"round_prefer_floor") == b"ceil":
        raise DoesNotApply("it rounds up already")
    before = attribute(node, "nearest_mode", b"round_prefer_floor").decode()
    set_attribute(node, "coordinate_transformation_mode", "half_pixel")
    set_attribute(node, "nearest_mode", "ceil")
    return file.record(index, attribute="nearest_mode", before=before, after="ceil")


def move_axis(file, index, draw):
    """An axis that was not mapped when the layout changed: one that leaves the shape valid."""
    node = file.nodes[index]
    rank = len(file.shape(node.input[0]) or [])
    axis = attribute(node, "axis", 0) % (rank or 1)
    if rank < 3:
        raise DoesNotApply("it has two axes")
    shape = file.shape(node.input[0])
    equal = [a for a in range(1, rank) if a != axis and shape[a] == shape[axis]]
    return change_attribute(file, index, "axis", int(draw.choice(equal or [a for a in range(1, rank) if a != axis])), 0)


def move_axes(file, place, draw):
    """The axes of a reduction or slice: another axis of the same length."""
    index, slot = place
    node = file.nodes[index]
    shape = file.shape(node.input[0]) or []
    stored = list(attribute(node, "axes", [])) if slot is None else file.constant(node.input[slot]).tolist()
    axes = [a % (len(shape) or 1) for a in stored]
    free = [a for a in range(1, len(shape)) if a not in axes]
    swaps = [(n, a) for n, old in enumerate(axes) for a in free if shape[a] == shape[old] or len(axes) == 1]
    if not swaps:
        raise DoesNotApply("no other axis is as long")
    position, new = swaps[draw.integers(len(swaps))]
    after = axes[:position] + [new] + axes[position + 1:]
    if slot is None:
        return change_attribute(file, index, "axes", sorted(after))
    record = file.record(index, slot=slot, before=stored, after=after)
    file.set_constant(index, slot, numpy.array(after, numpy.int64))
    return record


def with_axes(file):
    found = [(i, None) for i in file.live if attribute(file.nodes[i], "axes") and file.nodes[i].op_type.startswith(("Reduce", "Slice"))]
    slots = {"Slice": 3, "ReduceSum": 1, "ReduceMean": 1, "ReduceMax": 1}
    return found + [(i, slots[t]) for i in file.live if (t := file.nodes[i].op_type) in slots
                    and len(file.nodes[i].input) > slots[t] and file.constant(file.nodes[i].input[slots[t]]) is not None]


def shorten_slice(file, index, draw):
    """An end of "as far as it goes" that became -1: without the last element."""
    node = file.nodes[index]
    if file.opset < 10 or (ends := file.constant(node.input[2])) is None or ends.max() < 2**31 - 1:
        raise DoesNotApply("its end is a number")
    after = numpy.where(ends >= 2**31 - 1, -1, ends)
    record = file.record(index, slot=2, before=ends.tolist(), after=after.tolist())
    file.set_constant(index, 2, after.astype(ends.dtype))
    return record


def small_constants(file):
    """What is added before a root, and is small: the epsilon of a normalization written out."""
    roots = ("Sqrt", "Rsqrt", "Pow")
    return [(i, slot) for i in file.of_type("Add") for slot, name in enumerate(file.nodes[i].input)
            if (c := file.constant(name)) is not None and c.size == 1 and 0 < float(c.reshape(-1)[0]) < 1e-2
            and any(file.nodes[r].op_type in roots for r, _ in file.readers(file.nodes[i].output[0]))]


def large_constants(file):
    return [(i, slot) for i in file.live for slot, name in enumerate(file.nodes[i].input)
            if (c := file.constant(name)) is not None and c.dtype.kind == "f" and c.size and numpy.abs(c).max() > HALF_MAX]


def through_half(array, axis, draw):
    with numpy.errstate(over="ignore"):
        return array.astype(numpy.float16).astype(array.dtype)


def zero_recurrent_bias(array, axis, draw):
    half = array.shape[-1] // 2
    return numpy.concatenate([array[..., :half], numpy.zeros_like(array[..., half:])], -1)


def swap_gates(array, axis, draw):
    """Gate blocks 0 and 1 of an LSTM or GRU; both the input and the recurrent half have four or three of them."""
    count = 4 if array.shape[1] % 4 == 0 else 3
    blocks = numpy.split(array, count, axis=1)
    return numpy.concatenate([blocks[1], blocks[0], *blocks[2:]], axis=1)


def change_recurrent_activations(file, index, draw):
    node = file.nodes[index]
    directions = 2 if attribute(node, "direction", b"forward") == b"bidirectional" else 1
    names = {"LSTM": ["HardSigmoid", "Tanh", "Tanh"], "GRU": ["HardSigmoid", "Tanh"], "RNN": ["Relu"]}[node.op_type]
    set_attribute(node, "activations", names * directions)
    return file.record(index, attribute="activations", before=None, after=names * directions)


H, G, P, T = HYPERPARAMETERS, GRAPH, PARAMETERS, TENSOR_STRUCTURE
FAULTS = [
    Fault("resize-coordinates", H, 9, of("Resize"),
          set_to("coordinate_transformation_mode", lambda v: "asymmetric", "half_pixel")),
    Fault("resize-align-corners", H, 9, linear,
          set_to("coordinate_transformation_mode", lambda v: "align_corners", "half_pixel")),
    Fault("resize-nearest", H, 10, nearest, change_nearest),
    Fault("softmax-axis", H, 11, of("Softmax", "LogSoftmax"), set_to("axis", lambda v: 0 if v in (1, -1) else 1, -1)),
    Fault("concat-axis", H, 12, of("Concat"), set_to("axis", lambda v: 3 if v == 2 else 2)),
    Fault("axis-not-mapped", H, 12, of("Gather", "Concat", "ArgMax", "Split"), move_axis),
    Fault("axes-not-mapped", H, 12, with_axes, move_axes),
    Fault("bn-epsilon", H, 15, of("BatchNormalization"), set_to("epsilon", lambda v: 1e-5 if v > 1e-4 else 1e-3, 1e-5)),
    Fault("norm-epsilon", H, 15, of("InstanceNormalization", "LayerNormalization"),
          set_to("epsilon", lambda v: 1e-5 if v > 1e-4 else 0.1, 1e-5)),
    Fault("epsilon-inflated", H, None, small_constants, change_numbers(lambda a, *_: a * a.dtype.type(1e4))),
    Fault("bn-training", G, 16, of("BatchNormalization"), train),
    Fault("bn-instance", G, 16, of("BatchNormalization"), instance),
    Fault("leaky-alpha", H, 19, of("LeakyRelu"), set_to("alpha", lambda v: 0.01 if v > 0.02 else 0.2, 0.01)),
    Fault("leaky-relu", H, 19, of("LeakyRelu"), replace_with({"LeakyRelu": ("Relu", {})})),
    Fault("clip-bounds", H, 20, of("Clip"), change_clip),
    Fault("clip-bounds-lost", H, 20, of("Clip"), lose_clip_bounds),
    Fault("gru-reset", H, 22, of("GRU"), set_to("linear_before_reset", lambda v: 1 - v, 0)),
    Fault("recurrent-gates", P, 23, constants_in({"LSTM": 2, "GRU": 2}), change_numbers(swap_gates)),
    Fault("recurrent-input-gates", P, 23, constants_in({"LSTM": 1, "GRU": 1}), change_numbers(swap_gates)),
    Fault("recurrent-bias-half", P, 23, constants_in({"LSTM": 3, "GRU": 3}), change_numbers(zero_recurrent_bias)),
    Fault("recurrent-activations", H, 23, of("LSTM", "GRU", "RNN"), change_recurrent_activations),
    Fault("recurrent-direction", H, 23, lambda f: [i for i in f.of_type("LSTM", "GRU", "RNN")
                                                   if attribute(f.nodes[i], "direction", b"forward") != b"bidirectional"],
          set_to("direction", lambda v: "forward" if v == b"reverse" else "reverse", b"forward")),
    Fault("depth-to-space", H, 24, of("DepthToSpace"), set_to("mode", lambda v: "CRD" if v in (b"DCR", "DCR") else "DCR", "DCR")),
    Fault("norm-replaced", G, 25, of(*NORMS), replace_with(NORMS)),
    Fault("constant-through-half", G, 27, large_constants, change_numbers(through_half)),
    Fault("activation-replaced", G, None, of(*ACTIVATIONS), replace_with(ACTIVATIONS)),
    Fault("scatter-reduction", H, None, of("ScatterND", "ScatterElements"), set_to("reduction", lambda v: "none", b"none")),
    Fault("slice-end", H, None, of("Slice"), shorten_slice),
    Fault("nms-center", H, None, of("NonMaxSuppression"), set_to("center_point_box", lambda v: 1 - v, 0)),
    Fault("lrn-alpha", H, None, of("LRN"), set_to("alpha", lambda v: v * 5, 1e-4)),
    Fault("lrn-size", H, None, of("LRN"), set_to("size", lambda v: v + 2)),
    Fault("lp-norm", H, None, of("LpNormalization"), set_to("p", lambda v: 3 - v, 2)),
    Fault("layer-norm-axes", H, None, of("LayerNormalization"), set_to("axis", lambda v: 1, -1)),
    Fault("gelu-approximation", H, None, of("Gelu"),
          set_to("approximate", lambda v: "none" if v in (b"tanh", "tanh") else "tanh", "none")),
]
