"""The faults that plant.py plants in TFLite files, through the schema's object API: one table at the end.

Faults go into the main graph. A kernel's attributes are few here: padding is SAME or VALID, so a wrong padding is an
explicit PAD before a VALID convolution, as converters write it.
"""

import copy
from collections import namedtuple

import numpy
from ai_edge_litert import schema_py_generated as schema

import tensor_faults
import tflite_file
from plant import DoesNotApply

FORMAT = "tflite"
Fault = namedtuple("Fault", "name kind pattern places apply")
SAME, VALID = schema.Padding.SAME, schema.Padding.VALID
ACTIVATION = schema.ActivationFunctionType

# Operators with trained numbers: slots of weights and bias, axis of the output channels.
WEIGHTS = {"CONV_2D": 1, "DEPTHWISE_CONV_2D": 1, "FULLY_CONNECTED": 1, "TRANSPOSE_CONV": 1}
BIASES = {"CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "FULLY_CONNECTED": 2, "TRANSPOSE_CONV": 3}
# Inputs 1-8 are the input and recurrent weights of the gates i, f, c, o.
LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"


def read(path):
    return tflite_file.read(path)


def write(model, path):
    tflite_file.write(model, path)


class File:
    """The main graph with what faults ask about it."""

    def __init__(self, model):
        self.model, self.graph = model, model.subgraphs[0]
        self.tensors, self.operators = self.graph.tensors, self.graph.operators
        for operator in self.operators:
            operator.inputs, operator.outputs = tflite_file.numbers(operator.inputs), tflite_file.numbers(operator.outputs)
        self.outputs = tflite_file.numbers(self.graph.outputs)
        self.producer = {t: i for i, op in enumerate(self.operators) for t in op.outputs}
        self.live = self._live()

    def _live(self):
        """Indices of the operators on a way from an input to an output; shape computations are none."""
        fed, forward = set(tflite_file.numbers(self.graph.inputs)), set()
        for index, operator in enumerate(self.operators):
            if self.type(index) != "SHAPE" and fed & set(operator.inputs):
                forward.add(index)
                fed.update(operator.outputs)
        needed, backward = set(self.outputs), set()
        for index in range(len(self.operators) - 1, -1, -1):
            if needed & set(self.operators[index].outputs):
                backward.add(index)
                needed.update(self.operators[index].inputs)
        self.fed = fed
        return sorted(forward & backward)

    def type(self, index):
        return tflite_file.op_name(self.model, self.operators[index])

    def of_type(self, *types):
        return [i for i in self.live if self.type(i) in types]

    def shape(self, tensor):
        return tflite_file.numbers(self.tensors[tensor].shape)

    def readers(self, tensor):
        return [(i, slot) for i, op in enumerate(self.operators) for slot, value in enumerate(op.inputs) if value == tensor]

    def stored(self, index, slot):
        """The constant tensor of a slot, also behind the DEQUANTIZE of a float16 file; or None."""
        inputs = self.operators[index].inputs
        number = inputs[slot] if slot < len(inputs) else -1
        source = self.producer.get(number)
        if source is not None and self.type(source) == "DEQUANTIZE":
            number = self.operators[source].inputs[0]
        if number < 0 or number in self.producer or tflite_file.array(self.model, self.tensors[number]) is None:
            return None
        return number

    def set_stored(self, index, slot, number, array):
        """A buffer of its own; and a tensor of its own when another operator reads it too."""
        direct = number in self.operators[index].inputs
        if direct and len(self.readers(number)) > 1:
            self.tensors.append(copy.deepcopy(self.tensors[number]))
            number = self.operators[index].inputs[slot] = len(self.tensors) - 1
        tensor = self.tensors[number]
        users = sum(t.buffer == tensor.buffer for g in self.model.subgraphs for t in g.tensors)
        if users == 1:
            data = numpy.ascontiguousarray(array, tflite_file.DTYPES[tensor.type])
            self.model.buffers[tensor.buffer].data = numpy.frombuffer(data.tobytes(), numpy.uint8)
        else:
            tflite_file.set_array(self.model, tensor, array)

    def record(self, index, **what):
        name = tflite_file.text(self.tensors[self.operators[index].outputs[0]].name)
        return {"index": index, "index_in": index, "op_type": self.type(index), "node": name, **what}

    def code(self, name):
        """Index of an operator code, added when the file has none."""
        number = getattr(schema.BuiltinOperator, name)
        for index, code in enumerate(self.model.operatorCodes):
            if max(code.builtinCode, code.deprecatedBuiltinCode) == number:
                return index
        code = schema.OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode, code.version = number, min(number, 127), 1
        self.model.operatorCodes.append(code)
        return len(self.model.operatorCodes) - 1

    def new_tensor(self, like, shape, constant=None):
        tensor = copy.deepcopy(self.tensors[like])
        tensor.name, tensor.buffer, tensor.shape = f"planted_{len(self.tensors)}", 0, shape
        if tensor.shapeSignature is not None:
            tensor.shapeSignature = [s if s < 0 else n for s, n in zip(tflite_file.numbers(tensor.shapeSignature), shape)]
        if constant is not None:
            tensor.type, tensor.quantization, tensor.shapeSignature = schema.TensorType.INT32, None, None
            tflite_file.set_array(self.model, tensor, constant)
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def operator(self, name, inputs, output, options_type=None):
        operator = schema.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = self.code(name), inputs, [output]
        if options_type:
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, options_type)
            operator.builtinOptions = getattr(schema, options_type + "T")()
        return operator

    def insert_before(self, index, slot, name, shape, constant, options_type):
        """A new operator on the edge into one slot. Returns its index."""
        source = self.operators[index].inputs[slot]
        result = self.new_tensor(source, shape)
        parameters = [self.new_tensor(source, list(constant.shape), constant)] if constant is not None else []
        self.operators[index].inputs[slot] = result
        self.operators.insert(index, self.operator(name, [source, *parameters], result, options_type))
        return index

    def remove(self, index, slot=0):
        """A bypassed operator: what read it reads its operand instead. Returns the record."""
        operator, record = self.operators[index], self.record(index)
        result, kept = operator.outputs[0], operator.inputs[slot]
        readers = self.readers(result)
        if result in self.outputs or kept not in self.fed:
            raise DoesNotApply("it would leave an output without an operator")
        if self.shape(result) != self.shape(kept):
            raise DoesNotApply("it changes the shape")
        for reader, place in readers:
            self.operators[reader].inputs[place] = kept
        ends = sorted({*([self.producer[kept]] if kept in self.producer else []), *(r for r, _ in readers)})
        del self.operators[index]
        return {**record, "index": None, "ends": [e - (e > index) for e in ends]}


def option(file, index, name):
    return getattr(file.operators[index].builtinOptions, name, None)


def change_option(file, index, name, value):
    before = option(file, index, name)
    if before is None or before == value:
        raise DoesNotApply(f"it has no other {name}")
    setattr(file.operators[index].builtinOptions, name, value)
    return file.record(index, attribute=name, before=before, after=value)


# --- numbers -----------------------------------------------------------------------------------------------------------

def constants_in(table):
    return lambda file: [(i, table[file.type(i)]) for i in file.of_type(*table)
                         if file.stored(i, table[file.type(i)]) is not None]


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
    return change_numbers(tensor_faults.zero)(file, place, draw)


def swap_gates(file, index, draw):
    inputs = file.operators[index].inputs
    for first, second in ((1, 2), (5, 6), (12, 13)):  # input weights, recurrent weights, biases of i and f
        inputs[first], inputs[second] = inputs[second], inputs[first]
    return file.record(index, slot=[1, 2, 5, 6, 12, 13])


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


# --- hyperparameters ---------------------------------------------------------------------------------------------------

def same_padded(*types):
    return lambda file: [i for i in file.of_type(*types) if option(file, i, "padding") == SAME]


def split_padding(file, index):
    """What SAME adds here: (begin, end) for height and width."""
    operator = file.operators[index]
    options, shape = operator.builtinOptions, file.shape(operator.inputs[0])
    kernel = file.shape(operator.inputs[1])[1:3]
    result = []
    for n, k, s, d in zip(shape[1:3], kernel, (options.strideH, options.strideW),
                          (options.dilationHFactor, options.dilationWFactor)):
        total = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
        result.append((total // 2, total - total // 2))
    return result


def explicit_padding(new):
    """SAME becomes a PAD and VALID, with another split."""
    def apply(file, index, draw):
        before = split_padding(file, index)
        after = [new(begin, end) for begin, end in before]
        if after == before or not any(map(sum, after)):
            raise DoesNotApply("its padding stays the same")
        amounts = numpy.array([(0, 0), *after, (0, 0)], numpy.int32)
        shape = [n + sum(pair) for n, pair in zip(file.shape(file.operators[index].inputs[0]), amounts.tolist())]
        file.operators[index].builtinOptions.padding = VALID
        at = file.insert_before(index, 0, "PAD", shape, amounts, "PadOptions")
        record = file.record(at + 1, attribute="padding", before=before, after=after)
        return {**record, "index_in": at, "inserted": at}
    return apply


def lose_padding(file, index, draw):
    if not any(map(sum, split_padding(file, index))):
        raise DoesNotApply("SAME adds nothing here")
    return change_option(file, index, "padding", VALID)


def shifted(begin, end):
    return (end, begin) if begin != end else (begin - 1, end + 1) if begin else (begin, end)


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


def pool_kind(file, index, draw):
    record = file.record(index)
    other = {"MAX_POOL_2D": "AVERAGE_POOL_2D", "AVERAGE_POOL_2D": "MAX_POOL_2D"}[record["op_type"]]
    file.operators[index].opcodeIndex = file.code(other)
    return {**record, "op_type": other, "before": record["op_type"], "after": other}


# --- graph -------------------------------------------------------------------------------------------------------------

def fused(*kinds):
    return lambda file: [i for i in file.live if option(file, i, "fusedActivationFunction") in kinds]


def fuse(kind):
    return lambda file, index, draw: change_option(file, index, "fusedActivationFunction", kind)


def drop(file, index, draw):
    return file.remove(index)


def replace_activation(file, index, draw):
    record = file.record(index)
    new = {"LOGISTIC": "TANH", "TANH": "LOGISTIC", "HARD_SWISH": "RELU", "RELU": "TANH", "RELU6": "RELU", "GELU": "RELU",
           "LEAKY_RELU": "RELU", "ELU": "RELU"}[record["op_type"]]
    operator = file.operators[index]
    operator.opcodeIndex, operator.builtinOptionsType, operator.builtinOptions = file.code(new), 0, None
    return {**record, "op_type": new, "before": record["op_type"], "after": new}


def residuals(file):
    return [i for i in file.of_type("ADD") if len(set(file.operators[i].inputs) & file.fed) == 2]


def bypass(file, index, draw):
    return file.remove(index, int(draw.integers(2)))


def swap_operands(file, index, draw):
    inputs = file.operators[index].inputs
    first, second = map(int, draw.choice(len(inputs), 2, replace=False)) if len(inputs) > 2 else (0, 1)
    if len(inputs) < 2 or inputs[first] == inputs[second] or file.shape(inputs[first]) != file.shape(inputs[second]):
        raise DoesNotApply("its operands are the same, or of other shapes")
    inputs[first], inputs[second] = inputs[second], inputs[first]
    return file.record(index, slot=sorted([first, second]))


def rewire(file, index, draw):
    inputs = file.operators[index].inputs
    slot = int(draw.integers(len(inputs)))
    earlier = [t for i in file.live if i < index for t in file.operators[i].outputs[:1]
               if t not in inputs and file.shape(t) == file.shape(inputs[slot]) and
               file.tensors[t].type == file.tensors[inputs[slot]].type]
    if not earlier:
        raise DoesNotApply("no other tensor has that shape")
    before, inputs[slot] = inputs[slot], earlier[draw.integers(len(earlier))]
    return file.record(index, slot=slot, before=before, after=inputs[slot])


def insert_transpose(file, index, draw):
    """Height and width swapped on the edge into one operator, where they are equal."""
    slot = next((s for s, t in enumerate(file.operators[index].inputs) if t in file.fed), None)
    shape = file.shape(file.operators[index].inputs[slot])
    if len(shape) != 4 or shape[1] != shape[2] or shape[1] < 2:
        raise DoesNotApply("height and width are not equal")
    at = file.insert_before(index, slot, "TRANSPOSE", shape, numpy.array([0, 2, 1, 3], numpy.int32), "TransposeOptions")
    source = file.producer.get(file.operators[at].inputs[0])
    ends = [at + 1] if source is None else [source, at + 1]
    return {**file.record(at), "index_in": None, "node": "", "ends": ends}


def swap_outputs(file, place, draw):
    first, second = place
    outputs = file.outputs
    outputs[first], outputs[second] = outputs[second], outputs[first]
    file.graph.outputs = outputs
    return {**file.record(file.producer[outputs[first]]), "slot": [first, second], "attribute": "graph outputs"}


def equal_outputs(file):
    return [(i, j) for i in range(len(file.outputs)) for j in range(i)
            if file.shape(file.outputs[i]) == file.shape(file.outputs[j])]


def of(*types):
    return lambda file: file.of_type(*types)


P, H, G, T, Q = "parameters", "hyperparameters", "graph", "tensor-structure", "quantization"
CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
RELUS = (ACTIVATION.RELU, ACTIVATION.RELU6)
weights, biases = constants_in(WEIGHTS), constants_in(BIASES)

FAULTS = [
    Fault("weights-noise", P, None, weights, change_numbers(tensor_faults.noise)),
    Fault("weights-scale-small", P, 17, weights, change_numbers(tensor_faults.scale_small)),
    Fault("weights-scale-large", P, 17, weights, change_numbers(tensor_faults.scale_large)),
    Fault("weights-permuted", P, 18, weights, change_numbers(tensor_faults.permuted)),
    Fault("weights-random", P, None, weights, change_numbers(tensor_faults.random)),
    Fault("weights-one-channel", P, None, weights, change_numbers(tensor_faults.one_channel)),
    Fault("weights-foreign", P, 26, weights, foreign),
    Fault("kernel-transposed", P, 18, weights, change_numbers(tensor_faults.transposed(1, 2))),
    Fault("recurrent-gates", P, 23, of(LSTM), swap_gates),
    Fault("bias-zero", P, 17, biases, change_numbers(tensor_faults.zero)),
    Fault("bias-noise", P, 17, biases, change_numbers(tensor_faults.noise)),
    Fault("bias-lost", P, 17, biases, lose_bias),
    Fault("conv-pads-symmetric", H, 1, same_padded(*CONVOLUTIONS), explicit_padding(lambda b, e: (max(b, e), max(b, e)))),
    Fault("conv-pads-lost", H, 2, same_padded(*CONVOLUTIONS), lose_padding),
    Fault("conv-pads-shifted", H, 3, same_padded(*CONVOLUTIONS), explicit_padding(shifted)),
    Fault("conv-dilation", H, 5, of(*CONVOLUTIONS), dilate),
    Fault("conv-stride", H, None, of(*CONVOLUTIONS), change_stride),
    Fault("pool-kind", H, None, of("MAX_POOL_2D", "AVERAGE_POOL_2D"), pool_kind),
    Fault("resize-coordinates", H, 9, of("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"),
          lambda f, i, d: change_option(f, i, "halfPixelCenters", not option(f, i, "halfPixelCenters"))),
    Fault("concat-axis", H, 12, of("CONCATENATION"),
          lambda f, i, d: change_option(f, i, "axis", 2 if option(f, i, "axis") == 1 else 1)),
    Fault("leaky-alpha", H, 19, of("LEAKY_RELU"),
          lambda f, i, d: change_option(f, i, "alpha", 0.01 if option(f, i, "alpha") > 0.02 else 0.2)),
    Fault("gelu-approximation", H, None, of("GELU"),
          lambda f, i, d: change_option(f, i, "approximate", not option(f, i, "approximate"))),
    Fault("clip-dropped", G, 20, fused(ACTIVATION.RELU6), fuse(ACTIVATION.NONE)),
    Fault("clip-bounds", H, 20, fused(ACTIVATION.RELU6), fuse(ACTIVATION.RELU_N1_TO_1)),
    Fault("activation-dropped", G, None, fused(ACTIVATION.RELU), fuse(ACTIVATION.NONE)),
    Fault("activation-removed", G, None, of("LOGISTIC", "TANH", "HARD_SWISH", "RELU", "RELU6", "LEAKY_RELU", "GELU",
                                           "SOFTMAX"), drop),
    Fault("activation-extra", G, None, fused(ACTIVATION.NONE), fuse(ACTIVATION.RELU)),
    Fault("activation-replaced", G, None, of("LOGISTIC", "TANH", "HARD_SWISH", "RELU", "RELU6", "GELU", "LEAKY_RELU"),
          replace_activation),
    Fault("activation-unbounded", G, 20, fused(ACTIVATION.RELU6), fuse(ACTIVATION.RELU)),
    Fault("node-bypassed", G, 26, residuals, bypass),
    Fault("edge-rewired", G, 26, lambda f: residuals(f) + f.of_type("CONCATENATION"), rewire),
    Fault("outputs-swapped", G, 26, equal_outputs, swap_outputs),
    Fault("operands-swapped", G, 25, of("SUB", "DIV", "POW"), swap_operands),
    Fault("concat-order", G, 26, of("CONCATENATION"), swap_operands),
    Fault("transpose-inserted", T, 13, lambda f: f.live, insert_transpose),
    Fault("quantization-scale", Q, 29, quantized, change_quantization("scale", lambda v: v * 2)),
    Fault("quantization-zero-point", Q, 29, quantized, change_quantization("zeroPoint", lambda v: int(v) + 3)),
]
