"""TensorFlow: SavedModels that TensorFlow refuses to load or to run."""

import numpy
from tensorflow import int32

import tensorflow_file
from faults.common import GRAPH, HYPERPARAMETERS, PARAMETERS, TENSOR_STRUCTURE, DoesNotApply, broken
from faults.tensorflow_graph import attribute, of, set_attribute, set_value
from faults.tensorflow_parameters import biases, change_root, kernels, weights
from faults.tensorflow_windows import CONVOLUTIONS, lose_padding, padded

OTHER_TYPE = int32


def set_numbers(change):
    """Numbers of another shape or type, with what the file notes of them left as it is."""
    def apply(file, place, draw):
        index, slot = place
        root = file.stored(index, slot)
        before = file.array(root)
        after = change(before)
        if after.shape == before.shape and after.dtype == before.dtype:
            raise DoesNotApply("nothing would change")
        record = file.record_of_constant(index, slot, root)
        if file.type(root) == "Const":
            set_value(file.node(root), after)
        else:
            for key in file.copies_of(root):
                file.model.arrays[key] = after
        return record
    return apply


def rotated(array):
    return numpy.ascontiguousarray(numpy.moveaxis(array, 0, -1))


def shortened(array):
    return numpy.ascontiguousarray(array[..., :-1])


def doubled(array):
    return array.astype(numpy.float64)


def lose_key(file, place, draw):
    """The checkpoint has no such entry."""
    index, slot = place
    root = file.stored(index, slot)
    if file.type(root) != "VarHandleOp":
        raise DoesNotApply("it is no variable")
    record = file.record_of_constant(index, slot, root)
    for key in file.copies_of(root):
        del file.model.arrays[key]
    return record


def damage_data(change):
    """The file of numbers is damaged, its index is not."""
    def apply(file, place, draw):
        index, slot = place
        root = file.stored(index, slot)
        if file.type(root) != "VarHandleOp":
            raise DoesNotApply("it is no variable")
        needle = file.array(root).tobytes()

        def damage(folder):
            data = next(path for path in (folder / tensorflow_file.VARIABLES).iterdir() if ".data-" in path.name)
            change(data, needle)
        file.model.damage = damage
        return file.record_of_constant(index, slot, root, attribute="checkpoint")
    return apply


def flip_byte(path, needle):
    """One byte of the tensor: its checksum doesn't fit any more."""
    data = bytearray(path.read_bytes())
    start = data.find(needle)
    while start >= 0:
        data[start + len(needle) // 2] ^= 0x40
        start = data.find(needle, start + len(needle))
    path.write_bytes(data)


def cut_off(path, needle):
    data = path.read_bytes()
    path.write_bytes(data[:data.index(needle) + 4])


def change_node(change, **what):
    def apply(file, index, draw):
        record = file.record(index, **what)
        if change(file, index, file.node(index)) is False:
            raise DoesNotApply("nothing would change")
        return record
    return apply


def unknown_type(file, index, node):
    node.op = "PlantedOperator"


def unknown_function(file, index, node):
    call = file.operators[index].scope.call
    if call is None:
        return False
    call.attr["f"].func.name = "planted_no_such_function"


def unknown_input(file, index, node):
    node.input[0] = "planted_no_such_node:output:0"


def lose_operand(file, index, node):
    del node.input[1]


def extra_operand(file, index, node):
    data = [name for name in node.input if not name.startswith("^")]
    node.input.insert(len(data), data[0])


def close_cycle(file, index, node):
    later = [i for i in file.live if i > index + 1 and file.operators[i].scope is file.operators[index].scope
             and file.shape(file.result(i)) == file.input_shape(index)]
    if not later:
        return False
    node.input[0] = file.reference(later[-1])


def set_type(file, index, node):
    node.attr["T"].type = OTHER_TYPE.as_datatype_enum


def lose_attribute(key):
    def change(file, index, node):
        if key not in node.attr:
            return False
        del node.attr[key]
    return change


def repeat_name(file, index, node):
    """Two nodes of one name in one graph."""
    other = next((i for i in file.live if i < index and file.operators[i].scope is file.operators[index].scope), None)
    if other is None:
        return False
    node.name = file.node(other).name


def lose_constant(file, index, draw):
    """A Const that it reads is gone."""
    slots = [s for s, value in enumerate(file.operators[index].inputs) if file.type(file.producer(value)) == "Const"]
    if not slots:
        raise DoesNotApply("it reads no Const")
    root = file.source(index, slots[0])
    record = file.record(index, slot=slots[0])
    file.nodes_of(root).remove(file.node(root))
    return record


def resize_reshape(file, index, draw):
    root = file.stored(index, 1)
    if root is None:
        raise DoesNotApply("its shape is computed")

    def change(before, _):
        after = numpy.where(before == -1, 1, before)
        after[-1] = after[-1] * 7 + 3
        return after
    return change_root(file, index, 1, root, change, 0)


def set_axis(file, index, draw):
    slot = len(file.operators[index].inputs) - 1
    root = file.stored(index, slot)
    if root is None:
        raise DoesNotApply("its axis is computed")
    return change_root(file, index, slot, root, lambda before, _: before * 0 + 9, 0)


def reshape_dropped(file, index, draw):
    """What reads it reads the value of another rank."""
    kept, value = file.operators[index].inputs[0], file.result(index)
    if value in file.outputs or len(file.shape(kept) or []) == len(file.shape(value) or []):
        raise DoesNotApply("it keeps the rank, or is an output")
    record, ends = file.record(index), file.paths([file.producer(kept), *(r for r, _ in file.readers(value))])
    file.replace_reads(index, file.node(index).input[0])
    file.refresh()
    return {**record, "index": None, "ends": file.indices(ends)}


def set_stride(file, index, node):
    strides = list(attribute(node, "strides"))
    set_attribute(node, "strides", [strides[0], 0, 0, strides[3]])


def change_file(change, **what):
    """About the whole file: told at its first operator."""
    def apply(file, index, draw):
        record = {**file.record(index), "whole": True, **what}
        change(file)
        return record
    return apply


def lose_checkpoint(file):
    def damage(folder):
        for path in (folder / tensorflow_file.VARIABLES).iterdir():
            path.unlink()
    file.model.damage = damage


def cut_graph(file):
    def damage(folder):
        path = folder / tensorflow_file.GRAPH
        path.write_bytes(path.read_bytes()[:-100])
    file.model.damage = damage


def lose_return(file):
    scope = next(op.scope for op in file.operators if not op.scope.is_main)
    for key in list(scope.graph.ret):
        scope.graph.ret[key] = "planted_no_such_node:output:0"


def first(file):
    return file.live[:1]


P, H, G, T = PARAMETERS, HYPERPARAMETERS, GRAPH, TENSOR_STRUCTURE
FAULTS = [
    broken("broken-pads", H, padded("SAME", *CONVOLUTIONS), lose_padding),
    broken("broken-weights-shape", P, weights, set_numbers(rotated)),
    broken("broken-weights-short", P, kernels, set_numbers(shortened)),
    broken("broken-weights-type", T, weights, set_numbers(doubled)),
    broken("broken-bias-length", P, biases, set_numbers(shortened)),
    broken("broken-key-lost", P, weights, lose_key),
    broken("broken-checksum", P, weights, damage_data(flip_byte)),
    broken("broken-data-short", P, weights, damage_data(cut_off)),
    broken("broken-type-unknown", G, lambda f: f.live, change_node(unknown_type)),
    broken("broken-function-lost", G, lambda f: f.live, change_node(unknown_function, whole=True)),
    broken("broken-input-lost", G, lambda f: f.live, change_node(unknown_input)),
    broken("broken-operand-lost", G, of("AddV2", "Mul", "Conv2D", "MatMul", "BiasAdd"), change_node(lose_operand)),
    broken("broken-operand-extra", G, of("Relu", "Relu6", "Conv2D", "MatMul"), change_node(extra_operand)),
    broken("broken-cycle", G, lambda f: f.live, change_node(close_cycle)),
    broken("broken-dtype", T, of("Conv2D", "AddV2", "Mul", "MatMul", "Relu", "Relu6"), change_node(set_type, attribute="T")),
    broken("broken-dtype-lost", T, of("Conv2D", "AddV2", "Mul", "MatMul", "Relu"),
           change_node(lose_attribute("T"), attribute="T")),
    broken("broken-strides-lost", H, of(*CONVOLUTIONS), change_node(lose_attribute("strides"), attribute="strides")),
    broken("broken-name-twice", G, lambda f: f.live[2:], change_node(repeat_name)),
    broken("broken-constant-lost", P, lambda f: f.live, lose_constant),
    broken("broken-reshape-size", T, of("Reshape"), resize_reshape),
    broken("broken-reshape-dropped", G, of("Reshape", "Squeeze"), reshape_dropped),
    broken("broken-axis-range", H, of("ConcatV2"), set_axis),
    broken("broken-stride", H, of(*CONVOLUTIONS), change_node(set_stride, attribute="strides", after=0)),
    broken("broken-return-lost", G, first, change_file(lose_return, attribute="returns")),
    broken("broken-checkpoint-lost", P, first, change_file(lose_checkpoint, attribute="checkpoint")),
    broken("broken-graph-short", G, first, change_file(cut_graph, attribute="graph")),
]
