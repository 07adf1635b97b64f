"""0.5 x (1 + erf(x / sqrt 2)) as one Gelu node: fuse_gelu.py IN OUT. The file's opset has to be 20 or newer."""

import sys

from onnx.helper import make_node

import same
from onnx_file import OnnxFile


def scalar(file, name):
    array = file.array(name)
    return float(array.ravel()[0]) if array is not None and array.size == 1 else None


def split(file, node):
    """(the computed operand, the scalar) of a node with one of each, or (None, None)."""
    for value, other in (node.input, reversed(node.input)):
        if scalar(file, other) is not None:
            return value, scalar(file, other)
    return None, None


def root_of(file, erf, producers):
    """x, when the node computes erf(x / sqrt 2)."""
    before = producers.get(erf.input[0])
    if before is None or before.op_type not in ("Mul", "Div"):
        return None
    x, factor = split(file, before)
    factor = factor if before.op_type == "Mul" or factor is None else 1 / factor
    return x if factor is not None and abs(factor - 0.5 ** 0.5) < 1e-6 else None


def whole(file, erf, x, producers):
    """The node that gives the whole Gelu: a product of x, one half and 1 + erf, in any order."""
    add, _ = file.only_use(erf.output[0])
    if add is None or add.op_type != "Add" or split(file, add)[1] != 1.0:
        return None
    value, has_x, has_half = add.output[0], False, False
    while not (has_x and has_half):
        node, slot = file.only_use(value)
        if node is None or node.op_type != "Mul":
            return None
        other = node.input[1 - slot]
        before = producers.get(other)
        if other == x:
            has_x = True
        elif scalar(file, other) == 0.5:
            has_half = True
        elif before is not None and before.op_type == "Mul" and split(file, before) == (x, 0.5):
            has_x = has_half = True
        else:
            return None
        value = node.output[0]
    return node


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    file = OnnxFile(sys.argv[1])
    producers = {output: node for node in file.graph.node for output in node.output}
    places = 0
    for erf in [n for n in file.graph.node if n.op_type == "Erf"]:
        x = root_of(file, erf, producers)
        end = whole(file, erf, x, producers) if x else None
        if end is not None:
            file.replace(end, [make_node("Gelu", [x], [end.output[0]])])
            places += 1
    if places == 0 or file.opset < 20:
        sys.exit(f"{sys.argv[1]}: opset {file.opset}, {places} places")
    file.save(sys.argv[2])
    print(f"{places} places")
    same.hold(*sys.argv[1:])


if __name__ == "__main__":
    main()
