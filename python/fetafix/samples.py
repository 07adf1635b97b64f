"""The data of a call: as a file for the program, and as example inputs for a module."""

import inspect
import re
from pathlib import Path

import numpy as np

from . import program
from .program import Error

PICTURE = re.compile(r"^  input  .* \w+\[([\d,]+)\]$", re.MULTILINE)


def array_of(value):
    """A numpy array of an array, a nested list of numbers or a tensor."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = (value.float() if str(value.dtype) == "torch.bfloat16" else value).numpy()
    array = np.asarray(value)
    if array.dtype == object or array.dtype.kind in "US":
        raise Error(f"data of type {type(value).__name__} is no array of numbers; several inputs come as a tuple or a dict of arrays, "
                    "each with the samples along its first dimension")
    return array


class Samples:
    """`arrays` by name, or None where the data are pictures or left to the program; `named` if the names mean something."""

    def __init__(self, data):
        self.path, self.arrays, self.named = None, None, False
        if data is None:
            return
        if isinstance(data, (str, Path)):
            self.path = Path(data)
            self.read(self.path)
        elif isinstance(data, dict):
            self.arrays, self.named = {str(name): array_of(value) for name, value in data.items()}, True
        elif isinstance(data, (list, tuple)) and not np.isscalar(data[0] if data else 0):
            self.arrays = {f"input{place}": array_of(value) for place, value in enumerate(data)}
        else:
            self.arrays = {"input0": array_of(data)}
        self.check()

    def read(self, path):
        try:
            if path.suffix == ".npy":
                self.arrays = {"input0": np.load(path, allow_pickle=False)}
            elif path.suffix == ".npz":
                with np.load(path, allow_pickle=False) as file:
                    self.arrays, self.named = {name: file[name] for name in file.files}, True
        except (OSError, ValueError) as error:
            raise Error(f"{path}: {error}", 3) from error

    def check(self):
        if self.arrays is None:
            return
        if not self.arrays:
            raise Error("data holds no array")
        counts = {name: array.shape[0] if array.ndim else None for name, array in self.arrays.items()}
        if None in counts.values() or len(set(counts.values())) > 1 or 0 in counts.values():
            raise Error("each array of data has the samples along its first dimension, the same number in all and at least one; found "
                        + ", ".join(f"{name} {list(array.shape)}" for name, array in self.arrays.items()))

    def structure(self, module):
        """How the module is called with these arrays: (positional, by keyword), with names in place of arrays."""
        names, takes = list(self.arrays), parameters(module)
        required = [one.name for one in takes if one.default is one.empty]
        if self.named and set(names) <= {one.name for one in takes} and set(required) <= set(names):
            return [], {name: name for name in names}
        if self.named and len(required) == 1 and len(names) > 1:
            return [{name: name for name in names}], {}
        positional = [one for one in takes if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
        several = any(one.kind == one.VAR_POSITIONAL for one in inspect.signature(module.forward).parameters.values())
        if not several and not len(required) <= len(names) <= len(positional):
            hint = "; a batch of samples is one array, not a list of them" if len(required) == 1 and not self.named else ""
            raise Error(f"data holds {len(names)} arrays ({', '.join(names)}), and {type(module).__name__}.forward takes "
                        f"{', '.join(one.name for one in takes) or 'nothing'}{hint}")
        return names, {}

    def write(self, folder, order):
        """The file that the program reads; `order` are the names as the modules take them, or None without modules."""
        if self.arrays is None or (self.path and (order is None or len(order) == 1)):
            return self.path
        if len(self.arrays) == 1 and not self.named:
            np.save(folder / "data.npy", next(iter(self.arrays.values())))
            return folder / "data.npy"
        np.savez(folder / "data.npz", **{name: self.arrays[name] for name in order or self.arrays})
        return folder / "data.npz"


def parameters(module):
    fixed = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [one for one in inspect.signature(module.forward).parameters.values() if one.kind not in fixed]


def filled(structure, value_of):
    """The structure with what `value_of` makes of each name."""
    if isinstance(structure, dict):
        return {key: filled(item, value_of) for key, item in structure.items()}
    if isinstance(structure, list):
        return [filled(item, value_of) for item in structure]
    return value_of(structure)


def shape_of_picture(path):
    """The shape that a model file says its one input has, channels first: what stands for pictures when a module is exported."""
    code, out, err = program.call(["inspect", path])
    shapes = PICTURE.findall(out)
    if code != 0:
        raise program.refused(code, err, {})
    if out.count("\n  input ") != 1 or not shapes or len(shapes[0].split(",")) != 4:
        return None
    shape = [int(size) for size in shapes[0].split(",")]
    if shape[3] in (1, 3, 4) and shape[1] not in (1, 3, 4):
        shape = [shape[0], shape[3], shape[1], shape[2]]
    return [1, *shape[1:]]
