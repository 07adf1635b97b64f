"""The operators of a SavedModel's signature with what faults ask about them, and the ways to change them.

An operator's index is its place in the list of tensorflow_nodes.py. What is computed from constants alone (a scale from mean
and variance) is in that list too, but not live: a fault there touches all operators down to the live ones that read it.
"""

import copy
from collections import defaultdict

import numpy
from tensorflow.python.framework import dtypes, op_def_registry, tensor_util

import tensorflow_file
from faults.common import DoesNotApply, live_operators
from tensorflow_nodes import Flat, data_inputs

TRANSPARENT = ("Identity", "ReadVariableOp", "Reshape", "Squeeze", "ExpandDims", "Cast", "StopGradient")
# What asks for a shape: on no way from the input to the output.
SHAPES = ("Shape", "Size", "Rank", "ShapeN")
LAYERS = ("Conv2D", "DepthwiseConv2dNative", "MatMul", "BatchMatMulV2", "Einsum", "Conv2DBackpropInput")
RESTORE = ("AssignVariableOp",)
TAG, SHAPES_NOTED = "_planted_tag", "_output_shapes"
# Where an operator notes its type when not in T.
TYPES = {"GatherV2": "Tparams"}


class File:
    """The signature's operators with what faults ask about them."""

    def __init__(self, model):
        self.model = model
        self.refresh()

    def refresh(self):
        """After operators came or went."""
        self.flat = Flat(self.model)
        self.operators, self.numbers, self.outputs = self.flat.operators, self.flat.numbers, self.flat.outputs
        self.readers_of, self.read, self.keys = defaultdict(list), defaultdict(set), None
        for index, operator in enumerate(self.operators):
            for slot, value in enumerate(operator.inputs):
                self.readers_of[value].append((index, slot))
        for path, number in [*self.readers_of, *self.outputs]:
            self.read[path].add(number)
        parts = [(op.inputs, self.results(i), op.node.op in SHAPES) for i, op in enumerate(self.operators)]
        self.live, self.fed = live_operators(parts, self.flat.inputs, self.outputs)
        placeholders = {self.numbers[path] for path, _ in self.flat.inputs if path in self.numbers}
        self.live = [index for index in self.live if index not in placeholders]

    def results(self, index):
        """Values of this operator that are read, or the model's outputs."""
        path = self.operators[index].path
        return [(path, number) for number in sorted(self.read[path])]

    def node(self, index):
        return self.operators[index].node

    def type(self, index):
        return self.node(index).op

    def of_type(self, *types):
        return [i for i in self.live if self.type(i) in types]

    def producer(self, value):
        return self.numbers[value[0]]

    def readers(self, value):
        return self.readers_of[value] if value in self.readers_of else []

    def result(self, index):
        return (self.operators[index].path, 0)

    def source(self, index, slot=0):
        return self.producer(self.operators[index].inputs[slot])

    def neighbors(self):
        """For each operator the ones that it reads or that read it."""
        found = [set() for _ in self.operators]
        for index, operator in enumerate(self.operators):
            for source in map(self.producer, operator.inputs):
                found[index].add(source)
                found[source].add(index)
        return found

    def shape(self, value):
        """As the file says it, with -1 for what is free; None when it does not."""
        node = self.node(self.producer(value))
        if node.op == "Const":
            return list(self.constant_array(node).shape)
        if node.op in ("Placeholder",):
            return [d.size for d in node.attr["shape"].shape.dim]
        shapes = node.attr[SHAPES_NOTED].list.shape
        if value[1] >= len(shapes) or shapes[value[1]].unknown_rank:
            return None
        return [d.size for d in shapes[value[1]].dim]

    def input_shape(self, index, slot=0):
        shape = self.shape(self.operators[index].inputs[slot])
        if shape is None:
            raise DoesNotApply("its shape is not known")
        return shape

    def dtype(self, index):
        """Of the operator's first result, as it is written in the attribute T or dtype."""
        for key in ("T", "dtype", "element_dtype", "DstT", "Tparams"):
            value = found(self.node(index), key)
            if value is not None and value.WhichOneof("value") == "type":
                return value.type
        raise DoesNotApply("its type is not known")

    # --- Constants

    @staticmethod
    def constant_array(node):
        return tensor_util.MakeNdarray(node.attr["value"].tensor)

    def root(self, value):
        """The index of the Const or VarHandleOp whose numbers this value holds, or None."""
        index = self.producer(value)
        while self.type(index) in TRANSPARENT and self.operators[index].inputs:
            index = self.source(index)
        return index if self.type(index) in ("Const", "VarHandleOp") else None

    def key_of(self, index):
        """The checkpoint's key of a variable: by the function that restores them."""
        if self.keys is None:
            self.keys = restore_keys(self.model, self.flat)
        return self.keys.get(self.node(index).name)

    def copies_of(self, root):
        """All keys of a variable: Keras exports each twice, once for the graph's restore function and once for the objects that
        tf.saved_model.load makes."""
        own, names = self.key_of(root), tensorflow_file.full_names(self.model)
        mine = self.model.arrays[own]
        return [key for key, name in names.items() if key == own or name == names[own]
                and numpy.array_equal(self.model.arrays[key], mine)]

    def array(self, root):
        if self.type(root) == "Const":
            return self.constant_array(self.node(root))
        return self.model.arrays.get(self.key_of(root))

    def stored(self, index, slot):
        """The root of a slot's numbers, when there is a constant; or None."""
        inputs = self.operators[index].inputs
        root = self.root(inputs[slot]) if slot < len(inputs) else None
        return root if root is not None and self.array(root) is not None else None

    def set_array(self, root, array):
        if self.type(root) == "Const":
            set_value(self.node(root), numpy.asarray(array, self.constant_array(self.node(root)).dtype))
        else:
            for key in self.copies_of(root):
                self.model.arrays[key] = numpy.ascontiguousarray(array, self.model.arrays[key].dtype)

    def dependents(self, index):
        """All that is computed from this one, up to and with the first live operators."""
        found, edge = set(), {index}
        live = set(self.live)
        while edge:
            read = {r for i in edge for value in self.results(i) for r, _ in self.readers(value)} - found
            found |= read
            edge = read - live
        return sorted(found)

    # --- Changes

    def forget_shapes(self, index):
        """What the file notes of the shapes from there on: TensorFlow refuses a node that contradicts it."""
        scope, name = self.operators[index].scope, self.node(index).name
        while scope is not None:
            forget_behind(scope.graph.node if scope.is_main else scope.graph.node_def, name)
            scope, name = scope.caller, None if scope.is_main else scope.call.name

    def graph_of(self, index):
        return self.operators[index].scope.graph

    def nodes_of(self, index):
        graph = self.graph_of(index)
        return graph.node if self.operators[index].scope.is_main else graph.node_def

    def reference(self, index, number=0):
        """How nodes of the same graph name its result."""
        node, scope = self.node(index), self.operators[index].scope
        if scope.is_main:
            return node.name if number == 0 else f"{node.name}:{number}"
        outputs = op_def_registry.get(node.op).output_arg
        one = len(outputs) == 1
        return f"{node.name}:{outputs[0].name}:{number}" if one else f"{node.name}:{outputs[number].name}:0"

    def fresh(self, index):
        names = {node.name for node in self.nodes_of(index)}
        number = next(n for n in range(len(names) + 1) if f"planted_{n}" not in names)
        return f"planted_{number}"

    def add_node(self, index, op, inputs, like=None, shape=None, **attributes):
        """A new node in the graph that holds operator `index`; returns its first result's name there."""
        kind = None if like is None else self.dtype(like)
        node = self.nodes_of(index).add(name=self.fresh(index), op=op, input=inputs)
        for key, value in attributes.items():
            set_attribute(node, key, value)
        if kind is not None:
            node.attr[TYPES.get(op, "T")].type = kind
        if shape is not None:
            set_shape(node, shape)
        if self.operators[index].scope.is_main:
            return node.name
        return f"{node.name}:{op_def_registry.get(op).output_arg[0].name}:0"

    def add_constant(self, index, array):
        reference = self.add_node(index, "Const", [], dtype=dtypes.as_dtype(array.dtype), shape=list(array.shape))
        set_value(self.nodes_of(index)[-1], array)
        return reference

    def own_constant(self, index, slot, array):
        """A constant for this operand alone."""
        self.node(index).input[slot] = self.add_constant(index, array)
        self.refresh()

    def replace_reads(self, index, reference):
        """What reads the operator's first result reads `reference` instead."""
        old, scope = self.reference(index), self.operators[index].scope
        same = {old, f"{old}:0"} if scope.is_main else {old}
        for node in self.nodes_of(index):
            for slot, name in enumerate(node.input):
                if name in same:
                    node.input[slot] = reference
        if not scope.is_main:
            for key, name in scope.graph.ret.items():
                if name in same:
                    scope.graph.ret[key] = reference

    def remove(self, index, slot=0):
        """A bypassed operator: what read it reads its operand instead. Returns the record."""
        kept, record = self.operators[index].inputs[slot], self.record(index)
        if self.result(index) in self.outputs or kept not in self.fed:
            raise DoesNotApply("it would leave an output without an operator")
        if self.shape(self.result(index)) != self.shape(kept):
            raise DoesNotApply("it changes the shape")
        ends = self.paths([self.producer(kept), *(r for r, _ in self.readers(self.result(index)))])
        node, nodes = self.node(index), self.nodes_of(index)
        self.replace_reads(index, node.input[slot])
        nodes.remove(node)
        drop_control(nodes, node.name)
        self.refresh()
        return {**record, "index": None, "ends": self.indices(ends)}

    def insert_before(self, index, slot, op, constants=(), **attributes):
        """A new operator on the edge into one slot. Returns its index."""
        node, path = self.node(index), self.operators[index].path
        inputs = [node.input[slot], *(self.add_constant(index, array) for array in constants)]
        value = self.operators[index].inputs[slot]
        reference = self.add_node(index, op, inputs, like=self.producer(value), **attributes)
        node.input[slot] = reference
        self.refresh()
        return self.source(self.numbers[path], slot)

    def inserted(self, at):
        """The record of an operator that was put in front of the one behind it."""
        readers = [r for r, _ in self.readers(self.result(at))]
        return {**self.record(at), "index_in": None, "ends": sorted({self.source(at), *readers})}

    def paths(self, indices):
        return [self.operators[i].path for i in indices]

    def indices(self, paths):
        return sorted({self.numbers[path] for path in paths if path in self.numbers})

    def record(self, index, **what):
        """Also names other calls of the same function, where the node is another operator."""
        node = self.node(index)
        twins = [i for i, op in enumerate(self.operators) if op.node is node and i != index]
        record = {"index": index, "index_in": index, "op_type": self.type(index), "node": self.operators[index].path, **what}
        also = sorted({*record.get("also", []), *twins} - {index})
        return {**record, "also": also} if also else record

    def layers_of(self, index):
        """The layer that a bias is added to: other formats write both as one operator."""
        if self.type(index) not in ("BiasAdd", "AddV2"):
            return []
        return [s for s in map(self.producer, self.operators[index].inputs) if self.type(s) in LAYERS]

    def record_of_constant(self, index, slot, root, **what):
        """All that reads the constant was touched."""
        also = [i for i in self.dependents(root) if i != index and self.type(i) not in TRANSPARENT] + self.layers_of(index)
        return self.record(index, slot=slot, constant=self.operators[root].path, also=also, **what)


def restore_keys(model, flat):
    """{name of the VarHandleOp: checkpoint key}"""
    restore = flat.main.nodes.get(model.saved.meta_graphs[0].saver_def.restore_op_name)
    function = flat.functions[restore.attr["f"].func.name] if restore is not None else None
    if function is None:
        return {}
    nodes = {node.name: node for node in function.node_def}
    read = next(node for node in function.node_def if node.op == "RestoreV2")
    keys = File.constant_array(nodes[read.input[1].split(":")[0]]).ravel()
    arguments = {arg.name: data_inputs(restore)[i] for i, arg in enumerate(function.signature.input_arg)}
    found = {}
    for node in function.node_def:
        if node.op in RESTORE:
            identity = nodes[node.input[1].split(":")[0]]
            found[arguments[node.input[0]]] = keys[int(identity.input[0].split(":")[-1])].decode()
    return found


def forget_behind(nodes, name):
    """A node and all of its graph that read it, those too that no output needs."""
    readers = defaultdict(list)
    for node in nodes:
        for text in data_inputs(node):
            readers[text.split(":")[0]].append(node)
    edge, seen = [node for node in nodes if node.name == name], {name}
    while edge:
        node = edge.pop()
        node.attr.pop(SHAPES_NOTED, None)
        fresh = [reader for reader in readers[node.name] if reader.name not in seen]
        seen.update(reader.name for reader in fresh)
        edge += fresh


def set_value(node, array):
    node.attr["value"].tensor.CopyFrom(tensor_util.make_tensor_proto(array))


def set_shape(node, shape):
    shapes = node.attr[SHAPES_NOTED].list
    del shapes.shape[:]
    entry = shapes.shape.add()
    for size in shape:
        entry.dim.add(size=size)


def set_attribute(node, key, value):
    attribute = node.attr[key]
    attribute.Clear()
    if isinstance(value, dtypes.DType):
        attribute.type = value.as_datatype_enum
    elif isinstance(value, bool):
        attribute.b = value
    elif isinstance(value, int):
        attribute.i = value
    elif isinstance(value, float):
        attribute.f = value
    elif isinstance(value, str):
        attribute.s = value.encode()
    else:
        attribute.list.i.extend(value)


def found(node, key):
    """The attribute, or the operator's default: files leave those out."""
    if key in node.attr:
        return node.attr[key]
    definition = op_def_registry.get(node.op)
    return next((a.default_value for a in definition.attr if a.name == key and a.HasField("default_value")), None)


def attribute(node, key):
    """As a Python value, or None."""
    value = found(node, key)
    if value is None:
        return None
    kind = value.WhichOneof("value")
    if kind == "s":
        return value.s.decode()
    return list(value.list.i) if kind == "list" else getattr(value, kind)


def change_attribute(file, index, key, after):
    node = file.node(index)
    before = attribute(node, key)
    if before is None or before == after:
        raise DoesNotApply(f"it has no other {key}")
    record = file.record(index, attribute=key, before=before, after=after)
    set_attribute(node, key, after)
    return record


def drop_control(nodes, name):
    for node in nodes:
        kept = [text for text in node.input if text != f"^{name}"]
        if len(kept) < len(node.input):
            node.input[:] = kept


def clear(node, op, *kept):
    """Another operator in its place, with these attributes and T."""
    kind = found(node, "T")
    if kind is not None:
        node.attr["T"].CopyFrom(kind)
    node.op = op
    for key in [key for key in node.attr if key not in ("T", SHAPES_NOTED, TAG, *kept)]:
        del node.attr[key]


def of(*types):
    return lambda file: file.of_type(*types)


def copied(node):
    return copy.deepcopy(node)
