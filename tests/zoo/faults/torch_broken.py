"""PyTorch: files that torch.export.load refuses, or whose program does not run."""

import numpy

from faults.common import GRAPH, HYPERPARAMETERS, INPUT, PARAMETERS, TENSOR_STRUCTURE, DoesNotApply, broken
from faults.torch_graph import argument, change_argument, entry, of, references, slot_name, tensor, word
from faults.torch_parameters import bias_places, change_numbers, kernels, weights
from faults.torch_windows import convolutions
from torch_file import PROGRAM, TABLES


def change_node(change, **what):
    def apply(file, index, draw):
        change(file.nodes[index])
        return file.record(index, **what)
    return apply


def change_file(change, **what):
    """About the whole file: told at its first operator."""
    def apply(file, index, draw):
        change(file.model)
        return {**file.record(index), "whole": True, **what}
    return apply


def at_last(edit):
    """What is done to the archive's members."""
    def change(model):
        model.edit = edit
    return change


def of_tensor(change):
    """What is done about one tensor in its table or to its member: change(model, its name, draw)."""
    def apply(file, place, draw):
        index, slot = place
        name = file.stored[file.operand(index, slot)]
        record = file.record(index, slot=slot_name(slot), tensor=name)
        change(file.model, name, draw)
        return record
    return apply


def lose_member(model, name, draw):
    del model.members[model.member(name)]


def cut_member(model, name, draw):
    model.members[model.member(name)] = model.members[model.member(name)][:-4]


def lose_entry(model, name, draw):
    del model.tables[model.table_of(name)][name]


def claim_more(model, name, draw):
    """Sizes that the member has no numbers for."""
    meta = model.tables[model.table_of(name)][name]["tensor_meta"]
    meta["sizes"][0] = {"as_int": meta["sizes"][0]["as_int"] * 3}


def claim_offset(model, name, draw):
    meta = model.tables[model.table_of(name)][name]["tensor_meta"]
    meta["storage_offset"] = {"as_int": 10**9}


def unknown_dtype(model, name, draw):
    model.tables[model.table_of(name)][name]["tensor_meta"]["dtype"] = 99


def exchanged(array, axis, draw):
    """Shape of another layout: first axis last."""
    return numpy.ascontiguousarray(numpy.moveaxis(array, 0, -1)) if array.ndim > 1 else None


def rename_target(node):
    node["target"] = node["target"].replace("aten.", "aten.planted_")


def rename_overload(node):
    node["target"] = node["target"].rsplit(".", 1)[0] + ".Planted"


def lose_operand(node):
    del node["inputs"][1]


def lose_first(node):
    del node["inputs"][0]


def rename_argument(node):
    node["inputs"][-1]["name"] = "planted"
    node["inputs"][-1]["kind"] = 2


def unknown_kind(node):
    node["inputs"][-1]["arg"] = {"as_planted": 1}


def set_groups(file, index, draw):
    return change_argument(file, index, "groups", 5)


def out_of_range(file, index, draw):
    return change_argument(file, index, "dim", 9)


def resize_reshape(file, index, draw):
    name = "size" if word(file.nodes[index]) == "view" else "shape"
    before = argument(file.nodes[index], name)
    if not all(isinstance(n, int) for n in before):
        raise DoesNotApply("its shape is computed")
    return change_argument(file, index, name, [*before[:-1], abs(before[-1]) * 7 + 3])


def text_for_numbers(file, index, draw):
    name = next((n for n in ("stride", "padding", "dilation") if entry(file.nodes[index], n)), None)
    if name is None:
        raise DoesNotApply("it has none")
    return change_argument(file, index, name, "planted")


def read_unknown(file, index, draw):
    slot = next((e["name"], k) for e in file.nodes[index]["inputs"] for k, _ in references(e["arg"]))
    record = file.record(index, slot=slot_name(slot), before=file.operand(index, slot))
    file.set_operand(index, slot, "planted_nowhere")
    return record


def close_cycle(file, index, draw):
    later = [file.output(i) for i in file.live if i > index + 1]
    if not later:
        raise DoesNotApply("nothing comes after it")
    slot = next((e["name"], k) for e in file.nodes[index]["inputs"] for k, _ in references(e["arg"]))
    record = file.record(index, slot=slot_name(slot), before=file.operand(index, slot))
    file.set_operand(index, slot, later[draw.integers(len(later))])
    return record


def drop_flatten(file, index, draw):
    return file.remove(index)


def reverse(model):
    model.graph["nodes"].reverse()


def lose_output(model):
    model.graph["outputs"][0] = tensor("planted_nowhere")


def lose_input_spec(model):
    del model.signature["input_specs"][0]


def lose_graph_input(model):
    del model.graph["inputs"][-1]


def lose_values(model):
    model.graph["tensor_values"].clear()


def set_schema(major):
    def change(model):
        model.json["schema_version"]["major"] = major
    return change


def without(*paths):
    return lambda members: {name: data for name, data in members.items() if name not in paths}


def cut_json(members):
    return {name: data[: len(data) // 2] if name == PROGRAM else data for name, data in members.items()}


def first(file):
    return file.live[:1]


P, H, G, T, I = PARAMETERS, HYPERPARAMETERS, GRAPH, TENSOR_STRUCTURE, INPUT
live = lambda file: file.live
FAULTS = [
    broken("broken-weights-lost", P, weights, of_tensor(lose_member)),
    broken("broken-data-short", P, weights, of_tensor(cut_member)),
    broken("broken-table-entry-lost", P, weights, of_tensor(lose_entry)),
    broken("broken-table-sizes", T, weights, of_tensor(claim_more)),
    broken("broken-table-offset", T, weights, of_tensor(claim_offset)),
    broken("broken-table-dtype", T, weights, of_tensor(unknown_dtype)),
    broken("broken-weights-shape", P, weights, change_numbers(exchanged)),
    broken("broken-weights-rank", T, kernels, change_numbers(lambda a, *_: a.reshape(-1))),
    broken("broken-weights-type", T, weights, change_numbers(lambda a, *_: a.astype(numpy.float64))),
    broken("broken-bias-length", P, bias_places, change_numbers(lambda a, *_: a[:-1])),
    broken("broken-bias-type", T, bias_places, change_numbers(lambda a, *_: a.astype(numpy.int32))),
    broken("broken-type-unknown", G, live, change_node(rename_target)),
    broken("broken-overload-unknown", G, live, change_node(rename_overload)),
    broken("broken-operand-lost", G, of("add", "mul", "conv2d", "linear", "matmul", "batch_norm"), change_node(lose_operand, slot=1)),
    broken("broken-data-operand-lost", G, live, change_node(lose_first, slot=0)),
    broken("broken-argument-renamed", H, live, change_node(rename_argument)),
    broken("broken-argument-kind", H, live, change_node(unknown_kind)),
    broken("broken-argument-type", H, convolutions, text_for_numbers),
    broken("broken-group", H, convolutions, set_groups),
    broken("broken-axis-range", H, of("cat", "softmax", "select", "chunk"), out_of_range),
    broken("broken-reshape-size", T, of("reshape", "view"), resize_reshape),
    broken("broken-flatten-dropped", G, of("flatten", "reshape", "view", "squeeze"), drop_flatten),
    broken("broken-name-unknown", G, live, read_unknown),
    broken("broken-cycle", G, live, close_cycle),
    broken("broken-order", G, first, change_file(reverse, attribute="order")),
    broken("broken-output-lost", G, first, change_file(lose_output, attribute="graph outputs")),
    broken("broken-signature", G, first, change_file(lose_input_spec, attribute="input_specs")),
    broken("broken-input-lost", I, first, change_file(lose_graph_input, attribute="graph inputs")),
    broken("broken-values-lost", T, first, change_file(lose_values, attribute="tensor_values")),
    broken("broken-schema-new", G, first, change_file(set_schema(99), attribute="schema_version", after=99)),
    broken("broken-program-lost", G, first, change_file(at_last(without(PROGRAM)), attribute=PROGRAM)),
    broken("broken-program-cut", G, first, change_file(at_last(cut_json), attribute=PROGRAM)),
    broken("broken-table-lost", P, first, change_file(at_last(without(TABLES["weights"])), attribute=TABLES["weights"])),
    broken("broken-format-lost", G, first, change_file(at_last(without("archive_format")), attribute="archive_format")),
    broken("broken-version-lost", G, first, change_file(at_last(without("archive_version")), attribute="archive_version")),
]
