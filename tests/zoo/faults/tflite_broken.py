"""TFLite: files that TensorFlow Lite refuses to load or to run."""

import copy

import numpy
from ai_edge_litert import schema_py_generated as schema

import tflite_file
from faults.common import GRAPH, HYPERPARAMETERS, INPUT, PARAMETERS, TENSOR_STRUCTURE, DoesNotApply, broken
from faults.tflite_graph import of
from faults.tflite_parameters import biases, kernels, weights
from faults.tflite_windows import CONVOLUTIONS, lose_padding, same_padded

TYPE = schema.TensorType


def change_tensor(change, **what):
    """A copy of the operand's tensor, for this operator alone, described otherwise."""
    def apply(file, place, draw):
        index, slot = place
        number = file.operators[index].inputs[slot]
        if number < 0:
            raise DoesNotApply("it has none")
        tensor = copy.deepcopy(file.tensors[number])
        if change(tensor) is False:
            raise DoesNotApply("nothing would change")
        file.tensors.append(tensor)
        file.operators[index].inputs[slot] = len(file.tensors) - 1
        return file.record(index, slot=slot, tensor=number, **what)
    return apply


def rotate_shape(tensor):
    shape = tflite_file.numbers(tensor.shape)
    tensor.shape = shape[1:] + shape[:1]
    return tensor.shape != shape


def flatten_shape(tensor):
    tensor.shape = [int(numpy.prod(tflite_file.numbers(tensor.shape)))]


def shorten_shape(tensor):
    shape = tflite_file.numbers(tensor.shape)
    tensor.shape = shape[:-1] + [shape[-1] - 1]
    return shape[-1] > 1


def enlarge_shape(tensor):
    shape = tflite_file.numbers(tensor.shape)
    tensor.shape = shape[:-1] + [shape[-1] * 2]


def set_type(kind):
    def change(tensor):
        tensor.type = kind
    return change


def cut_buffer(file, place, draw):
    index, slot = place
    number = file.stored(index, slot)
    tensor = file.tensors[number]
    data = file.model.buffers[tensor.buffer].data
    buffer = schema.BufferT()
    buffer.data = numpy.asarray(data, numpy.uint8)[:-4]
    tensor.buffer = len(file.model.buffers)
    file.model.buffers.append(buffer)
    return file.record(index, slot=slot, tensor=number, attribute="buffer")


def lose_buffer(file, place, draw):
    index, slot = place
    number = file.stored(index, slot)
    file.tensors[number].buffer = len(file.model.buffers) + 7
    return file.record(index, slot=slot, tensor=number, attribute="buffer")


def own_code(change, **what):
    """The operator gets a code of its own, changed."""
    def apply(file, index, draw):
        record = file.record(index)
        code = copy.deepcopy(file.model.operatorCodes[file.operators[index].opcodeIndex])
        change(code)
        file.model.operatorCodes.append(code)
        file.operators[index].opcodeIndex = len(file.model.operatorCodes) - 1
        return {**record, **what}
    return apply


def unknown_builtin(code):
    code.builtinCode, code.deprecatedBuiltinCode = 1000, 127


def unknown_custom(code):
    number = schema.BuiltinOperator.CUSTOM
    code.builtinCode = code.deprecatedBuiltinCode = number
    code.customCode = "PlantedOperator"


def new_version(code):
    code.version = 99


def move_to_front(file, index, draw):
    """What it reads is computed after it."""
    record = file.record(index)
    file.operators.insert(0, file.operators.pop(index))
    return {**record, "index": 0, "attribute": "order"}


def close_cycle(file, index, draw):
    later = [t for i in file.live if i > index + 1 for t in file.operators[i].outputs[:1]
             if file.shape(t) == file.shape(file.operators[index].inputs[0])]
    if not later:
        raise DoesNotApply("nothing of that shape comes after it")
    before, file.operators[index].inputs[0] = file.operators[index].inputs[0], later[draw.integers(len(later))]
    return file.record(index, slot=0, before=before, after=file.operators[index].inputs[0])


def lose_operand(file, index, draw):
    record = file.record(index, slot=1)
    del file.operators[index].inputs[1:]
    return record


def no_such_tensor(file, index, draw):
    file.operators[index].inputs[0] = len(file.tensors) + 5
    return file.record(index, slot=0)


def repeat_name(file, index, draw):
    """Two operators write one tensor."""
    if index == 0 or file.shape(file.operators[index].outputs[0]) == file.shape(file.operators[index - 1].outputs[0]):
        raise DoesNotApply("the shapes are equal")
    before, file.operators[index].outputs = file.operators[index].outputs, list(file.operators[index - 1].outputs)
    return file.record(index, before=before, after=file.operators[index].outputs)


def resize_reshape(file, index, draw):
    if len(file.operators[index].inputs) < 2 or file.stored(index, 1) is None:
        raise DoesNotApply("its shape is computed")
    stored = tflite_file.array(file.model, file.tensors[file.stored(index, 1)])
    after = numpy.where(stored == -1, 1, stored)
    after[-1] = after[-1] * 7 + 3
    record = file.record(index, slot=1, before=stored.tolist(), after=after.tolist())
    file.own_constant(index, 1, after.astype(numpy.int32))
    if file.operators[index].builtinOptions is not None:
        file.operators[index].builtinOptions.newShape = after.tolist()
    return record


def set_axis(file, index, draw):
    file.operators[index].builtinOptions.axis = 9
    return file.record(index, attribute="axis", after=9)


def set_stride(file, index, draw):
    file.operators[index].builtinOptions.strideH = 0
    return file.record(index, attribute="strideH", after=0)


def reshape_dropped(file, index, draw):
    operator = file.operators[index]
    record = file.record(index)
    readers = file.readers(operator.outputs[0])
    if operator.outputs[0] in file.outputs:
        raise DoesNotApply("it is an output")
    for reader, slot in readers:
        file.operators[reader].inputs[slot] = operator.inputs[0]
    source = file.producer.get(operator.inputs[0])
    ends = sorted({*([source] if source is not None else []), *(r for r, _ in readers)})
    del file.operators[index]
    return {**record, "index": None, "ends": [e - (e > index) for e in ends]}


def change_graph(change, **what):
    """About the whole file: told at its first operator."""
    def apply(file, index, draw):
        change(file)
        return {**file.record(index), "whole": True, **what}
    return apply


def lose_output(file):
    file.graph.outputs = [len(file.tensors) + 5]


def set_schema(file):
    file.model.version = 2


def change_input_rank(file):
    tensor = file.tensors[tflite_file.numbers(file.graph.inputs)[0]]
    tensor.shape, tensor.shapeSignature = tflite_file.numbers(tensor.shape)[:-1], None


def change_input_channels(file):
    tensor = file.tensors[tflite_file.numbers(file.graph.inputs)[0]]
    tensor.shape, tensor.shapeSignature = tflite_file.numbers(tensor.shape)[:-1] + [7], None


def change_input_type(file):
    file.tensors[tflite_file.numbers(file.graph.inputs)[0]].type = TYPE.INT32


def first(file):
    return file.live[:1]


P, H, G, T, I = PARAMETERS, HYPERPARAMETERS, GRAPH, TENSOR_STRUCTURE, INPUT
FAULTS = [
    broken("broken-pads", H, same_padded(*CONVOLUTIONS), lose_padding),
    broken("broken-weights-shape", P, weights, change_tensor(rotate_shape)),
    broken("broken-weights-rank", T, kernels, change_tensor(flatten_shape)),
    broken("broken-weights-type", T, weights, change_tensor(set_type(TYPE.INT32))),
    broken("broken-bias-length", P, biases, change_tensor(shorten_shape)),
    broken("broken-bias-type", T, biases, change_tensor(set_type(TYPE.INT32))),
    broken("broken-weights-larger", T, weights, change_tensor(enlarge_shape)),
    broken("broken-data-short", P, weights, cut_buffer),
    broken("broken-buffer-lost", P, weights, lose_buffer),
    broken("broken-type-unknown", G, lambda f: f.live, own_code(unknown_builtin)),
    broken("broken-custom-unknown", G, lambda f: f.live, own_code(unknown_custom)),
    broken("broken-version", G, lambda f: f.live, own_code(new_version, attribute="version", after=99)),
    broken("broken-order", G, lambda f: f.live[2:], move_to_front),
    broken("broken-cycle", G, lambda f: f.live, close_cycle),
    broken("broken-operand-lost", G, of("ADD", "MUL", "CONV_2D", "FULLY_CONNECTED"), lose_operand),
    broken("broken-tensor-lost", G, lambda f: f.live, no_such_tensor),
    broken("broken-name-twice", G, lambda f: f.live[1:], repeat_name),
    broken("broken-reshape-size", T, of("RESHAPE"), resize_reshape),
    broken("broken-flatten-dropped", G, of("RESHAPE"), reshape_dropped),
    broken("broken-axis-range", H, of("CONCATENATION"), set_axis),
    broken("broken-stride", H, of(*CONVOLUTIONS), set_stride),
    broken("broken-output-lost", G, first, change_graph(lose_output, attribute="graph outputs")),
    broken("broken-schema-version", G, first, change_graph(set_schema, attribute="version", after=2)),
    broken("broken-input-rank", I, first, change_graph(change_input_rank, attribute="graph inputs")),
    broken("broken-input-channels", I, first, change_graph(change_input_channels, attribute="graph inputs")),
    broken("broken-input-type", I, first, change_graph(change_input_type, attribute="graph inputs")),
]
