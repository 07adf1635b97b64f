"""PyTorch: faults in the arguments of single operators, and operators replaced by a relative."""

import numpy

from faults.common import GRAPH, HYPERPARAMETERS, PARAMETERS, DoesNotApply, Fault
from faults.torch_graph import argument, change_argument, encoded, of, set_argument, set_to, tensor, word
from faults.torch_parameters import BATCH_NORMS, NORMS

# What an activation becomes; arguments of the new one.
ACTIVATIONS = {"relu": ("tanh", {}), "relu_": ("tanh", {}), "hardtanh": ("relu", {}), "hardtanh_": ("relu", {}), "relu6": ("relu", {}),
               "leaky_relu": ("relu", {}), "sigmoid": ("hardsigmoid", {}), "hardsigmoid": ("sigmoid", {}), "silu": ("relu", {}),
               "hardswish": ("silu", {}), "hardswish_": ("silu", {}), "tanh": ("sigmoid", {}), "erf": ("tanh", {}), "gelu": ("relu", {}),
               "elu": ("leaky_relu", {}), "clamp": ("relu", {}), "softplus": ("relu", {})}
CLIPS = ("hardtanh", "hardtanh_", "clamp", "relu6")


def rank_of(file, index, name="self"):
    return len(file.shape(file.operand(index, (name, None))) or [])


def train(file, index, draw):
    """Statistics of the batch in place of the stored ones."""
    node = file.nodes[index]
    if word(node) == "batch_norm":
        return change_argument(file, index, "training", True)
    raise DoesNotApply("this form has no training mode")


def instance(file, index, draw):
    """Statistics of the sample in place of the stored ones."""
    node = file.nodes[index]
    if len(file.results(index)) > 1:
        raise DoesNotApply("it has several results")
    if rank_of(file, index, "input") != 4:
        raise DoesNotApply("not of pictures")
    operands = {name: tensor(file.operand(index, (name, None))) for name in ("input", "weight", "bias")}
    return file.replace(index, "instance_norm.default", {
        **operands, "running_mean": None, "running_var": None, "use_input_stats": True, "momentum": 0.1,
        "eps": argument(node, "eps"), "cudnn_enabled": False})


def change_clip(file, index, draw):
    node = file.nodes[index]
    value = tensor(file.operand(index, ("self", None)))
    if word(node) == "relu6":
        return file.replace(index, "hardtanh.default", {"self": value, "min_val": 0.0, "max_val": 3.0})
    name = "max" if word(node) == "clamp" else "max_val"
    before = argument(node, name)
    if before is None:
        raise DoesNotApply("it has no upper bound")
    return change_argument(file, index, name, float(before) / 2)


def default_clip(file, index, draw):
    """Bounds that are not read: those of the operator where none are written."""
    node = file.nodes[index]
    if not word(node).startswith("hardtanh"):
        raise DoesNotApply("it has no others")
    record = file.record(index, attribute="max_val", before=argument(node, "max_val"), after=1)
    node["inputs"] = node["inputs"][:1]
    return record


def replace_activation(file, index, draw):
    new, arguments = ACTIVATIONS[word(file.nodes[index])]
    return file.replace(index, f"{new}.default", {"self": tensor(file.operand(index, ("self", None))), **arguments})


def replace_with(target, *kept):
    """Another operator on the same operand, with some of its arguments."""
    def apply(file, index, draw):
        node = file.nodes[index]
        return file.replace(index, target, {"self": tensor(file.operand(index, ("self", None))),
                                            **{name: encoded(argument(node, name)) for name in kept}})
    return apply


def move_axis(name):
    """An axis that was not mapped when the layout changed: one that leaves the shape valid."""
    def apply(file, index, draw):
        node = file.nodes[index]
        first = "tensors" if word(node) == "cat" else "self"
        value = file.operand(index, (first, 0 if first == "tensors" else None))
        shape = file.shape(value) or []
        before = argument(node, name, 0)
        axis = before % (len(shape) or 1)
        if len(shape) < 3:
            raise DoesNotApply("it has two axes")
        equal = [a for a in range(1, len(shape)) if a != axis and shape[a] == shape[axis]]
        return change_argument(file, index, name, int(draw.choice(equal or [a for a in range(1, len(shape)) if a != axis])))
    return apply


def move_axes(file, index, draw):
    """The axes of a reduction: another axis of the same length, or any where it is one."""
    node = file.nodes[index]
    shape = file.shape(file.operand(index, ("self", None))) or []
    stored = argument(node, "dim")
    if not stored:
        raise DoesNotApply("it reduces all")
    axes = [a % len(shape) for a in stored]
    free = [a for a in range(1, len(shape)) if a not in axes]
    swaps = [(n, a) for n, old in enumerate(axes) for a in free if shape[a] == shape[old] or len(axes) == 1]
    if not swaps:
        raise DoesNotApply("no other axis is as long")
    position, new = swaps[draw.integers(len(swaps))]
    return change_argument(file, index, "dim", sorted(axes[:position] + [new] + axes[position + 1:]))


def lose_an_axis(file, index, draw):
    """A mean over height alone; width is kept at its first place by what comes behind, where that fits."""
    axes = argument(file.nodes[index], "dim") or []
    if len(axes) < 2 or not argument(file.nodes[index], "keepdim"):
        raise DoesNotApply("it has one axis, or would change the rank")
    return change_argument(file, index, "dim", axes[:1])


def other_element(file, index, draw):
    """The first step in place of the last, or the other way about."""
    before = argument(file.nodes[index], "index")
    return change_argument(file, index, "index", 0 if before else -1)


def permute_depth(file, index, draw):
    """Blocks before channels, as the other mode of DepthToSpace has it: the channels arrive in another order."""
    node = file.nodes[index]
    factor, value = argument(node, "upscale_factor"), file.operand(index, ("self", None))
    channels = file.shape(value)[1]
    order = numpy.arange(channels).reshape(factor * factor, -1).T.ravel()
    name = file.add_constant(order.astype(numpy.int64))
    inserted = file.insert(value, "index_select.default", {"dim": 1, "index": tensor(name)}, "self", [(index, ("self", None))])
    return {**inserted, "also": [index + 1]}


def shift_slice(file, index, draw):
    """As many elements, one further on."""
    start, end = (argument(file.nodes[index], name) for name in ("start", "end"))
    axis = argument(file.nodes[index], "dim", 0)
    length = (file.shape(file.operand(index, ("self", None))) or [])[axis]
    start = start or 0
    if end is None or start < 0 or not start < end < length:
        raise DoesNotApply("it ends where the axis does")
    set_argument(file.nodes[index], "end", end + 1)
    return change_argument(file, index, "start", start + 1)


def summed_magnitudes(file):
    return [i for i in file.of_type("abs") if any(word(file.nodes[r]) in ("sum", "mean") for r, _ in file.readers(file.output(i)))]


def change_norm(file, index, draw):
    node = file.nodes[index]
    order = argument(node, "ord", 2)
    return change_argument(file, index, "ord", 1.0 if order == 2 else 2.0)


def small_numbers(file):
    """What is added before a root, and is small: the epsilon of a normalization written out."""
    roots = ("sqrt", "rsqrt", "pow")
    return [i for i in file.of_type("add") if any(word(file.nodes[r]) in roots for r, _ in file.readers(file.output(i)))
            and epsilon_of(file, i) is not None]


def epsilon_of(file, index):
    number = argument(file.nodes[index], "other")
    if isinstance(number, float):
        return number
    found = [c for name in ("self", "other") if (n := file.operand(index, (name, None))) and (c := file.constant(n)) is not None]
    return found[0] if found and found[0].size == 1 and 0 < float(found[0].reshape(-1)[0]) < 1e-2 else None


def inflate(file, index, draw):
    number = epsilon_of(file, index)
    if isinstance(number, float):
        return change_argument(file, index, "other", number * 1e4)
    slot = next((name, None) for name in ("self", "other") if file.operand(index, (name, None)) in file.stored)
    file.set_constant(index, slot, number * number.dtype.type(1e4))
    return file.record(index, slot=slot[0])


def exchange_attention(file, index, draw):
    """Keys and values in each other's place."""
    slots = [("key", None), ("value", None)]
    names = [file.operand(index, slot) for slot in slots]
    if names[0] == names[1] or file.shape(names[0]) != file.shape(names[1]):
        raise DoesNotApply("they are the same, or differ in shape")
    for slot, name in zip(slots, reversed(names)):
        file.set_operand(index, slot, name)
    return file.record(index, slot="key")


def groups_of_norm(file, index, draw):
    before = argument(file.nodes[index], "num_groups")
    return change_argument(file, index, "num_groups", before // 2 if before % 2 == 0 else 1)


def drop_affine(file, index, draw):
    """The numbers that scale and shift are not read."""
    node = file.nodes[index]
    record = file.record(index, attribute="weight")
    for name in ("weight", "bias"):
        set_argument(node, name, encoded(None))
    return record


H, G, P = HYPERPARAMETERS, GRAPH, PARAMETERS
other_norms = [name for name in NORMS if name not in BATCH_NORMS]
FAULTS = [
    Fault("resize-align-corners", H, 9, of("upsample_bilinear2d", "upsample_bicubic2d"), set_to("align_corners", lambda v: not v, False)),
    Fault("resize-nearest", H, 10, of("upsample_bilinear2d"), lambda file, index, draw: file.replace(
        index, "upsample_nearest2d.vec", {"input": tensor(file.operand(index, ("input", None))),
                                          **{n: argument(file.nodes[index], n) for n in ("output_size", "scale_factors")}})),
    Fault("resize-linear", H, 10, of("upsample_nearest2d"), lambda file, index, draw: file.replace(
        index, "upsample_bilinear2d.vec", {
            "input": tensor(file.operand(index, ("input", None))), "output_size": argument(file.nodes[index], "output_size"),
            "align_corners": False, "scale_factors": argument(file.nodes[index], "scale_factors")})),
    Fault("softmax-axis", H, 11, of("softmax", "_softmax", "log_softmax"), set_to("dim", lambda v: 0 if v in (1, -1) else 1)),
    Fault("axis-not-mapped", H, 12, of("cat", "select", "slice", "chunk", "split", "split_with_sizes", "index_select"), move_axis("dim")),
    Fault("axes-not-mapped", H, 12, of("mean", "sum", "amax"), move_axes),
    Fault("reduce-axis-lost", H, 12, of("mean", "sum", "amax"), lose_an_axis),
    Fault("reduce-keep-dims", H, None, of("mean", "sum", "amax"), set_to("keepdim", lambda v: not v, False)),
    Fault("bn-epsilon", H, 15, of(*BATCH_NORMS), set_to("eps", lambda v: 1e-5 if v > 1e-4 else 1e-3)),
    Fault("norm-epsilon", H, 15, of(*other_norms), set_to("eps", lambda v: 1e-5 if v > 1e-4 else 0.1)),
    Fault("epsilon-inflated", H, None, small_numbers, inflate),
    Fault("bn-training", G, 16, of("batch_norm"), train),
    Fault("bn-instance", G, 16, of("batch_norm"), instance),
    Fault("dropout-active", G, 16, of("dropout"), set_to("train", lambda v: True)),
    Fault("norm-affine-lost", P, None, of("layer_norm", "group_norm"), drop_affine),
    Fault("group-norm-groups", H, None, of("group_norm"), groups_of_norm),
    Fault("leaky-alpha", H, 19, of("leaky_relu", "leaky_relu_"), set_to("negative_slope", lambda v: 0.01 if v > 0.02 else 0.2, 0.01)),
    Fault("leaky-relu", H, 19, of("leaky_relu", "leaky_relu_"), replace_with("relu.default")),
    Fault("elu-alpha", H, None, of("elu", "elu_"), set_to("alpha", lambda v: v * 0.5, 1)),
    Fault("clip-bounds", H, 20, of(*CLIPS), change_clip),
    Fault("clip-bounds-lost", H, 20, of(*CLIPS), default_clip),
    Fault("depth-to-space", H, 24, of("pixel_shuffle"), permute_depth),
    Fault("norm-replaced", G, 25, of("linalg_vector_norm", "norm"), change_norm),
    Fault("sum-to-mean", G, 25, of("sum"), lambda file, index, draw: file.replace(index, "mean.dim", {
        "self": tensor(file.operand(index, ("self", None))), "dim": argument(file.nodes[index], "dim"),
        "keepdim": bool(argument(file.nodes[index], "keepdim"))})),
    Fault("activation-replaced", G, None, of(*ACTIVATIONS), replace_activation),
    Fault("norm-of-squares", G, 25, summed_magnitudes, replace_with("square.default")),
    Fault("slice-shifted", H, None, of("slice"), shift_slice),
    Fault("select-index", H, None, of("select"), other_element),
    Fault("gelu-approximation", H, None, of("gelu"), set_to("approximate", lambda v: "none" if v == "tanh" else "tanh", "none")),
    Fault("add-alpha", H, None, of("add", "sub"), set_to("alpha", lambda v: 2, 1)),
    Fault("attention-operands", G, 25, of("scaled_dot_product_attention"), exchange_attention),
    Fault("attention-scale", H, None, of("scaled_dot_product_attention"), set_to("scale", lambda v: 1.0, 0.5)),
]
