"""ONNX files for the scripts that rewrite them: constants, uses, fresh names, nodes put in place of others.

Constant nodes become initializers, so that there is one kind of constant; a changed constant is a new one, so that other
uses of the old one keep their values.
"""

import onnx
from onnx import helper, numpy_helper


class OnnxFile:
    def __init__(self, path):
        self.model = onnx.load(path)
        self.graph = self.model.graph
        self.count = 0
        for node in [n for n in self.graph.node if n.op_type == "Constant"]:
            self.graph.initializer.append(
                numpy_helper.from_array(numpy_helper.to_array(node.attribute[0].t), node.output[0]))
            self.graph.node.remove(node)
        self.initializers = {tensor.name: tensor for tensor in self.graph.initializer}
        self.inputs = [value for value in self.graph.input if value.name not in self.initializers]
        self.outputs = {value.name for value in self.graph.output}

    @property
    def opset(self):
        return next(entry.version for entry in self.model.opset_import if entry.domain in ("", "ai.onnx"))

    def array(self, name):
        """The value of a constant, or None."""
        return numpy_helper.to_array(self.initializers[name]) if name in self.initializers else None

    def fresh(self, stem):
        self.count += 1
        return f"{stem}_new{self.count}"

    def add(self, array, stem="constant"):
        tensor = numpy_helper.from_array(array, self.fresh(stem))
        self.graph.initializer.append(tensor)
        self.initializers[tensor.name] = tensor
        return tensor.name

    def set_operand(self, node, slot, array):
        node.input[slot] = self.add(array, node.input[slot])

    def uses(self, name):
        """All (node, slot) that read a value."""
        return [(node, slot) for node in self.graph.node for slot, value in enumerate(node.input) if value == name]

    def only_use(self, name):
        """The (node, slot) that alone reads a value, or (None, None)."""
        uses = self.uses(name)
        return uses[0] if len(uses) == 1 and name not in self.outputs else (None, None)

    def replace(self, node, nodes):
        """Puts nodes in the place of one; the last has to write its output."""
        index = next(i for i, other in enumerate(self.graph.node) if other is node or other == node)
        rest = list(self.graph.node)
        rest[index:index + 1] = nodes
        del self.graph.node[:]
        self.graph.node.extend(rest)

    def remove_dead(self):
        """Nodes and constants that no output needs."""
        needed, kept = set(self.outputs), []
        for node in reversed(self.graph.node):
            if needed & set(node.output):
                kept.append(node)
                needed.update(node.input)
        del self.graph.node[:]
        self.graph.node.extend(reversed(kept))
        for tensor in [t for t in self.graph.initializer if t.name not in needed]:
            self.graph.initializer.remove(tensor)
        for value in [v for v in self.graph.input if v.name in self.initializers and v.name not in needed]:
            self.graph.input.remove(value)

    def save(self, path):
        self.remove_dead()
        del self.graph.value_info[:]  # shapes of values that are no longer there
        onnx.checker.check_model(self.model)
        onnx.save(self.model, path)


def attribute(node, name, default=None):
    return next((helper.get_attribute_value(a) for a in node.attribute if a.name == name), default)
