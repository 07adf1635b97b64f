"""Keras: faults in stored numbers."""

import numpy

from faults import tensors
from faults.common import PARAMETERS, TENSOR_STRUCTURE, DoesNotApply, Fault
from faults.keras_graph import of

CONVOLUTIONS = ("Conv1D", "Conv2D", "DepthwiseConv2D", "Conv2DTranspose", "SeparableConv2D")
RECURRENT = ("LSTM", "GRU", "Bidirectional")
NORMALIZATIONS = ("BatchNormalization", "LayerNormalization", "GroupNormalization")


def is_kernel(role):
    return role.endswith("kernel") or role == "embeddings"


def roles(wanted, *types):
    """(operator, role) of all stored arrays that are wanted."""
    return lambda file: [(i, role) for i in (file.of_type(*types) if types else file.live) for role in file.weights(i)
                         if wanted(role)]


weights, kernels = roles(is_kernel), roles(is_kernel, *CONVOLUTIONS)
biases = roles(lambda role: role.rpartition("/")[2] == "bias")


def channel_axis(file, index, role):
    """The axis of the output channels."""
    is_depthwise = role == "depthwise_kernel" or file.type(index) == "DepthwiseConv2D"
    return 2 if is_depthwise or file.type(index) == "Conv2DTranspose" else -1


def change_numbers(change):
    def apply(file, place, draw):
        index, role = place
        before = file.array(index, role)
        axis = channel_axis(file, index, role) % before.ndim
        after = change(before, axis, draw)
        if after is None or numpy.array_equal(before, after):
            raise DoesNotApply("nothing would change")
        file.set_array(index, role, numpy.ascontiguousarray(after, before.dtype))
        return file.record(index, slot=role)
    return apply


def foreign(file, place, draw):
    """What another layer has in its place, of the same shape."""
    index, role = place
    mine = file.array(index, role)
    own = file.weights(index)[role]
    others = [file.array(i, r) for i in file.live for r, path in file.weights(i).items()
              if r.rpartition("/")[2] == role.rpartition("/")[2] and path != own]
    others = [o for o in others if o.shape == mine.shape and not numpy.array_equal(o, mine)]
    if not others:
        raise DoesNotApply("no other array has its shape")
    return change_numbers(lambda *_: others[draw.integers(len(others))])(file, place, draw)


def flipped(array, axis, draw):
    """A convolution where a correlation is meant."""
    return array[::-1, ::-1] if array.ndim == 4 and max(array.shape[:2]) > 1 else None


def square_transposed(array, axis, draw):
    """The matrix of a Dense, as the other side of a multiplication has it."""
    return array.T if array.ndim == 2 and array.shape[0] == array.shape[1] else None


def negated(array, axis, draw):
    return -array


def lose_bias(file, place, draw):
    index, role = place
    settings = file.own_layer(index).settings
    if role != "bias" or settings.get("use_bias") is not True:
        raise DoesNotApply("its bias can't be switched off alone")
    record = file.record(index, slot=role, attribute="use_bias")
    settings["use_bias"] = False
    file.remove_array(index, role)
    return record


def exchange(first, second):
    """Two arrays of one layer."""
    def apply(file, index, draw):
        found = file.weights(index)
        if first not in found or second not in found:
            raise DoesNotApply("it does not have both")
        one, other = file.array(index, first), file.array(index, second)
        if one.shape != other.shape or numpy.array_equal(one, other):
            raise DoesNotApply("they are of other shapes, or equal")
        file.set_array(index, first, other)
        file.set_array(index, second, one)
        return file.record(index, slot=[first, second])
    return apply


def scale_deviation(array, axis, draw):
    return array * draw.uniform(0.5, 1.5, array.shape).astype(array.dtype)


def gate_count(file, index):
    kind = file.type(index)
    if kind == "Bidirectional":
        kind = file.settings(index)["layer"]["class_name"]
    return {"LSTM": 4, "GRU": 3}.get(kind)


def swap_gates(file, index, draw):
    """i f c o of an LSTM as i c f o, z r h of a GRU as r z h; in all arrays, as a converter does that has another order."""
    count = gate_count(file, index)
    if count is None:
        raise DoesNotApply("it has no gates")
    order = [0, 2, 1, 3] if count == 4 else [1, 0, 2]
    for role in file.weights(index):
        array = file.array(index, role)
        parts = numpy.split(array, count, axis=-1)
        file.set_array(index, role, numpy.concatenate([parts[n] for n in order], axis=-1))
    return file.record(index, slot=list(file.weights(index)))


def lose_recurrent_bias(file, index, draw):
    """Rb of a GRU, the second row of its bias."""
    role = next((r for r in file.weights(index) if r.endswith("bias") and file.array(index, r).ndim == 2), None)
    if role is None:
        raise DoesNotApply("it has one bias")
    after = file.array(index, role).copy()
    if not after[1].any():
        raise DoesNotApply("it is zero")
    after[1] = 0
    file.set_array(index, role, after)
    return file.record(index, slot=role)


def swap_directions(file, index, draw):
    """Forward weights for the backward layer and the other way round."""
    found = file.weights(index)
    pairs = [(r, r.replace("forward_layer", "backward_layer")) for r in found if r.startswith("forward_layer/")]
    if not pairs:
        raise DoesNotApply("it has one direction")
    for forward, backward in pairs:
        one, other = file.array(index, forward), file.array(index, backward)
        file.set_array(index, forward, other)
        file.set_array(index, backward, one)
    return file.record(index, slot=list(found))


def rows_permuted(file, place, draw):
    """The Dense behind a Flatten counts its inputs in another order of the axes that were merged."""
    index, role = place
    producer = file.calls[index].inputs[0][0]
    if file.type(index) != "Dense" or producer is None or file.type(producer) not in ("Flatten", "Reshape"):
        raise DoesNotApply("no Flatten before it")
    shape = file.shape(producer)
    if shape is None:
        raise DoesNotApply("the shape before it is not known")
    return change_numbers(lambda array, *_: tensors.merged_rows(array, 0, shape))(file, place, draw)


def swap_heads(file, place, draw):
    """The projections of an attention layer: query for key."""
    return exchange("query_dense/kernel", "key_dense/kernel")(file, place, draw)


def of_normalization(name, *types):
    return roles(lambda role: role == name, *types)


P, T = PARAMETERS, TENSOR_STRUCTURE
BATCH = ("BatchNormalization",)
FAULTS = [
    *tensors.faults_of_weights(weights, kernels, change_numbers, foreign, space=(0, 1), channels=(2, 3), layout=[3, 2, 0, 1]),
    Fault("kernel-flipped", P, 18, kernels, change_numbers(flipped)),
    Fault("dense-transposed", P, 18, roles(is_kernel, "Dense"), change_numbers(square_transposed)),
    Fault("weights-negated", P, None, weights, change_numbers(negated)),
    Fault("weights-zero", P, None, weights, change_numbers(tensors.zero)),
    Fault("dense-rows-permuted", T, 14, weights, rows_permuted),
    Fault("bias-zero", P, 17, biases, change_numbers(tensors.zero)),
    Fault("bias-noise", P, 17, biases, change_numbers(tensors.noise)),
    Fault("bias-lost", P, 17, biases, lose_bias),
    Fault("bias-foreign", P, 26, biases, foreign),
    Fault("norm-gamma", P, 17, of_normalization("gamma", *NORMALIZATIONS), change_numbers(scale_deviation)),
    Fault("norm-beta", P, 17, of_normalization("beta", *NORMALIZATIONS), change_numbers(tensors.zero)),
    Fault("norm-mean", P, 17, of_normalization("moving_mean"), change_numbers(tensors.noise)),
    Fault("norm-variance", P, 17, of_normalization("moving_variance"), change_numbers(scale_deviation)),
    Fault("norm-permuted", P, 18, of_normalization("gamma", *NORMALIZATIONS), change_numbers(tensors.permuted)),
    Fault("norm-foreign", P, 26, of_normalization("moving_mean"), foreign),
    Fault("norm-statistics-swapped", P, 17, of(*BATCH), exchange("moving_mean", "moving_variance")),
    Fault("norm-scale-swapped", P, 17, of(*NORMALIZATIONS), exchange("gamma", "beta")),
    Fault("recurrent-gates", P, 23, of(*RECURRENT), swap_gates),
    Fault("recurrent-bias", P, 23, of("GRU", "Bidirectional"), lose_recurrent_bias),
    Fault("recurrent-directions", P, 23, of("Bidirectional"), swap_directions),
    Fault("attention-query-key", P, 26, of("MultiHeadAttention"), swap_heads),
]
