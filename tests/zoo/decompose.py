"""The same computation in other operators: decompose.py IN OUT FORM...

Each form rewrites every node of its kind, and has to find one:

    batchnorm   BatchNormalization -> Mul, Add            layernorm   LayerNormalization -> means and arithmetic
    bias        bias of Conv -> Add                       gelu        Gelu -> Erf and arithmetic
    pads        pads of Conv -> Pad                       hardswish   HardSwish -> Add, Clip, Mul, Mul
    gemm        Gemm -> MatMul, Add                       hardsigmoid HardSigmoid -> Mul, Add, Clip
    globalpool  GlobalAveragePool -> ReduceMean           relu6       Clip -> Max, Min
    softmax     Softmax -> Exp and a division             leakyrelu   LeakyRelu -> Max
    reciprocal  Div by a constant -> Mul                  sum         Sum -> Add
"""

import argparse

import numpy
from onnx.helper import make_node

import same
from onnx_file import OnnxFile, attribute


class Builder:
    """Nodes in the place of one; what `node` gives is the new value."""

    def __init__(self, file, old):
        self.file, self.old, self.nodes = file, old, []

    def node(self, op_type, *inputs, **attributes):
        operands = [self.constant(i) if isinstance(i, (float, int, numpy.ndarray)) else i for i in inputs]
        output = self.file.fresh(self.old.output[0])
        self.nodes.append(make_node(op_type, operands, [output], **attributes))
        return output

    def constant(self, value):
        return self.file.add(numpy.asarray(value, None if isinstance(value, numpy.ndarray) else numpy.float32))

    def reduce(self, op_type, value, axes):
        if self.file.opset >= (13 if op_type == "ReduceSum" else 18):
            return self.node(op_type, value, numpy.array(axes, numpy.int64), keepdims=1)
        return self.node(op_type, value, axes=axes, keepdims=1)

    def clip(self, value, low, high):
        return self.node("Clip", value, low, high) if self.file.opset >= 11 else self.node("Clip", value, min=low, max=high)

    def done(self):
        self.nodes[-1].output[0] = self.old.output[0]
        self.file.replace(self.old, self.nodes)


def batchnorm(b, node):
    gamma, beta, mean, variance = (b.file.array(name).astype(numpy.float64) for name in node.input[1:5])
    scale = gamma / numpy.sqrt(variance + attribute(node, "epsilon", 1e-5))
    shaped = [v.reshape(-1, 1, 1).astype(numpy.float32) for v in (scale, beta - mean * scale)]
    b.node("Add", b.node("Mul", node.input[0], shaped[0]), shaped[1])


def bias(b, node):
    if len(node.input) < 3 or not node.input[2]:
        return False
    b.nodes.append(make_node("Conv", node.input[:2], [b.file.fresh("conv")]))
    b.nodes[0].attribute.extend(node.attribute)
    b.node("Add", b.nodes[0].output[0], b.file.array(node.input[2]).reshape(1, -1, 1, 1))


def pads(b, node):
    amounts = attribute(node, "pads", [0])
    if not any(amounts) or attribute(node, "auto_pad", b"NOTSET") != b"NOTSET":
        return False
    half = len(amounts) // 2
    whole = [0, 0, *amounts[:half], 0, 0, *amounts[half:]]
    padded = b.node("Pad", node.input[0], numpy.array(whole, numpy.int64)) if b.file.opset >= 11 else \
        b.node("Pad", node.input[0], pads=whole)
    b.nodes.append(make_node("Conv", [padded, *node.input[1:]], ["conv"]))
    b.nodes[-1].attribute.extend(a for a in node.attribute if a.name != "pads")


def gemm(b, node):
    weights = b.file.array(node.input[1])
    if weights is None or attribute(node, "transA", 0):
        return False
    weights = (weights.T if attribute(node, "transB", 0) else weights) * numpy.float32(attribute(node, "alpha", 1.0))
    product = b.node("MatMul", node.input[0], numpy.ascontiguousarray(weights))
    if len(node.input) > 2 and node.input[2]:
        b.node("Add", product, b.file.array(node.input[2]) * numpy.float32(attribute(node, "beta", 1.0)))


def globalpool(b, node):
    b.reduce("ReduceMean", node.input[0], [2, 3])


def softmax(b, node):
    axis = attribute(node, "axis", -1)
    shifted = b.node("Sub", node.input[0], b.reduce("ReduceMax", node.input[0], [axis]))
    power = b.node("Exp", shifted)
    b.node("Div", power, b.reduce("ReduceSum", power, [axis]))


def reciprocal(b, node):
    divisor = b.file.array(node.input[1])
    if divisor is None or divisor.dtype != numpy.float32:
        return False
    b.node("Mul", node.input[0], numpy.asarray(1 / divisor.astype(numpy.float64), numpy.float32))


def layernorm(b, node):
    if attribute(node, "axis", -1) != -1:
        return False
    centered = b.node("Sub", node.input[0], b.reduce("ReduceMean", node.input[0], [-1]))
    variance = b.reduce("ReduceMean", b.node("Mul", centered, centered), [-1])
    deviation = b.node("Sqrt", b.node("Add", variance, float(attribute(node, "epsilon", 1e-5))))
    scaled = b.node("Mul", b.node("Div", centered, deviation), node.input[1])
    if len(node.input) > 2 and node.input[2]:
        b.node("Add", scaled, node.input[2])


def gelu(b, node):
    if attribute(node, "approximate", b"none") != b"none":
        return False
    erf = b.node("Erf", b.node("Mul", node.input[0], float(2 ** -0.5)))
    b.node("Mul", b.node("Mul", node.input[0], 0.5), b.node("Add", erf, 1.0))


def hardswish(b, node):
    gate = b.clip(b.node("Add", node.input[0], 3.0), 0.0, 6.0)
    b.node("Mul", b.node("Mul", node.input[0], gate), 1 / 6)


def hardsigmoid(b, node):
    line = b.node("Mul", node.input[0], float(attribute(node, "alpha", 0.2)))
    b.clip(b.node("Add", line, float(attribute(node, "beta", 0.5))), 0.0, 1.0)


def relu6(b, node):
    bounds = list(node.input[1:3]) if b.file.opset >= 11 else [attribute(node, "min"), attribute(node, "max")]
    if len(bounds) < 2 or not all(bound != "" and bound is not None for bound in bounds):
        return False
    b.node("Min", b.node("Max", node.input[0], bounds[0]), bounds[1])


def leakyrelu(b, node):
    b.node("Max", node.input[0], b.node("Mul", node.input[0], float(attribute(node, "alpha", 0.01))))


def sum_(b, node):
    if len(node.input) < 2:
        return False
    total = node.input[0]
    for value in node.input[1:]:
        total = b.node("Add", total, value)


FORMS = {
    "batchnorm": ("BatchNormalization", batchnorm), "bias": ("Conv", bias), "pads": ("Conv", pads),
    "gemm": ("Gemm", gemm), "globalpool": ("GlobalAveragePool", globalpool), "softmax": ("Softmax", softmax),
    "reciprocal": ("Div", reciprocal), "layernorm": ("LayerNormalization", layernorm), "gelu": ("Gelu", gelu),
    "hardswish": ("HardSwish", hardswish), "hardsigmoid": ("HardSigmoid", hardsigmoid), "relu6": ("Clip", relu6),
    "leakyrelu": ("LeakyRelu", leakyrelu), "sum": ("Sum", sum_),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("input")
    parser.add_argument("output")
    parser.add_argument("forms", nargs="+", choices=FORMS, metavar="FORM")
    options = parser.parse_args()
    file = OnnxFile(options.input)
    for form in options.forms:
        op_type, rewrite = FORMS[form]
        places = 0
        for node in [n for n in file.graph.node if n.op_type == op_type]:
            builder = Builder(file, node)
            if rewrite(builder, node) is not False:
                builder.done()
                places += 1
        if places == 0:
            raise SystemExit(f"{options.input}: nothing to rewrite for '{form}'")
        print(f"{form}: {places} places")
    file.save(options.output)
    same.hold(options.input, options.output)


if __name__ == "__main__":
    main()
