"""ONNX files for plant.py: how they are read and written, and the table of their faults (of the files in faults/)."""

import onnx

from faults import onnx_attributes, onnx_broken, onnx_parameters, onnx_unrecognized, onnx_windows, onnx_wiring
from faults.onnx_graph import File

FORMAT = "onnx"
FAULTS = [fault for part in (onnx_parameters, onnx_windows, onnx_attributes, onnx_wiring, onnx_unrecognized, onnx_broken)
          for fault in part.FAULTS]


def read(path):
    return onnx.load(path)


def write(model, path):
    onnx.save(model, path)


# Numbers that stay with the operators while others come and go: in the documentation of the nodes, which is put back.

def set_tags(model, tags):
    for node, tag in zip(model.graph.node, tags):
        node.doc_string = str(tag)


def tags_of(model):
    return [int(node.doc_string) if node.doc_string.isdecimal() else None for node in model.graph.node]


def remove_tags(model, original):
    texts = [node.doc_string for node in original.graph.node]
    for node, tag in zip(model.graph.node, tags_of(model)):
        node.doc_string = texts[tag] if tag is not None and tag < len(texts) else ""
