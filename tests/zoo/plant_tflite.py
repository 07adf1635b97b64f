"""TFLite files for plant.py: how they are read and written, and the table of their faults (of the files in faults/).

Faults go into the main graph."""

import tflite_file
from faults import (tflite_attributes, tflite_broken, tflite_parameters, tflite_unrecognized, tflite_windows, tflite_wiring)
from faults.tflite_graph import File

FORMAT = "tflite"
FAULTS = [fault for part in (tflite_parameters, tflite_windows, tflite_attributes, tflite_wiring, tflite_unrecognized,
                             tflite_broken) for fault in part.FAULTS]


def read(path):
    return tflite_file.read(path)


def write(model, path):
    tflite_file.write(model, path)


# Numbers that stay with the operators while others come and go: an attribute that is not written.

def set_tags(model, tags):
    for operator, tag in zip(model.subgraphs[0].operators, tags):
        operator.planted_tag = tag


def tags_of(model):
    return [getattr(operator, "planted_tag", None) for operator in model.subgraphs[0].operators]


def remove_tags(model, original):
    pass
