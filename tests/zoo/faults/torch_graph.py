"""The graph of a .pt2 or .pt file with what faults ask about it, and the ways to change it.

Operators are the nodes of the graph by their place in its list. A slot is (name of an argument, place in it or None): arguments
may be lists of tensors. An operator's word is its name without namespace and overload.
"""

import copy
import itertools
import re

from faults.common import DoesNotApply, live_operators
from torch_file import tensor_meta

NAMESPACE = "torch.ops.aten."
POSITIONAL, KEYWORD = 1, 2
# Arguments in order, with what they are when they are left out; what follows a * has to be named.
SCHEMAS = """
conv1d(input, weight, bias=None, stride=[1], padding=[0], dilation=[1], groups=1)
conv2d(input, weight, bias=None, stride=[1, 1], padding=[0, 0], dilation=[1, 1], groups=1)
conv_transpose2d(input, weight, bias=None, stride=[1, 1], padding=[0, 0], output_padding=[0, 0], groups=1, dilation=[1, 1])
convolution(input, weight, bias, stride, padding, dilation, transposed, output_padding, groups)
_convolution(input, weight, bias, stride, padding, dilation, transposed, output_padding, groups)
linear(input, weight, bias=None)
layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5, cudnn_enable=True)
group_norm(input, num_groups, weight=None, bias=None, eps=1e-5, cudnn_enabled=True)
max_pool2d(self, kernel_size, stride=[], padding=[0, 0], dilation=[1, 1], ceil_mode=False)
max_pool2d_with_indices(self, kernel_size, stride=[], padding=[0, 0], dilation=[1, 1], ceil_mode=False)
avg_pool2d(self, kernel_size, stride=[], padding=[0, 0], ceil_mode=False, count_include_pad=True, divisor_override=None)
leaky_relu(self, negative_slope=0.01)
elu(self, alpha=1, scale=1, input_scale=1)
hardtanh(self, min_val=-1, max_val=1)
clamp(self, min=None, max=None)
softmax(self, dim, dtype=None)
cat(tensors, dim=0)
mean(self, dim, keepdim=False, *, dtype=None)
sum(self, dim, keepdim=False, *, dtype=None)
gelu(self, *, approximate="none")
flatten(self, start_dim=0, end_dim=-1)
slice(self, dim=0, start=None, end=None, step=1)
chunk(self, chunks, dim=0)
split(self, split_size, dim=0)
split_with_sizes(self, split_sizes, dim=0)
pad(self, pad, mode="constant", value=None)
scaled_dot_product_attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, *, scale=None, enable_gqa=False)
add(self, other, *, alpha=1)
sub(self, other, *, alpha=1)
"""
SIGNATURES = dict(re.findall(r"^(\w+)\((.*)\)$", SCHEMAS, re.MULTILINE))


def schema(word):
    """[(name, default, has it to be named)] of an operator in the table."""
    found, named = [], False
    for part in re.split(r", (?![^\[]*\])", SIGNATURES.get(word, "")):
        if part == "*":
            named = True
        elif part:
            name, _, default = part.partition("=")
            found.append((name, eval(default or "None"), named))
    return found


def word(node):
    return node["target"].removeprefix(NAMESPACE).split(".")[0]


def plain(arg):
    """An argument as a Python value; tensors are their names."""
    kind, value = next(iter(arg.items()))
    if kind == "as_none":
        return None
    if kind == "as_tensor":
        return value["name"]
    if kind in ("as_tensors", "as_optional_tensors"):
        return [v["name"] if "name" in v else v.get("as_tensor", {}).get("name") for v in value]
    return value


def encoded(value):
    if value is None:
        return {"as_none": True}
    if isinstance(value, (bool, int, float, str)):
        return {f"as_{type(value).__name__.replace('str', 'string')}": value}
    kind = "float" if any(isinstance(v, float) for v in value) else "int"
    return {f"as_{kind}s": list(value)}


def tensor(name):
    return {"as_tensor": {"name": name}}


def entry(node, name):
    return next((e for e in node["inputs"] if e["name"] == name), None)


def argument(node, name, default=None):
    found = entry(node, name)
    if found:
        return plain(found["arg"])
    return next((d for n, d, _ in schema(word(node)) if n == name and d is not None), default)


def set_argument(node, name, value):
    """Arguments before it that were left out are written too; a tensor is given encoded."""
    arg = value if isinstance(value, dict) else encoded(value)
    found = entry(node, name)
    if found:
        found["arg"] = arg
        return
    order = [n for n, _, _ in schema(word(node))]
    if name not in order:
        raise DoesNotApply(f"{word(node)} has no {name}")
    for other, default, named in schema(word(node))[: order.index(name)]:
        if not named and entry(node, other) is None:
            node["inputs"].append({"name": other, "arg": encoded(default), "kind": POSITIONAL})
    node["inputs"].append({"name": name, "arg": arg, "kind": KEYWORD if dict((n, k) for n, _, k in schema(word(node)))[name]
                           else POSITIONAL})


def references(arg):
    """[(place or None, the dictionary that holds a value's name)]"""
    kind, value = next(iter(arg.items()))
    if kind == "as_tensor":
        return [(None, value)]
    if kind == "as_tensors":
        return list(enumerate(value))
    if kind == "as_optional_tensors":
        return [(k, v["as_tensor"]) for k, v in enumerate(value) if "as_tensor" in v]
    return []


def tensors_of(items):
    return [ref["name"] for arg in items for _, ref in references(arg)]


class File:
    def __init__(self, model):
        self.model, self.graph, self.nodes = model, model.graph, model.graph["nodes"]
        self.producer = {name: i for i, node in enumerate(self.nodes) for name in self.results(i)}
        self.inputs, self.stored = [], {}
        for spec in model.signature["input_specs"]:
            kind, body = next(iter(spec.items()))
            if kind == "user_input":
                self.inputs += tensors_of([body["arg"]])
            elif kind in ("parameter", "buffer", "tensor_constant"):
                self.stored[body["arg"]["name"]] = body[f"{kind}_name"]
        self.outputs = tensors_of(self.graph["outputs"])
        operators = [(self.operands(i), self.results(i), word(node).startswith("sym_size")) for i, node in enumerate(self.nodes)]
        self.live, self.fed = live_operators(operators, self.inputs, self.outputs)

    def refresh(self):
        """After operators came or went."""
        self.__init__(self.model)

    def operands(self, index):
        return tensors_of(e["arg"] for e in self.nodes[index]["inputs"])

    def results(self, index):
        return tensors_of(self.nodes[index]["outputs"])

    def output(self, index):
        return self.results(index)[0]

    def shape(self, name):
        """With 0 for what is free, or None."""
        meta = self.graph["tensor_values"].get(name)
        return [n.get("as_int", 0) for n in meta["sizes"]] if meta else None

    def neighbors(self):
        """For each operator the ones that it reads or that read it."""
        found = [set() for _ in self.nodes]
        for index in range(len(self.nodes)):
            for source in {self.producer[value] for value in self.operands(index) if value in self.producer}:
                found[index].add(source)
                found[source].add(index)
        return found

    def of_type(self, *words):
        return [i for i in self.live if word(self.nodes[i]) in words]

    def readers(self, name):
        """[(operator, slot)]"""
        return [(i, (e["name"], place)) for i, node in enumerate(self.nodes) for e in node["inputs"]
                for place, ref in references(e["arg"]) if ref["name"] == name]

    def reference(self, index, slot):
        """The dictionary with the name of what an operator reads there, or None."""
        found = entry(self.nodes[index], slot[0])
        return dict(references(found["arg"])).get(slot[1]) if found else None

    def operand(self, index, slot):
        found = self.reference(index, slot)
        return found["name"] if found else None

    def set_operand(self, index, slot, name):
        self.reference(index, slot)["name"] = name

    def constant(self, name):
        return self.model.array(self.stored[name]) if name in self.stored else None

    def set_constant(self, index, slot, array):
        """In place when this is the only use, else as a tensor of its own."""
        name = self.operand(index, slot)
        if len(self.readers(name)) == 1:
            self.model.set_array(self.stored[name], array)
            self.graph["tensor_values"][name] = {**self.graph["tensor_values"][name], **tensor_meta(array)}
        else:
            self.set_operand(index, slot, self.add_constant(array))

    def fresh(self):
        """A name that nothing in the file has."""
        taken = {*self.graph["tensor_values"], *(node["name"] for node in self.nodes)}
        return next(name for n in itertools.count() if (name := f"planted_{n}") not in taken)

    def add_constant(self, array):
        """A buffer behind all parameters and buffers, which is where the signature wants it."""
        name = self.fresh()
        specs = self.model.signature["input_specs"]
        place = max([k + 1 for k, spec in enumerate(specs) if {"parameter", "buffer"} & set(spec)], default=0)
        specs.insert(place, {"buffer": {"arg": {"name": name}, "buffer_name": name, "persistent": True}})
        self.graph["inputs"].insert(place, tensor(name))
        self.graph["tensor_values"][name] = tensor_meta(array)
        self.model.add_array(name, array)
        self.stored[name] = name
        return name

    def record(self, index, **what):
        """For a node that IN has too; callers that insert or remove say so themselves."""
        return {"index": index, "index_in": index, "op_type": self.nodes[index]["target"].removeprefix("torch.ops."),
                "node": self.nodes[index]["name"], **what}

    def new_node(self, target, arguments, like):
        """arguments: {name: value}, tensors encoded; `like`: a value whose dtype and shape the result is said to have."""
        name = self.fresh()
        self.graph["tensor_values"][name] = {**copy.deepcopy(self.graph["tensor_values"][like]), "requires_grad": False}
        order = {n: k for n, _, k in schema(target.split(".")[0])}
        inputs = [{"name": key, "arg": value if isinstance(value, dict) else encoded(value),
                   "kind": KEYWORD if order.get(key) else POSITIONAL} for key, value in arguments.items()]
        return {"target": NAMESPACE + target, "inputs": inputs, "outputs": [tensor(name)], "metadata": {},
                "is_hop_single_tensor_return": None, "name": name}

    def set_outputs(self, old, new):
        """The program answers another value in the place of one."""
        for item in [*self.graph["outputs"], *(body["arg"] for spec in self.model.signature["output_specs"]
                                               for body in spec.values())]:
            for _, ref in references(item):
                ref["name"] = new if ref["name"] == old else ref["name"]

    def insert(self, value, target, extra=None, first="self", readers=None):
        """A node on an edge: what read the value reads the node's result instead. Returns the record."""
        only = readers is not None
        readers = readers if only else self.readers(value)
        at = self.producer.get(value, -1) + 1
        node = self.new_node(target, {first: tensor(value), **(extra or {})}, value)
        for reader, slot in readers:
            self.set_operand(reader, slot, node["name"])
        if not only:
            self.set_outputs(value, node["name"])
        self.nodes.insert(at, node)
        self.refresh()
        return {"index": at, "index_in": None, "op_type": f"aten.{target}", "node": node["name"],
                "ends": [*([at - 1] if at and value in self.producer else []), *sorted({r + (r >= at) for r, _ in readers})]}

    def remove(self, index, slot=("self", None)):
        """A bypassed node: what read it reads its operand instead. Returns the record."""
        value = self.output(index)
        kept = self.operand(index, slot)
        if kept is None or value in self.outputs and kept not in self.producer:
            raise DoesNotApply("it has no such operand, or would leave an output without an operator")
        if any(len(self.results(i)) > 1 for i in [index]):
            raise DoesNotApply("it has several results")
        record, readers = self.record(index), self.readers(value)
        for reader, place in readers:
            self.set_operand(reader, place, kept)
        self.set_outputs(value, kept)
        ends = sorted({*([self.producer[kept]] if kept in self.producer else []), *(r for r, _ in readers)})
        del self.nodes[index], self.graph["tensor_values"][value]
        self.refresh()
        return {**record, "index": None, "ends": [e - (e > index) for e in ends if e != index]}

    def replace(self, index, target, arguments):
        """Another operator in the place of one, with the same result. Returns the record."""
        node = self.nodes[index]
        before = node["target"]
        new = self.new_node(target, arguments, self.output(index))
        del self.graph["tensor_values"][new["name"]]
        node.update(target=new["target"], inputs=new["inputs"])
        return {**self.record(index), "before": before, "after": node["target"]}


def change_argument(file, index, name, value, default=None):
    node = file.nodes[index]
    before = argument(node, name, default)
    if before == value and type(before) is type(value):
        raise DoesNotApply("it has that value already")
    set_argument(node, name, value)
    return file.record(index, attribute=name, before=before, after=value)


def of(*words):
    return lambda file: file.of_type(*words)


def set_to(name, pick, default=None):
    """A fault's `apply`: an argument gets what `pick` makes of its value."""
    return lambda file, index, draw: change_argument(file, index, name, pick(argument(file.nodes[index], name, default)), default)


def slot_name(slot):
    return slot[0] if slot[1] is None else f"{slot[0]}[{slot[1]}]"


def data_slot(file, index):
    """Where an operator reads what comes from the model's input."""
    for e in file.nodes[index]["inputs"]:
        for place, ref in references(e["arg"]):
            if ref["name"] in file.fed:
                return e["name"], place
    raise DoesNotApply("it reads no data")
