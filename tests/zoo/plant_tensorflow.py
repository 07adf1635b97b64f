"""SavedModels for plant.py: how they are read and written, and the table of their faults (of the files in faults/).

The operators are those of the signature serving_default, with the calls of functions looked into (tensorflow_nodes.py)."""

import tensorflow_file
from faults import (tensorflow_attributes, tensorflow_broken, tensorflow_parameters, tensorflow_unrecognized,
                    tensorflow_windows, tensorflow_wiring)
from faults.tensorflow_graph import TAG, File, set_attribute
from tensorflow_nodes import Flat

FORMAT = "tensorflow"
# After these other shapes come out, which is not what the file notes any more.
RESHAPING = {"axes-not-mapped", "reduce-keep-dims", "concat-axis", "slice-end", "transpose-order", "reshape-order",
             "batch-frozen", "batch-frozen-computed", *(fault.name for fault in tensorflow_windows.FAULTS)}


def forgetting(apply):
    def changed(file, place, draw):
        record = apply(file, place, draw)
        file.refresh()
        for index in {record["index"], record.get("inserted", record["index"])}:
            file.forget_shapes(index)
        return record
    return changed


def complete(fault):
    return fault._replace(apply=forgetting(fault.apply)) if fault.name in RESHAPING else fault


FAULTS = [complete(fault) for part in (tensorflow_parameters, tensorflow_windows, tensorflow_attributes, tensorflow_wiring,
                             tensorflow_unrecognized, tensorflow_broken) for fault in part.FAULTS]


def read(path):
    return tensorflow_file.read(path)


def write(model, path):
    tensorflow_file.write(model, path)


def paths(model, original):
    """By which judges find an operator again: a record's numbers mean the places in this list. A damaged graph may not hang
    together any more; its faults count in the original."""
    try:
        return [operator.path for operator in Flat(model).operators]
    except (KeyError, AttributeError, IndexError, ValueError):
        return [operator.path for operator in Flat(original).operators]


# Numbers that stay with the operators while others come and go: in an attribute of the nodes, which is taken out again.

def set_tags(model, tags):
    for operator, tag in zip(File(model).operators, tags):
        set_attribute(operator.node, TAG, int(tag))


def tags_of(model):
    return [operator.node.attr[TAG].i if TAG in operator.node.attr else None for operator in File(model).operators]


def remove_tags(model, original):
    for nodes in [model.graph.node, *(function.node_def for function in model.graph.library.function)]:
        for node in nodes:
            node.attr.pop(TAG, None)
