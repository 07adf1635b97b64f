"""TorchScript: files that torch.jit.load refuses, or whose program does not run."""

import re

import numpy

from faults.common import GRAPH, HYPERPARAMETERS, PARAMETERS, TENSOR_STRUCTURE, DoesNotApply, broken
from faults.torch_broken import change_file, drop_flatten, exchanged, first, out_of_range, resize_reshape, set_groups
from faults.torch_graph import of, slot_name
from faults.torch_parameters import bias_places, change_numbers, kernels, weights
from faults.torch_windows import convolutions

CODE, PICKLE, VERSION = "code/", "data.pkl", "version"


def of_member(change):
    """What is done to the member of the archive that holds one tensor's numbers: change(members, its path)."""
    def apply(file, place, draw):
        index, slot = place
        name = file.operand(index, slot)
        content = file.model.array(name).tobytes()

        def edit(members):
            same = [path for path, data in members.items() if data == content]
            if len(same) != 1:
                raise DoesNotApply("its numbers are there twice")
            change(members, same[0])
        file.model.edit = edit
        return file.record(index, slot=slot_name(slot), tensor=name)
    return apply


def lose(members, path):
    del members[path]


def at_last(edit):
    def change(model):
        model.edit = edit
    return change


def main_code(members):
    """The longest text of modules: of the net itself, not of the layers that it is made of."""
    texts = [path for path in members if path.startswith(CODE) and path.endswith(".py") and b"class " in members[path]]
    return max(texts, key=lambda path: len(members[path]))


def in_code(change):
    def edit(members):
        path = main_code(members)
        before = members[path].decode()
        members[path] = change(before).encode()
        if members[path].decode() == before:
            raise DoesNotApply("its text has nothing of that")
    return change_file(at_last(edit), attribute=CODE)


def set_version(members):
    members[VERSION] = b"99\n"


P, H, G, T = PARAMETERS, HYPERPARAMETERS, GRAPH, TENSOR_STRUCTURE
FAULTS = [
    broken("broken-weights-lost", P, weights, of_member(lose)),
    broken("broken-weights-shape", P, weights, change_numbers(exchanged)),
    broken("broken-weights-rank", T, kernels, change_numbers(lambda a, *_: a.reshape(-1))),
    broken("broken-weights-type", T, weights, change_numbers(lambda a, *_: a.astype(numpy.float64))),
    broken("broken-bias-length", P, bias_places, change_numbers(lambda a, *_: a[:-1])),
    broken("broken-group", H, convolutions, set_groups),
    broken("broken-axis-range", H, of("cat", "softmax", "select", "chunk"), out_of_range),
    broken("broken-reshape-size", T, of("reshape", "view"), resize_reshape),
    broken("broken-flatten-dropped", G, of("flatten", "reshape", "view", "squeeze"), drop_flatten),
    broken("broken-type-unknown", G, first, in_code(lambda text: re.sub(r"torch\.(\w+)\(", r"torch.planted_\1(", text, count=1))),
    broken("broken-attribute-unknown", G, first, in_code(lambda text: re.sub(r"self\.(\w+)", r"self.planted_\1", text, count=1))),
    broken("broken-code-cut", G, first, in_code(lambda text: text[: len(text) // 2])),
    broken("broken-code-lost", G, first, change_file(at_last(lambda members: lose(members, main_code(members))), attribute=CODE)),
    broken("broken-pickle-lost", P, first, change_file(at_last(lambda members: lose(members, PICKLE)), attribute=PICKLE)),
    broken("broken-version-new", G, first, change_file(at_last(set_version), attribute=VERSION, after=99)),
]
