"""Writes a module as a .pt2 file, which fetafix reads:

    python -m fetafix.export --factory module:factory [--weights W] --data example.npz --output model.pt2

`factory` is called without arguments and gives a torch.nn.Module; W is a .pth or .safetensors file of its weights; the example
(.npz by names of forward's parameters, or .npy) has the samples along the first dimension. The module is exported in eval mode,
with a free batch where it goes with one. Exit codes are those of fetafix.
"""

import argparse
import importlib
import os
import sys
from pathlib import Path

from .modules import export, example_tensor, first_line, on_cpu, save
from .program import Error
from .samples import Samples, filled
from .weights import load


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


def write(factory, weights, data, output):
    """Why the batch is fixed, or None."""
    module = load(factory, weights) if weights else factory()
    given, name = Samples(data), f"module {type(module).__name__}"
    if given.arrays is None:
        raise Error(f"{data}: an example is a .npz or .npy file")
    on_cpu(module, name)
    structure = given.structure(module)

    def examples(batch):
        return [filled(part, lambda one: example_tensor(given.arrays[one], module, batch)) for part in structure]

    exported, fixed = export(module, examples, True, name)
    partial = Path(output).with_suffix(".partial.pt2")
    save(exported, partial)
    os.replace(partial, output)
    return fixed


def main():
    parser = argparse.ArgumentParser(prog="python -m fetafix.export", description="Writes a module as a .pt2 file.")
    for name, needed, text in (("factory", True, "module:name of what builds it"), ("weights", False, ".pth or .safetensors"),
                               ("data", True, "an example, .npz or .npy"), ("output", True, "the .pt2 file")):
        parser.add_argument(f"--{name}", required=needed, help=text)
    options = parser.parse_args()
    sys.path.insert(0, os.getcwd())
    try:
        fixed = write(factory_of(options.factory), options.weights, options.data, options.output)
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
