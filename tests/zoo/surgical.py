"""What differs between two versions of one file, and what is equal: surgical.py BEFORE AFTER (ONNX or TFLite)

Prints one JSON. Operators are paired in order (an insertion or removal shifts the rest, it does not change it) and then
compared field by field; tensors are compared by their bytes. Offsets in the file do not count. "equal" is true when
nothing at all differs; "elsewhere" names parts outside operators, tensors and values that differ.
"""

import argparse
import difflib
import json
from pathlib import Path

import numpy


def pair(before, after):
    """(paired indices, removed, added) of two lists of keys."""
    pairs, removed, added = [], [], []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for kind, a, a_end, b, b_end in matcher.get_opcodes():
        both = min(a_end - a, b_end - b) if kind in ("equal", "replace") else 0
        # A run that was replaced by one of equal length was changed in place; else what does not fit came or went.
        if kind == "replace" and a_end - a != b_end - b:
            both = 0
        pairs += [(a + n, b + n) for n in range(both)]
        removed += range(a + both, a_end)
        added += range(b + both, b_end)
    return pairs, removed, added


def fields(before, after):
    """What changed between two dictionaries."""
    return {key: {"before": before.get(key), "after": after.get(key)}
            for key in sorted(before.keys() | after.keys()) if before.get(key) != after.get(key)}


def compare_operators(before, after, keys):
    """Both are lists of {"type", "name", ...}. Operators that only read a renamed edge count as rewired, not changed."""
    pairs, removed, added = pair([keys(o) for o in before], [keys(o) for o in after])
    changed = [{"before_index": a, "after_index": b, "type": before[a]["type"], "name": before[a]["name"],
                "fields": fields(before[a], after[b])} for a, b in pairs if before[a] != after[b]]
    brief = lambda rows, indices: [{"index": i, "type": rows[i]["type"], "name": rows[i]["name"]} for i in indices]
    return {"operators_before": len(before), "operators_after": len(after), "removed": brief(before, removed),
            "added": brief(after, added), "changed": changed}


def compare_tensors(before, after):
    """Both map a key to (description, bytes)."""
    rows = []
    for key in sorted(before.keys() & after.keys()):
        (old, old_bytes), (new, new_bytes) = before[key], after[key]
        if old == new and old_bytes == new_bytes:
            continue
        row = {"tensor": key, **fields(old, new)}
        if len(old_bytes) == len(new_bytes):
            a, b = (numpy.frombuffer(data, numpy.uint8) for data in (old_bytes, new_bytes))
            row["bytes_changed"] = int((a != b).sum())
        row["bytes"] = [len(old_bytes), len(new_bytes)]
        rows.append(row)
    return {"tensors_before": len(before), "tensors_after": len(after), "tensors_changed": rows,
            "tensors_removed": sorted(before.keys() - after.keys()), "tensors_added": sorted(after.keys() - before.keys())}


# --- ONNX --------------------------------------------------------------------------------------------------------------

def onnx_parts(path):
    import onnx
    from onnx import numpy_helper
    model = onnx.load(path)
    graph = model.graph

    def value_of(attribute):
        if attribute.type == onnx.AttributeProto.TENSOR:
            return f"tensor {numpy_helper.to_array(attribute.t).tobytes().hex()[:64]}"
        value = onnx.helper.get_attribute_value(attribute)
        if isinstance(value, bytes):
            return value.decode(errors="replace")
        return value if isinstance(value, (int, float)) else [v if isinstance(v, (int, float)) else str(v) for v in value] \
            if attribute.type in (onnx.AttributeProto.INTS, onnx.AttributeProto.FLOATS, onnx.AttributeProto.STRINGS) \
            else str(value)

    operators = [{"type": node.op_type, "name": node.name, "domain": node.domain, "inputs": list(node.input),
                  "outputs": list(node.output), "text": node.doc_string,
                  **{f"attribute {a.name}": value_of(a) for a in node.attribute}} for node in graph.node]
    tensors = {}
    stored = [(t.name, t) for t in graph.initializer]
    stored += [(n.output[0], a.t) for n in graph.node if n.op_type == "Constant" for a in n.attribute if a.name == "value"]
    for name, tensor in stored:
        tensors[name] = ({"type": tensor.data_type, "shape": list(tensor.dims)}, numpy_helper.to_array(tensor).tobytes())
    rest = {"opset": [(o.domain, o.version) for o in model.opset_import], "ir_version": model.ir_version,
            "producer": [model.producer_name, model.producer_version], "graph_name": graph.name,
            "inputs": [i.SerializeToString() for i in graph.input], "outputs": [o.SerializeToString() for o in graph.output],
            "value_info": [v.SerializeToString() for v in graph.value_info],
            "metadata": [m.SerializeToString() for m in model.metadata_props],
            "functions": [f.SerializeToString() for f in model.functions],
            "initializer_order": [t.name for t in graph.initializer]}
    return operators, tensors, rest


# --- TFLite ------------------------------------------------------------------------------------------------------------

def plain(value):
    """An object of the schema as JSON; an empty list is as good as none, and written as none by flatbuffers."""
    if hasattr(value, "__dict__"):
        return {key: plain(entry) for key, entry in vars(value).items()}
    if isinstance(value, numpy.ndarray):
        return value.tolist() or None
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value] or None
    return value.decode(errors="replace") if isinstance(value, bytes) else value.item() if isinstance(value, numpy.generic) else value


def tflite_parts(path):
    import tflite_file
    model = tflite_file.read(path)
    operators, tensors = [], {}
    rest = {"version": model.version, "description": plain(model.description), "signatures": plain(model.signatureDefs),
            "metadata": [[plain(m.name), len(model.buffers[m.buffer].data if model.buffers[m.buffer].data is not None else [])]
                         for m in model.metadata or []],
            "operator_codes": [(c.builtinCode, c.version) for c in model.operatorCodes],
            "buffers": len(model.buffers)}
    for number, graph in enumerate(model.subgraphs):
        rest[f"inputs and outputs of graph {number}"] = [tflite_file.numbers(graph.inputs), tflite_file.numbers(graph.outputs)]
        for operator in graph.operators:
            names = tflite_file.numbers(operator.outputs)
            operators.append({"graph": number, "type": tflite_file.op_name(model, operator),
                              "name": tflite_file.text(graph.tensors[names[0]].name) if names else "",
                              "version": model.operatorCodes[operator.opcodeIndex].version,
                              "inputs": tflite_file.numbers(operator.inputs), "outputs": names,
                              "options": plain(operator.builtinOptions), "options2": plain(operator.builtinOptions2),
                              "custom": plain(operator.customOptions)})
        for index, tensor in enumerate(graph.tensors):
            about = {key: plain(value) for key, value in vars(tensor).items() if key not in ("buffer",)}
            tensors[f"{number}/{index}"] = (about, tflite_file.raw(model, tensor) or b"")
    return operators, tensors, rest


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    options = parser.parse_args()
    if options.before.suffix == ".tflite":
        parts = tflite_parts
        keys = lambda o: (o["graph"], o["type"], tuple(o["outputs"]))
    else:
        parts = onnx_parts
        keys = lambda o: (o["type"], tuple(o["outputs"]))
    before, after = parts(options.before), parts(options.after)
    result = {**compare_operators(before[0], after[0], keys), **compare_tensors(before[1], after[1]),
              "elsewhere": [key for key in before[2].keys() | after[2].keys() if before[2].get(key) != after[2].get(key)]}
    lists = ("removed", "added", "changed", "tensors_changed", "tensors_removed", "tensors_added", "elsewhere")
    result["equal"] = not any(result[key] for key in lists)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
