"""SavedModels for plant.py: how they are read and written, and the table of their faults (of the files in faults/).

The operators are those of the signature serving_default, with the calls of functions looked into (tensorflow_nodes.py)."""

import tensorflow_file
from faults import (tensorflow_attributes, tensorflow_broken, tensorflow_parameters, tensorflow_unrecognized, tensorflow_windows,
                    tensorflow_wiring)
from faults.tensorflow_graph import TAG, File, set_attribute

FORMAT = "tensorflow"
FAULTS = [fault for part in (tensorflow_parameters, tensorflow_windows, tensorflow_attributes, tensorflow_wiring,
                             tensorflow_unrecognized, tensorflow_broken) for fault in part.FAULTS]


def read(path):
    return tensorflow_file.read(path)


def write(model, path):
    tensorflow_file.write(model, path)


def paths(model):
    """By which judges find an operator again: a record's numbers mean the places in this list."""
    return [operator.path for operator in File(model).operators]


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
