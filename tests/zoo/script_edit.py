"""Changes what a TorchScript file computes by torch's own graphs, in the environment that has torch.

The changed program is given as the list of operators that script_walk.py told, with operators changed, gone and come. Where a
change can't be made in one method, because several modules share it or because it lies across two, the method is put in place of
its call (torch's own inlining), and it is tried again.
"""

import json
import zipfile

import torch

from script_walk import INPUTS, Held, Module, Script, Walk

TYPES = {5: 4, 6: 5, 7: 6, 8: 7, 12: 11}  # numbers of dtypes in a program, and in a script
LISTS = {"as_ints": torch._C.IntType, "as_floats": torch._C.FloatType}


class NotHere(Exception):
    """A method has to be put in place of its call before."""

    def __init__(self, frame):
        super().__init__("the change lies across methods")
        self.frame = frame


def encoded(content):
    """An argument in the form of a program's JSON."""
    if isinstance(content, Held):
        return {"as_tensor": {"name": content.name}}
    if content is None:
        return {"as_none": True}
    if isinstance(content, list) and content and any(isinstance(item, Held) for item in content):
        if None in content:
            return {"as_optional_tensors": [{"as_tensor": {"name": i.name}} if i else {"as_none": True} for i in content]}
        return {"as_tensors": [{"name": item.name} for item in content]}
    if isinstance(content, list) and all(isinstance(item, (int, float)) for item in content):
        kind = "bool" if content and isinstance(content[0], bool) else "float" if any(isinstance(i, float) for i in content) else "int"
        return {f"as_{kind}s": content}
    if isinstance(content, (bool, int, float, str)):
        return {f"as_{type(content).__name__.replace('str', 'string')}": content}
    return {"as_other": str(content)}


def described(operator):
    results = operator.results
    outputs = [{"as_tensors": [{"name": held.name} for held in results[0]]}] if isinstance(results[0], list) else [
        {"as_tensor": {"name": held.name}} for held in results if isinstance(held, Held)]
    return {"target": operator.target, "name": f"operator_{operator.number}", "metadata": {}, "outputs": outputs,
            "inputs": [{"name": name, "arg": encoded(content), "kind": 1} for name, content in operator.arguments]}


def names_in(arg):
    kind, value = next(iter(arg.items()))
    if kind == "as_tensor":
        return [value["name"]]
    if kind == "as_tensors":
        return [item["name"] for item in value]
    return [item["as_tensor"]["name"] for item in value if "as_tensor" in item] if kind == "as_optional_tensors" else []


def operands(node):
    return [name for entry in node["inputs"] for name in names_in(entry["arg"])]


def results(node):
    return [name for arg in node["outputs"] for name in names_in(arg)]


def renamed(arg, names):
    """An argument with other values in the place of some."""
    kind, value = next(iter(arg.items()))
    if kind == "as_tensor":
        return {kind: {"name": names.get(value["name"], value["name"])}}
    if kind == "as_tensors":
        return {kind: [{"name": names.get(item["name"], item["name"])} for item in value]}
    return arg


class Edit:
    """One try. nodes, outputs: of the program as it shall be; fresh: {name: tensor} of constants that come."""

    def __init__(self, walk, nodes, outputs, fresh):
        self.walk, self.nodes, self.outputs, self.fresh = walk, nodes, outputs, fresh
        self.before = {node["name"]: node for node in map(described, walk.operators)}
        self.known = dict(zip(self.before, walk.operators))
        self.producer = {name: self.known[node["name"]] for node in self.before.values() for name in results(node)}
        self.made = {}  # names of results of operators that came: (frame, value)
        self.instead = {}  # values that nothing reads any more: what is read in their place
        self.places = {name: operator.place for name, operator in self.known.items()}

    def apply(self):
        for name in [name for name in self.before if name not in {node["name"] for node in self.nodes}]:
            self.remove(name)
        for node in self.nodes:
            if node["name"] not in self.known:
                self.insert(node)
            else:
                self.change(node)
        if [self.instead.get(name, name) for name in self.walk.outputs] != self.outputs:
            raise ValueError("other outputs")

    # --- where things are

    def own(self, operator):
        """The operator's method is its own, and may change."""
        if sum(frame.key == operator.frame.key for frame in self.walk.frames) > 1:
            raise NotHere(operator.frame)
        if sum(other.place == operator.place for other in self.walk.operators) > 1:
            raise ValueError("it runs in a loop")

    def find(self, frame, name, node):
        """The value of that name as a method has it in front of a node."""
        if name in self.made:
            if self.made[name][0] is not frame:
                raise NotHere(frame)
            return self.made[name][1]
        for value, content in reversed(frame.values.values()):
            if isinstance(content, Held) and content.name == name and (
                    value.node().kind() == "prim::Param" or value.node().isBefore(node)):
                return value
        where = self.walk.stored.get(name)
        if isinstance(where, str):
            return self.attribute(frame, where, node)
        if where is not None:
            return self.constant(frame, node, self.walk.values[name])
        raise NotHere(frame)

    def attribute(self, frame, path, node):
        """A weight of the module or of one inside it."""
        slot = next(iter(frame.graph.inputs()), None)
        module = frame.get(slot) if slot is not None else None
        if not isinstance(module, Module) or not path.startswith(module.inside("")):
            raise NotHere(frame)
        value, content = slot, module.content
        for part in path[len(module.inside("")):].split("."):
            step = frame.graph.create("prim::GetAttr", [value], 1)
            step.s_("name", part)
            step.insertBefore(node)
            content, value = content.getattr(part), step.output()
            value.setType(content._type() if isinstance(content, torch.ScriptModule) else torch._C.TensorType.get())
        return value

    # --- arguments

    def constant(self, frame, node, value):
        frame.graph.setInsertPoint(node)
        return frame.graph.insertConstant(value)

    def made_list(self, frame, node, kind, values):
        new = frame.graph.create("prim::ListConstruct", values, 1)
        new.insertBefore(node)
        new.output().setType(torch._C.ListType(kind))
        return new.output()

    def tensor(self, frame, node, name):
        return self.constant(frame, node, self.fresh[name]) if name in self.fresh else self.find(frame, name, node)

    def argument(self, frame, node, arg, kind):
        what, value = next(iter(arg.items()))
        if what == "as_tensor":
            return self.tensor(frame, node, value["name"])
        if what == "as_tensors":
            return self.made_list(frame, node, torch._C.TensorType.get(), [self.tensor(frame, node, v["name"]) for v in value])
        if what == "as_none":
            return self.constant(frame, node, None)
        if what == "as_scalar_type":
            return self.constant(frame, node, TYPES[value])
        if what in LISTS and not value:
            return self.made_list(frame, node, LISTS[what].get(), [])
        if what in ("as_other", "as_optional_tensors"):
            raise ValueError(f"an argument {what}")
        if "float" in str(kind) and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        return self.constant(frame, node, value)

    def create(self, frame, at, node):
        """The operator that a node of the program speaks of, in front of another."""
        word, overload = node["target"].removeprefix("torch.ops.aten.").split(".")
        given = {entry["name"]: entry["arg"] for entry in node["inputs"]}
        values = []
        for argument in torch._C._get_schema(f"aten::{word}", "" if overload == "default" else overload).arguments:
            if argument.name not in given and not argument.has_default_value():
                raise ValueError(f"{word} without {argument.name}")
            arg = given.get(argument.name, encoded(argument.default_value))
            values.append(self.argument(frame, at, arg, argument.type))
        new = frame.graph.create(f"aten::{word}", values, len(results(node)))
        new.insertBefore(at)
        return new

    # --- operators

    def remove(self, name):
        """What read the operator's result reads one of its operands."""
        operator, (value,) = self.known[name], results(self.before[name])
        self.own(operator)
        mine = set(operands(self.before[name]))
        after = {node["name"]: node for node in self.nodes}
        reads = [(entry, other) for reader in self.before.values() if reader["name"] in after
                 for entry, other in zip(reader["inputs"], after[reader["name"]]["inputs"]) if value in names_in(entry["arg"])]
        kept = [set(names_in(other["arg"])) - set(names_in(entry["arg"])) & mine or set(names_in(other["arg"])) & mine
                for entry, other in reads]
        kept += [set(self.outputs) & mine] if value in self.walk.outputs else []
        wanted = set.intersection(*kept) if kept else set()
        if len(wanted) != 1:
            raise ValueError("no operand takes its place")
        self.instead[value] = wanted.pop()
        node = operator.node
        node.output().replaceAllUsesWith(self.find(operator.frame, self.instead[value], node))
        node.destroy()
        del self.places[name]

    def insert(self, node):
        value = next((name for name in operands(node) if self.is_whole(name, node)), None)
        frame, at = self.behind(value) if value is not None else self.ahead(node)
        new = self.create(frame, at, node)
        if value is not None:
            at.destroy()
            self.find(frame, value, new).replaceAllUsesAfterNodeWith(new, new.output())
            self.instead[value] = results(node)[0]
        for name, output in zip(results(node), new.outputs()):
            self.made[name] = (frame, output)
        self.places[node["name"]] = frame.key, new.output().debugName()

    def is_whole(self, name, node):
        """All that read a value read this operator's result in its place."""
        readers = [reader["name"] for reader in self.before.values() if name in operands(reader)]
        now = [reader["name"] for reader in self.nodes if name in operands(reader)]
        return (bool(readers) or name in self.walk.outputs) and now == [node["name"]] and name not in self.outputs

    def behind(self, name):
        """Right behind where a value is computed: (frame, a node for the time being)"""
        producer = self.producer.get(name)
        frame = producer.frame if producer else self.walk.frames[0]
        mark = frame.graph.create("prim::Constant", [], 1)
        if producer is None:
            frame.graph.prependNode(mark)
            return frame, mark
        self.own(producer)
        held = [value for value, content in frame.values.values() if isinstance(content, Held) and content.name == name]
        mark.insertAfter(held[0].node())
        return frame, mark

    def ahead(self, node):
        """In front of the first that reads it."""
        readers, reached = [], set(results(node))
        for other in self.nodes:
            if reached & set(operands(other)):
                if other["name"] in self.known:
                    readers.append(self.known[other["name"]])
                else:
                    reached |= set(results(other))
        if not readers:
            raise ValueError("nothing reads it")
        frame = readers[0].frame
        if any(reader.frame is not frame for reader in readers):
            raise NotHere(max((reader.frame for reader in readers), key=lambda f: f.depth))
        self.own(readers[0])
        return frame, readers[0].node

    def change(self, node):
        operator, before = self.known[node["name"]], self.before[node["name"]]
        wanted = {entry["name"]: entry["arg"] for entry in node["inputs"]}
        same = [(k, entry["name"]) for k, entry in enumerate(before["inputs"])
                if entry["name"] in wanted and wanted[entry["name"]] in (entry["arg"], renamed(entry["arg"], self.instead))]
        if node["target"] == before["target"] and len(same) == len(before["inputs"]):
            return
        self.own(operator)
        if node["target"] != before["target"]:
            self.replace(operator, node)
            return
        types = torch._C._get_schema(*self.address(node)).arguments
        for k, entry in enumerate(before["inputs"]):
            if (k, entry["name"]) not in same:
                arg = wanted.get(entry["name"], encoded(types[k].default_value))
                operator.node.replaceInput(k, self.argument(operator.frame, operator.node, arg, types[k].type))

    @staticmethod
    def address(node):
        word, overload = node["target"].removeprefix("torch.ops.aten.").split(".")
        return f"aten::{word}", "" if overload == "default" else overload

    def replace(self, operator, node):
        new = self.create(operator.frame, operator.node, node)
        for old, value, name in zip(operator.node.outputs(), new.outputs(), results(node)):
            old.replaceAllUsesWith(value)
            self.made[name] = (operator.frame, value)
        self.places[node["name"]] = operator.frame.key, new.output().debugName()
        operator.node.destroy()


def write_arrays(script, walk, arrays):
    """Other numbers for weights and constants."""
    for name, array in arrays.items():
        tensor, where = torch.from_numpy(array.copy()), walk.stored[name]
        if not isinstance(where, str):
            where.t_("value", tensor)
            continue
        module, path = script.module, where.split(".")
        for part in path[:-1]:
            module = module.getattr(part)
        module.setattr(path[-1], tensor)


def names_after(edit, walk, fresh):
    """{name of an operator of the changed program: its name in the new file}"""
    found = {}
    for operator in fresh.operators:
        found.setdefault(operator.place, []).append(operator.name)
    names = {}
    for node in edit.nodes:
        queue = found.get(edit.places[node["name"]], [])
        if queue:
            names[node["name"]] = queue.pop(0)
    return names


def save(script, original, path):
    """As torch.jit.save does, and with what a traced file was traced with, which torch does not write again."""
    extra = {INPUTS: json.dumps(script.slots)}
    torch.jit.save(torch.jit._recursive.wrap_cpp_module(script.module), path, _extra_files=extra)
    with zipfile.ZipFile(original) as old, zipfile.ZipFile(path, "a", zipfile.ZIP_STORED) as new:
        top = new.namelist()[0].split("/")[0]
        for name in old.namelist():
            if name.split("/")[1].startswith("traced_inputs"):
                new.writestr(zipfile.ZipInfo(f"{top}/{name.partition('/')[2]}"), old.read(name))


def edited(original, samples, message):
    """Writes the changed file; {name of an operator: its name there}, as far as the new file runs."""
    inlined = []
    while True:
        script = Script(original)
        for number in inlined:
            torch._C._jit_pass_inline(Walk(script, samples).frames[number].graph)
        walk = Walk(script, samples)
        fresh = {name: torch.from_numpy(array.copy()) for name, array in message["fresh"].items()}
        edit = Edit(walk, message["nodes"], message["outputs"], fresh)
        try:
            edit.apply()
            break
        except NotHere as error:
            if error.frame.parent is None:
                raise ValueError("a value that is not there") from None
            inlined.append(walk.frames.index(error.frame.parent))
    write_arrays(script, walk, message["arrays"])
    save(script, original, message["path"])
    return names_after(edit, walk, Walk(script, samples, partly=True))


def told(script, samples):
    """The operators and values of a file, for the planter."""
    walk = Walk(script, samples)
    values = {name: (str(t.dtype).split(".")[-1], list(t.shape), list(t.stride())) for name, t in walk.values.items()}
    return {"nodes": [described(operator) for operator in walk.operators], "names": [operator.name for operator in walk.operators],
            "values": values, "stored": list(walk.stored),
            "inputs": [held.name for held in walk.inputs], "outputs": walk.outputs,
            "arrays": {name: walk.values[name].numpy() for name in walk.stored}}
