"""ONNX: faults in stored numbers."""

import numpy
from onnx import numpy_helper

from faults import tensors
from faults.common import PARAMETERS, QUANTIZATION, TENSOR_STRUCTURE, DoesNotApply, Fault
from faults.onnx_graph import attribute

# Operators with trained numbers: slot of the weights, of the bias.
WEIGHTS = {"Conv": 1, "ConvTranspose": 1, "Gemm": 1, "MatMul": 1, "LSTM": 1, "GRU": 1, "FusedConv": 1}
BIASES = {"Conv": 2, "ConvTranspose": 2, "Gemm": 2, "FusedConv": 2}
KERNELS = {"Conv": 1, "ConvTranspose": 1, "FusedConv": 1}
QUANTIZERS = ("QuantizeLinear", "DequantizeLinear")


def constants_in(table):
    def places(file):
        found = []
        for index in file.of_type(*table):
            slot = table[file.nodes[index].op_type]
            names = file.nodes[index].input
            array = file.constant(names[slot]) if len(names) > slot else None
            if array is not None and array.dtype.kind == "f" and array.size > 1:
                found.append((index, slot))
        return found
    return places


weights, kernels = constants_in(WEIGHTS), constants_in(KERNELS)


def bias_places(file):
    """Bias inputs, and the Add of a constant vector behind a MatMul."""
    found = constants_in(BIASES)(file)
    for index in file.of_type("Add"):
        for slot, name in enumerate(file.nodes[index].input):
            other = file.producer.get(file.nodes[index].input[1 - slot])
            array = file.constant(name)
            if array is not None and other is not None and file.nodes[other].op_type == "MatMul" and array.size > 1:
                found.append((index, slot))
    return found


def channel_axis(node):
    if node.op_type == "Gemm":
        return 0 if attribute(node, "transB", 0) else 1
    return {"Conv": 0, "FusedConv": 0, "ConvTranspose": 1, "LSTM": 1, "GRU": 1}.get(node.op_type, -1)


def change_numbers(change):
    def apply(file, place, draw):
        index, slot = place
        before = file.constant(file.nodes[index].input[slot])
        after = change(before, channel_axis(file.nodes[index]) if before.ndim > 1 else -1, draw)
        if after is None or before.dtype == after.dtype and numpy.array_equal(before, after):
            raise DoesNotApply("nothing would change")
        record = file.record(index, slot=slot, tensor=file.nodes[index].input[slot])
        file.set_constant(index, slot, after)
        return record
    return apply


def foreign(file, place, draw):
    index, slot = place
    mine = file.constant(file.nodes[index].input[slot])
    others = [file.constant(file.nodes[i].input[s]) for i, s in weights(file) if i != index]
    others = [o for o in others if o.shape == mine.shape and not numpy.array_equal(o, mine)]
    if not others:
        raise DoesNotApply("no other tensor has its shape")
    return change_numbers(lambda *_: others[draw.integers(len(others))])(file, place, draw)


def lose_bias(file, place, draw):
    index, slot = place
    node = file.nodes[index]
    if node.op_type == "Add":
        return file.remove(index, 1 - slot)
    record = file.record(index, slot=slot, tensor=node.input[slot])
    del node.input[slot:]
    return record


def normalization_slot(slot, change):
    places = lambda file: [(i, slot) for i in file.of_type("BatchNormalization")
                           if file.constant(file.nodes[i].input[slot]) is not None]
    return places, change_numbers(change)


def rows_permuted(file, place, draw):
    """The first Dense behind a Flatten or Reshape counts its rows in another order of the axes that were merged."""
    index, slot = place
    node = file.nodes[index]
    source = file.producer.get(node.input[0])
    while source is not None and file.nodes[source].op_type in ("Identity", "Dropout"):
        source = file.producer.get(file.nodes[source].input[0])
    if source is None or file.nodes[source].op_type not in ("Flatten", "Reshape"):
        raise DoesNotApply("no Flatten or Reshape before it")
    shape = file.shape(file.nodes[source].input[0]) or []
    array = file.constant(node.input[slot])
    axis = 1 if node.op_type == "Gemm" and attribute(node, "transB", 0) else 0
    return change_numbers(lambda *_: tensors.merged_rows(array, axis, shape))(file, place, draw)


def dense(file):
    return [(i, slot) for i, slot in weights(file) if file.nodes[i].op_type in ("Gemm", "MatMul")]


def change_shared(file, place, draw):
    """A constant that several operators read, changed for all of them."""
    index, slot = place
    name = file.nodes[index].input[slot]
    array = file.constant(name)
    record = file.record(index, slot=slot, tensor=name)
    after = (array * array.dtype.type(1.5) + array.dtype.type(0.1)).astype(array.dtype)
    file.initializers[name].CopyFrom(numpy_helper.from_array(after, name))
    return {**record, "also": sorted({i for i, _ in file.readers(name)} - {index})}


def shared(file):
    return [(i, slot) for i in file.live for slot, name in enumerate(file.nodes[i].input)
            if name in file.initializers and len({r for r, _ in file.readers(name)}) > 1
            and file.constant(name).dtype.kind == "f"]


def swap_constants(file, place, draw):
    """Two layers get each other's constant operand (masks swapped between layers)."""
    index, slot = place
    mine = file.constant(file.nodes[index].input[slot])
    others = [(i, s) for i, s in constant_operands(file) if i != index and
              (o := file.constant(file.nodes[i].input[s])).shape == mine.shape and not numpy.array_equal(o, mine)]
    if not others:
        raise DoesNotApply("no other constant has its shape")
    other, place2 = others[draw.integers(len(others))]
    first, second = file.nodes[index], file.nodes[other]
    record = file.record(index, slot=slot, tensor=first.input[slot])
    first.input[slot], second.input[place2] = second.input[place2], first.input[slot]
    return {**record, "also": [other]}


def constant_operands(file):
    return [(i, slot) for i in file.of_type("Add", "Mul", "Sub", "Where", "Div") for slot, name in enumerate(file.nodes[i].input)
            if (c := file.constant(name)) is not None and c.size > 1 and c.dtype.kind == "f"]


def in_loops(file):
    """What a Loop is given of stored numbers, more than one."""
    return [(i, slot) for i in file.of_type("Loop") for slot, name in enumerate(file.nodes[i].input)
            if (c := file.constant(name)) is not None and c.ndim > 0 and numpy.ptp(c) > 0 and c.dtype.kind == "f"]


def quantized(file):
    return [(i, slot) for i in file.of_type(*QUANTIZERS) for slot in (1, 2)
            if len(file.nodes[i].input) > slot and (c := file.constant(file.nodes[i].input[slot])) is not None and c.size == 1]


def of_slot(number):
    return lambda file: [(i, slot) for i, slot in quantized(file) if slot == number]


def shift_zero(array, axis, draw):
    limits = numpy.iinfo(array.dtype)
    value = int(array.reshape(-1)[0])
    return numpy.full_like(array, value + 3 if value + 3 <= limits.max else value - 3)


P, Q, T = PARAMETERS, QUANTIZATION, TENSOR_STRUCTURE
FAULTS = [
    *tensors.faults_of_weights(weights, kernels, change_numbers, foreign, space=(2, 3), channels=(0, 1), layout=[2, 3, 1, 0]),
    *tensors.faults_of_loops(in_loops, change_numbers, -1),
    Fault("dense-rows-permuted", T, 14, dense, rows_permuted),
    Fault("shared-constant", P, 26, shared, change_shared),
    Fault("constants-swapped", P, None, constant_operands, swap_constants),
    Fault("bias-zero", P, 17, bias_places, change_numbers(tensors.zero)),
    Fault("bias-noise", P, 17, bias_places, change_numbers(tensors.noise)),
    Fault("bias-lost", P, 17, bias_places, lose_bias),
    Fault("bn-gamma", P, 17, *normalization_slot(1, tensors.noise)),
    Fault("bn-mean", P, 17, *normalization_slot(3, tensors.noise)),
    Fault("bn-variance", P, 17, *normalization_slot(4, tensors.scale_large)),
    Fault("quantization-scale", Q, 29, of_slot(1), change_numbers(lambda a, *_: a * a.dtype.type(10))),
    Fault("quantization-zero-point", Q, 29, of_slot(2), change_numbers(shift_zero)),
]
