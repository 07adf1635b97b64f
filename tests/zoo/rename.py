"""Replaces every name in an ONNX, TFLite, Keras or PyTorch file or a SavedModel by a random one: rename.py IN OUT --seed N

Names of nodes, values, graph inputs and outputs, nested graphs and free dimensions; documentation and metadata go. In a Keras
file those of models and layers, and of the groups and weights of an .h5 file (an archive's groups are called after classes). What
is computed stays the same. In a SavedModel those of nodes, functions and variables; signatures and the checkpoint keep their
keys, and --record FILE says the new paths in a record of plant.py, and in a PyTorch program those of nodes, values, weights
and members of the archive; the order of arguments is all that is left of a call. In TorchScript those of modules' attributes. A tool that leans on names shows it on such a file.
"""

import argparse
import json
import random
from pathlib import Path

from kinds import kind_of


class Names:
    """The same new name for the same old one, without repetition."""

    def __init__(self, seed):
        self.draw = random.Random(seed)
        self.taken = {"": ""}
        self.used = set()

    def __call__(self, old):
        if old not in self.taken:
            new = ""
            while not new or new in self.used:
                new = "n" + "".join(self.draw.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=10))
            self.used.add(new)
            self.taken[old] = new
        return self.taken[old]


def rename_type(kind, names):
    for field in ("tensor_type", "sparse_tensor_type"):
        if kind.HasField(field):
            for dimension in getattr(kind, field).shape.dim:
                if dimension.dim_param:
                    dimension.dim_param = names("dimension " + dimension.dim_param)
    for field in ("sequence_type", "optional_type"):
        if kind.HasField(field):
            rename_type(getattr(kind, field).elem_type, names)


def strip(message):
    """Documentation and metadata, where this kind of message has them."""
    for field in ("doc_string", "metadata_props"):
        if field in message.DESCRIPTOR.fields_by_name:
            message.ClearField(field)


def rename_node(node, names):
    strip(node)
    node.name = names("node " + node.name) if node.name else ""
    for values in (node.input, node.output):
        values[:] = [names(value) for value in values]
    for attribute in node.attribute:
        strip(attribute)
        if attribute.HasField("g"):
            rename_graph(attribute.g, names)
        if attribute.HasField("t"):
            attribute.t.ClearField("name")
        for graph in attribute.graphs:
            rename_graph(graph, names)


def rename_graph(graph, names):
    strip(graph)
    graph.name = names("graph " + graph.name)
    for node in graph.node:
        rename_node(node, names)
    for value in [*graph.input, *graph.output, *graph.value_info]:
        strip(value)
        value.name = names(value.name)
        rename_type(value.type, names)
    for tensor in graph.initializer:
        strip(tensor)
        tensor.name = names(tensor.name)
    for sparse in graph.sparse_initializer:
        sparse.values.name = names(sparse.values.name)
    for annotation in graph.quantization_annotation:
        annotation.tensor_name = names(annotation.tensor_name)
        for entry in annotation.quant_parameter_tensor_names:
            entry.value = names(entry.value)


def rename_onnx(source, target, seed):
    import onnx
    model = onnx.load(source)
    names = Names(seed)
    strip(model)
    for field in ("producer_name", "producer_version", "domain"):
        model.ClearField(field)
    rename_graph(model.graph, names)
    for function in model.functions:  # the operator that it defines keeps its name: nodes call it
        strip(function)
        own = Names(f"{seed} {function.domain} {function.name}")
        for node in function.node:
            rename_node(node, own)
        for values in (function.input, function.output):
            values[:] = [own(value) for value in values]
    onnx.save(model, target)


def rename_tflite(source, target, seed):
    import tflite_file
    model = tflite_file.read(source)
    names = Names(seed)
    model.description = None
    for entry in model.metadata or []:  # the buffer stays, empty, so that no other buffer moves
        model.buffers[entry.buffer].data = None
    model.metadata, model.metadataBuffer = None, None
    for index, graph in enumerate(model.subgraphs):
        graph.name = names(f"graph {index}")
        for position, tensor in enumerate(graph.tensors):
            tensor.name = names(f"tensor {index} {position}")
    for signature in model.signatureDefs or []:
        for entry in [*(signature.inputs or []), *(signature.outputs or [])]:
            entry.name = names("argument " + tflite_file.text(entry.name))
    tflite_file.write(model, target)


def rename_keras(source, target, seed):
    import rename_keras
    rename_keras.rename(source, target, Names(seed))


def rename_tensorflow(source, target, seed):
    """{old path of an operator: new one}"""
    import rename_tensorflow
    return rename_tensorflow.rename(source, target, Names(seed))


def rename_torch(source, target, seed):
    """{old name of a node: new one}"""
    import rename_torch
    return rename_torch.rename(source, target, Names(seed))


def rename_script(source, target, seed):
    """Names of operators are told by those of modules"""
    import rename_script
    return rename_script.rename(source, target, Names(seed))


def rename_in_record(path, paths):
    """The operators that plant.py's record names."""
    def renamed(record):
        known = {key: paths.get(record[key], record[key]) for key in ("node",) if key in record}
        return {**record, **known, **({"paths": [paths[p] for p in record["paths"]]} if "paths" in record else {})}
    record = json.loads(path.read_text())
    path.write_text(json.dumps([*map(renamed, record)] if isinstance(record, list) else renamed(record), indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("input", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--record", type=Path, help="of plant.py about IN: it gets the new names")
    options = parser.parse_args()
    rename = {"tflite": rename_tflite, "keras": rename_keras, "tensorflow": rename_tensorflow, "onnx": rename_onnx,
              "torch": rename_torch, "script": rename_script}
    paths = rename[kind_of(options.input)](options.input, options.output, options.seed)
    if options.record and paths is not None:
        rename_in_record(options.record, paths)


if __name__ == "__main__":
    main()
