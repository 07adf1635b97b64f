"""A module from its architecture and a file of weights. No pickle is executed: PyTorch reads plain data from it alone."""

import json
import math
import pickle
from pathlib import Path

from .modules import require_torch
from .program import Error

KINDS = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "I32": "int32", "I16": "int16",
         "I8": "int8", "U8": "uint8", "BOOL": "bool"}
MOST_HEADER_BYTES = 100 << 20
WRAPPERS = ("state_dict", "model_state_dict", "model")
PREFIX = "module."  # of what DataParallel saved


def load(factory, weights_path):
    """The module that `factory()` builds, with the weights of a .pth or .safetensors file, in eval mode.

    Raises Error where the file can't be read, or does not hold exactly what the module has (it says what is missing, left over or
    of another shape)."""
    torch = require_torch()
    path = Path(weights_path)
    state = tensors_of(path)
    module = factory()
    if not isinstance(module, torch.nn.Module):
        raise Error(f"the factory gives no torch.nn.Module but {type(module).__name__}")
    fit(module, state, path)
    for part in module.modules():
        part.training = False
    return module


def tensors_of(path):
    """The state dict in the file: {name: tensor}."""
    try:
        return read_safetensors(path) if path.suffix == ".safetensors" else read_pth(path)
    except OSError as error:
        raise Error(f"{path}: {error.strerror or error}", 3) from error


def read_pth(path):
    torch = require_torch()
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, ValueError, EOFError, KeyError, AttributeError) as error:
        raise Error(f"{path}: no file of plain weights (other objects are never loaded): save it with "
                    "torch.save(module.state_dict(), ...)", 3) from error
    for wrapper in WRAPPERS:
        if isinstance(held, dict) and isinstance(held.get(wrapper), dict):
            held = held[wrapper]
            break
    if not isinstance(held, dict) or not held or not all(isinstance(value, torch.Tensor) for value in held.values()):
        raise Error(f"{path}: no state dict (names and tensors) but {type(held).__name__}", 3)
    return unprefixed(dict(held))


def unprefixed(state):
    if all(name.startswith(PREFIX) for name in state):
        return {name[len(PREFIX):]: tensor for name, tensor in state.items()}
    return state


def read_safetensors(path):
    """8 bytes of length, that much JSON (name -> dtype, shape, from and to), and the numbers."""
    torch = require_torch()
    content = bytearray(path.read_bytes())
    size = int.from_bytes(content[:8], "little")
    if len(content) < 8 or size > min(len(content) - 8, MOST_HEADER_BYTES):
        raise Error(f"{path}: no .safetensors file, or it is cut off", 3)
    try:
        header = json.loads(content[8:8 + size])
        numbers, state = memoryview(content)[8 + size:], {}
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            start, end = entry["data_offsets"]
            dtype, shape = getattr(torch, KINDS[entry["dtype"]]), entry["shape"]
            if not 0 <= start <= end <= len(numbers) or math.prod(shape) * dtype.itemsize != end - start or min(shape, default=0) < 0:
                raise ValueError(f"tensor '{name}' does not lie in the file as it says")
            part = numbers[start:end]
            state[name] = torch.frombuffer(part, dtype=dtype).reshape(shape).clone() if end > start else torch.empty(shape, dtype=dtype)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Error(f"{path}: {error if isinstance(error, ValueError) else 'its header is damaged: ' + repr(error)}", 3) from error
    return state


def fit(module, state, path):
    """Loads the state dict. What is missing may be another name of what is there: .safetensors files hold shared tensors once."""
    own = module.state_dict()
    wrong = [f"'{name}' is {list(state[name].shape)}, and the module has {list(tensor.shape)}"
             for name, tensor in own.items() if name in state and state[name].shape != tensor.shape]
    there = {own[name].data_ptr() for name in state if name in own}
    missing = [name for name, tensor in own.items() if name not in state and tensor.data_ptr() not in there]
    over = [name for name in state if name not in own]
    if wrong or missing or over:
        parts = [("of another shape: ", wrong), ("missing: ", missing), ("not in the module: ", over)]
        raise Error(f"{path} does not fit {type(module).__name__}; " +
                    "; ".join(head + ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
                              for head, names in parts if names), 3)
    module.load_state_dict(state, strict=False)
