"""A repair as edits of a live module: what its code would say, and the same done to a copy."""

import copy
import re
from dataclasses import dataclass
from typing import Any, Optional

from .modules import quiet, require_torch
from .results import Location

ATTRIBUTE_BY_NAME = re.compile(r"getattr\((.*), ('[^']*'|\"[^\"]*\")\)")
AGREES = 1e-5  # of the largest output: another order of sums, and no more


@dataclass(frozen=True)
class Change:
    """One edit of a module. `kind`:

    attribute    of the module at `path`, `name` becomes `value`
    parameter    the module gets a parameter (or buffer) `name` of the shape `value`; its numbers are in the state dict
    module       torch.nn's class `name` with the arguments `value` takes the place of the module
    eval         the whole model is put in eval mode
    note         what no plain edit says: `value` tells it, and a human does it
    """

    kind: str
    path: str = ""
    name: str = ""
    value: Any = None
    at: Optional[Location] = None
    buffer: bool = False
    where: str = "model"  # the module at `path` in Python

    @property
    def plain(self):
        return self.kind != "note"

    @property
    def code(self):
        """One line of Python, for a variable `model`; of a note a comment."""
        if self.kind == "eval":
            return "model.eval()"
        if self.kind == "note":
            return "# " + f"{self.at or self.path or 'model'}: {self.value}".replace("\n", " ")
        if self.kind == "module":
            given = ", ".join(f"{key}={value!r}" for key, value in self.value.items())
            new = f"torch.nn.{self.name}({given})"
            found = ATTRIBUTE_BY_NAME.fullmatch(self.where)
            return f"setattr({found[1]}, {found[2]}, {new})" if found else f"{self.where} = {new}"
        if self.kind == "parameter":
            shape = ", ".join(map(str, self.value))
            if self.buffer:
                return f"{self.where}.register_buffer({self.name!r}, torch.empty({shape}))"
            return f"{self.where}.{self.name} = torch.nn.Parameter(torch.empty({shape}))"
        return f"{self.where}.{self.name} = {self.value!r}"

    def apply(self, model):
        torch = require_torch()
        if self.kind == "eval":
            model.eval()
        elif self.kind == "attribute":
            setattr(model.get_submodule(self.path), self.name, self.value)
        elif self.kind == "module":
            parent, _, last = self.path.rpartition(".")
            new = getattr(torch.nn, self.name)(**self.value)
            new.training = model.get_submodule(self.path).training
            setattr(model.get_submodule(parent), last, new)
        elif self.kind == "parameter":
            held = model.get_submodule(self.path)
            if self.buffer:
                held.register_buffer(self.name, torch.empty(*self.value))
            else:
                setattr(held, self.name, torch.nn.Parameter(torch.empty(*self.value)))


def expression(model, path):
    """features.0.conv as model.features[0].conv"""
    torch, text = require_torch(), "model"
    for place, part in enumerate(parts := path.split(".") if path else []):
        parent = model.get_submodule(".".join(parts[:place]))
        if part.isidentifier():
            text += f".{part}"
        elif part.isdecimal() and isinstance(parent, (torch.nn.Sequential, torch.nn.ModuleList)):
            text += f"[{part}]"
        else:
            text = f"getattr({text}, {part!r})"
    return text


def changed_copy(module, changes):
    """A copy in which the plain changes are made, or None where it can't be copied."""
    try:
        made = copy.deepcopy(module)
    except Exception:  # of many types: tensors that are no leaves, open files, locks
        return None
    for change in changes:
        change.apply(made)
    return made


def same_storage(left, right):
    return left.data_ptr() == right.data_ptr() and left.shape == right.shape and left.stride() == right.stride()


def state_of(module, changed, numbers):
    """The state dict of the changed module: `numbers` where they are new (under all names of the same tensor), else the module's own
    tensors. None without new numbers."""
    if not numbers:
        return None
    own = module.state_dict()
    held = own if changed is None else changed.state_dict()
    state = own.__class__()
    for name, tensor in held.items():
        tied = [new for of, new in numbers.items() if of in held and tensor.numel() and same_storage(held[of], tensor)]
        if name in numbers or tied:
            state[name] = numbers[name] if name in numbers else tied[0]
        else:
            state[name] = own.get(name, tensor)
    return state


def computes_the_same(changed, program, examples):
    """Whether the changed copy computes what the repaired program computes, on the example inputs."""
    torch = require_torch()
    leaves = torch.utils._pytree.tree_leaves
    positional, named = examples
    for part in changed.modules():
        part.training = False
    with torch.no_grad(), quiet():
        try:
            left, right = leaves(changed(*positional, **named)), leaves(program.module()(*positional, **named))
        except Exception:  # a change with which it does not run
            return False
    pairs = [pair for pair in zip(left, right) if isinstance(pair[1], torch.Tensor)]
    return len(left) == len(right) and all(close(torch, *pair) for pair in pairs)


def close(torch, left, right):
    if left.shape != right.shape:
        return False
    if not right.is_floating_point():
        return torch.equal(left, right)
    largest = right.abs().max() if right.numel() else 0
    return torch.allclose(left, right, rtol=0, atol=float(largest) * AGREES, equal_nan=True)
