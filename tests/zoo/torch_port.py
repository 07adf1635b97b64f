"""An ONNX file as a PyTorch program or TorchScript: torch_port.py IN.onnx OUT [--how HOW] [--keep-names]. onnx2torch makes
modules of its nodes, torch.export a .pt2 file, or torch_script.py a .pt file.

IN has fixed shapes (onnxsim makes them so). Numbers that onnx2torch reads from tensors while the net runs, shapes and axes, are
read here once: a program can't be exported whose shapes depend on data. A transposed convolution with other pads at its end
than at its beginning, which onnx2torch refuses, loses its pads and is cut. onnx2torch calls modules after the nodes, and
PyTorch can't load a program in which a module's name has a semicolon, as those have that come from a TFLite file: they become
underscores, unless names are kept.
"""

import argparse
import warnings

import numpy
import onnx
import torch
from onnx import helper, numpy_helper
from onnx2torch import convert

import torch_script


def reshape(value, shape):
    return value.reshape([value.shape[axis] if size == 0 else size for axis, size in enumerate(shape)])


def unsqueeze(value, axes):
    for axis in sorted(axes):
        value = value.unsqueeze(axis)
    return value


def pad(value, amounts, constant=0.0):
    half = len(amounts) // 2
    pairs = [n for pair in zip(amounts[half - 1::-1], amounts[:half - 1:-1]) for n in pair]
    while pairs and pairs[-2:] == [0, 0]:
        pairs = pairs[:-2]
    return torch.nn.functional.pad(value, pairs, value=constant)


def cut(value, starts, ends, axes, steps=None):
    for start, end, axis, step in zip(starts, ends, axes, steps or [1] * len(axes)):
        value = value[(slice(None),) * axis + (slice(start, end, step),)]
    return value


def enlarge(value, region, scales):
    """Linear and with half pixels, the only kind there is here."""
    return torch.nn.functional.interpolate(value, scale_factor=scales[2:], mode="bilinear", align_corners=False)


WITH_NUMBERS = {"OnnxReshape": reshape, "OnnxSqueezeDynamicAxes": torch.squeeze, "OnnxUnsqueezeDynamicAxes": unsqueeze,
                "OnnxPadDynamic": pad, "OnnxSlice": cut, "OnnxSplit13": torch.split, "OnnxSplit": torch.split,
                "OnnxTile": lambda value, repeats: value.repeat(repeats), "OnnxResize": enlarge}


def read_numbers(module):
    """Calls of modules that read numbers become calls of functions with these."""
    for node in list(module.graph.nodes):
        kind = type(module.get_submodule(node.target)).__name__ if node.op == "call_module" else None
        if kind not in WITH_NUMBERS or len(node.args) < 2:
            continue
        numbers = [getattr_of(module, arg.target).tolist() for arg in node.args[1:]]
        numbers = [tuple(n) if isinstance(n, list) else n for n in numbers]
        split = {"dim": module.get_submodule(node.target).axis} if kind.startswith("OnnxSplit") else {}
        with module.graph.inserting_before(node):
            new = module.graph.call_function(WITH_NUMBERS[kind], (node.args[0], *numbers), split)
        node.replace_all_uses_with(new)
        module.graph.erase_node(node)
    module.graph.eliminate_dead_code()
    read = {node.target for node in module.graph.nodes if node.op == "get_attr"}
    held = getattr(module, "initializers", torch.nn.Module())  # there are none where modules hold all numbers
    for name in [n for n, _ in held.named_buffers() if f"initializers.{n}" not in read]:
        delattr(module.initializers, name)  # an empty one can't be written
    module.recompile()
    return module


def getattr_of(module, path):
    for part in path.split("."):
        module = getattr(module, part)
    return module


def attribute(node, name, default):
    return next((helper.get_attribute_value(a) for a in node.attribute if a.name == name), default)


def cut_after(model, node):
    """Pads of a transposed convolution, which cut its output, as a Slice behind it."""
    pads = attribute(node, "pads", [0])
    half = len(pads) // 2
    if pads[:half] == pads[half:]:
        return
    kept = [a for a in node.attribute if a.name not in ("pads", "output_shape")]
    del node.attribute[:]
    node.attribute.extend(kept)
    result, node.output[0] = node.output[0], f"{node.output[0]}_whole"
    parts = [pads[:half], [-n if n else 2**31 - 1 for n in pads[half:]], range(2, 2 + half)]
    names = [f"{result}_{word}" for word in ("begin", "end", "axes")]
    for name, numbers in zip(names, parts):
        model.graph.initializer.append(numpy_helper.from_array(numpy.array(numbers, numpy.int64), name))
    at = list(model.graph.node).index(node)
    model.graph.node.insert(at + 1, helper.make_node("Slice", [node.output[0], *names], [result], name=f"{result}_cut"))


def samples(model):
    constants = {tensor.name for tensor in model.graph.initializer}
    for value in model.graph.input:
        if value.name not in constants:
            yield torch.zeros([d.dim_value for d in value.type.tensor_type.shape.dim])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("source")
    parser.add_argument("output")
    parser.add_argument("--keep-names", action="store_true")
    parser.add_argument("--how", choices=torch_script.FORMS, help="TorchScript, made so")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    model = onnx.load(options.source)
    for node in model.graph.node if not options.keep_names else ():
        node.name = node.name.replace(";", "_")
    for node in [n for n in model.graph.node if n.op_type == "ConvTranspose"]:
        cut_after(model, node)
    module, inputs = read_numbers(convert(model)).eval(), tuple(samples(model))
    if options.how:
        torch_script.save(module, *inputs, options.how, options.output)
    else:
        torch.export.save(torch.export.export(module, inputs, strict=False), options.output)


if __name__ == "__main__":
    main()
