"""The faults that plant.py plants in ONNX files, through the onnx package: one table at the end."""

from collections import namedtuple

import numpy
import onnx
from onnx import helper, numpy_helper

import tensor_faults
from plant import DoesNotApply

FORMAT = "onnx"
Fault = namedtuple("Fault", "name kind pattern places apply")

# Operators with trained numbers: slot of the weights, axis of the output channels.
WEIGHTS = {"Conv": 1, "ConvTranspose": 1, "Gemm": 1, "MatMul": 1, "LSTM": 1, "GRU": 1, "FusedConv": 1}
BIASES = {"Conv": 2, "ConvTranspose": 2, "Gemm": 2, "FusedConv": 2}
NOT_COMMUTATIVE = ("Sub", "Div", "Pow")


def read(path):
    return onnx.load(path)


def write(model, path):
    onnx.save(model, path)


class File:
    """The main graph with what faults ask about it: who computes a value, who reads it, which constant it is."""

    def __init__(self, model):
        self.model, self.graph, self.nodes = model, model.graph, model.graph.node
        self.initializers = {t.name: t for t in self.graph.initializer}
        self.producer = {name: i for i, node in enumerate(self.nodes) for name in node.output if name}
        self.outputs = [value.name for value in self.graph.output]
        self.opset = max(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
        self.live = self._live()
        self._shapes = None

    def _live(self):
        """Indices of the nodes on a way from a graph input to an output; shape computations are none."""
        fed = {value.name for value in self.graph.input} - set(self.initializers)
        forward = set()
        for index, node in enumerate(self.nodes):
            if node.op_type not in ("Shape", "Size") and any(name in fed for name in node.input):
                forward.add(index)
                fed.update(node.output)
        needed, backward = set(self.outputs), set()
        for index in range(len(self.nodes) - 1, -1, -1):
            if needed & set(self.nodes[index].output):
                backward.add(index)
                needed.update(self.nodes[index].input)
        self.fed = fed
        return sorted(forward & backward)

    def shape(self, name):
        """Static shape of a value, with 0 for what is unknown, or None."""
        if self._shapes is None:
            graph = onnx.shape_inference.infer_shapes(self.model).graph
            self._shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim]
                            for v in [*graph.value_info, *graph.input, *graph.output]}
        return self._shapes.get(name)

    def of_type(self, *types):
        return [i for i in self.live if self.nodes[i].op_type in types]

    def readers(self, name):
        return [(i, slot) for i, node in enumerate(self.nodes) for slot, value in enumerate(node.input) if value == name]

    def constant(self, name):
        if name in self.initializers:
            return numpy_helper.to_array(self.initializers[name])
        node = self.nodes[self.producer[name]] if name in self.producer else None
        if node is not None and node.op_type == "Constant" and node.attribute[0].name == "value":
            return numpy_helper.to_array(node.attribute[0].t)
        return None

    def set_constant(self, index, slot, array):
        """In place when this is the only use, else as a tensor of its own."""
        name = self.nodes[index].input[slot]
        array = numpy.ascontiguousarray(array)
        if len(self.readers(name)) == 1:
            if name in self.initializers:
                self.initializers[name].CopyFrom(numpy_helper.from_array(array, name))
            else:
                self.nodes[self.producer[name]].attribute[0].t.CopyFrom(numpy_helper.from_array(array))
        else:
            self.nodes[index].input[slot] = self.add_constant(array)

    def add_constant(self, array):
        name = f"planted_{len(self.graph.initializer)}"
        self.graph.initializer.append(numpy_helper.from_array(array, name))
        return name

    def record(self, index, **what):
        """For a node that IN has too; callers that insert or remove say so themselves."""
        return {"index": index, "index_in": index, "op_type": self.nodes[index].op_type, "node": self.nodes[index].name, **what}

    def insert(self, value, node_type, extra=(), readers=None, **attributes):
        """A node on an edge: what read the value reads the node's output instead. Returns the record."""
        readers = self.readers(value) if readers is None else readers
        at = self.producer[value] + 1
        node = helper.make_node(node_type, [value, *extra], [f"planted_{len(self.nodes)}"], name="", **attributes)
        is_output = value in self.outputs
        if is_output:  # the graph's output keeps its name, so the value behind it is renamed
            inner = f"planted_inner_{len(self.nodes)}"
            source = self.nodes[self.producer[value]]
            source.output[list(source.output).index(value)] = inner
            node.input[0], node.output[0] = inner, value
        else:
            for reader, slot in readers:
                self.nodes[reader].input[slot] = node.output[0]
        self.nodes.insert(at, node)
        return {"index": at, "index_in": None, "op_type": node_type, "node": "",
                "ends": [at - 1, *sorted({r + (r >= at) for r, _ in readers})]}

    def remove(self, index, slot=0):
        """A bypassed node: what read it reads its operand instead. Returns the record."""
        node = self.nodes[index]
        value, kept = node.output[0], node.input[slot]
        record = self.record(index)
        readers = self.readers(value)
        if value in self.outputs:
            if kept not in self.producer or kept in self.outputs:
                raise DoesNotApply("it would leave an output without an operator")
            source = self.nodes[self.producer[kept]]
            source.output[list(source.output).index(kept)] = value
            readers = [r for r in self.readers(kept) if r[0] != index]
        for reader, place in readers:
            self.nodes[reader].input[place] = value if value in self.outputs else kept
        ends = sorted({*([self.producer[kept]] if kept in self.producer else []), *(r for r, _ in readers)})
        del self.nodes[index]
        return {**record, "index": None, "ends": [e - (e > index) for e in ends if e != index]}


def attribute(node, name, default=None):
    for entry in node.attribute:
        if entry.name == name:
            return helper.get_attribute_value(entry)
    return default


def set_attribute(node, name, value):
    kept = [a for a in node.attribute if a.name != name]
    del node.attribute[:]
    node.attribute.extend(kept + [helper.make_attribute(name, value)])


def change_attribute(file, index, name, value, default=None):
    before = attribute(file.nodes[index], name, default)
    if before == value:
        raise DoesNotApply("it has that value already")
    set_attribute(file.nodes[index], name, value)
    plain = lambda v: v.decode() if isinstance(v, bytes) else v
    return file.record(index, attribute=name, before=plain(before), after=plain(value))


# --- numbers -----------------------------------------------------------------------------------------------------------

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
        if after is None or numpy.array_equal(before, after):
            raise DoesNotApply("nothing would change")
        record = file.record(index, slot=slot, tensor=file.nodes[index].input[slot])
        file.set_constant(index, slot, after)
        return record
    return apply


def foreign(file, place, draw):
    index, slot = place
    mine = file.constant(file.nodes[index].input[slot])
    others = [file.constant(file.nodes[i].input[s]) for i, s in constants_in(WEIGHTS)(file) if i != index]
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


# --- hyperparameters ---------------------------------------------------------------------------------------------------

def padded(file, types=("Conv", "FusedConv")):
    return [i for i in file.of_type(*types) if any(attribute(file.nodes[i], "pads", []))]


def change_pads(new):
    def apply(file, index, draw):
        pads = list(attribute(file.nodes[index], "pads"))
        half = len(pads) // 2
        return change_attribute(file, index, "pads", new(pads[:half], pads[half:]))
    return apply


def symmetric(begin, end):
    if begin == end:
        raise DoesNotApply("its pads are symmetric")
    both = [max(pair) for pair in zip(begin, end)]
    return both + both


def shifted(begin, end):
    """Begin and end swapped; a symmetric pair moves by one pixel."""
    if begin != end:
        return end + begin
    return [b - 1 if b else b for b in begin] + [e + 1 if e else e for e in end]


def repad(file, index, draw):
    """Pads lost, and the output padded with zeros to the size that was expected."""
    node = file.nodes[index]
    pads, strides = list(attribute(node, "pads")), attribute(node, "strides", [1, 1])
    value, kernel = node.input[0], file.constant(node.input[1])
    shapes = [file.shape(value), file.shape(node.output[0])]
    if len(pads) != 4 or kernel is None or not all(shapes):
        raise DoesNotApply("its shapes are not known")
    dilations = attribute(node, "dilations", [1, 1])
    sizes = [(n - d * (k - 1) - 1) // s + 1 for n, d, k, s in zip(shapes[0][2:], dilations, kernel.shape[2:], strides)]
    lost = [want - have for want, have in zip(shapes[1][2:], sizes)]
    if min(lost) < 0 or max(lost) == 0:
        raise DoesNotApply("no pixel is lost")
    set_attribute(node, "pads", [0, 0, 0, 0])
    begin = [n // 2 for n in lost]
    amounts = numpy.array([0, 0, *begin, 0, 0, *(n - b for n, b in zip(lost, begin))], numpy.int64)
    extra, options = ([file.add_constant(amounts)], {}) if file.opset >= 11 else ([], {"pads": amounts.tolist()})
    inserted = file.insert(node.output[0], "Pad", extra, **options)
    return {**file.record(index, attribute="pads", before=pads, after=[0, 0, 0, 0]), "inserted": inserted["index"]}


def dilate(file, index, draw):
    node = file.nodes[index]
    pads, kernel = list(attribute(node, "pads", [])), attribute(node, "kernel_shape")
    if attribute(node, "dilations", [1, 1]) != [1, 1] or not kernel or min(kernel) < 2 or len(pads) != 4:
        raise DoesNotApply("not a plain spatial convolution")
    record = change_attribute(file, index, "dilations", [2, 2], [1, 1])
    add = [k - 1 for k in kernel]
    set_attribute(node, "pads", [p + (a // 2 if n < 2 else a - a // 2) for n, (p, a) in enumerate(zip(pads, add + add))])
    return record


def undilated_pads(file, index, draw):
    """#5: (k - 1) / 2 instead of d (k - 1) / 2, and the dilation lost with it, so that the shape stays."""
    node = file.nodes[index]
    dilations, pads = list(attribute(node, "dilations", [1, 1])), attribute(node, "pads", [])
    if max(dilations) == 1 or len(pads) != 4:
        raise DoesNotApply("it is not dilated")
    record = change_attribute(file, index, "dilations", [1] * len(dilations))
    set_attribute(node, "pads", [p // d for p, d in zip(pads, dilations + dilations)])
    return record


def change_stride(file, index, draw):
    if (file.shape(file.nodes[index].input[0]) or [])[2:] == [1, 1]:
        raise DoesNotApply("one pixel has no stride")
    stride = attribute(file.nodes[index], "strides", [1, 1])
    return change_attribute(file, index, "strides", [1 if s > 1 else 2 for s in stride])


def set_to(name, pick, default=None):
    return lambda file, index, draw: change_attribute(
        file, index, name, pick(attribute(file.nodes[index], name, default)), default)


def train(file, index, draw):
    """One normalization in training mode, as its opset writes that."""
    node = file.nodes[index]
    if file.opset >= 14:
        set_attribute(node, "training_mode", 1)
    count = 3 if file.opset >= 14 else 5
    if len(node.output) > 1:
        raise DoesNotApply("it is in training mode")
    node.output.extend(f"planted_statistic_{n}" for n in range(1, count))
    return file.record(index, attribute="training_mode", before=0, after=1)


def change_clip(file, index, draw):
    node = file.nodes[index]
    if file.opset < 11:
        return change_attribute(file, index, "max", attribute(node, "max", 6.0) / 2)
    array = file.constant(node.input[2]) if len(node.input) > 2 else None
    if array is None:
        raise DoesNotApply("its upper bound is no constant")
    record = file.record(index, slot=2, before=float(array), after=float(array) / 2)
    file.set_constant(index, 2, array / array.dtype.type(2))
    return record


# --- graph -------------------------------------------------------------------------------------------------------------

def drop(file, index, draw):
    return file.remove(index)


def replace_with(table):
    def apply(file, index, draw):
        node = file.nodes[index]
        new, attributes = table[node.op_type]
        before = node.op_type
        node.op_type = new
        del node.attribute[:]
        node.attribute.extend(helper.make_attribute(k, v) for k, v in attributes.items())
        del node.input[1:]
        return file.record(index, before=before, after=new)
    return apply


def linear_values(file):
    """Values of linear operators that no activation reads: where an extra one changes something."""
    active = ("Relu", "Clip", "LeakyRelu", "BatchNormalization", "Softmax", "Sigmoid")
    return [i for i in file.of_type("Conv", "Add", "BatchNormalization", "Gemm", "MatMul", "Mul")
            if not any(file.nodes[r].op_type in active for r, _ in file.readers(file.nodes[i].output[0]))]


def insert_relu(file, index, draw):
    return file.insert(file.nodes[index].output[0], "Relu")


def insert_transpose(file, index, draw):
    """Height and width swapped on one edge where they are equal."""
    value = file.nodes[index].output[0]
    shape = file.shape(value) or []
    if len(shape) != 4 or shape[2] != shape[3] or shape[2] < 2:
        raise DoesNotApply("height and width are not equal")
    return file.insert(value, "Transpose", perm=[0, 1, 3, 2])


def residuals(file):
    return [i for i in file.of_type("Add", "Sum") if sum(name in file.fed for name in file.nodes[i].input) > 1]


def bypass(file, index, draw):
    return file.remove(index, int(draw.integers(2)))


def swap_operands(file, index, draw):
    node = file.nodes[index]
    first, second = draw.choice(len(node.input), 2, replace=False) if node.op_type == "Concat" else (0, 1)
    if len(node.input) < 2 or node.input[first] == node.input[second]:
        raise DoesNotApply("its operands are the same")
    node.input[first], node.input[second] = node.input[second], node.input[first]
    return file.record(index, slot=sorted([int(first), int(second)]))


def rewire(file, index, draw):
    """One operand of a branch's end reads an earlier value of the same shape."""
    node = file.nodes[index]
    slot = int(draw.integers(len(node.input)))
    shape = file.shape(node.input[slot])
    earlier = [name for i in file.live if i < index for name in file.nodes[i].output[:1]
               if name not in node.input and shape and file.shape(name) == shape]
    if not earlier:
        raise DoesNotApply("no other value has that shape")
    before, node.input[slot] = node.input[slot], earlier[draw.integers(len(earlier))]
    return file.record(index, slot=slot, before=before, after=node.input[slot])


def swap_outputs(file, place, draw):
    first, second = place
    outputs = file.graph.output
    kept = onnx.ValueInfoProto()
    kept.CopyFrom(outputs[first])
    outputs[first].CopyFrom(outputs[second])
    outputs[second].CopyFrom(kept)
    return {**file.record(file.producer[outputs[first].name]), "slot": [first, second], "attribute": "graph outputs"}


def equal_outputs(file):
    shapes = [file.shape(name) for name in file.outputs]
    return [(i, j) for i in range(len(shapes)) for j in range(i) if shapes[i] == shapes[j]]


def of(*types):
    return lambda file: file.of_type(*types)


def swap_gates(array, axis, draw):
    """Gate blocks 0 and 1 of an LSTM or GRU; both the input and the recurrent half have four or three of them."""
    count = 4 if array.shape[1] % 4 == 0 else 3
    blocks = numpy.split(array, count, axis=1)
    return numpy.concatenate([blocks[1], blocks[0], *blocks[2:]], axis=1)


P, H, G, T = "parameters", "hyperparameters", "graph", "tensor-structure"
ACTIVATIONS = {"Relu": ("Tanh", {}), "Clip": ("Relu", {}), "LeakyRelu": ("Relu", {}), "Sigmoid": ("HardSigmoid", {}),
               "HardSwish": ("Relu", {}), "HardSigmoid": ("Sigmoid", {}), "Tanh": ("Sigmoid", {}), "Erf": ("Tanh", {})}
weights = constants_in(WEIGHTS)

FAULTS = [
    Fault("weights-noise", P, None, weights, change_numbers(tensor_faults.noise)),
    Fault("weights-scale-small", P, 17, weights, change_numbers(tensor_faults.scale_small)),
    Fault("weights-scale-large", P, 17, weights, change_numbers(tensor_faults.scale_large)),
    Fault("weights-permuted", P, 18, weights, change_numbers(tensor_faults.permuted)),
    Fault("weights-random", P, None, weights, change_numbers(tensor_faults.random)),
    Fault("weights-one-channel", P, None, weights, change_numbers(tensor_faults.one_channel)),
    Fault("weights-foreign", P, 26, weights, foreign),
    Fault("kernel-transposed", P, 18, weights, change_numbers(tensor_faults.transposed(2, 3))),
    Fault("recurrent-gates", P, 23, constants_in({"LSTM": 2, "GRU": 2}), change_numbers(swap_gates)),
    Fault("bias-zero", P, 17, bias_places, change_numbers(tensor_faults.zero)),
    Fault("bias-noise", P, 17, bias_places, change_numbers(tensor_faults.noise)),
    Fault("bias-lost", P, 17, bias_places, lose_bias),
    Fault("bn-gamma", P, 17, *normalization_slot(1, tensor_faults.noise)),
    Fault("bn-mean", P, 17, *normalization_slot(3, tensor_faults.noise)),
    Fault("bn-variance", P, 17, *normalization_slot(4, tensor_faults.scale_large)),
    Fault("conv-pads-symmetric", H, 1, padded, change_pads(symmetric)),
    Fault("conv-pads-lost", H, 2, padded, change_pads(lambda b, e: [0] * len(b + e))),
    Fault("conv-pads-repadded", H, 2, padded, repad),
    Fault("conv-pads-shifted", H, 3, padded, change_pads(shifted)),
    Fault("pool-pads-shifted", H, 3, lambda file: padded(file, ("MaxPool", "AveragePool")), change_pads(shifted)),
    Fault("conv-dilation", H, 5, of("Conv"), dilate),
    Fault("conv-dilation-lost", H, 5, of("Conv"), undilated_pads),
    Fault("conv-stride", H, None, of("Conv"), change_stride),
    Fault("pool-include-pad", H, 6, lambda file: padded(file, ("AveragePool",)),
          set_to("count_include_pad", lambda v: 1 - v, 0)),
    Fault("pool-ceil", H, 7, of("MaxPool", "AveragePool"), set_to("ceil_mode", lambda v: 1 - v, 0)),
    Fault("resize-coordinates", H, 9, of("Resize"), set_to("coordinate_transformation_mode", lambda v: "asymmetric",
                                                         "half_pixel")),
    Fault("softmax-axis", H, 11, of("Softmax", "LogSoftmax"), set_to("axis", lambda v: 0 if v in (1, -1) else 1, -1)),
    Fault("concat-axis", H, 12, of("Concat"), set_to("axis", lambda v: 3 if v == 2 else 2)),
    Fault("bn-epsilon", H, 15, of("BatchNormalization"), set_to("epsilon", lambda v: 1e-5 if v > 1e-4 else 1e-3, 1e-5)),
    Fault("bn-training", G, 16, of("BatchNormalization"), train),
    Fault("leaky-alpha", H, 19, of("LeakyRelu"), set_to("alpha", lambda v: 0.01 if v > 0.02 else 0.2, 0.01)),
    Fault("clip-dropped", G, 20, of("Clip"), drop),
    Fault("clip-bounds", H, 20, of("Clip"), change_clip),
    Fault("depth-to-space", H, 24, of("DepthToSpace"), set_to("mode", lambda v: "CRD" if v in (b"DCR", "DCR") else "DCR", "DCR")),
    Fault("activation-dropped", G, None, of("Relu", "LeakyRelu", "Sigmoid", "Tanh", "HardSwish", "Softmax"), drop),
    Fault("activation-extra", G, None, linear_values, insert_relu),
    Fault("activation-replaced", G, None, of(*ACTIVATIONS), replace_with(ACTIVATIONS)),
    Fault("node-bypassed", G, 26, residuals, bypass),
    Fault("edge-rewired", G, 26, lambda file: residuals(file) + file.of_type("Concat"), rewire),
    Fault("outputs-swapped", G, 26, equal_outputs, swap_outputs),
    Fault("operands-swapped", G, 25, of(*NOT_COMMUTATIVE), swap_operands),
    Fault("concat-order", G, 26, of("Concat"), swap_operands),
    Fault("transpose-inserted", T, 13, lambda file: file.live, insert_transpose),
]
