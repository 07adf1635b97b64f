"""TFLite: faults in stored numbers."""

import copy

import numpy

import tflite_file
from faults import tensors
from faults.common import PARAMETERS, QUANTIZATION, TENSOR_STRUCTURE, DoesNotApply, Fault
from faults.tflite_graph import of

# Operators with trained numbers: slots of weights and bias.
WEIGHTS = {"CONV_2D": 1, "DEPTHWISE_CONV_2D": 1, "FULLY_CONNECTED": 1, "TRANSPOSE_CONV": 1}
BIASES = {"CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "FULLY_CONNECTED": 2, "TRANSPOSE_CONV": 3}
KERNELS = {"CONV_2D": 1, "DEPTHWISE_CONV_2D": 1, "TRANSPOSE_CONV": 1}
# Inputs 1-8 are the input and recurrent weights of the gates i, f, c, o.
LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"


def constants_in(table):
    return lambda file: [(i, table[file.type(i)]) for i in file.of_type(*table)
                         if file.stored(i, table[file.type(i)]) is not None]


weights, biases, kernels = constants_in(WEIGHTS), constants_in(BIASES), constants_in(KERNELS)


def channel_axis(file, index, array):
    return array.ndim - 1 if file.type(index) == "DEPTHWISE_CONV_2D" else 0


def change_numbers(change):
    def apply(file, place, draw):
        index, slot = place
        number = file.stored(index, slot)
        before = tflite_file.array(file.model, file.tensors[number])
        values = before.astype(numpy.float32)
        after = change(values, channel_axis(file, index, before), draw)
        if after is None:
            raise DoesNotApply("nothing would change")
        if before.dtype.kind == "i":  # quantized: the same scale, so what is out of range is cut off
            limits = numpy.iinfo(before.dtype)
            after = numpy.clip(numpy.round(after), limits.min + 1, limits.max)
        after = after.astype(before.dtype)
        if numpy.array_equal(before, after):
            raise DoesNotApply("nothing would change")
        record = file.record(index, slot=slot, tensor=number)
        file.set_stored(index, slot, number, after)
        return record
    return apply


def foreign(file, place, draw):
    index, slot = place
    own = file.tensors[file.stored(index, slot)]
    mine = tflite_file.array(file.model, own)
    others = [tflite_file.array(file.model, file.tensors[file.stored(i, s)]) for i, s in weights(file) if i != index]
    others = [o for o in others if o.shape == mine.shape and o.dtype == mine.dtype and not numpy.array_equal(o, mine)]
    if not others:
        raise DoesNotApply("no other tensor has its shape")
    return change_numbers(lambda *_: others[draw.integers(len(others))].astype(numpy.float32))(file, place, draw)


def lose_bias(file, place, draw):
    index, slot = place
    record = file.record(index, slot=slot, tensor=file.operators[index].inputs[slot])
    if file.type(index) == "FULLY_CONNECTED" or file.type(index) == "TRANSPOSE_CONV":
        file.operators[index].inputs[slot] = -1
        return record
    # A convolution has to have one: zeros, as a converter writes that has none.
    return change_numbers(tensors.zero)(file, place, draw)


def swap_gates(file, index, draw):
    inputs = file.operators[index].inputs
    for first, second in ((1, 2), (5, 6), (12, 13)):  # input weights, recurrent weights, biases of i and f
        inputs[first], inputs[second] = inputs[second], inputs[first]
    return file.record(index, slot=[1, 2, 5, 6, 12, 13])


def rows_permuted(file, place, draw):
    """The first FULLY_CONNECTED behind a RESHAPE counts its inputs in another order of the axes that were merged."""
    index, slot = place
    source = file.producer.get(file.operators[index].inputs[0])
    if file.type(index) != "FULLY_CONNECTED" or source is None or file.type(source) != "RESHAPE":
        raise DoesNotApply("no RESHAPE before it")
    shape = file.shape(file.operators[source].inputs[0])
    return change_numbers(lambda array, *_: tensors.merged_rows(array, 1, shape))(file, place, draw)


def real_constant(file, index, slot):
    number = file.stored(index, slot)
    return number is not None and tflite_file.array(file.model, file.tensors[number]).dtype.kind == "f"


def shared(file):
    return [(i, slot) for i in file.live for slot, t in enumerate(file.operators[i].inputs)
            if len({r for r, _ in file.readers(t)}) > 1 and real_constant(file, i, slot)]


def change_shared(file, place, draw):
    """A constant that several operators read, changed for all of them."""
    index, slot = place
    number = file.operators[index].inputs[slot]
    tensor = file.tensors[number]
    array = tflite_file.array(file.model, tensor)
    record = file.record(index, slot=slot, tensor=number)
    tflite_file.set_array(file.model, tensor, array * numpy.float32(1.5) + numpy.float32(0.1))
    return {**record, "also": sorted({i for i, _ in file.readers(number)} - {index})}


def constant_operands(file):
    return [(i, slot) for i in file.of_type("ADD", "MUL", "SUB", "DIV", "SELECT_V2") for slot in range(len(file.operators[i].inputs))
            if real_constant(file, i, slot) and numpy.prod(file.shape(file.operators[i].inputs[slot])) > 1]


def swap_constants(file, place, draw):
    """Two layers get each other's constant operand (masks swapped between layers)."""
    index, slot = place
    mine = file.operators[index].inputs[slot]
    others = [(i, s) for i, s in constant_operands(file)
              if i != index and file.shape(file.operators[i].inputs[s]) == file.shape(mine) and file.operators[i].inputs[s] != mine]
    if not others:
        raise DoesNotApply("no other constant has its shape")
    other, place2 = others[draw.integers(len(others))]
    first, second = file.operators[index], file.operators[other]
    record = file.record(index, slot=slot, tensor=mine)
    first.inputs[slot], second.inputs[place2] = second.inputs[place2], first.inputs[slot]
    return {**record, "also": [other]}


def in_loops(file):
    """(a WHILE, its body's subgraph, tensor) for stored real numbers that the body reads, more than one."""
    found = []
    for index in file.of_type("WHILE"):
        body = file.operators[index].builtinOptions.bodySubgraphIndex
        for number, tensor in enumerate(file.model.subgraphs[body].tensors):
            array = tflite_file.array(file.model, tensor)
            if array is not None and array.dtype == numpy.float32 and array.ndim > 0 and numpy.ptp(array) > 0:
                found.append((index, body, number))
    return found


def change_in_loop(change):
    def apply(file, place, draw):
        index, body, number = place
        tensor = file.model.subgraphs[body].tensors[number]
        before = tflite_file.array(file.model, tensor)
        after = change(before, 0, draw)
        if after is None or numpy.array_equal(before, after):
            raise DoesNotApply("nothing would change")
        tflite_file.set_array(file.model, tensor, after.astype(before.dtype))
        return file.record(index, tensor=tflite_file.text(tensor.name))
    return apply


def quantized(file):
    """Outputs of live operators with one scale for the whole tensor."""
    def scales(index):
        about = file.tensors[file.operators[index].outputs[0]].quantization
        return [] if about is None or about.scale is None else about.scale
    return [i for i in file.live if len(scales(i)) == 1]


def change_quantization(field, change):
    def apply(file, index, draw):
        about = file.tensors[file.operators[index].outputs[0]].quantization
        before = getattr(about, field)[0]
        setattr(about, field, [change(before)])
        return file.record(index, attribute=field, before=float(before), after=float(change(before)))
    return apply


def rotate_scales(file, place, draw):
    """The scales of the output channels, each one channel too far."""
    index, slot = place
    number = file.stored(index, slot)
    tensor = file.tensors[number] = copy.deepcopy(file.tensors[number])
    about = tensor.quantization
    if about is None or about.scale is None or len(about.scale) < 2:
        raise DoesNotApply("it has one scale")
    about.scale = numpy.roll(numpy.asarray(about.scale, numpy.float32), 1)
    return file.record(index, slot=slot, tensor=number, attribute="scale")


P, Q, T = PARAMETERS, QUANTIZATION, TENSOR_STRUCTURE
FAULTS = [
    *tensors.faults_of_weights(weights, kernels, change_numbers, foreign, space=(1, 2), channels=(0, 3), layout=[1, 2, 3, 0]),
    *tensors.faults_of_loops(in_loops, change_in_loop, 0),
    Fault("dense-rows-permuted", T, 14, weights, rows_permuted),
    Fault("shared-constant", P, 26, shared, change_shared),
    Fault("constants-swapped", P, None, constant_operands, swap_constants),
    Fault("recurrent-gates", P, 23, of(LSTM), swap_gates),
    Fault("bias-zero", P, 17, biases, change_numbers(tensors.zero)),
    Fault("bias-noise", P, 17, biases, change_numbers(tensors.noise)),
    Fault("bias-lost", P, 17, biases, lose_bias),
    Fault("quantization-scale", Q, 29, quantized, change_quantization("scale", lambda v: v * 2)),
    Fault("quantization-scale-large", Q, 29, quantized, change_quantization("scale", lambda v: v * 10)),
    Fault("quantization-zero-point", Q, 29, quantized, change_quantization("zeroPoint", lambda v: int(v) + 3)),
    Fault("quantization-channel-scales", P, 18, weights, rotate_scales),
]
