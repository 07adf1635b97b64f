"""Keras: faults in convolutions and pools. Their padding is same or valid, so a wrong one is a ZeroPadding2D before valid, as
converters write it."""

import math

from faults.common import GRAPH, HYPERPARAMETERS, DoesNotApply, Fault
from faults.keras_graph import change_setting, of

CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D")
POOLS = ("MaxPooling2D", "AveragePooling2D")
OTHER_POOL = {"MaxPooling2D": "AveragePooling2D", "AveragePooling2D": "MaxPooling2D",
              "GlobalAveragePooling2D": "GlobalMaxPooling2D", "GlobalAveragePooling1D": "GlobalMaxPooling1D",
              "GlobalMaxPooling2D": "GlobalAveragePooling2D", "GlobalMaxPooling1D": "GlobalAveragePooling1D"}


def padded(kind, *types):
    return lambda file: [i for i in file.of_type(*types) if file.settings(i)["padding"] == kind]


def pair(value):
    return list(value) if isinstance(value, list) else [value, value]


def window_of(settings):
    return pair(settings.get("kernel_size") or settings["pool_size"])


def split_padding(file, index):
    """What same adds here: (begin, end) for height and width."""
    settings, shape = file.settings(index), file.shape(index)
    if shape is None or None in shape[1:3]:
        raise DoesNotApply("the size before it is not known")
    strides, dilations = pair(settings.get("strides") or window_of(settings)), pair(settings.get("dilation_rate", 1))
    result = []
    for n, k, s, d in zip(shape[1:3], window_of(settings), strides, dilations):
        total = max((math.ceil(n / s) - 1) * s + d * (k - 1) + 1 - n, 0)
        result.append((total // 2, total - total // 2))
    return result


def pad_before(file, index, before, after):
    """A ZeroPadding2D in front of the operator, which becomes valid."""
    call = file.own_layer(index)
    call.settings["padding"] = "valid"
    shape = file.shape(index)
    shape = [shape[0], *(n + sum(amounts) for n, amounts in zip(shape[1:3], after)), shape[3]]
    padding = [list(amounts) for amounts in after]
    at = file.insert_before(index, 0, "ZeroPadding2D", {"padding": padding, "data_format": "channels_last"}, shape)
    moved = next(c.index for c in file.calls if c.entry is call.entry)
    return {**file.record(moved, attribute="padding", before=before, after=after), "index_in": index, "inserted": at}


def explicit_padding(new):
    """Same becomes a ZeroPadding2D and valid, with another split."""
    def apply(file, index, draw):
        before = split_padding(file, index)
        after = [new(begin, end) for begin, end in before]
        if after == before or not any(map(sum, after)):
            raise DoesNotApply("its padding stays the same")
        return pad_before(file, index, before, after)
    return apply


def explicit_zeros(file, index, draw):
    """A pool whose same is not counted (an average) or minus infinity (a maximum), as zeros and valid."""
    before = split_padding(file, index)
    if not any(map(sum, before)):
        raise DoesNotApply("same adds nothing here")
    return pad_before(file, index, before, before)


def shifted(begin, end):
    return (end, begin) if begin != end else (begin - 1, end + 1) if begin else (begin, end)


def set_padding(kind):
    def apply(file, index, draw):
        if not any(map(sum, split_padding(file, index))) and file.settings(index)["padding"] == "same":
            raise DoesNotApply("same adds nothing here")
        return change_setting(file, index, "padding", kind)
    return apply


def amounts_of(settings):
    """ZeroPadding2D writes one number, one for each axis, or two for each."""
    return [pair(amounts) for amounts in pair(settings["padding"])]


def change_amounts(new):
    def apply(file, index, draw):
        before = amounts_of(file.settings(index))
        after = new(before)
        if after == before:
            raise DoesNotApply("nothing would change")
        return {**change_setting(file, index, "padding", after), "before": before}
    return apply


def interleaved(amounts):
    (top, bottom), (left, right) = amounts
    return [[top, left], [bottom, right]]


def dilate(file, index, draw):
    settings = file.settings(index)
    if min(window_of(settings)) < 2 or max(pair(settings["strides"])) > 1:
        raise DoesNotApply("not a plain spatial convolution")
    return change_setting(file, index, "dilation_rate", [3 - d if d < 3 else 1 for d in pair(settings["dilation_rate"])])


def change_stride(file, index, draw):
    shape, strides = file.shape(index), pair(file.settings(index)["strides"])
    if shape is not None and shape[1:3] == [1, 1]:
        raise DoesNotApply("one pixel has no stride")
    return change_setting(file, index, "strides", [1 if max(strides) > 1 else 2] * 2)


def change_pool_size(file, index, draw):
    return change_setting(file, index, "pool_size", [n - 1 if n > 2 else n + 1 for n in pair(file.settings(index)["pool_size"])])


def pool_kind(file, index, draw):
    call = file.own_layer(index)
    record, new = file.record(index), OTHER_POOL[call.type]
    call.entry["class_name"] = new
    return {**record, "op_type": new, "before": record["op_type"], "after": new}


def split_groups(file, index, draw):
    """Two groups where there was one: each output channel reads half of the input channels."""
    kernel = file.array(index, "kernel")
    if file.settings(index)["groups"] != 1 or kernel.shape[2] % 2 or kernel.shape[3] % 2:
        raise DoesNotApply("its channels can't be halved")
    record = change_setting(file, index, "groups", 2)
    file.set_array(index, "kernel", kernel[:, :, : kernel.shape[2] // 2].copy())
    return record


def output_padding(file, index, draw):
    return change_setting(file, index, "output_padding", [0, 0])


H = HYPERPARAMETERS
same, valid = padded("same", *CONVOLUTIONS), padded("valid", *CONVOLUTIONS)
FAULTS = [
    Fault("conv-pads-symmetric", H, 1, same, explicit_padding(lambda b, e: (max(b, e), max(b, e)))),
    Fault("conv-pads-lost", H, 2, same, set_padding("valid")),
    Fault("conv-pads-gained", H, 2, valid, set_padding("same")),
    Fault("pad-amounts-lost", H, 2, of("ZeroPadding2D"), change_amounts(lambda a: [[0, 0], [0, 0]])),
    Fault("conv-pads-shifted", H, 3, same, explicit_padding(shifted)),
    Fault("pad-amounts-shifted", H, 3, of("ZeroPadding2D"), change_amounts(lambda a: [list(shifted(*row)) for row in a])),
    Fault("pool-pads-shifted", H, 3, padded("same", "AveragePooling2D"), explicit_padding(shifted)),
    Fault("pad-interleaved", H, 4, of("ZeroPadding2D"), change_amounts(interleaved)),
    Fault("conv-dilation", H, 5, of(*CONVOLUTIONS), dilate),
    Fault("conv-stride", H, None, of(*CONVOLUTIONS), change_stride),
    Fault("conv-groups", H, None, of("Conv2D"), split_groups),
    Fault("pool-include-pad", H, 6, padded("same", "AveragePooling2D"), explicit_zeros),
    Fault("pool-ceil", H, 7, padded("same", *POOLS), set_padding("valid")),
    Fault("pool-ceil-gained", H, 7, padded("valid", *POOLS), set_padding("same")),
    Fault("pool-pad-zero", H, 8, padded("same", "MaxPooling2D"), explicit_zeros),
    Fault("pool-kind", GRAPH, None, of(*OTHER_POOL), pool_kind),
    Fault("pool-size", H, None, of(*POOLS), change_pool_size),
    Fault("pool-stride", H, None, of(*POOLS), change_stride),
    Fault("deconv-padding", H, 21, of("Conv2DTranspose"),
          lambda f, i, d: change_setting(f, i, "padding", "valid" if f.settings(i)["padding"] == "same" else "same")),
    Fault("deconv-output-padding", H, 21, of("Conv2DTranspose"), output_padding),
]
