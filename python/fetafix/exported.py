"""What an exported program says: its nodes, whose module each belongs to, and the line that it comes from.

Nodes and values are called as in the file that torch.export.save writes, and so as fetafix calls them.
"""

import operator
import re
from dataclasses import dataclass

from .modules import require_torch
from .results import Location

FRAME = re.compile(r'File "(?P<file>[^"]*)", line (?P<line>\d+), in (?P<function>.*)\n\s*(?P<code>.*)')
PLACE = re.compile(r"#\d+ '(?P<name>.*)'$", re.DOTALL)
INSIDE_TORCH = re.compile(r"[/\\]site-packages[/\\]torch[/\\]|[/\\]torch[/\\](nn|functional|_tensor|export|utils|fx)\b")


@dataclass(frozen=True)
class Name:
    """A tensor's name in the program, among arguments that are numbers."""

    text: str


@dataclass
class Node:
    name: str
    operator: str  # aten.conv2d.default
    arguments: dict  # by the operator's own names
    defaults: dict  # of all that may be left out
    module: str  # path of the innermost module
    module_type: str
    trace: str

    @property
    def base(self):
        return ".".join(self.operator.split(".")[:2])

    def said(self, name):
        """The argument, or what it means that it is left out."""
        return self.arguments[name] if name in self.arguments else self.defaults.get(name)

    def location(self):
        frames = [match.groupdict() for match in FRAME.finditer(self.trace)]
        own = [frame for frame in frames if not INSIDE_TORCH.search(frame["file"])]
        last = own[-1] if own else {"file": None, "line": 0, "function": None, "code": None}
        return Location(self.module, self.module_type, last["file"], int(last["line"]), last["function"], last["code"], self.trace)


class Program:
    def __init__(self, exported):
        signature = exported.graph_signature
        lifted = signature.inputs_to_lifted_tensor_constants
        self.nodes = [node_of(node) for node in exported.graph.nodes
                      if node.op == "call_function" and node.target is not operator.getitem]
        # name in the program -> name in the module, of parameters and buffers
        self.stored = {**signature.inputs_to_parameters, **signature.inputs_to_buffers, **lifted}
        self.constants = {*signature.non_persistent_buffers, *lifted.values()}  # no parameters, and in no state dict
        self.inputs = list(signature.user_inputs)  # names of what is given
        # name in the module -> tensor
        self.numbers = {name: held.detach() for name, held in {**exported.state_dict, **exported.constants}.items()
                        if isinstance(held, require_torch().Tensor)}

    def node_at(self, place):
        """The node that fetafix calls so, such as "Conv #0 'features.0/conv2d'"."""
        match = PLACE.search(place or "")
        name = match and match["name"].rpartition("/")[2]
        return next((node for node in self.nodes if node.name == name), None)


def value_of(argument):
    """A number, text, a list, None or Name(s)."""
    if isinstance(argument, (list, tuple)):
        return [value_of(item) for item in argument]
    return Name(argument.name) if isinstance(argument, require_torch().fx.Node) else argument


def name_of(node):
    """A node is called after the first thing that it makes."""
    parts = {user.args[1]: user.name for user in node.users if user.target is operator.getitem}
    return parts.get(0, f"{node.name}_unused_0") if parts else node.name


def node_of(node):
    schema = getattr(node.target, "_schema", None)
    takes = schema.arguments if schema else []
    names = [one.name for one in takes] or map(str, range(len(node.args)))
    arguments = {**dict(zip(names, node.args)), **node.kwargs}
    path, kind = [("", ""), *(node.meta.get("nn_module_stack") or {}).values()][-1]
    return Node(name_of(node), str(node.target), {name: value_of(value) for name, value in arguments.items()},
                {one.name: one.default_value for one in takes}, re.sub(r"@\d+$", "", path),
                kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}", node.meta.get("stack_trace") or "")
