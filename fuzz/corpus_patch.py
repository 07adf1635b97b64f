"""Seeds of the reader of patches; addresses are those of the small model in patch.cpp."""

import base64
import json
import struct


def at(operator, role="core", **more):
    return {"operator": operator, "role": role, **more}


def tensor(shape, values, kind="float32", code="f"):
    data = struct.pack(f"<{len(values)}{code}", *values)
    return {"dtype": kind, "shape": shape, "data": base64.b64encode(data).decode()}


def value(operator, output=0):
    return {"node": at(operator), "output": output}


def patch(*edits, **more):
    return {"patch": 1, "format": "onnx", "model_sha256": "00", "groups": [{"reason": "why", "edits": list(edits)}], **more}


def attribute(held):
    return {"edit": "set-attribute", "at": at(0), "name": "n", "value": held}


def insert(**more):
    return {"edit": "insert-node", "edge": value(0), "type": "Add", "attributes": {},
            "operands": [None, tensor([1], [1.0])], **more}


ADDRESSED = {
    "set-tensor": {"edit": "set-tensor", "at": at(0), "slot": 1, "tensor": tensor([2, 2, 1, 1], [1, 2, 3, 4])},
    "set-bias": {"edit": "set-tensor", "at": at(0), "slot": 2, "tensor": tensor([2], [1, 2])},
    "set-operand": {"edit": "set-operand", "at": at(3), "operand": 1, "value": value(0)},
    "set-operand-input": {"edit": "set-operand", "at": at(3), "operand": 1, "value": {"input": 0}},
    "change-type": {"edit": "change-type", "at": at(1), "type": "Elu", "attributes": {"alpha": {"float": 0.5}}},
    "insert-node": insert(), "insert-for-one": insert(edge=value(1), only={"at": at(3), "operand": 1}),
    "insert-reading": insert(other_operands=[{"operand": 1, "value": {"input": 0}}]),
    "remove-node": {"edit": "remove-node", "at": at(1), "through": 0},
    "keep-outputs": {"edit": "keep-outputs", "at": at(2), "keep": 1},
}

HOSTILE = {
    "slot-far": {**ADDRESSED["set-bias"], "slot": 65535}, "slot-outside": {**ADDRESSED["set-bias"], "slot": 65536},
    "operator-outside": {**ADDRESSED["remove-node"], "at": at(2**31)},
    "operator-negative": {**ADDRESSED["remove-node"], "at": at(-2)},
    "through-outside": {**ADDRESSED["remove-node"], "through": 9},
    "keep-none": {"edit": "keep-outputs", "at": at(2), "keep": 0},
    "remove-constant": {"edit": "remove-node", "at": at(0), "through": 1},
    "edge-absent": insert(edge=value(2, 1)), "edge-outside": insert(edge=value(0, 7)),
    "reads-absent": insert(other_operands=[{"operand": 1, "value": value(2, 1)}]),
    "operand-absent": {"edit": "set-operand", "at": at(3), "operand": 0, "value": value(2, 1)},
    "reads-later": {"edit": "set-operand", "at": at(0), "operand": 0, "value": value(3)},
    "remove-absent-output": {"edit": "keep-outputs", "at": at(2), "keep": 65535},
    "no-operands": insert(operands=[]),
    "data-short": {**ADDRESSED["set-tensor"], "tensor": {"dtype": "float32", "shape": [4], "data": "AAAA"}},
    "data-not-base64": {**ADDRESSED["set-tensor"], "tensor": {"dtype": "float32", "shape": [1], "data": "====AA  "}},
    "data-blank": {**ADDRESSED["set-tensor"], "tensor": {"dtype": "float32", "shape": [0], "data": "\n\n\n\n"}},
    "shape-huge": {**ADDRESSED["set-tensor"], "tensor": {"dtype": "int8", "shape": [2**40, 2**40], "data": ""}},
    "shape-negative": {**ADDRESSED["set-tensor"], "tensor": {"dtype": "int8", "shape": [-1], "data": ""}},
    "type-unknown": {**ADDRESSED["set-tensor"], "tensor": {"dtype": "string", "shape": [], "data": ""}},
}


def seeds():
    out = {name: patch(edit) for name, edit in {**ADDRESSED, **HOSTILE}.items()}
    out["all"] = patch(*ADDRESSED.values())
    for name, held in {"int": {"int": -1}, "float": {"float": "inf"}, "string": {"string": "SAME"}, "ints": {"ints": [1, 2]},
                       "floats": {"floats": [1, "nan"]}, "strings": {"strings": ["a"]}, "tensor": {"tensor": tensor([], [1.0])},
                       "none": None, "two": {"int": 1, "float": 2.0}, "unknown": {"graph": {}}, "big": {"int": 2**63},
                       "float-beyond": {"float": 1e300}, "mixed": {"ints": [1, "a"]}}.items():
        out[f"attribute-{name}"] = patch(attribute(held))
    # The way back: size, then own bytes, copied bytes, their offset.
    for name, delta in {"short": b"\x05\x01a\x04\x00", "empty": b"\x00", "size-huge": b"\xff" * 8 + b"\x7f",
                        "copies-outside": b"\x05\x00\x05\xff\xff\x7f", "own-outside": b"\x05\xff\xff\xff\x7fa",
                        "many-copies": b"\xff\xff\xff\x7f" + b"\x00\x7f\x00" * 2000}.items():
        out[f"reverse-{name}"] = {**patch(), "reverse": {"patched_sha256": "00", "delta": base64.b64encode(delta).decode()}}
    known = [{"operator": 0, "own": "a"}, {"operator": 3, "own": "b", "around": ["c", "d"]}, {"input": 0, "own": "x"}]
    out["fingerprints"] = {**patch(*ADDRESSED.values()), "fingerprints": known}
    out["fingerprints-outside"] = {**patch(ADDRESSED["set-bias"]), "fingerprints": [{"operator": 2**31 - 1, "own": "", "around": [1]}]}
    out["version-2"] = {**patch(), "patch": 2}
    out["no-groups"] = {"patch": 1, "format": "onnx", "model_sha256": ""}
    out["groups-are-text"] = {**patch(), "groups": "none"}
    out["unknown-edit"] = patch({"edit": "explode", "at": at(0)})
    texts = {name: json.dumps(made) for name, made in out.items()}
    texts |= {
        "list": "[]", "cut": texts["all"][:200], "not-a-number": '{"patch": NaN}', "empty": "",
        "bad-utf-8": texts["change-type"].replace("Elu", "\udcff"),
        "deep-lists": "[" * 3000, "deep-and-closed": "[" * 3000 + "]" * 3000,
        "deep-groups": '{"patch":1,"format":"","model_sha256":"","groups":' + "[" * 9000 + "]" * 9000 + "}",
        "deep-objects": '{"a":' * 3000 + "1" + "}" * 3000,
        "brackets-in-text": json.dumps({**patch(), "format": "[{\\\"" * 500})}
    return {name: text.encode("utf-8", "surrogateescape") for name, text in texts.items()}
