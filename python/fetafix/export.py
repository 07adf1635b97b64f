"""Writes a module as a .pt2 file, which fetafix reads:

    python -m fetafix.export --factory module:factory [--weights W] --data example.npz --output model.pt2
    python -m fetafix.export --factory module:factory [--weights W] --input 1x3x224x224:float32 --output model.pt2

`factory` is called without arguments and gives a torch.nn.Module; W is a .pth or .safetensors file of its weights; the example
(.npz by names of forward's parameters, or .npy) has the samples along the first dimension. In its place stands what the module
takes, an --input for each: sizes and type, -1 for any. The module is exported in eval mode,
with a free batch where it goes with one. Exit codes are those of fetafix.
"""

import argparse
import importlib
import os
import sys
from pathlib import Path

import numpy as np

from .modules import export, first_line, save
from .program import Error
from .samples import Samples
from .weights import load

ANY_SIZE = 16  # of a dimension that takes any; the first is the batch


def factory_of(text):
    """The callable that "package.module:name" says."""
    place, _, name = text.partition(":")
    if not place or not name:
        raise Error(f"--factory is module:name, found '{text}'")
    try:
        found = importlib.import_module(place)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise Error(f"--factory {text}: {error}") from error
    if not callable(found):
        raise Error(f"--factory {text} is no function but {type(found).__name__}")
    return found


def array_like(text):
    """Two samples of an input that is given as "1x3x224x224:float32": noise, or zeros where it counts something."""
    sizes, _, dtype = text.partition(":")
    try:
        shape = [int(size) for size in sizes.split("x")]
        kind = np.dtype(dtype or "float32")
    except (ValueError, TypeError) as error:
        raise Error(f"--input {text}: expected sizes and a type, such as 1x3x224x224:float32") from error
    shape = [2] + [size if size > 0 else ANY_SIZE for size in shape[1:]]
    if kind.kind != "f":
        return np.zeros(shape, kind)
    return np.random.default_rng(0).standard_normal(shape).astype(kind)


def write(factory, weights, data, output):
    """Why the batch is fixed, or None."""
    module = load(factory, weights) if weights else factory()
    given = Samples(data)
    if given.arrays is None:
        raise Error(f"{data}: an example is a .npz or .npy file")
    exported, fixed = export(module, given, True, f"module {type(module).__name__}")
    partial = Path(output).with_suffix(".partial.pt2")
    save(exported, partial)
    os.replace(partial, output)
    return fixed


def main():
    parser = argparse.ArgumentParser(prog="python -m fetafix.export", description="Writes a module as a .pt2 file.")
    for name, needed, text in (("factory", True, "module:name of what builds it"), ("weights", False, ".pth or .safetensors"),
                               ("output", True, "the .pt2 file")):
        parser.add_argument(f"--{name}", required=needed, help=text)
    example = parser.add_mutually_exclusive_group(required=True)
    example.add_argument("--data", help="an example, .npz or .npy")
    example.add_argument("--input", action="append", help="sizes and type of an input: 1x3x224x224:float32")
    options = parser.parse_args()
    sys.path.insert(0, os.getcwd())
    try:
        fixed = write(factory_of(options.factory), options.weights,
                      options.data or [array_like(text) for text in options.input], options.output)
    except Error as error:
        print(f"fetafix.export: {error}", file=sys.stderr)
        return error.code
    except OSError as error:
        print(f"fetafix.export: {first_line(error)}", file=sys.stderr)
        return 3
    if fixed:
        print(f"fetafix.export: one sample at a time: {fixed}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
