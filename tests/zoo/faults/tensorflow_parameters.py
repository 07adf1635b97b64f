"""TensorFlow: faults in stored numbers, of variables and of Const nodes."""

import numpy

from faults import tensors
from faults.common import PARAMETERS, TENSOR_STRUCTURE, DoesNotApply, Fault

# Operators with trained numbers: the slot of the weights.
WEIGHTS = {"Conv2D": 1, "DepthwiseConv2dNative": 1, "MatMul": 1, "Conv2DBackpropInput": 1, "Einsum": 1, "BatchMatMulV2": 1}
KERNELS = {"Conv2D": 1, "DepthwiseConv2dNative": 1, "Conv2DBackpropInput": 1}
# Slots of a FusedBatchNorm: scale, offset, mean, variance.
FUSED = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
LOOPS = ("While", "StatelessWhile")


def is_real(file, root):
    return file.array(root).dtype.kind == "f"


def constants_in(table):
    return lambda file: [(i, table[file.type(i)]) for i in file.of_type(*table)
                         if (root := file.stored(i, table[file.type(i)])) is not None and is_real(file, root)]


weights, kernels = constants_in(WEIGHTS), constants_in(KERNELS)


def operands(file, *types):
    """Real constants of more than one number that live operators of these types read, as (operator, slot)."""
    return [(i, slot) for i in file.of_type(*types) for slot in range(len(file.operators[i].inputs))
            if (root := file.stored(i, slot)) is not None and is_real(file, root) and file.array(root).size > 1]


def biases(file):
    """What a BiasAdd or an AddV2 adds to what a layer gives."""
    return [(i, slot) for i, slot in operands(file, "BiasAdd", "AddV2")
            if (file.operators[i].inputs[1 - slot] in file.fed)]


def channel_axis(file, index, array):
    if file.type(index) == "DepthwiseConv2dNative":
        return 2
    return 2 if file.type(index) == "Conv2DBackpropInput" else array.ndim - 1


def change_root(file, index, slot, root, change, axis):
    before = file.array(root)
    after = change(before, axis)
    if after is None:
        raise DoesNotApply("nothing would change")
    after = numpy.asarray(after).astype(before.dtype)
    if numpy.array_equal(before, after):
        raise DoesNotApply("nothing would change")
    record = file.record_of_constant(index, slot, root)
    file.set_array(root, after)
    return record


def change_numbers(change):
    def apply(file, place, draw):
        index, slot = place
        root = file.stored(index, slot)
        axis = channel_axis(file, index, file.array(root))
        return change_root(file, index, slot, root, lambda array, axis: change(array, axis, draw), axis)
    return apply


def negated(array, axis, draw):
    return -array


def through_half(array, axis, draw):
    with numpy.errstate(over="ignore"):
        return array.astype(numpy.float16).astype(array.dtype)


def foreign(file, place, draw):
    index, slot = place
    mine = file.array(file.stored(index, slot))
    others = [file.array(file.stored(i, s)) for i, s in weights(file) if i != index]
    others = [o for o in others if o.shape == mine.shape and o.dtype == mine.dtype and not numpy.array_equal(o, mine)]
    if not others:
        raise DoesNotApply("no other tensor has its shape")
    return change_numbers(lambda *_: others[draw.integers(len(others))])(file, place, draw)


def lose_bias(file, place, draw):
    """The operator that adds it is gone."""
    index, slot = place
    return file.remove(index, 1 - slot)


def dense(file):
    return [(i, slot) for i, slot in weights(file) if file.type(i) == "MatMul"]


def rows_permuted(file, place, draw):
    """The MatMul behind a Reshape counts its inputs in another order of the axes that were merged."""
    index, slot = place
    source = file.source(index)
    if file.type(source) != "Reshape":
        raise DoesNotApply("no Reshape before it")
    shape = file.input_shape(source)
    return change_numbers(lambda array, *_: tensors.merged_rows(array, 0, shape))(file, place, draw)


def readers_of_root(file, root):
    return [i for i in file.dependents(root) if i in set(file.live)]


def shared(file):
    return [(i, slot) for i in file.live for slot in range(len(file.operators[i].inputs))
            if (root := file.stored(i, slot)) is not None and is_real(file, root) and len(readers_of_root(file, root)) > 1]


def change_shared(file, place, draw):
    """A constant that several operators read, changed for all of them."""
    index, slot = place
    root = file.stored(index, slot)
    return change_root(file, index, slot, root, lambda array, _: array * numpy.float32(1.5) + numpy.float32(0.1), 0)


def swap_constants(file, place, draw):
    """Two layers get each other's constant operand."""
    index, slot = place
    mine = file.stored(index, slot)
    shape = file.array(mine).shape
    others = [(i, s) for i, s in operands(file, "AddV2", "Mul", "Sub", "RealDiv", "BiasAdd")
              if i != index and file.stored(i, s) != mine and file.array(file.stored(i, s)).shape == shape]
    if not others:
        raise DoesNotApply("no other constant has its shape")
    other, other_slot = others[draw.integers(len(others))]
    theirs = file.stored(other, other_slot)
    first, second = file.array(mine), file.array(theirs)
    if numpy.array_equal(first, second):
        raise DoesNotApply("they are equal")
    record = file.record_of_constant(index, slot, mine)
    file.set_array(mine, second)
    file.set_array(theirs, first)
    return {**record, "also": sorted({*record.get("also", []), other, *file.dependents(theirs)} - {index})}


def small_sums(file):
    """(AddV2, its small constant) under the root of a normalization that is written out: live or of constants alone."""
    return [(i, slot) for i in range(len(file.operators)) if file.type(i) in ("AddV2", "Add") for slot in range(2)
            if (root := file.stored(i, slot)) is not None and is_real(file, root)
            and file.array(root).size == 1 and 0 < float(file.array(root).ravel()[0]) < 1e-2
            and any(file.type(r) in ("Rsqrt", "Sqrt") for r, _ in file.readers(file.result(i)))]


def folded_sums(file):
    """Those of normalizations with stored statistics."""
    live = set(file.live)
    return [(i, slot) for i, slot in small_sums(file) if i not in live]


def reader_of_type(file, index, *types):
    return next((r for r, _ in file.readers(file.result(index)) if file.type(r) in types), None)


def normalization_root(file, place, part):
    """(operator that reads it, slot, the variable) of a batch normalization in operators of their own:
    rsqrt(variance + epsilon) * gamma, and beta - mean * that."""
    index, slot = place
    if part == "variance":
        return index, 1 - slot, file.stored(index, 1 - slot)
    scale = reader_of_type(file, reader_of_type(file, index, "Rsqrt"), "Mul")
    if scale is None:
        raise DoesNotApply("no scale behind the root")
    if part == "gamma":
        return constant_slot(file, scale)
    products = [r for r, _ in file.readers(file.result(scale)) if file.type(r) == "Mul" and r not in set(file.live)]
    if not products:
        raise DoesNotApply("no mean is multiplied")
    if part == "mean":
        return constant_slot(file, products[0])
    difference = reader_of_type(file, products[0], "Sub")
    return constant_slot(file, difference)


def constant_slot(file, index):
    if index is None:
        raise DoesNotApply("it is not written like that")
    for slot in range(len(file.operators[index].inputs)):
        root = file.stored(index, slot)
        if root is not None:
            return index, slot, root
    raise DoesNotApply("it has no constant")


FUSED_SLOTS = {"gamma": 1, "beta": 2, "mean": 3, "variance": 4}


def normalizations(file):
    return folded_sums(file) + [(i, None) for i in file.of_type(*FUSED)]


def change_normalization(part, change):
    def apply(file, place, draw):
        index, slot = place
        if slot is None:
            slot = FUSED_SLOTS[part]
            root = file.stored(index, slot)
        else:
            index, slot, root = normalization_root(file, place, part)
        if root is None:
            raise DoesNotApply("it is no constant")
        return change_root(file, index, slot, root, lambda array, axis: change(array, axis, draw), 0)
    return apply


def recurrent(file):
    """(a loop, slot) for each matrix of numbers that goes into it."""
    return [(i, slot) for i in file.of_type(*LOOPS) for slot in range(len(file.operators[i].inputs))
            if (root := file.stored(i, slot)) is not None and is_real(file, root) and file.array(root).ndim == 2]


P, T = PARAMETERS, TENSOR_STRUCTURE
FAULTS = [
    *tensors.faults_of_weights(weights, kernels, change_numbers, foreign, space=(0, 1), channels=(2, 3), layout=[3, 2, 0, 1]),
    Fault("weights-negated", P, None, weights, change_numbers(negated)),
    Fault("weights-through-half", P, None, weights, change_numbers(through_half)),
    Fault("dense-rows-permuted", T, 14, dense, rows_permuted),
    Fault("shared-constant", P, 26, shared, change_shared),
    Fault("constants-swapped", P, None, lambda f: operands(f, "AddV2", "Mul", "Sub", "RealDiv", "BiasAdd"), swap_constants),
    Fault("bias-zero", P, 17, biases, change_numbers(tensors.zero)),
    Fault("bias-noise", P, 17, biases, change_numbers(tensors.noise)),
    Fault("bias-lost", P, 17, biases, lose_bias),
    Fault("bn-gamma", P, 17, normalizations, change_normalization("gamma", tensors.noise)),
    Fault("bn-beta", P, 17, normalizations, change_normalization("beta", tensors.noise)),
    Fault("bn-mean", P, 17, normalizations, change_normalization("mean", tensors.noise)),
    Fault("bn-variance", P, 17, normalizations, change_normalization("variance", tensors.scale_large)),
    Fault("recurrent-gates", P, 23, recurrent, change_numbers(tensors.swap_gates(-1))),
    Fault("recurrent-noise", P, 23, recurrent, change_numbers(tensors.noise)),
]
