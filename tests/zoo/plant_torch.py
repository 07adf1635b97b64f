"""PyTorch programs (.pt2) for plant.py: how they are read and written, and the table of their faults (of the files in faults/).

The operators are the nodes of the graph. A file says the dtype and shape of every value; where a fault changes those, they are
asked of torch, which runs the program, so that the planted file is one that torch.export could have written.
"""

import json

import numpy

import torch_client
from faults import (torch_attributes, torch_broken, torch_parameters, torch_unrecognized, torch_windows, torch_wiring)
from faults.torch_graph import File
from torch_file import CODES, Program

FORMAT = "torch"
FAULTS = [fault for part in (torch_parameters, torch_windows, torch_attributes, torch_wiring, torch_unrecognized, torch_broken)
          for fault in part.FAULTS]
TAG = "planted_tag"


class Model(Program):
    """A program that remembers its file, to ask what a value inside is."""

    def __init__(self, path):
        super().__init__(path)
        self.path, self.graph_before = path, json.dumps(self.graph)

    def value(self, name):
        """What a computed value is for one noise sample."""
        return ask(self.path, name, 3)


def ask(path, name, seed):
    session = torch_client.Session(path)
    draw = numpy.random.default_rng(seed)
    shapes = [[d or 1 for d in shape] for shape, _ in session.slots]
    noise = [draw.standard_normal(shape, numpy.float32) for shape in shapes]
    return session.ask((name, [(abs(value) if "int" in dtype else value).astype(dtype)
                               for value, (_, dtype) in zip(noise, session.slots)]))


def read(path):
    return Model(path)


def write(model, path):
    tags = [node.pop(TAG, None) for node in model.graph["nodes"]]
    model.write(path)
    has_changed = json.dumps(model.graph) != model.graph_before and not model.edit
    if has_changed and refresh_values(model, path):
        model.write(path)
    for node, tag in zip(model.graph["nodes"], tags):
        if tag is not None:
            node[TAG] = tag


def refresh_values(model, path):
    """Whether some value has another dtype or shape than the file said; what can't run stays as it is."""
    try:
        seen = ask(path, None, 0)
    except (torch_client.Refusal, ConnectionError):
        return False
    values, changed = model.graph["tensor_values"], False
    for name, (dtype, sizes, strides) in seen.items():
        if name not in values or dtype not in CODES:
            continue
        meta = values[name]
        is_free = len(meta["sizes"]) == len(sizes) and any("as_int" not in n for n in meta["sizes"])
        after = [old if is_free and "as_int" not in old else {"as_int": new}
                 for old, new in zip(meta["sizes"] if is_free else [{}] * len(sizes), sizes)]
        if after != meta["sizes"] or meta["dtype"] != CODES[dtype] or name.startswith("planted_"):
            meta.update(sizes=after, dtype=CODES[dtype])
            if not is_free:
                meta["strides"] = [{"as_int": n} for n in strides]
            changed = True
    return changed


# Numbers that stay with the operators while others come and go: beside what a node says of itself.

def set_tags(model, tags):
    for node, tag in zip(model.graph["nodes"], tags):
        node[TAG] = tag


def tags_of(model):
    return [node.get(TAG) for node in model.graph["nodes"]]


def remove_tags(model, original):
    for node in model.graph["nodes"]:
        node.pop(TAG, None)
