"""PyTorch: faults in convolutions, pools and padding."""

from faults.common import GRAPH, HYPERPARAMETERS, DoesNotApply, Fault
from faults.torch_graph import argument, change_argument, encoded, of, set_argument, set_to, tensor, word

CONVOLUTIONS = ("conv1d", "conv2d", "convolution", "_convolution")
MAX_POOLS, POOLS = ("max_pool2d", "max_pool2d_with_indices"), ("max_pool2d", "max_pool2d_with_indices", "avg_pool2d")
MINUS_INFINITY = float("-inf")


def is_transposed(node):
    return word(node) == "conv_transpose2d" or word(node).endswith("convolution") and argument(node, "transposed")


def convolutions(file):
    return [i for i in file.of_type(*CONVOLUTIONS) if not is_transposed(file.nodes[i])]


def deconvolutions(file):
    return [i for i in file.of_type("conv_transpose2d", "convolution", "_convolution") if is_transposed(file.nodes[i])]


def ints(node, name, rank=2):
    """An argument that has a number for each dimension, or one for all, or none."""
    value = argument(node, name, [])
    if isinstance(value, str):
        raise DoesNotApply("it is a word")
    value = [value] if isinstance(value, int) else list(value)
    return value * rank if len(value) == 1 else value


def padded(file, places=convolutions):
    return [i for i in places(file) if not isinstance(argument(file.nodes[i], "padding", []), str) and
            any(ints(file.nodes[i], "padding"))]


def padded_pools(file):
    return padded(file, of(*POOLS))


def first_name(node):
    return "input" if word(node) in CONVOLUTIONS + ("conv_transpose2d",) else "self"


def pad_before(file, index, amounts, value=0.0):
    """A pad on the edge to an operator; amounts are those of the last dimension first."""
    node = file.nodes[index]
    slot = (first_name(node), None)
    options = {"pad": encoded(amounts), "mode": "constant", "value": float(value)}
    return file.insert(file.operand(index, slot), "pad.default", options, "self", [(index, slot)])


def shift_pads(file, index, draw):
    """An operator has one amount for both ends: padding that lies elsewhere is an operator before it."""
    node = file.nodes[index]
    pads = ints(node, "padding")
    if word(node) == "avg_pool2d":
        raise DoesNotApply("its divisor would change")
    amounts = [n for p in reversed(pads) for n in (p - 1 if p else 0, p + 1 if p else 0)]
    set_argument(node, "padding", [0] * len(pads))
    record = file.record(index, attribute="padding", before=pads, after=amounts)
    inserted = pad_before(file, index, amounts, MINUS_INFINITY if word(node) in MAX_POOLS else 0.0)
    moved = index + (index >= inserted["index"])
    return {**record, "index": moved, "inserted": inserted["index"]}


def pad_with_zero(file, index, draw):
    """A padded pool as a pad with zeros and a pool: for a maximum, whose border is minus infinity, another number."""
    node = file.nodes[index]
    pads = ints(node, "padding")
    set_argument(node, "padding", [0] * len(pads))
    record = file.record(index, attribute="padding", before=pads, after=[0] * len(pads))
    inserted = pad_before(file, index, [n for p in reversed(pads) for n in (p, p)])
    return {**record, "index": index + (index >= inserted["index"]), "inserted": inserted["index"]}


def lose_pads(file, index, draw):
    return change_argument(file, index, "padding", [0] * len(ints(file.nodes[index], "padding")))


def repad(file, index, draw):
    """Pads lost, and the result padded with zeros to the size that was expected."""
    node = file.nodes[index]
    pads, strides, value = ints(node, "padding"), ints(node, "stride"), file.output(index)
    sizes = file.shape(file.operand(index, (first_name(node), None)))[2:]
    kernel, dilations = file.shape(file.operand(index, ("weight", None)))[2:], ints(node, "dilation")
    lost = [(n + 2 * p - d * (k - 1) - 1) // s - (n - d * (k - 1) - 1) // s
            for n, p, d, k, s in zip(sizes, pads, dilations, kernel, strides)]
    if max(lost) == 0:
        raise DoesNotApply("no pixel is lost")
    set_argument(node, "padding", [0] * len(pads))
    record = file.record(index, attribute="padding", before=pads, after=[0] * len(pads))
    amounts = [m for n in reversed(lost) for m in (n // 2, n - n // 2)]
    inserted = file.insert(value, "pad.default", {"pad": encoded(amounts), "mode": "constant", "value": 0.0})
    return {**record, "inserted": inserted["index"]}


def pads(file):
    return [i for i in file.of_type("pad", "constant_pad_nd")]


def change_pad(new):
    """The amounts of a pad of height and width, [left, right, top, bottom]."""
    def apply(file, index, draw):
        before = list(argument(file.nodes[index], "pad"))
        if len(before) != 4:
            raise DoesNotApply("it is not of height and width")
        return change_argument(file, index, "pad", new(*before))
    return apply


def symmetric(left, right, top, bottom):
    if left == right and top == bottom:
        raise DoesNotApply("its pads are symmetric")
    wide, high = left + right, top + bottom
    return [(wide + 1) // 2, wide // 2, (high + 1) // 2, high // 2] if wide > 1 else [right, left, bottom, top]


def change_pad_value(file, index, draw):
    return change_argument(file, index, "value", 1.0 if not argument(file.nodes[index], "value") else 0.0)


def dilate(file, index, draw):
    node = file.nodes[index]
    kernel = file.shape(file.operand(index, ("weight", None)))[2:]
    if ints(node, "dilation", len(kernel)) != [1] * len(kernel) or min(kernel) < 2:
        raise DoesNotApply("not a plain spatial convolution")
    before = ints(node, "padding", len(kernel))
    after = [p + (k - 1) // 2 for p, k in zip(before, kernel)]
    set_argument(node, "padding", after)
    return change_argument(file, index, "dilation", [2] * len(kernel))


def dilated(file):
    return [i for i in convolutions(file) if max(ints(file.nodes[i], "dilation"), default=1) > 1]


def undilated(keep_dilation):
    """(k - 1) / 2 instead of d (k - 1) / 2; where the dilation is lost too, the shape stays."""
    def apply(file, index, draw):
        node = file.nodes[index]
        dilations, before = ints(node, "dilation"), ints(node, "padding")
        after = [p // d for p, d in zip(before, dilations)]
        if keep_dilation:
            return change_argument(file, index, "padding", after)
        set_argument(node, "padding", after)
        return change_argument(file, index, "dilation", [1] * len(dilations))
    return apply


def change_stride(file, index, draw):
    before = ints(file.nodes[index], "stride")
    return change_argument(file, index, "stride", [1 if n > 1 else 2 for n in before])


def stride_of_one_axis(file, index, draw):
    before = ints(file.nodes[index], "stride")
    return change_argument(file, index, "stride", [1 if before[0] > 1 else 2, *before[1:]])


def change_pool(file, index, draw):
    """The other kind of pool."""
    node = file.nodes[index]
    kept = {name: encoded(argument(node, name, [])) for name in ("kernel_size", "stride", "padding")}
    target = "avg_pool2d.default" if word(node) == "max_pool2d" else "max_pool2d.default"
    if word(node) == "avg_pool2d" and argument(node, "divisor_override"):
        raise DoesNotApply("it has a divisor")
    return file.replace(index, target, {"self": tensor(file.operand(index, ("self", None))), **kept})


def widen_pool(file, index, draw):
    """A larger window with as much more padding."""
    node = file.nodes[index]
    kernel, before = ints(node, "kernel_size"), ints(node, "padding") or [0, 0]
    stride = ints(node, "stride") or kernel
    set_argument(node, "stride", stride)
    set_argument(node, "padding", [p + 1 for p in before])
    return change_argument(file, index, "kernel_size", [k + 2 for k in kernel])


def global_maximum(file, index, draw):
    """A mean over height and width that became a maximum."""
    node = file.nodes[index]
    value = tensor(file.operand(index, ("self", None)))
    if word(node) == "mean":
        return file.replace(index, "amax.default", {"self": value, "dim": argument(node, "dim"),
                                                    "keepdim": bool(argument(node, "keepdim"))})
    if argument(node, "output_size") not in (1, [1], [1, 1]):
        raise DoesNotApply("it leaves more than one number")
    return file.replace(index, "amax.default", {"self": value, "dim": [-1, -2], "keepdim": True})


def shift_deconvolution(file, index, draw):
    """The result is one pixel further on: cut one less before, and one more behind."""
    node = file.nodes[index]
    pads, extra = ints(node, "padding"), ints(node, "output_padding")
    if not all(pads) or not any(extra):
        raise DoesNotApply("it has no pads to move")
    value = file.output(index)
    record = file.record(index, attribute="padding", before=pads, after=[p - 1 for p in pads])
    set_argument(node, "padding", [p - 1 for p in pads])
    set_argument(node, "output_padding", [0 for _ in pads])
    inserted = file.insert(value, "pad.default", {"pad": encoded([0, -1] * len(pads)), "mode": "constant", "value": 0.0})
    return {**record, "inserted": inserted["index"]}


def change_output_padding(file, index, draw):
    return change_argument(file, index, "output_padding", [0 if n else 1 for n in ints(file.nodes[index], "output_padding")])


H, G = HYPERPARAMETERS, GRAPH
FAULTS = [
    Fault("conv-pads-lost", H, 2, padded, lose_pads),
    Fault("conv-pads-repadded", H, 2, padded, repad),
    Fault("conv-pads-shifted", H, 3, padded, shift_pads),
    Fault("pool-pads-shifted", H, 3, padded_pools, shift_pads),
    Fault("pad-symmetric", H, 1, pads, change_pad(symmetric)),
    Fault("pad-shifted", H, 3, pads, change_pad(lambda l, r, t, b: [r, l, b, t])),
    Fault("pad-interleaved", H, 4, pads, change_pad(lambda l, r, t, b: [t, l, b, r])),
    Fault("pad-lost", H, 2, pads, change_pad(lambda l, r, t, b: [0, 0, 0, 0])),
    Fault("pad-value", H, 8, pads, change_pad_value),
    Fault("conv-dilation", H, 5, convolutions, dilate),
    Fault("conv-dilation-lost", H, 5, dilated, undilated(False)),
    Fault("conv-dilation-pads", H, 5, dilated, undilated(True)),
    Fault("conv-stride", H, None, convolutions, change_stride),
    Fault("conv-stride-axis", H, None, convolutions, stride_of_one_axis),
    Fault("pool-include-pad", H, 6, lambda file: padded(file, of("avg_pool2d")), set_to("count_include_pad", lambda v: not v, True)),
    Fault("pool-ceil", H, 7, of(*POOLS), set_to("ceil_mode", lambda v: not v, False)),
    Fault("pool-pad-zero", H, 8, lambda file: padded(file, of(*MAX_POOLS)), pad_with_zero),
    Fault("pool-kind", G, None, of("max_pool2d", "avg_pool2d"), change_pool),
    Fault("pool-window", H, None, of(*POOLS), widen_pool),
    Fault("global-maximum", G, None, of("mean", "adaptive_avg_pool2d"), global_maximum),
    Fault("deconv-shifted", H, 21, deconvolutions, shift_deconvolution),
    Fault("deconv-output-padding", H, 21, deconvolutions, change_output_padding),
]
