"""TensorFlow: faults in windows: padding, strides, dilations, pools. Amounts of SAME become EXPLICIT ones in a Conv2D, and a
Pad in front of an operator that knows none."""

import numpy

from faults.common import GRAPH, HYPERPARAMETERS, DoesNotApply, Fault
from faults.tensorflow_graph import attribute, change_attribute, clear, of, set_attribute

CONVOLUTIONS, POOLS = ("Conv2D", "DepthwiseConv2dNative"), ("MaxPool", "AvgPool")
PADS = ("Pad", "PadV2", "MirrorPad")


def padded(how, *types):
    return lambda file: [i for i in file.of_type(*types) if attribute(file.node(i), "padding") == how]


def space(file, index):
    """The dimensions of height and width."""
    return (2, 3) if attribute(file.node(index), "data_format") == "NCHW" else (1, 2)


def kernel_of(file, index):
    node = file.node(index)
    if file.type(index) in POOLS:
        return [attribute(node, "ksize")[a] for a in space(file, index)]
    return file.input_shape(index, 1)[:2]


def split_padding(file, index):
    """What SAME adds here: (begin, end) for height and width."""
    node, shape, axes = file.node(index), file.input_shape(index), space(file, index)
    strides, dilations = attribute(node, "strides"), attribute(node, "dilations") or [1] * 4
    result = []
    for axis, k in zip(axes, kernel_of(file, index)):
        n, s, d = shape[axis], strides[axis], dilations[axis]
        if n < 0:
            raise DoesNotApply("its size is free")
        total = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
        result.append((total // 2, total - total // 2))
    return result


def amounts_for(file, index, after):
    amounts = [(0, 0)] * 4
    for axis, pair in zip(space(file, index), after):
        amounts[axis] = pair
    return amounts


def set_explicit(file, index, before, after):
    """A Conv2D says the amounts itself."""
    record = file.record(index, attribute="explicit_paddings", before=before, after=after)
    set_attribute(file.node(index), "padding", "EXPLICIT")
    set_attribute(file.node(index), "explicit_paddings", [n for pair in amounts_for(file, index, after) for n in pair])
    return record


def pad_before(file, index, before, after):
    """A Pad of zeros in front of the operator, which becomes VALID."""
    amounts = numpy.array(amounts_for(file, index, after), numpy.int32)
    path, shape = file.operators[index].path, file.input_shape(index)
    set_attribute(file.node(index), "padding", "VALID")
    padded_shape = [n if n < 0 else n + sum(pair) for n, pair in zip(shape, amounts.tolist())]
    at = file.insert_before(index, 0, "Pad", [amounts], shape=padded_shape)
    record = file.record(file.numbers[path], attribute="padding", before=before, after=after)
    return {**record, "index_in": index, "inserted": at}


def explicit_padding(new):
    """SAME becomes amounts with another split."""
    def apply(file, index, draw):
        before = split_padding(file, index)
        after = [new(begin, end) for begin, end in before]
        if after == before or not any(map(sum, after)):
            raise DoesNotApply("its padding stays the same")
        return (set_explicit if file.type(index) == "Conv2D" else pad_before)(file, index, before, after)
    return apply


def explicit_zeros(file, index, draw):
    """A pool whose SAME is not counted (an average) or minus infinity (a maximum), as Pad(0) and VALID."""
    before = split_padding(file, index)
    if not any(map(sum, before)):
        raise DoesNotApply("SAME adds nothing here")
    return pad_before(file, index, before, before)


def lose_padding(file, index, draw):
    if not any(map(sum, split_padding(file, index))):
        raise DoesNotApply("SAME adds nothing here")
    return change_attribute(file, index, "padding", "VALID")


def gain_padding(file, index, draw):
    if max(kernel_of(file, index)) < 2:
        raise DoesNotApply("a window of one pixel needs none")
    return change_attribute(file, index, "padding", "SAME")


def shifted(begin, end):
    return (end, begin) if begin != end else (begin - 1, end + 1) if begin else (begin, end)


def amounts_of(file, index):
    root = file.stored(index, 1)
    if root is None or file.array(root).shape != (4, 2):
        raise DoesNotApply("its amounts are not known")
    return file.array(root)


def change_amounts(new):
    """The amounts of a Pad, in a constant of its own."""
    def apply(file, index, draw):
        before = amounts_of(file, index)
        after = new(before.copy(), space(file, index))
        if numpy.array_equal(before, after):
            raise DoesNotApply("nothing would change")
        path = file.operators[index].path
        file.own_constant(index, 1, after)
        return file.record(file.numbers[path], slot=1, before=before.tolist(), after=after.tolist(), index_in=index)
    return apply


def interleaved(amounts, axes):
    rows = list(axes)
    amounts[rows] = amounts[rows].T
    return amounts


def moved(amounts, axes):
    for axis in axes:
        amounts[axis] = shifted(*amounts[axis].tolist())
    return amounts


def no_amounts(amounts, axes):
    return numpy.zeros_like(amounts)


def zero_border(file, index, draw):
    """The value of a PadV2 in front of a MaxPool: zero."""
    root = file.stored(index, 2)
    if root is None or not file.array(root).any():
        raise DoesNotApply("it is zero")
    path = file.operators[index].path
    file.own_constant(index, 2, numpy.zeros_like(file.array(root)))
    return file.record(file.numbers[path], slot=2, after=0, index_in=index)


def change_both(file, index, key, value):
    """One attribute along height and width."""
    after = list(attribute(file.node(index), key))
    for axis in space(file, index):
        after[axis] = value
    return change_attribute(file, index, key, after)


def dilate(file, index, draw):
    if min(kernel_of(file, index)) < 2 or attribute(file.node(index), "padding") != "SAME":
        raise DoesNotApply("not a plain spatial convolution")
    before = attribute(file.node(index), "dilations")[space(file, index)[0]]
    return change_both(file, index, "dilations", 1 if before > 1 else 2)


def change_stride(file, index, draw):
    """The shapes that the file notes go stale: TensorFlow computes them."""
    axes, shape = space(file, index), file.input_shape(index)
    if [shape[a] for a in axes] == [1, 1]:
        raise DoesNotApply("one pixel has no stride")
    stride = attribute(file.node(index), "strides")[axes[0]]
    return change_both(file, index, "strides", 1 if stride > 1 else 2)


def change_window(file, index, draw):
    """A pool over a window that is larger by one."""
    return change_both(file, index, "ksize", kernel_of(file, index)[0] + 1)


def change_crops(file, index, draw):
    """Dilation as SpaceToBatchND: one pixel from its padding's end to its begin."""
    root = file.stored(index, 2)
    before = None if root is None else file.array(root)
    if before is None or before.shape != (2, 2) or not before[:, 1].all():
        raise DoesNotApply("its padding is not known")
    after = before + numpy.array([[1, -1], [1, -1]], before.dtype)
    path = file.operators[index].path
    file.own_constant(index, 2, after)
    at = file.numbers[path]
    behind = [reader for reader, _ in file.readers(file.result(at))]
    return file.record(at, slot=2, before=before.tolist(), after=after.tolist(), index_in=index, also=behind)


def pool_kind(file, index, draw):
    before = file.type(index)
    after = {"MaxPool": "AvgPool", "AvgPool": "MaxPool"}[before]
    clear(file.node(index), after, "strides", "ksize", "padding", "data_format")
    return file.record(index, before=before, after=after)


H = HYPERPARAMETERS
convolutions = padded("SAME", *CONVOLUTIONS)
FAULTS = [
    Fault("conv-pads-symmetric", H, 1, convolutions, explicit_padding(lambda b, e: (max(b, e), max(b, e)))),
    Fault("conv-pads-lost", H, 2, convolutions, lose_padding),
    Fault("conv-pads-gained", H, 2, padded("VALID", *CONVOLUTIONS), gain_padding),
    Fault("pad-amounts-lost", H, 2, of(*PADS), change_amounts(no_amounts)),
    Fault("conv-pads-shifted", H, 3, convolutions, explicit_padding(shifted)),
    Fault("pad-amounts-shifted", H, 3, of(*PADS), change_amounts(moved)),
    Fault("pool-pads-shifted", H, 3, padded("SAME", "AvgPool"), explicit_padding(shifted)),
    Fault("pad-interleaved", H, 4, of(*PADS), change_amounts(interleaved)),
    Fault("conv-dilation", H, 5, of(*CONVOLUTIONS), dilate),
    Fault("conv-dilation-pads", H, 5, of("SpaceToBatchND"), change_crops),
    Fault("conv-stride", H, None, of(*CONVOLUTIONS), change_stride),
    Fault("pool-window", H, None, of(*POOLS), change_window),
    Fault("pool-stride", H, None, of(*POOLS), change_stride),
    Fault("pool-include-pad", H, 6, padded("SAME", "AvgPool"), explicit_zeros),
    Fault("pool-ceil", H, 7, padded("SAME", *POOLS), lose_padding),
    Fault("pool-ceil-gained", H, 7, padded("VALID", *POOLS), gain_padding),
    Fault("pool-pad-zero", H, 8, padded("SAME", "MaxPool"), explicit_zeros),
    Fault("pool-border-zero", H, 8, of("PadV2"), zero_border),
    Fault("pool-kind", GRAPH, None, of(*POOLS), pool_kind),
    Fault("deconv-padding", H, 21, padded("SAME", "Conv2DBackpropInput"),
          lambda f, i, d: change_attribute(f, i, "padding", "VALID")),
]
