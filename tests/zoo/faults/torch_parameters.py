"""PyTorch: faults in stored numbers."""

import numpy

from faults import tensors
from faults.common import PARAMETERS, TENSOR_STRUCTURE, DoesNotApply, Fault
from faults.torch_graph import argument, data_slot, encoded, references, set_argument, slot_name, tensor, word

# Operators with trained numbers: the argument with the weights.
WEIGHTS = {"conv1d": "weight", "conv2d": "weight", "conv_transpose2d": "weight", "convolution": "weight",
           "_convolution": "weight", "linear": "weight", "matmul": "other", "mm": "mat2", "addmm": "mat2", "embedding": "weight"}
KERNELS = {name: "weight" for name in ("conv2d", "conv_transpose2d", "convolution", "_convolution")}
BIASES = {"conv1d": "bias", "conv2d": "bias", "conv_transpose2d": "bias", "convolution": "bias", "_convolution": "bias",
          "linear": "bias", "addmm": "self"}
NORMS = ("batch_norm", "layer_norm", "group_norm", "instance_norm", "_native_batch_norm_legit_no_training", "native_layer_norm",
         "native_group_norm")
BATCH_NORMS = ("batch_norm", "_native_batch_norm_legit_no_training")
RECURRENT = ("lstm", "gru")


def floats(file, index, slot):
    name = file.operand(index, slot)
    array = file.constant(name) if name else None
    return array if array is not None and array.dtype.kind == "f" and array.size > 1 else None


def constants_in(table):
    def places(file):
        found = [(i, (table[word(file.nodes[i])], None)) for i in file.of_type(*table)]
        return [(i, slot) for i, slot in found if floats(file, i, slot) is not None]
    return places


def of_norms(name, words=NORMS):
    return constants_in({w: name for w in words})


def of_recurrent(pick):
    """What an LSTM or GRU is given of numbers, in the order input, recurrent, and a bias of each, for each direction; `pick`
    says by dimensions and place in these four which."""
    def places(file):
        found = []
        for index in file.of_type(*RECURRENT):
            params = next(e for e in file.nodes[index]["inputs"] if e["name"] == "params")
            found += [(index, ("params", k)) for k, _ in references(params["arg"])
                      if pick(k % (4 if argument(file.nodes[index], "has_biases") else 2))]
        return found
    return places


kernels = constants_in(KERNELS)


def weights(file):
    return constants_in(WEIGHTS)(file) + of_recurrent(lambda k: k < 2)(file)


def added_vectors(file):
    """A constant added to what a product with weights gives, which is written as an operator of its own."""
    return [(i, (name, None)) for i in file.of_type("add") for name, other in (("self", "other"), ("other", "self"))
            if (a := floats(file, i, (name, None))) is not None and max(a.shape, default=1) == a.size
            and (p := file.producer.get(file.operand(i, (other, None)))) is not None and word(file.nodes[p]) in WEIGHTS]


def bias_places(file):
    return constants_in(BIASES)(file) + added_vectors(file)


def channel_axis(node):
    """Axis of the output channels of an operator's weights."""
    transposed = word(node) == "conv_transpose2d" or word(node).endswith("convolution") and argument(node, "transposed")
    return 1 if transposed else -1 if word(node) in ("matmul", "mm", "addmm") else 0


def change_numbers(change):
    def apply(file, place, draw):
        index, slot = place
        name = file.operand(index, slot)
        before = file.constant(name)
        after = change(before, channel_axis(file.nodes[index]) if before.ndim > 1 else -1, draw)
        if after is None or before.dtype == after.dtype and numpy.array_equal(before, after):
            raise DoesNotApply("nothing would change")
        record = file.record(index, slot=slot_name(slot), tensor=file.stored[name])
        file.set_constant(index, slot, after)
        return record
    return apply


def foreign_of(places):
    """Another operator's numbers of the same kind and shape."""
    def apply(file, place, draw):
        index, slot = place
        mine = file.constant(file.operand(index, slot))
        others = [file.constant(file.operand(i, s)) for i, s in places(file) if i != index]
        others = [o for o in others if o.shape == mine.shape and not numpy.array_equal(o, mine)]
        if not others:
            raise DoesNotApply("no other tensor has its shape")
        return change_numbers(lambda *_: others[draw.integers(len(others))])(file, place, draw)
    return apply


def exchanged_of(places):
    """Two operators get each other's numbers: names in a table of weights mixed up."""
    def apply(file, place, draw):
        index, slot = place
        mine = file.operand(index, slot)
        others = [(i, s) for i, s in places(file) if i != index and file.shape(file.operand(i, s)) == file.shape(mine)
                  and not numpy.array_equal(file.constant(file.operand(i, s)), file.constant(mine))]
        if not others:
            raise DoesNotApply("no other tensor has its shape")
        other, place2 = others[draw.integers(len(others))]
        record = file.record(index, slot=slot_name(slot), tensor=file.stored[mine])
        theirs = file.operand(other, place2)
        file.set_operand(index, slot, theirs)
        file.set_operand(other, place2, mine)
        return {**record, "also": [other]}
    return apply


def lose_bias(file, place, draw):
    index, slot = place
    node = file.nodes[index]
    if word(node) == "add":
        return file.remove(index, data_slot(file, index))
    if word(node) == "addmm":
        file_shape = file.shape(file.operand(index, slot))
        return change_numbers(lambda *_: numpy.zeros(file_shape, numpy.float32))(file, place, draw)
    record = file.record(index, slot=slot_name(slot), tensor=file.stored[file.operand(index, slot)])
    set_argument(node, "bias", encoded(None))
    return record


def negated(array, axis, draw):
    return -array


def truncated(array, axis, draw):
    """The upper bytes alone, three bits of fraction: what an eight-bit number keeps."""
    if array.dtype != numpy.float32:
        return None
    return (array.view(numpy.uint32) & numpy.uint32(0xFFF00000)).view(numpy.float32)


def flipped(array, axis, draw):
    """The kernel turned by half a turn: correlation taken for convolution."""
    return array[:, :, ::-1, ::-1].copy() if array.ndim == 4 and max(array.shape[2:]) > 1 else None


def square_transposed(array, axis, draw):
    return array.T.copy() if array.ndim == 2 and array.shape[0] == array.shape[1] else None


def rolled(array, axis, draw):
    """Rows counted from one in place of zero."""
    return numpy.roll(array, 1, 0)


def half_scaled(array, axis, draw):
    return array * array.dtype.type(0.5)


def averaged(array, axis, draw):
    """One slope for all channels."""
    return numpy.full_like(array, array.mean())


def dense(file):
    return [(i, slot) for i, slot in constants_in({"linear": "weight", "addmm": "mat2", "matmul": "other"})(file)]


def rows_permuted(file, place, draw):
    """The first Linear behind a flatten counts its rows in another order of the axes that were merged."""
    index, slot = place
    node = file.nodes[index]
    source = file.producer.get(file.operand(index, data_slot(file, index)))
    while source is not None and word(file.nodes[source]) in ("dropout", "relu"):
        source = file.producer.get(file.operand(source, ("self", None)) or file.operand(source, ("input", None)))
    if source is None or word(file.nodes[source]) not in ("flatten", "reshape", "view"):
        raise DoesNotApply("no flatten before it")
    shape = file.shape(file.operand(source, ("self", None)))
    array = file.constant(file.operand(index, slot))
    return change_numbers(lambda *_: tensors.merged_rows(array, 1 if word(node) == "linear" else 0, shape))(file, place, draw)


def change_shared(file, place, draw):
    """A constant that several operators read, changed for all of them."""
    index, slot = place
    name = file.operand(index, slot)
    array = file.constant(name)
    record = file.record(index, slot=slot_name(slot), tensor=file.stored[name])
    file.model.set_array(file.stored[name], (array * array.dtype.type(1.5) + array.dtype.type(0.1)).astype(array.dtype))
    return {**record, "also": sorted({i for i, _ in file.readers(name)} - {index})}


def shared(file):
    return [(i, slot) for name in file.stored if (c := file.constant(name)) is not None and c.dtype.kind == "f"
            for i, slot in file.readers(name) if len({r for r, _ in file.readers(name)}) > 1]


def constant_operands(file):
    return [(i, (name, None)) for i in file.of_type("add", "mul", "sub", "div", "where") for name in ("self", "other")
            if floats(file, i, (name, None)) is not None]


def with_numbers(file):
    return [(i, name) for i in file.of_type("add", "sub", "mul", "div") for name in ("other",)
            if isinstance(argument(file.nodes[i], name), (int, float))]


def scale_number(factor):
    """A number that is written into the operator, as the factor of attention is."""
    def apply(file, place, draw):
        index, name = place
        node = file.nodes[index]
        before = argument(node, name)
        if before in (0, 1) and factor != 1:
            raise DoesNotApply("it is too plain")
        set_argument(node, name, float(before) * factor)
        return file.record(index, attribute=name, before=before, after=float(before) * factor)
    return apply


def exchange_moments(file, index, draw):
    """Mean and variance in each other's place, the variance made positive."""
    slots = [("running_mean", None), ("running_var", None)]
    arrays = [file.constant(file.operand(index, slot)) for slot in slots]
    if any(a is None for a in arrays):
        raise DoesNotApply("they are not stored")
    file.set_constant(index, slots[0], arrays[1])
    file.set_constant(index, slots[1], numpy.abs(arrays[0]) + numpy.float32(0.1))
    return file.record(index, slot="running_mean")


def exchange_directions(file, index, draw):
    """Numbers of the backward direction used forward, and the other way about."""
    node = file.nodes[index]
    params = argument(node, "params")
    if not argument(node, "bidirectional") or len(params) % 2:
        raise DoesNotApply("it has one direction")
    half = 4 if argument(node, "has_biases") else 2
    after = [*params[half:2 * half], *params[:half], *params[2 * half:]]
    if any(file.shape(a) != file.shape(b) for a, b in zip(params, after)):
        raise DoesNotApply("they differ in shape")
    record = file.record(index, slot="params")
    set_argument(node, "params", {"as_tensors": [tensor(name)["as_tensor"] for name in after]})
    return record


P, T = PARAMETERS, TENSOR_STRUCTURE
input_side, recurrent_side, recurrent_bias = (of_recurrent(lambda k, n=n: k == n) for n in (0, 1, 3))
gates = lambda array, axis, draw: tensors.swap_gates(0)(array, axis, draw)
FAULTS = [
    *tensors.faults_of_weights(weights, kernels, change_numbers, foreign_of(weights), space=(2, 3), channels=(0, 1), layout=[2, 3, 1, 0]),
    Fault("weights-negated", P, None, weights, change_numbers(negated)),
    Fault("weights-truncated", P, None, weights, change_numbers(truncated)),
    Fault("weights-exchanged", P, 26, weights, exchanged_of(weights)),
    Fault("kernel-flipped", P, 18, kernels, change_numbers(flipped)),
    Fault("dense-transposed", P, 18, dense, change_numbers(square_transposed)),
    Fault("dense-rows-permuted", T, 14, dense, rows_permuted),
    Fault("embedding-shifted", P, None, constants_in({"embedding": "weight"}), change_numbers(rolled)),
    Fault("shared-constant", P, 26, shared, change_shared),
    Fault("constants-swapped", P, None, constant_operands, exchanged_of(constant_operands)),
    Fault("constant-noise", P, None, constant_operands, change_numbers(tensors.noise)),
    Fault("scalar-scaled", P, None, with_numbers, scale_number(2.0)),
    Fault("bias-zero", P, 17, bias_places, change_numbers(tensors.zero)),
    Fault("bias-noise", P, 17, bias_places, change_numbers(tensors.noise)),
    Fault("bias-lost", P, 17, bias_places, lose_bias),
    Fault("bias-foreign", P, 26, bias_places, foreign_of(bias_places)),
    Fault("bias-scaled", P, 17, bias_places, change_numbers(half_scaled)),
    Fault("bn-gamma", P, 17, of_norms("weight", BATCH_NORMS), change_numbers(tensors.noise)),
    Fault("bn-beta", P, 17, of_norms("bias", BATCH_NORMS), change_numbers(tensors.noise)),
    Fault("bn-mean", P, 17, of_norms("running_mean", BATCH_NORMS), change_numbers(tensors.noise)),
    Fault("bn-variance", P, 17, of_norms("running_var", BATCH_NORMS), change_numbers(tensors.scale_large)),
    Fault("bn-moments-exchanged", P, None, lambda f: f.of_type(*BATCH_NORMS), exchange_moments),
    Fault("bn-foreign", P, 26, of_norms("running_mean", BATCH_NORMS), exchanged_of(of_norms("running_mean", BATCH_NORMS))),
    Fault("norm-gamma", P, None, of_norms("weight", set(NORMS) - set(BATCH_NORMS)), change_numbers(tensors.permuted)),
    Fault("norm-beta", P, None, of_norms("bias", set(NORMS) - set(BATCH_NORMS)), change_numbers(tensors.zero)),
    Fault("prelu-shared", P, None, constants_in({"prelu": "weight", "_prelu_kernel": "weight"}), change_numbers(averaged)),
    Fault("recurrent-gates", P, 23, recurrent_side, change_numbers(gates)),
    Fault("recurrent-input-gates", P, 23, input_side, change_numbers(gates)),
    Fault("recurrent-bias-half", P, 23, recurrent_bias, change_numbers(tensors.zero)),
    Fault("recurrent-directions", P, 23, lambda f: f.of_type(*RECURRENT), exchange_directions),
]
