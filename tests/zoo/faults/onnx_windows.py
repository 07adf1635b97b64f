"""ONNX: faults in convolutions and pools - padding, dilation, strides, rounding."""

import numpy

from faults.common import HYPERPARAMETERS, DoesNotApply, Fault
from faults.onnx_graph import attribute, change_attribute, of, set_attribute, set_to

POOLS = ("MaxPool", "AveragePool")


def padded(file, types=("Conv", "FusedConv")):
    return [i for i in file.of_type(*types) if any(attribute(file.nodes[i], "pads", []))]


def padded_pools(file):
    return padded(file, POOLS)


def change_pads(new):
    def apply(file, index, draw):
        pads = list(attribute(file.nodes[index], "pads"))
        half = len(pads) // 2
        return change_attribute(file, index, "pads", new(pads[:half], pads[half:]))
    return apply


def symmetric(begin, end):
    if begin == end:
        raise DoesNotApply("its pads are symmetric")
    both = [max(pair) for pair in zip(begin, end)]
    return both + both


def shifted(begin, end):
    """Begin and end swapped; a symmetric pair moves by one pixel."""
    if begin != end:
        return end + begin
    return [b - 1 if b else b for b in begin] + [e + 1 if e else e for e in end]


def interleaved(begin, end):
    """[t, l, b, r] written as [t, b, l, r]."""
    return [n for pair in zip(begin, end) for n in pair]


def automatic(file):
    return [i for i in file.of_type("Conv", *POOLS, "ConvTranspose") if attribute(file.nodes[i], "auto_pad") == b"SAME_UPPER"]


def repad(file, index, draw):
    """Pads lost, and the output padded with zeros to the size that was expected."""
    node = file.nodes[index]
    pads, strides = list(attribute(node, "pads")), attribute(node, "strides", [1, 1])
    value, kernel = node.input[0], file.constant(node.input[1])
    shapes = [file.shape(value), file.shape(node.output[0])]
    if len(pads) != 4 or kernel is None or not all(shapes):
        raise DoesNotApply("its shapes are not known")
    dilations = attribute(node, "dilations", [1, 1])
    sizes = [(n - d * (k - 1) - 1) // s + 1 for n, d, k, s in zip(shapes[0][2:], dilations, kernel.shape[2:], strides)]
    lost = [want - have for want, have in zip(shapes[1][2:], sizes)]
    if min(lost) < 0 or max(lost) == 0:
        raise DoesNotApply("no pixel is lost")
    set_attribute(node, "pads", [0, 0, 0, 0])
    record = file.record(index, attribute="pads", before=pads, after=[0, 0, 0, 0])
    begin = [n // 2 for n in lost]
    amounts = numpy.array([0, 0, *begin, 0, 0, *(n - b for n, b in zip(lost, begin))], numpy.int64)
    return {**record, "inserted": insert_pad(file, node.output[0], amounts)["index"]}


def insert_pad(file, value, amounts, readers=None):
    extra, options = ([file.add_constant(amounts)], {}) if file.opset >= 11 else ([], {"pads": amounts.tolist()})
    return file.insert(value, "Pad", extra, readers, **options)


def pad_with_zero(file, index, draw):
    """A padded MaxPool, whose border is minus infinity, as Pad(0) and MaxPool; or padding that an average counts."""
    node = file.nodes[index]
    pads = list(attribute(node, "pads"))
    set_attribute(node, "pads", [0] * len(pads))
    half = len(pads) // 2
    amounts = numpy.array([0, 0, *pads[:half], 0, 0, *pads[half:]], numpy.int64)
    before = file.record(index, attribute="pads", before=pads, after=[0] * len(pads))
    inserted = insert_pad(file, node.input[0], amounts, [(index, 0)])
    moved = index + (index >= inserted["index"])
    return {**before, "index": moved, "inserted": inserted["index"]}


def dilate(file, index, draw):
    node = file.nodes[index]
    pads, kernel = list(attribute(node, "pads", [])), attribute(node, "kernel_shape")
    if attribute(node, "dilations", [1, 1]) != [1, 1] or not kernel or min(kernel) < 2 or len(pads) != 4:
        raise DoesNotApply("not a plain spatial convolution")
    record = change_attribute(file, index, "dilations", [2, 2], [1, 1])
    add = [k - 1 for k in kernel]
    set_attribute(node, "pads", [p + (a // 2 if n < 2 else a - a // 2) for n, (p, a) in enumerate(zip(pads, add + add))])
    return record


def dilated(file):
    return [i for i in file.of_type("Conv") if max(attribute(file.nodes[i], "dilations", [1])) > 1]


def undilated_pads(keep_dilation):
    """(k - 1) / 2 instead of d (k - 1) / 2; where the dilation is lost too, the shape stays."""
    def apply(file, index, draw):
        node = file.nodes[index]
        dilations, pads = list(attribute(node, "dilations", [1, 1])), list(attribute(node, "pads", []))
        if len(pads) != 4:
            raise DoesNotApply("it has no pads")
        after = [p // d for p, d in zip(pads, dilations + dilations)]
        if keep_dilation:
            return change_attribute(file, index, "pads", after)
        record = change_attribute(file, index, "dilations", [1] * len(dilations))
        set_attribute(node, "pads", after)
        return record
    return apply


def change_stride(file, index, draw):
    if (file.shape(file.nodes[index].input[0]) or [])[2:] == [1, 1]:
        raise DoesNotApply("one pixel has no stride")
    stride = attribute(file.nodes[index], "strides", [1, 1])
    return change_attribute(file, index, "strides", [1 if s > 1 else 2 for s in stride])


def change_pad_order(file, index, draw):
    """The amounts of a Pad, with begin and end of an axis side by side."""
    node = file.nodes[index]
    amounts = list(attribute(node, "pads", [])) if file.opset < 11 else file.constant(node.input[1])
    if amounts is None or len(amounts) != 8:
        raise DoesNotApply("its amounts are not known")
    amounts = [int(n) for n in amounts]
    after = amounts[:2] + [amounts[2], amounts[6], 0, 0, amounts[3], amounts[7]]
    if after == amounts or any(amounts[:2]):
        raise DoesNotApply("its pads are symmetric")
    if file.opset < 11:
        return change_attribute(file, index, "pads", after)
    record = file.record(index, slot=1, before=amounts, after=after)
    file.set_constant(index, 1, numpy.array(after, numpy.int64))
    return record


def shift_deconvolution(file, index, draw):
    node = file.nodes[index]
    pads = list(attribute(node, "pads", []))
    half = len(pads) // 2
    if not any(pads):
        raise DoesNotApply("it has no pads")
    return change_attribute(file, index, "pads", shifted(pads[:half], pads[half:]))


def change_output_padding(file, index, draw):
    """One unit from output_padding to the pads' end or back: another shape by one."""
    before = list(attribute(file.nodes[index], "output_padding", [0, 0]))
    return change_attribute(file, index, "output_padding", [0 if n else 1 for n in before], [0, 0])


H = HYPERPARAMETERS
FAULTS = [
    Fault("conv-pads-symmetric", H, 1, padded, change_pads(symmetric)),
    Fault("conv-pads-lost", H, 2, padded, change_pads(lambda b, e: [0] * len(b + e))),
    Fault("conv-pads-repadded", H, 2, padded, repad),
    Fault("auto-pad-valid", H, 2, automatic, set_to("auto_pad", lambda v: "VALID")),
    Fault("conv-pads-shifted", H, 3, padded, change_pads(shifted)),
    Fault("pool-pads-shifted", H, 3, padded_pools, change_pads(shifted)),
    Fault("auto-pad-lower", H, 3, automatic, set_to("auto_pad", lambda v: "SAME_LOWER")),
    Fault("pads-interleaved", H, 4, lambda f: padded(f) + padded_pools(f), change_pads(interleaved)),
    Fault("pad-interleaved", H, 4, of("Pad"), change_pad_order),
    Fault("conv-dilation", H, 5, of("Conv"), dilate),
    Fault("conv-dilation-lost", H, 5, dilated, undilated_pads(False)),
    Fault("conv-dilation-pads", H, 5, dilated, undilated_pads(True)),
    Fault("conv-stride", H, None, of("Conv"), change_stride),
    Fault("pool-include-pad", H, 6, lambda file: padded(file, ("AveragePool",)),
          set_to("count_include_pad", lambda v: 1 - v, 0)),
    Fault("pool-ceil", H, 7, of(*POOLS), set_to("ceil_mode", lambda v: 1 - v, 0)),
    Fault("pool-pad-zero", H, 8, lambda file: padded(file, ("MaxPool",)), pad_with_zero),
    Fault("deconv-shifted", H, 21, of("ConvTranspose"), shift_deconvolution),
    Fault("deconv-output-padding", H, 21, of("ConvTranspose"), change_output_padding),
]
