"""rename.py for SavedModels: nodes, functions, their arguments and variables; signatures and the checkpoint keep their keys."""

import tensorflow_file
from tensorflow_nodes import Flat

NAMES = ("shared_name", "debug_name", "container")


class Renamer:
    def __init__(self, model, names):
        self.model, self.names = model, names
        self.functions = {function.signature.name for function in model.graph.library.function}

    def node(self, name):
        return self.names(f"node {name}")

    def function(self, name):
        return self.names(f"function {name}") if name in self.functions else name

    def input(self, text, arguments=()):
        """`name`, `name:0`, `name:output:0` or `^name`."""
        mark = "^" if text.startswith("^") else ""
        name, *rest = text.removeprefix("^").split(":")
        return mark + ":".join([arguments[name] if name in arguments else self.node(name), *rest])

    def attribute(self, key, value):
        for function in [value.func, *value.list.func]:
            if function.name:
                function.name = self.function(function.name)
        if value.s.decode(errors="replace") in self.functions:
            value.s = self.function(value.s.decode()).encode()
        if key == "_class":
            value.list.s[:] = [b"loc:@" + self.node(text.decode().removeprefix("loc:@")).encode() for text in value.list.s]
        if key in NAMES and value.s:
            value.s = self.names(f"variable {value.s.decode()}").encode()

    def nodes(self, nodes, arguments=()):
        for node in nodes:
            node.name = self.node(node.name)
            node.input[:] = [self.input(text, arguments) for text in node.input]
            node.ClearField("experimental_debug_info")
            for key in node.attr:
                self.attribute(key, node.attr[key])

    def body(self, function):
        """Arguments of what a signature calls are known by their names to tf.saved_model.load."""
        signature = function.signature
        called = "signature_wrapper" in signature.name
        arguments = {arg.name: arg.name if called else self.names(f"argument {arg.name}") for arg in signature.input_arg}
        for arg in signature.input_arg:
            arg.name = arguments[arg.name]
        signature.name = self.function(signature.name)
        for key in function.attr:
            self.attribute(key, function.attr[key])
        self.nodes(function.node_def, arguments)
        for key in list(function.ret):
            function.ret[key] = self.input(function.ret[key], arguments)
        for key in list(function.control_ret):
            function.control_ret[key] = self.node(function.control_ret[key])

    def keys(self, table):
        for old in [key for key in table if self.function(key) != key]:
            value = table[old]
            new = table[self.function(old)]
            new.CopyFrom(value)
            del table[old]

    def objects(self, graph):
        self.keys(graph.concrete_functions)
        for node in graph.nodes:
            if node.HasField("function"):
                node.function.concrete_functions[:] = [*map(self.function, node.function.concrete_functions)]
            if node.HasField("bare_concrete_function"):
                bare = node.bare_concrete_function
                bare.concrete_function_name = self.function(bare.concrete_function_name)
            if node.HasField("constant"):
                node.constant.operation = self.node(node.constant.operation)
            if node.HasField("captured_tensor"):
                node.captured_tensor.name = self.input(node.captured_tensor.name)
                node.captured_tensor.concrete_function = self.function(node.captured_tensor.concrete_function)
            if node.HasField("variable"):
                node.variable.name = self.names(f"variable {node.variable.name}")

    def everything(self):
        meta = self.model.saved.meta_graphs[0]
        graph = meta.graph_def
        self.nodes(graph.node)
        for function in graph.library.function:
            self.body(function)
        for gradient in graph.library.gradient:
            gradient.function_name = self.function(gradient.function_name)
            gradient.gradient_func = self.function(gradient.gradient_func)
        for gradient in graph.library.registered_gradients:
            gradient.gradient_func = self.function(gradient.gradient_func)
        graph.debug_info.Clear()
        self.objects(meta.object_graph_def)
        for signature in meta.signature_def.values():
            for slot in [*signature.inputs.values(), *signature.outputs.values()]:
                if slot.name:
                    slot.name = self.input(slot.name)
        saver = meta.saver_def
        for key in ("filename_tensor_name", "save_tensor_name", "restore_op_name"):
            setattr(saver, key, self.input(getattr(saver, key)))
        aliases = dict(meta.meta_info_def.function_aliases)
        meta.meta_info_def.function_aliases.clear()
        for key, name in aliases.items():
            meta.meta_info_def.function_aliases[self.function(key)] = self.names(f"alias {name}")


def paths_of(model):
    """None of a graph that does not hang together."""
    try:
        return [operator.path for operator in Flat(model).operators]
    except (KeyError, AttributeError, IndexError, ValueError):
        return []


def rename(source, target, names):
    model = tensorflow_file.read(source)
    before = paths_of(model)
    Renamer(model, names).everything()
    tensorflow_file.write(model, target)
    return dict(zip(before, paths_of(model)))
