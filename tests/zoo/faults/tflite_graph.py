"""A TFLite file's main graph with what faults ask about it, and the ways to change it."""

import copy

import numpy
from ai_edge_litert import schema_py_generated as schema

import tflite_file
from faults.common import DoesNotApply, live_operators


class File:
    """The main graph with what faults ask about it."""

    def __init__(self, model):
        self.model, self.graph = model, model.subgraphs[0]
        self.tensors, self.operators = self.graph.tensors, self.graph.operators
        for operator in self.operators:
            operator.inputs, operator.outputs = tflite_file.numbers(operator.inputs), tflite_file.numbers(operator.outputs)
        self.outputs = tflite_file.numbers(self.graph.outputs)
        self.producer = {t: i for i, op in enumerate(self.operators) for t in op.outputs}
        operators = [(op.inputs, op.outputs, self.type(i) == "SHAPE") for i, op in enumerate(self.operators)]
        self.live, self.fed = live_operators(operators, tflite_file.numbers(self.graph.inputs), self.outputs)

    def type(self, index):
        return tflite_file.op_name(self.model, self.operators[index])

    def refresh(self):
        """After operators came or went."""
        self.__init__(self.model)

    def neighbors(self):
        """For each operator the ones that it reads or that read it."""
        found = [set() for _ in self.operators]
        for index in range(len(self.operators)):
            for source in {self.producer[value] for value in self.operators[index].inputs if value in self.producer}:
                found[index].add(source)
                found[source].add(index)
        return found

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
            kind = schema.TensorType.FLOAT32 if constant.dtype.kind == "f" else schema.TensorType.INT32
            tensor.type, tensor.quantization, tensor.shapeSignature = kind, None, None
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
        self.refresh()
        return index

    def inserted(self, at):
        """The record of an operator that was put in front of the one behind it."""
        source = self.producer.get(self.operators[at].inputs[0])
        return {**self.record(at), "index_in": None, "node": "", "ends": [at + 1] if source is None else [source, at + 1]}

    def own_constant(self, index, slot, array):
        """An int32 or float32 constant for this operand alone."""
        number = self.operators[index].inputs[slot]
        kind = self.tensors[number].type
        self.operators[index].inputs[slot] = self.new_tensor(number, list(array.shape), array)
        self.tensors[self.operators[index].inputs[slot]].type = kind

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
        self.refresh()
        return {**record, "index": None, "ends": [e - (e > index) for e in ends]}


def option(file, index, name):
    return getattr(file.operators[index].builtinOptions, name, None)


def change_option(file, index, name, value):
    before = option(file, index, name)
    if before is None or before == value:
        raise DoesNotApply(f"it has no other {name}")
    setattr(file.operators[index].builtinOptions, name, value)
    return file.record(index, attribute=name, before=before, after=value)


def of(*types):
    return lambda file: file.of_type(*types)
