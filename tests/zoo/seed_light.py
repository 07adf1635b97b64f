"""A light topology of the onnx package with weights that mean something: seed_light.py IN OUT --seed N

Those files fill every weight with one number, so that each channel computes the same. Here weights are drawn, gamma and
beta too, and the statistics of every normalization are measured on seeded smooth pictures, from the first to the last.
"""

import argparse

import numpy
import onnx
import onnxruntime
from onnx import numpy_helper

from onnx_file import OnnxFile

PICTURES = 4


def smooth_pictures(shape, draw):
    """Noise of several sizes, enlarged: with edges and areas, unlike white noise."""
    _, channels, height, width = shape
    total = numpy.zeros((PICTURES, channels, height, width), numpy.float32)
    for block in (32, 8, 2, 1):
        coarse = draw.standard_normal((PICTURES, channels, height // block + 1, width // block + 1), numpy.float32)
        total += numpy.kron(coarse, numpy.ones((1, 1, block, block), numpy.float32))[:, :, :height, :width]
    return total / 2


def roles(file, name):
    """(operator, slot) of what reads a constant, seen through Unsqueeze."""
    for node, slot in file.uses(name):
        if node.op_type == "Unsqueeze":
            return roles(file, node.output[0])
        return node.op_type, slot
    return None, 0


def drawn(role, shape, draw):
    kind, slot = role
    if kind in ("Conv", "Gemm") and slot == 1:
        fan_in = numpy.prod(shape[1:])
        return draw.normal(0, (2 / fan_in) ** 0.5, shape)
    if (kind, slot) in (("BatchNormalization", 1), ("BatchNormalization", 4)) or kind == "Mul":
        return draw.uniform(0.6, 1.4, shape)
    return draw.normal(0, 0.1, shape)


def fill_weights(file, draw):
    fills = [n for n in file.graph.node if n.op_type == "ConstantOfShape" and file.array(n.input[0]) is not None]
    for node in fills:
        shape = [int(v) for v in file.array(node.input[0])]
        values = drawn(roles(file, node.output[0]), shape, draw).astype(numpy.float32)
        tensor = numpy_helper.from_array(values, node.output[0])
        file.graph.initializer.append(tensor)
        file.initializers[tensor.name] = tensor
        file.graph.node.remove(node)
    return len(fills)


def value_of(file, name, pictures):
    """An inner value, for all pictures: a run of what it needs."""
    feed = file.inputs[0].name
    model = onnx.ModelProto()
    model.CopyFrom(file.model)
    del model.graph.output[:]
    model.graph.output.append(onnx.ValueInfoProto(name=name))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return numpy.concatenate([session.run(None, {feed: one[numpy.newaxis]})[0] for one in pictures])


def measure_statistics(file, pictures):
    for node in [n for n in file.graph.node if n.op_type == "BatchNormalization"]:
        values = value_of(file, node.input[0], pictures)
        file.set_operand(node, 3, values.mean((0, 2, 3)))
        file.set_operand(node, 4, values.var((0, 2, 3)) + numpy.float32(1e-3))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("input")
    parser.add_argument("output")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    draw = numpy.random.default_rng(options.seed)
    onnxruntime.set_default_logger_severity(3)
    file = OnnxFile(options.input)
    file.model.ir_version = 4  # from here on an initializer need not be an input
    count = fill_weights(file, draw)
    shape = [d.dim_value for d in file.inputs[0].type.tensor_type.shape.dim]
    measure_statistics(file, smooth_pictures(shape, draw))
    for value in [v for v in file.graph.input if v.name in file.initializers]:
        file.graph.input.remove(value)  # else no simplifier takes it for a constant
    file.save(options.output)
    print(f"{count} weights drawn")


if __name__ == "__main__":
    main()
