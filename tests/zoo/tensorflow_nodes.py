"""The operators of a SavedModel's signature serving_default as one list: calls of functions are looked into.

An operator is known by its path: the names of the calls that lead to it and its own, joined by "/". A value is a pair, the path
of what gives it and the number of the result.
"""

from collections import namedtuple

from tensorflow.python.framework import op_def_registry

CALLS = ("StatefulPartitionedCall", "PartitionedCall")

# graph: the GraphDef or FunctionDef that holds the node; scope: the Scope that it was reached in.
Operator = namedtuple("Operator", "path node scope inputs")


class Scope:
    """One instance of a function, or the main graph."""

    def __init__(self, graph, nodes, name="", caller=None, call=None):
        self.graph, self.name, self.caller, self.call = graph, name, caller, call
        self.nodes = {node.name: node for node in nodes}
        self.arguments = {} if call is None else {arg.name: i for i, arg in enumerate(graph.signature.input_arg)}

    @property
    def is_main(self):
        return self.call is None

    def path(self, node):
        return f"{self.name}/{node.name}" if self.name else node.name


def data_inputs(node):
    return [name for name in node.input if not name.startswith("^")]


def result_number(node, name, index):
    """Of `name:index` in a function: among all results of the node. Lists of results come alone or last."""
    names = [arg.name for arg in op_def_registry.get(node.op).output_arg]
    return names.index(name) + index if name in names else index


class Flat:
    """operators: in an order in which each comes after what it reads."""

    def __init__(self, model):
        graph = model.graph
        self.functions = {function.signature.name: function for function in graph.library.function}
        self.main, self.scopes = Scope(graph, graph.node), {}
        self.operators, self.numbers = [], {}
        self.outputs = [self.resolve(self.main, slot.name) for _, slot in sorted(model.signature.outputs.items())]
        self.inputs = [self.resolve(self.main, slot.name) for _, slot in sorted(model.signature.inputs.items())]
        for scope, node, _ in self.outputs:
            self.visit(scope, node)
        self.outputs = [(scope.path(node), number) for scope, node, number in self.outputs]
        self.inputs = [(scope.path(node), number) for scope, node, number in self.inputs]

    def inner(self, scope, call):
        path = scope.path(call)
        if path not in self.scopes:
            function = self.functions[call.attr["f"].func.name]
            self.scopes[path] = Scope(function, function.node_def, path, scope, call)
        return self.scopes[path]

    def resolve(self, scope, text):
        """(scope, node, number of the result) behind what a node names as its input, through arguments and calls."""
        while True:
            if text in scope.arguments:
                text, scope = data_inputs(scope.call)[scope.arguments[text]], scope.caller
                continue
            name, *rest = text.split(":")
            node = scope.nodes[name]
            number = int(rest[-1]) if rest else 0
            if node.op not in CALLS:
                return scope, node, result_number(node, rest[0], number) if len(rest) == 2 else number
            scope = self.inner(scope, node)
            text = scope.graph.ret[scope.graph.signature.output_arg[number].name]

    def visit(self, scope, node):
        """Depth first, without recursion: graphs are deeper than Python's stack."""
        stack, begun = [(scope, node, None)], set()
        while stack:
            scope, node, sources = stack.pop()
            path = scope.path(node)
            if path in self.numbers:
                continue
            if sources is None:
                if path in begun:
                    raise ValueError(f"{path}: what it reads is computed from it")
                begun.add(path)
                sources = [self.resolve(scope, name) for name in data_inputs(node)]
                stack.append((scope, node, sources))
                stack += [(s, n, None) for s, n, _ in reversed(sources) if s.path(n) not in self.numbers]
                continue
            self.numbers[path] = len(self.operators)
            self.operators.append(Operator(path, node, scope, [(s.path(n), number) for s, n, number in sources]))
