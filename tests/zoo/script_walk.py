"""A TorchScript file gone through with one sample, in the environment that has torch: which operators run, in which order, on what.

Every method and function is followed into where it is called, and every branch that is taken; numbers are worked out on the way.
An operator's name is the path of the module that runs it, and its word, numbered where it comes again ("first.norm/batch_norm_1").
"""

import json
import re

import torch

INPUTS = "zoo_inputs"  # an extra file of the archive: shape and dtype of each input, which a script does not say itself
# By their numbers in a script.
SCALAR_TYPES = {"uint8": 0, "int8": 1, "int16": 2, "int32": 3, "int64": 4, "float16": 5, "float32": 6, "float64": 7, "bool": 11}
ADDRESS = re.compile(r"(\w+)::(\w+)\.?(\w*)\(")


def dtype_of(tensor):
    return str(tensor.dtype).split(".")[-1]


class Script:
    """A loaded file, whose graphs may be changed."""

    def __init__(self, path):
        self.unit, extra = torch._C.CompilationUnit(), {INPUTS: ""}
        self.module = torch._C.import_ir_module(self.unit, str(path), None, extra, False)
        self.slots = [(shape, dtype) for shape, dtype in json.loads(extra[INPUTS])]

    def graph(self):
        return self.module._get_method("forward").graph


class Held:
    """A tensor of the run, with its name."""

    def __init__(self, tensor, name):
        self.tensor, self.name = tensor, name


class Module:
    def __init__(self, content, path):
        self.content, self.path = content, path

    def inside(self, name):
        return f"{self.path}.{name}" if self.path else name


class Frame:
    """One run of a method or a function. key: of what all runs of it have in common; values: {a value's name: (it, its content)}"""

    def __init__(self, graph, key, path, parent):
        self.graph, self.key, self.path, self.parent, self.values = graph, key, path, parent, {}
        self.depth = parent.depth + 1 if parent else 0

    def get(self, value):
        return self.values[value.debugName()][1]

    def set(self, value, content):
        self.values.pop(value.debugName(), None)  # what comes last stands last
        self.values[value.debugName()] = (value, content)


class Operator:
    """place: of the node that runs; number: by the order in which they run, which is the same wherever the operator stands."""

    def __init__(self, number, frame, node, target, name, arguments, results):
        self.number, self.frame, self.node, self.target, self.name = number, frame, node, target, name
        self.arguments, self.results = arguments, results
        self.place = frame.key, next(node.outputs()).debugName()  # the same for all runs of one node


def plain(content):
    """What an operator is called with."""
    if isinstance(content, Held):
        return content.tensor
    return type(content)(map(plain, content)) if isinstance(content, (list, tuple)) else content


def held_in(content):
    """All tensors in it."""
    if isinstance(content, (list, tuple)):
        return [held for item in content for held in held_in(item)]
    return [content] if isinstance(content, Held) else []


class Walk:
    """operators: those that give tensors, in order; stored: {name of a weight: its attribute's path, or the constant's node}"""

    def __init__(self, script, arrays, partly=False):
        """partly: as far as it runs, with the operator that doesn't"""
        self.script, self.operators, self.frames, self.values, self.stored = script, [], [], {}, {}
        self.taken, self.numbers, self.count, self.constants = set(), {}, 0, 0
        graph = script.graph()
        slots = list(graph.inputs())[1:]
        names = [self.unique(re.sub(r"\.\d+$", "", slot.debugName())) for slot in slots]
        self.inputs = [self.hold(torch.from_numpy(array.copy()), name) for array, name in zip(arrays, names)]
        top = Module(script.module, "")
        try:
            with torch.no_grad():
                results = self.call(graph, ".forward", [top, *self.inputs], "", None)
        except Exception:  # what an operator refuses has many types
            if not partly:
                raise
            return
        self.outputs = [held.name for held in held_in(results)]

    def hold(self, tensor, name=None):
        if name is None:
            name, self.count = f"v{self.count}", self.count + 1
        # What an operator writes into later has to be known as it was.
        self.values[name] = tensor.detach().clone()
        return Held(tensor, name)

    def unique(self, base):
        name = base
        while name in self.taken:
            self.numbers[base] = self.numbers.get(base, 0) + 1
            name = f"{base}_{self.numbers[base]}"
        self.taken.add(name)
        return name

    def named(self, frame, word, results):
        name = self.unique(word)
        items = results[0] if results and isinstance(results[0], list) else results
        if items is not results or len(items) > 1:
            for index in range(len(items)):
                self.unique(f"{name}_{index}")
        return f"{frame.path}/{name}" if frame.path else name

    # --- frames and blocks

    def call(self, graph, key, arguments, path, parent):
        frame = Frame(graph, key, path, parent)
        self.frames.append(frame)
        for value, content in zip(graph.inputs(), arguments):
            frame.set(value, content)
        return self.block(frame, graph)[0]

    def block(self, frame, block):
        for node in block.nodes():
            self.step(frame, node)
        return [frame.get(value) for value in block.outputs()]

    def step(self, frame, node):
        kind = node.kind()
        if kind in ("prim::If", "prim::Loop"):
            results = self.branch(frame, node) if kind == "prim::If" else self.loop(frame, node)
        elif kind == "prim::Constant":
            results = [self.constant(node)]
        else:
            arguments = [frame.get(value) for value in node.inputs()]
            simple = SIMPLE.get(kind)
            results = simple(self, frame, node, arguments) if simple else self.operator(frame, node, arguments)
        for value, content in zip(node.outputs(), results):
            frame.set(value, content)

    def branch(self, frame, node):
        first, second = node.blocks()
        return self.block(frame, first if plain(frame.get(node.input())) else second)

    def loop(self, frame, node):
        most, goes_on, *carried = [plain(frame.get(value)) if k < 2 else frame.get(value) for k, value in enumerate(node.inputs())]
        body, turn = next(iter(node.blocks())), 0
        while goes_on and turn < most:
            for value, content in zip(body.inputs(), [turn, *carried]):
                frame.set(value, content)
            goes_on, *carried = self.block(frame, body)
            goes_on, turn = plain(goes_on), turn + 1
        return carried

    # --- nodes

    def constant(self, node):
        kind = node.output().type()
        if kind.kind() == "FunctionType":
            return kind.annotation_str
        value = node.output().toIValue()
        if not isinstance(value, torch.Tensor):
            return value
        self.constants += 1
        return self.weight(value, f"constant_{self.constants}", node)

    def weight(self, tensor, name, where):
        self.stored[name] = where
        return self.hold(tensor, name)

    def attribute(self, frame, node, arguments):
        module, name = arguments[0], node.s("name")
        value, path = module.content.getattr(name), module.inside(name)
        if isinstance(value, torch.ScriptModule):
            return [Module(value, path)]
        return [self.weight(value, path, path) if isinstance(value, torch.Tensor) else value]

    def method(self, frame, node, arguments):
        module, name = arguments[0], node.s("name")
        graph = module.content._get_method(name).graph
        return [self.call(graph, f"{module.content._type().qualified_name()}.{name}", arguments, module.path, frame)]

    def function(self, frame, node, arguments):
        name, *rest = arguments
        return [self.call(self.script.unit.find_function(name).graph, name, rest, frame.path, frame)]

    def operator(self, frame, node, arguments):
        space, word, overload = ADDRESS.match(node.schema()).groups()
        names = torch._C._get_schema(f"{space}::{word}", overload).arguments
        function = getattr(getattr(getattr(torch.ops, space), word), overload or "default")
        values = [plain(content) for content in arguments]
        given = [(a.name, content) for a, content in zip(names, arguments)]
        target = f"torch.ops.{space}.{word}.{overload or 'default'}"
        try:
            result = function(*(v for v, a in zip(values, names) if not a.kwarg_only),
                              **{a.name: v for v, a in zip(values, names) if a.kwarg_only})
        except Exception:
            self.add(frame, node, target, given, [])
            raise
        results = [self.wrapped(item) for item in (result if isinstance(result, tuple) else [result])]
        if held_in(results):
            self.add(frame, node, target, given, results)
        return results

    def add(self, frame, node, target, given, results):
        name = self.named(frame, target.split(".")[3], results)
        self.operators.append(Operator(len(self.operators), frame, node, target, name, given, results))

    def wrapped(self, result):
        if isinstance(result, list):
            return [self.wrapped(item) for item in result]
        return self.hold(result) if isinstance(result, torch.Tensor) else result


def append(walk, frame, node, arguments):
    arguments[0].append(arguments[1])
    return [arguments[0]]


def refuse(walk, frame, node, arguments):
    raise RuntimeError(str(arguments[0]))


SIMPLE = {
    "prim::GetAttr": Walk.attribute,
    "prim::SetAttr": lambda *_: [],
    "prim::CallMethod": Walk.method,
    "prim::CallFunction": Walk.function,
    "prim::RaiseException": refuse,
    "prim::ListConstruct": lambda walk, frame, node, arguments: [list(arguments)],
    "prim::TupleConstruct": lambda walk, frame, node, arguments: [tuple(arguments)],
    "prim::ListUnpack": lambda walk, frame, node, arguments: arguments[0],
    "prim::TupleUnpack": lambda walk, frame, node, arguments: arguments[0],
    "prim::TupleIndex": lambda walk, frame, node, arguments: [arguments[0][arguments[1]]],
    "prim::NumToTensor": lambda walk, frame, node, arguments: [walk.hold(torch.tensor(arguments[0]))],
    "prim::Uninitialized": lambda *_: [None],
    "prim::unchecked_cast": lambda walk, frame, node, arguments: arguments,
    "prim::dtype": lambda walk, frame, node, arguments: [SCALAR_TYPES[dtype_of(arguments[0].tensor)]],
    "prim::device": lambda walk, frame, node, arguments: [arguments[0].tensor.device],
    "aten::__getitem__": lambda walk, frame, node, arguments: [arguments[0][arguments[1]]],
    "aten::append": append,
    "aten::len": lambda walk, frame, node, arguments: [len(plain(arguments[0]))],
    "aten::__is__": lambda walk, frame, node, arguments: [arguments[0] is arguments[1]],
    "aten::__isnot__": lambda walk, frame, node, arguments: [arguments[0] is not arguments[1]],
}
