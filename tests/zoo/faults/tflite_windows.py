"""TFLite: faults in convolutions and pools. Their padding is SAME or VALID, so a wrong one is an explicit PAD before VALID,
as converters write it."""

import numpy
from ai_edge_litert import schema_py_generated as schema

import tflite_file
from faults.common import GRAPH, HYPERPARAMETERS, DoesNotApply, Fault
from faults.tflite_graph import change_option, of, option

SAME, VALID = schema.Padding.SAME, schema.Padding.VALID
CONVOLUTIONS, POOLS = ("CONV_2D", "DEPTHWISE_CONV_2D"), ("MAX_POOL_2D", "AVERAGE_POOL_2D")


def same_padded(*types):
    return lambda file: [i for i in file.of_type(*types) if option(file, i, "padding") == SAME]


def split_padding(file, index):
    """What SAME adds here: (begin, end) for height and width."""
    operator = file.operators[index]
    options, shape = operator.builtinOptions, file.shape(operator.inputs[0])
    if file.type(index) in POOLS:
        kernel, dilations = (options.filterHeight, options.filterWidth), (1, 1)
    else:
        kernel = file.shape(operator.inputs[1])[1:3]
        dilations = (options.dilationHFactor, options.dilationWFactor)
    result = []
    for n, k, s, d in zip(shape[1:3], kernel, (options.strideH, options.strideW), dilations):
        total = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
        result.append((total // 2, total - total // 2))
    return result


def pad_before(file, index, before, after):
    """A PAD of zeros in front of the operator, which becomes VALID."""
    amounts = numpy.array([(0, 0), *after, (0, 0)], numpy.int32)
    shape = [n + sum(pair) for n, pair in zip(file.shape(file.operators[index].inputs[0]), amounts.tolist())]
    file.operators[index].builtinOptions.padding = VALID
    at = file.insert_before(index, 0, "PAD", shape, amounts, "PadOptions")
    record = file.record(at + 1, attribute="padding", before=before, after=after)
    return {**record, "index_in": at, "inserted": at}


def explicit_padding(new):
    """SAME becomes a PAD and VALID, with another split."""
    def apply(file, index, draw):
        before = split_padding(file, index)
        after = [new(begin, end) for begin, end in before]
        if after == before or not any(map(sum, after)):
            raise DoesNotApply("its padding stays the same")
        return pad_before(file, index, before, after)
    return apply


def explicit_zeros(file, index, draw):
    """A pool whose SAME is not counted (an average) or minus infinity (a maximum), as PAD(0) and VALID."""
    before = split_padding(file, index)
    if not any(map(sum, before)):
        raise DoesNotApply("SAME adds nothing here")
    return pad_before(file, index, before, before)


def lose_padding(file, index, draw):
    if not any(map(sum, split_padding(file, index))):
        raise DoesNotApply("SAME adds nothing here")
    return change_option(file, index, "padding", VALID)


def shifted(begin, end):
    return (end, begin) if begin != end else (begin - 1, end + 1) if begin else (begin, end)


def gain_padding(file, index, draw):
    return change_option(file, index, "padding", SAME)


def valid(*types):
    return lambda file: [i for i in file.of_type(*types) if option(file, i, "padding") == VALID]


def amounts_of(file, index):
    number = file.stored(index, 1)
    return None if number is None else tflite_file.array(file.model, file.tensors[number])


def change_amounts(new):
    """The amounts of a PAD; the shapes in the file go stale, as they do in a converter's."""
    def apply(file, index, draw):
        before = amounts_of(file, index)
        if before is None or before.shape != (4, 2):
            raise DoesNotApply("its amounts are not known")
        after = new(before.copy())
        if numpy.array_equal(before, after):
            raise DoesNotApply("nothing would change")
        record = file.record(index, slot=1, before=before.tolist(), after=after.tolist())
        file.own_constant(index, 1, after.astype(numpy.int32))
        return record
    return apply


def interleaved(amounts):
    amounts[1:3] = amounts[1:3].T
    return amounts


def moved(amounts):
    for row in amounts[1:3]:
        row[:] = shifted(*row.tolist())
    return amounts


def no_amounts(amounts):
    return numpy.zeros_like(amounts)


def zero_border(file, index, draw):
    """The value of a PADV2 in front of a MaxPool: zero."""
    number = file.stored(index, 2)
    if number is None or not tflite_file.array(file.model, file.tensors[number]).any():
        raise DoesNotApply("it is zero")
    record = file.record(index, slot=2, after=0)
    file.own_constant(index, 2, numpy.zeros(file.shape(number), numpy.float32))
    return record


def dilate(file, index, draw):
    if min(file.shape(file.operators[index].inputs[1])[1:3]) < 2 or option(file, index, "padding") != SAME:
        raise DoesNotApply("not a plain spatial convolution")
    file.operators[index].builtinOptions.dilationHFactor = 3 - option(file, index, "dilationHFactor")
    return change_option(file, index, "dilationWFactor", 3 - option(file, index, "dilationWFactor"))


def change_stride(file, index, draw):
    """The shapes in the file go stale, as they do in a converter's: the runtime computes them."""
    stride = option(file, index, "strideH")
    if file.shape(file.operators[index].inputs[0])[1:3] == [1, 1]:
        raise DoesNotApply("one pixel has no stride")
    file.operators[index].builtinOptions.strideW = 1 if stride > 1 else 2
    return change_option(file, index, "strideH", 1 if stride > 1 else 2)


def change_crops(file, index, draw):
    """Dilation as SPACE_TO_BATCH: one pixel from its padding's end to its begin."""
    number = file.stored(index, 2)
    before = None if number is None else tflite_file.array(file.model, file.tensors[number])
    if before is None or before.shape != (2, 2) or not before[:, 1].all():
        raise DoesNotApply("its padding is not known")
    after = before + numpy.array([[1, -1], [1, -1]], numpy.int32)
    record = file.record(index, slot=2, before=before.tolist(), after=after.tolist())
    file.own_constant(index, 2, after.astype(numpy.int32))
    return record


def pool_kind(file, index, draw):
    record = file.record(index)
    other = {"MAX_POOL_2D": "AVERAGE_POOL_2D", "AVERAGE_POOL_2D": "MAX_POOL_2D"}[record["op_type"]]
    file.operators[index].opcodeIndex = file.code(other)
    return {**record, "op_type": other, "before": record["op_type"], "after": other}


H = HYPERPARAMETERS
convolutions = same_padded(*CONVOLUTIONS)
FAULTS = [
    Fault("conv-pads-symmetric", H, 1, convolutions, explicit_padding(lambda b, e: (max(b, e), max(b, e)))),
    Fault("conv-pads-lost", H, 2, convolutions, lose_padding),
    Fault("pad-amounts-lost", H, 2, of("PAD", "PADV2"), change_amounts(no_amounts)),
    Fault("conv-pads-shifted", H, 3, convolutions, explicit_padding(shifted)),
    Fault("pad-amounts-shifted", H, 3, of("PAD", "PADV2"), change_amounts(moved)),
    Fault("pool-pads-shifted", H, 3, same_padded("AVERAGE_POOL_2D"), explicit_padding(shifted)),
    Fault("pad-interleaved", H, 4, of("PAD", "PADV2"), change_amounts(interleaved)),
    Fault("conv-dilation", H, 5, of(*CONVOLUTIONS), dilate),
    Fault("conv-dilation-pads", H, 5, of("SPACE_TO_BATCH_ND"), change_crops),
    Fault("conv-stride", H, None, of(*CONVOLUTIONS), change_stride),
    Fault("pool-include-pad", H, 6, same_padded("AVERAGE_POOL_2D"), explicit_zeros),
    Fault("pool-ceil", H, 7, same_padded(*POOLS), lose_padding),
    Fault("pool-ceil-gained", H, 7, valid(*POOLS), gain_padding),
    Fault("pool-pad-zero", H, 8, same_padded("MAX_POOL_2D"), explicit_zeros),
    Fault("pool-border-zero", H, 8, of("PADV2"), zero_border),
    Fault("pool-kind", GRAPH, None, of(*POOLS), pool_kind),
    Fault("deconv-padding", H, 21, same_padded("TRANSPOSE_CONV"),
          lambda f, i, d: change_option(f, i, "padding", VALID)),
]
