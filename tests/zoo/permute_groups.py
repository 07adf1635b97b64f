"""The channels of a whole model in another order: permute_groups.py IN OUT [--seed N]

Values that must have the same order (what an addition joins, what an activation or a depthwise convolution lets through)
are one group: each group that reaches neither an input nor an output nor an operator that is not known here gets an order
of its own, all through residual connections. What computes it and what reads it is changed to match, so the model
computes the same.
"""

import argparse

import numpy

import same
from onnx_file import OnnxFile, attribute
from rewrite_channels import ELEMENTWISE, HOMOGENEOUS, is_depthwise

THROUGH = HOMOGENEOUS | ELEMENTWISE | {"Pad", "BatchNormalization", "PRelu", "InstanceNormalization", "Resize"}
JOINS = {"Add", "Sub", "Mul", "Div"}
FLATTENS = {"Flatten", "Squeeze", "Reshape"}  # what a pool has left of a picture
POOLS = {"GlobalAveragePool", "ReduceMean"}


class Groups:
    """Which values stand in the same order."""

    def __init__(self):
        self.parent, self.fixed, self.size = {}, set(), {}

    def of(self, value):
        while self.parent.setdefault(value, value) != value:
            value = self.parent[value]
        return value

    def join(self, *values):
        for value in values[1:]:
            self.parent[self.of(value)] = self.of(values[0])

    def fix(self, *values):
        self.fixed.update(values)

    def orders(self, draw):
        """By root: the order of each group that may have one."""
        fixed = {self.of(value) for value in self.fixed}
        sizes = {self.of(value): size for value, size in self.size.items()}
        return {root: draw.permutation(size) for root, size in sorted(sizes.items()) if root not in fixed and size > 1}


def computed(file, node):
    return [value for value in node.input if value and value not in file.initializers]


def collect(file):
    groups = Groups()
    groups.fix(*(value.name for value in file.graph.input), *file.outputs)
    made = {output: node for node in file.graph.node for output in node.output}
    for node in file.graph.node:
        values, out = computed(file, node), node.output[0]
        pooled = values and values[0] in made and made[values[0]].op_type in POOLS
        if is_linear(file, node):
            groups.size[out] = file.array(node.input[1]).shape[axes(node)[1]]
        elif node.op_type == "Conv" and file.array(node.input[1]) is not None and is_depthwise(file, node):
            groups.join(values[0], out)
        elif node.op_type in JOINS or (node.op_type in FLATTENS and pooled):
            groups.join(out, *values)
        elif node.op_type in THROUGH and len(values) == 1:
            groups.join(values[0], out)
        elif node.op_type == "ReduceMean" and sorted(attribute(node, "axes", [])) in ([2, 3], [-2, -1]):
            groups.join(values[0], out)
        else:
            groups.fix(*values, *node.output)
    return groups


def axes(node):
    """Of the weights: (input channels, output channels)."""
    if node.op_type == "Conv" or attribute(node, "transB", 0):
        return 1, 0
    return 0, 1


def is_linear(file, node):
    if node.op_type not in ("Conv", "Gemm", "MatMul") or file.array(node.input[1]) is None:
        return False
    return attribute(node, "group", 1) == 1 and not attribute(node, "transA", 0) and len(computed(file, node)) == 1


def take(file, node, slot, order, axis=None):
    """Puts a constant operand in order, along `axis` or its one axis of that length."""
    if slot >= len(node.input) or file.array(node.input[slot]) is None:
        return
    array = file.array(node.input[slot])
    if axis is None:
        axis = next((a for a, length in enumerate(array.shape) if length == len(order)), None)
    if axis is not None:
        file.set_operand(node, slot, numpy.ascontiguousarray(numpy.take(array, order, axis)))


def permute(file, draw):
    groups = collect(file)
    orders = groups.orders(draw)
    for node in file.graph.node:
        order = orders.get(groups.of(node.output[0]))
        before = orders.get(groups.of(node.input[0]))
        if is_linear(file, node):
            if before is not None:
                take(file, node, 1, before, axes(node)[0])
            if order is not None:
                take(file, node, 1, order, axes(node)[1])
                take(file, node, 2, order)
        elif order is not None and node.op_type == "Conv":
            take(file, node, 1, order, 0)
            take(file, node, 2, order)
        elif order is not None and node.op_type in JOINS | {"BatchNormalization", "PRelu", "InstanceNormalization"}:
            for slot in range(len(node.input)):
                take(file, node, slot, order)
    return len(orders)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("input")
    parser.add_argument("output")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    file = OnnxFile(options.input)
    groups = permute(file, numpy.random.default_rng(options.seed))
    if groups == 0:
        raise SystemExit(f"{options.input}: no channels that may stand in another order")
    file.save(options.output)
    print(f"{groups} groups")
    same.hold(options.input, options.output)


if __name__ == "__main__":
    main()
