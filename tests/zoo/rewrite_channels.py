"""Rewrites that compute the same: rewrite_channels.py IN OUT --equalize | --permute [--apart] [--seed N]

    --equalize   cross-layer equalization: a channel's weights are divided before, and multiplied after, what lets a
                 positive factor through (Relu, LeakyRelu, pools), so that both ranges become alike
    --permute    the channels inside a block in another order: rows of one convolution, columns of the next, and all that
                 lies between

Only along chains in which every value has one use; a residual connection ends a chain.
"""

import argparse

import numpy

import same
from onnx_file import OnnxFile, attribute

HOMOGENEOUS = {"Relu", "LeakyRelu", "MaxPool", "AveragePool", "GlobalAveragePool", "Identity", "Dropout"}
ELEMENTWISE = {"Clip", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Elu", "Selu"}
LIMIT = 10.0  # of a factor: an equalizer does not blow up a dead channel


def is_conv(node):
    return node is not None and node.op_type == "Conv"


def is_depthwise(file, node):
    weights = file.array(node.input[1])
    return weights is not None and weights.shape[1] == 1 and attribute(node, "group", 1) == weights.shape[0]


def is_dense(file, node):
    return attribute(node, "group", 1) == 1 and file.array(node.input[1]) is not None


def chain(file, producer, passes):
    """(nodes between, the convolution that ends them), or (nodes, None)."""
    between, value = [], producer.output[0]
    while True:
        node, slot = file.only_use(value)
        if node is None or slot != 0:
            return between, None
        if is_conv(node) and not passes(node):
            return between, node
        if not passes(node):
            return between, None
        between.append(node)
        value = node.output[0]


def scale_operands(file, node, slots, factor):
    for slot in slots:
        if slot < len(node.input) and node.input[slot]:
            array = file.array(node.input[slot])
            shaped = factor.reshape(-1, *[1] * (array.ndim - 1))
            file.set_operand(node, slot, (array * shaped).astype(array.dtype))


def equalize(file, producer):
    """Producer: a convolution, or the normalization after one."""
    is_producer = is_conv(producer) or producer.op_type == "BatchNormalization"
    if not is_producer or file.array(producer.input[1]) is None:
        return False
    _, end = chain(file, producer, lambda node: node.op_type in HOMOGENEOUS)
    if end is None or not (is_depthwise(file, end) or is_dense(file, end)):
        return False
    before, after = file.array(producer.input[1]), file.array(end.input[1])
    rows = after if is_depthwise(file, end) else after.swapaxes(0, 1)
    ranges = [numpy.abs(w.reshape(len(w), -1)).max(1) for w in (before, rows)]
    factor = numpy.clip(numpy.sqrt((ranges[0] + 1e-12) / (ranges[1] + 1e-12)), 1 / LIMIT, LIMIT)
    scale_operands(file, producer, (1, 2), 1 / factor)
    rows = rows * factor.reshape(-1, *[1] * (rows.ndim - 1))
    after = rows if is_depthwise(file, end) else rows.swapaxes(0, 1)
    file.set_operand(end, 1, numpy.ascontiguousarray(after, numpy.float32))
    return True


def take_rows(file, node, slots, order):
    for slot in slots:
        if slot < len(node.input) and node.input[slot]:
            file.set_operand(node, slot, numpy.ascontiguousarray(file.array(node.input[slot])[order]))


def permute(file, producer, draw, taken):
    """Adds the outputs of both convolutions to `taken`; a producer that is in it already is left alone."""
    if not is_conv(producer) or not is_dense(file, producer) or producer.output[0] in taken:
        return False

    def passes(node):
        kinds = HOMOGENEOUS | ELEMENTWISE | {"BatchNormalization"}
        return node.op_type in kinds or (is_conv(node) and is_depthwise(file, node))

    between, end = chain(file, producer, passes)
    if end is None or not is_dense(file, end):
        return False
    taken.update((producer.output[0], end.output[0]))
    order = draw.permutation(len(file.array(producer.input[1])))
    take_rows(file, producer, (1, 2), order)
    for node in between:
        if is_conv(node):
            take_rows(file, node, (1, 2), order)
        elif node.op_type == "BatchNormalization":
            take_rows(file, node, (1, 2, 3, 4), order)
    file.set_operand(end, 1, numpy.ascontiguousarray(file.array(end.input[1])[:, order]))
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("input")
    parser.add_argument("output")
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument("--equalize", action="store_true")
    kind.add_argument("--permute", action="store_true")
    parser.add_argument("--apart", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    file, draw, taken = OnnxFile(options.input), numpy.random.default_rng(options.seed), set()
    places = 0
    for node in list(file.graph.node):
        places += equalize(file, node) if options.equalize else permute(file, node, draw, taken)
        if not options.apart:
            taken.clear()
    if places == 0:
        raise SystemExit(f"{options.input}: no place to rewrite")
    file.save(options.output)
    print(f"{places} places")
    same.hold(options.input, options.output)


if __name__ == "__main__":
    main()
