"""What differs between the program of a module and its repaired form, as changes of the module.

Nodes are paired by name. A node that was taken out and one like it, on the same operand, that was put in are one that changed.
A number of a call is an attribute of the module that makes the call if the attribute says the same number; a tensor of a call is
the module's parameter. All else becomes a note with the line that it comes from.
"""

from dataclasses import replace

from .exported import Name
from .modules import require_torch
from .repairs import Change, expression, same_storage

ATTRIBUTES = {"scale_factors": ("scale_factor",), "output_size": ("output_size", "size"), "axis": ("dim",), "dim": ("dim", "start_dim")}
ACTIVATIONS = {"aten.relu": "ReLU", "aten.relu6": "ReLU6", "aten.gelu": "GELU", "aten.silu": "SiLU", "aten.sigmoid": "Sigmoid",
               "aten.tanh": "Tanh", "aten.hardswish": "Hardswish", "aten.hardsigmoid": "Hardsigmoid", "aten.leaky_relu": "LeakyReLU",
               "aten.elu": "ELU", "aten.selu": "SELU", "aten.mish": "Mish", "aten.softplus": "Softplus"}
IN_OPERATION = ("self", "input")  # the operand that a removed node hands on


class Differences:
    """`changes`, and `numbers`: name in the state dict -> new tensor."""

    def __init__(self, module, before, after):
        """`before` and `after` are programs of exported.py."""
        self.module, self.before, self.after, self.old, self.new = module, before, after, before.numbers, after.numbers
        self.changes, self.numbers, self.seen = [], {}, set()
        self.pair_nodes()
        for left, right in self.pairs:
            self.compare(left, right)
        self.name_removed()
        self.name_added()
        self.compare_stored()

    def pair_nodes(self):
        there = {node.name: node for node in self.after.nodes}
        here = {node.name: node for node in self.before.nodes}
        self.pairs = [(node, there[node.name]) for node in self.before.nodes if node.name in there]
        self.removed = {name: node for name, node in here.items() if name not in there}
        self.added = {name: node for name, node in there.items() if name not in here}
        self.alias = {}
        self.pair_moved(lambda old, new: bare(old.base) == bare(new.base))
        self.pair_moved(lambda old, new: bare(new.base) in ACTIVATIONS and self.alone(old))
        self.used = {self.after.stored[name] for node in self.after.nodes for name in names_in(node) if name in self.after.stored}

    def pair_moved(self, alike):
        """What was taken out and what was put in on the same operand, if they are alike."""
        for new in list(self.added.values()):
            for old in self.removed.values():
                if alike(old, new) and self.origin(operand(old)) == self.origin(operand(new)):
                    self.pairs.append((old, new))
                    self.alias[new.name] = old.name
                    del self.removed[old.name], self.added[new.name]
                    break

    def origin(self, name):
        """What a value comes to when removed nodes hand their operand on."""
        name = self.alias.get(name, name)
        while name in self.removed:
            name = operand(self.removed[name])
        return name

    def note(self, node, text):
        at = node.location()
        self.add(Change("note", at.module, value=text, at=at))

    def add(self, change):
        if self.part(change.path) is not None:
            change = replace(change, where=expression(self.module, change.path))
        if change.code not in self.seen:
            self.seen.add(change.code)
            self.changes.append(change)

    def compare(self, left, right):
        if bare(left.base) != bare(right.base):
            return self.change_type(left, right)
        for name in dict.fromkeys([*left.arguments, *right.arguments]):
            old, new = left.said(name), right.said(name)
            if old == new:
                continue
            if tensors(old) or tensors(new):
                lists = [value if isinstance(value, list) else [value] for value in (old, new)]
                if len(lists[0]) != len(lists[1]):
                    self.note(left, f"{left.base} reads other operands: {shown(new)} in place of {shown(old)}")
                    continue
                for one, other in zip(*lists):
                    self.compare_tensor(left, name, one, other)
            else:
                self.change_number(left, name, old, new)

    def part(self, path):
        try:
            return self.module.get_submodule(path)
        except AttributeError:
            return None

    def alone(self, node):
        """Whether the node's module does nothing else, so that another may take its place."""
        return bool(node.module) and [other for other in self.before.nodes if other.module == node.module] == [node]

    def change_type(self, left, right):
        kind = ACTIVATIONS.get(bare(right.base))
        numbers = {name: plain(value) for name, value in right.arguments.items() if not tensors(value) and name not in IN_OPERATION}
        if kind and self.alone(left):
            return self.add(Change("module", left.module, kind, numbers, left.location()))
        self.note(left, f"{right.base} takes the place of {left.base}" + (f", with {numbers}" if numbers else ""))

    def change_number(self, node, name, old, new):
        part = self.part(node.module)
        others = [self.number_after(other, name) for other in self.before.nodes
                  if other.module == node.module and bare(other.base) == bare(node.base)]
        for attribute in ATTRIBUTES.get(name, (name,)):
            held = getattr(part, attribute, None)
            if isinstance(held, (int, float, str, tuple, list)) and same(held, old) and all(other == new for other in others):
                return self.add(Change("attribute", node.module, attribute, like(held, new), node.location()))
        self.note(node, f"{node.base} should have {name} {shown(new)} in place of {shown(old)}")

    def number_after(self, node, name):
        after = next((right for left, right in self.pairs if left is node), None)
        return after and after.said(name)

    def compare_tensor(self, node, slot, old, new):
        left, right = (stored.get(value.text) if isinstance(value, Name) else None
                       for stored, value in ((self.before.stored, old), (self.after.stored, new)))
        if right and (left or old is None):
            if left != right:
                self.change_stored(node, slot, left, self.new[right])
        elif new is None and left:
            self.drop_stored(node, slot, left)
        elif isinstance(old, Name) and isinstance(new, Name) and self.origin(old.text) != self.origin(new.text):
            if self.origin(new.text) not in self.added:
                self.note(node, f"{node.base} should read {self.place(new.text)} in place of {self.place(old.text)}")
        elif not (isinstance(old, Name) and isinstance(new, Name)):
            self.note(node, f"{node.base} should have {slot} {shown(new)} in place of {shown(old)}")

    def place(self, name):
        """A value by its module and name."""
        made = next((node for node in self.before.nodes if node.name == name), None)
        return f"'{name}' of {made.location()}" if made else f"'{name}'"

    def change_stored(self, node, slot, left, tensor):
        """The tensor of this one call, which no name of the module has yet."""
        torch, part = require_torch(), self.part(node.module)
        if left and torch.equal(self.old[left], tensor):
            return
        if left and left not in self.used and left not in self.before.constants and self.old[left].shape == tensor.shape:
            self.numbers[left] = tensor
        elif hasattr(part, slot) and (left is None or left.rpartition(".")[0] == node.module or left in self.used):
            path = f"{node.module}.{slot}" if node.module else slot
            self.add(Change("parameter", node.module, slot, tuple(tensor.shape), node.location(),
                            buffer=slot in getattr(part, "_buffers", {})))
            self.numbers[path] = tensor
        else:
            self.note(node, f"{node.base} should have another {slot}, which the patch holds (shape {list(tensor.shape)})")

    def drop_stored(self, node, slot, left):
        if getattr(self.part(node.module), slot, None) is not None and left == f"{node.module}.{slot}".lstrip("."):
            self.add(Change("attribute", node.module, slot, None, node.location()))
        else:
            self.note(node, f"{node.base} should have no {slot}")

    def name_removed(self):
        for node in self.removed.values():
            siblings = [other for other in self.before.nodes if other.module == node.module]
            if node.module and all(other.name in self.removed for other in siblings):
                self.add(Change("module", node.module, "Identity", {}, node.location()))
            else:
                self.note(node, f"{node.base} should not be there")

    def name_added(self):
        """A node that was put in has no line of its own: it is told at what reads it, and after what it reads."""
        for node in self.added.values():
            readers = [left for left, right in self.pairs if node.name in names_in(right)]
            numbers = ", ".join(f"{name}={shown(value)}" for name, value in node.arguments.items() if not tensors(value))
            text = f"{node.base}({numbers}) is missing behind {self.place(self.origin(operand(node)))}"
            if readers:
                self.note(readers[0], text)
            else:
                self.add(Change("note", value=text))

    def compare_stored(self):
        """Numbers that were set where they lie."""
        torch = require_torch()
        for name, tensor in self.new.items():
            if name not in self.old or name not in self.used or same_numbers(torch, self.old[name], tensor):
                continue
            if self.tied_otherwise(name, tensor):
                path, _, slot = name.rpartition(".")
                self.add(Change("parameter", path, slot, tuple(tensor.shape)))
            if name in self.before.constants:
                self.add(Change("note", value=f"'{name}', which is in no state dict, should hold other numbers, which the patch has"))
            else:
                self.numbers[name] = tensor

    def tied_otherwise(self, name, tensor):
        """Whether this is another name of a tensor that keeps its numbers, or gets others."""
        torch = require_torch()
        return any(other != name and other in self.used and same_storage(held, self.old[name]) and
                   not same_numbers(torch, self.new.get(other, held), tensor) for other, held in self.old.items())


def bare(base):
    """An operator that writes into its operand computes what the other does."""
    return base.rstrip("_")


def names_in(node):
    values = [item for value in node.arguments.values() for item in (value if isinstance(value, list) else [value])]
    return [value.text for value in values if isinstance(value, Name)]


def operand(node):
    """The first tensor that a node reads."""
    return next(iter(names_in(node)), None)


def tensors(value):
    return isinstance(value, Name) or isinstance(value, list) and any(isinstance(item, Name) for item in value)


def same(held, said):
    """Whether an attribute says what a call was given: 3 is [3, 3]."""
    if isinstance(said, list):
        values = list(held) if isinstance(held, (tuple, list)) else [held] * len(said)
        return len(said) > 0 and (values == said or len(said) == 1 and all(value == said[0] for value in values))
    return type(held) in (int, float, bool, str) and held == said


def like(held, new):
    """The new value in the form of the old one."""
    new = plain(new)
    if isinstance(new, tuple) and not isinstance(held, (tuple, list)) and len(set(new)) == 1:
        return new[0]
    return list(new) if isinstance(held, list) and isinstance(new, tuple) else new


def plain(value):
    """Lists as tuples; a number that went through 32 bits as what was written."""
    if isinstance(value, list):
        return tuple(plain(item) for item in value)
    if isinstance(value, float):
        import numpy as np
        short = np.float32(value)
        return float(str(short)) if float(short) == value else value
    return value


def shown(value):
    if isinstance(value, Name):
        return f"'{value.text}'"
    return f"[{', '.join(map(shown, value))}]" if isinstance(value, list) else repr(plain(value))


def same_numbers(torch, left, right):
    return left.shape == right.shape and left.dtype == right.dtype and torch.equal(left, right)
