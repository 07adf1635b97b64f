"""What a .pt2 file says of its program: its nodes, whose module each belongs to, and the line that it comes from.

Only the JSON in the archive is read. fetafix counts operators as it does, and calls them by their module and name.
"""

import json
import re
import zipfile
from dataclasses import dataclass, field

from .results import Location

FRAME = re.compile(r'File "(?P<file>[^"]*)", line (?P<line>\d+), in (?P<function>.*)\n\s*(?P<code>.*)')
PLACE = re.compile(r"#(?P<index>\d+) '(?P<name>.*)'$", re.DOTALL)
INSIDE_TORCH = re.compile(r"[/\\]site-packages[/\\]torch[/\\]|[/\\]torch[/\\](nn|functional|_tensor|export|utils|fx)\b")


@dataclass(frozen=True)
class Name:
    """A tensor's name in the program, among arguments that are numbers."""

    text: str


@dataclass
class Node:
    name: str
    operator: str  # aten.conv2d.default
    arguments: dict  # by the operator's own names; what is left out has its default
    module: str = ""  # path of the innermost module
    module_type: str = ""
    trace: str = ""

    @property
    def base(self):
        return ".".join(self.operator.split(".")[:2])

    def location(self):
        frames = [match.groupdict() for match in FRAME.finditer(self.trace)]
        own = [frame for frame in frames if not INSIDE_TORCH.search(frame["file"])]
        last = own[-1] if own else {"file": None, "line": 0, "function": None, "code": None}
        return Location(self.module, self.module_type, last["file"], int(last["line"]), last["function"], last["code"], self.trace)


@dataclass
class Program:
    nodes: list
    stored: dict = field(default_factory=dict)  # name in the program -> name in the module, of parameters and buffers
    inputs: list = field(default_factory=list)  # names of what is given
    constants: set = field(default_factory=set)  # names of stored tensors that are no parameters and in no state dict

    def node_at(self, place):
        """The node that fetafix calls so, such as "Conv #0 'features.0/conv2d'"."""
        match = PLACE.search(place or "")
        if not match:
            return None
        name = match["name"].rpartition("/")[2]
        found = [node for node in self.nodes if node.name == name]
        if not found and int(match["index"]) < len(self.nodes):
            found = [self.nodes[int(match["index"])]]
        return found[0] if found else None


def value_of(argument):
    """A number, text, a list, None or Name(s); what is of another kind stays as it is written."""
    if not isinstance(argument, dict) or len(argument) != 1:
        return argument
    (kind, value), = argument.items()
    if kind == "as_tensor":
        return Name(value["name"])
    if kind == "as_tensors":
        return [Name(item["name"]) for item in value]
    if kind == "as_optional_tensors":
        return [value_of(item) for item in value]
    if kind == "as_none":
        return None
    if kind == "as_sym_int":
        return value_of(value)
    if kind == "as_name":
        return Name(value)
    if kind == "as_sym_ints":
        return [value_of(item) for item in value]
    return value


def name_of(outputs, index):
    """A node is called after the first thing that it makes."""
    for output in outputs:
        value = value_of(output)
        value = value[0] if isinstance(value, list) and value else value
        if isinstance(value, Name):
            return value.text
    return f"#{index}"


def node_of(written, index):
    metadata = written.get("metadata") or {}
    stack = [part.split(",") for part in metadata.get("nn_module_stack", "").split(";") if part.count(",") >= 2]
    path, kind = (stack[-1][1], stack[-1][2]) if stack else ("", "")
    arguments = {item["name"] or str(place): value_of(item["arg"]) for place, item in enumerate(written["inputs"])}
    return Node(name_of(written["outputs"], index), written["target"].removeprefix("torch.ops."), arguments,
                re.sub(r"@\d+$", "", path), kind, metadata.get("stack_trace") or "")


def read(path):
    """The program of a .pt2 file."""
    with zipfile.ZipFile(path) as archive:
        member = next(name for name in archive.namelist() if "/models/" in name and name.endswith(".json"))
        module = json.loads(archive.read(member))["graph_module"]
    program = Program([node_of(written, index) for index, written in enumerate(module["graph"]["nodes"])])
    for spec in module["signature"]["input_specs"]:
        (kind, given), = spec.items()
        if kind == "parameter":
            program.stored[given["arg"]["name"]] = given["parameter_name"]
        elif kind == "buffer":
            program.stored[given["arg"]["name"]] = given["buffer_name"]
            if not given.get("persistent", True):
                program.constants.add(given["buffer_name"])
        elif kind == "tensor_constant":
            program.stored[given["arg"]["name"]] = given["tensor_constant_name"]
            program.constants.add(given["tensor_constant_name"])
        elif kind == "user_input" and "as_tensor" in given["arg"]:
            program.inputs.append(given["arg"]["as_tensor"]["name"])
    return program
