"""An ONNX file's main graph with what faults ask about it, and the ways to change it."""

import itertools

import numpy
import onnx
from onnx import helper, numpy_helper

from faults.common import DoesNotApply, live_operators


def names_read(node):
    """By the node or by the graphs in it."""
    inside = [name for a in node.attribute if a.HasField("g") for inner in a.g.node for name in names_read(inner)]
    return [name for name in node.input if name] + inside


class File:
    """The main graph with what faults ask about it: who computes a value, who reads it, which constant it is."""

    def __init__(self, model):
        self.model, self.graph, self.nodes = model, model.graph, model.graph.node
        self.initializers = {t.name: t for t in self.graph.initializer}
        self.producer = {name: i for i, node in enumerate(self.nodes) for name in node.output if name}
        self.outputs = [value.name for value in self.graph.output]
        self.opset = max(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
        fed = {value.name for value in self.graph.input} - set(self.initializers)
        operators = [(names_read(node), list(node.output), node.op_type in ("Shape", "Size")) for node in self.nodes]
        self.live, self.fed = live_operators(operators, fed, self.outputs)
        self._shapes = None

    def refresh(self):
        """After operators came or went."""
        self.__init__(self.model)

    def shape(self, name):
        """Static shape of a value, with 0 for what is unknown, or None."""
        if self._shapes is None:
            graph = onnx.shape_inference.infer_shapes(self.model).graph
            self._shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim]
                            for v in [*graph.value_info, *graph.input, *graph.output]}
        return self._shapes.get(name)

    def neighbors(self):
        """For each operator the ones that it reads or that read it."""
        found = [set() for _ in self.nodes]
        for index in range(len(self.nodes)):
            for source in {self.producer[value] for value in self.nodes[index].input if value in self.producer}:
                found[index].add(source)
                found[source].add(index)
        return found

    def of_type(self, *types):
        return [i for i in self.live if self.nodes[i].op_type in types]

    def value(self, name):
        """What a computed value is for one noise sample."""
        import onnxruntime
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        model.graph.output.append(onnx.ValueInfoProto(name=name))
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        draw = numpy.random.default_rng(3)
        feeds = {i.name: draw.standard_normal([d if isinstance(d, int) and d > 0 else 1 for d in i.shape], numpy.float32)
                 for i in session.get_inputs()}
        return session.run([name], feeds)[0]

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
        array = numpy.asarray(array, order="C")
        if len(self.readers(name)) == 1:
            if name in self.initializers:
                self.initializers[name].CopyFrom(numpy_helper.from_array(array, name))
            else:
                self.nodes[self.producer[name]].attribute[0].t.CopyFrom(numpy_helper.from_array(array))
        else:
            self.nodes[index].input[slot] = self.add_constant(array)

    def fresh(self):
        """A name that nothing in the file has."""
        taken = {*self.producer, *self.initializers, *(t.name for t in self.graph.initializer)}
        return next(name for n in itertools.count() if (name := f"planted_{n}") not in taken)

    def add_constant(self, array):
        name = self.fresh()
        self.graph.initializer.append(numpy_helper.from_array(array, name))
        return name

    def record(self, index, **what):
        """For a node that IN has too; callers that insert or remove say so themselves."""
        return {"index": index, "index_in": index, "op_type": self.nodes[index].op_type, "node": self.nodes[index].name, **what}

    def insert(self, value, node_type, extra=(), readers=None, **attributes):
        """A node on an edge: what read the value reads the node's output instead. Returns the record."""
        readers = self.readers(value) if readers is None else readers
        at = self.producer.get(value, -1) + 1
        node = helper.make_node(node_type, [value, *extra], [self.fresh()], name="", **attributes)
        is_output = value in self.outputs
        if is_output:  # the graph's output keeps its name, so the value behind it is renamed
            inner = f"{node.output[0]}_inner"
            source = self.nodes[self.producer[value]]
            source.output[list(source.output).index(value)] = inner
            node.input[0], node.output[0] = inner, value
        else:
            for reader, slot in readers:
                self.nodes[reader].input[slot] = node.output[0]
        self.nodes.insert(at, node)
        self.refresh()
        return {"index": at, "index_in": None, "op_type": node_type, "node": "",
                "ends": [*([at - 1] if at else []), *sorted({r + (r >= at) for r, _ in readers})]}

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
        self.refresh()
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


def of(*types):
    return lambda file: file.of_type(*types)


def set_to(name, pick, default=None):
    """A fault's `apply`: an attribute gets what `pick` makes of its value."""
    return lambda file, index, draw: change_attribute(
        file, index, name, pick(attribute(file.nodes[index], name, default)), default)
