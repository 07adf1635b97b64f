"""Live modules: exported as they are, without a trace left in them."""

import contextlib
import io
import logging
import sys
import warnings

from .program import Error
from .samples import filled

LOGGERS = ("torch.export", "torch._dynamo", "torch._subclasses.fake_tensor", "torch.fx.experimental.symbolic_shapes",
           "torch.utils.flop_counter")
OLDEST = (2, 5)  # before, torch.export.save wrote archives that fetafix does not read


def is_module(value):
    torch = sys.modules.get("torch")  # whoever has a module has imported it
    return torch is not None and isinstance(value, torch.nn.Module)


def require_torch():
    try:
        import torch
        import torch.export
    except ImportError as error:
        raise Error(f"PyTorch is not installed in {sys.executable}: {error}", 4) from error
    if tuple(int(part) for part in torch.__version__.split(".")[:2]) < OLDEST:
        raise Error(f"live modules need PyTorch {OLDEST[0]}.{OLDEST[1]} or newer, found {torch.__version__}", 4)
    return torch


def in_training(module):
    return [path for path, part in module.named_modules() if part.training]


@contextlib.contextmanager
def untouched(module):
    """Modes and buffers are afterwards as before, whatever happens inside."""
    torch = require_torch()
    modes = [(part, part.training) for part in module.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in module.buffers()]
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode
        with torch.no_grad():
            for buffer, value in buffers:
                if not torch.equal(buffer, value):
                    buffer.copy_(value)


@contextlib.contextmanager
def quiet():
    """What exporting says on the way; why it fails is in its exception."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels):
                logger.setLevel(level)


@contextlib.contextmanager
def plain_attention():
    """Without the operator that fuses a whole layer of a transformer in eval mode: nothing could be compared inside of it."""
    mha = require_torch().backends.mha
    before = mha.get_fastpath_enabled()
    mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        mha.set_fastpath_enabled(before)


def on_cpu(module, name):
    for kind, tensors in (("parameter", module.named_parameters()), ("buffer", module.named_buffers())):
        for path, tensor in tensors:
            if tensor.device.type != "cpu":
                raise Error(f"{name}: {kind} '{path}' is on the device {tensor.device}; fetafix compares on the CPU: give it "
                            "copy.deepcopy(module).cpu()")


def example_tensor(array, module, batch):
    """The first `batch` samples (the last one again where there are fewer), in the module's own precision."""
    torch = require_torch()
    import numpy as np
    rows = np.minimum(np.arange(batch), array.shape[0] - 1)
    tensor = torch.from_numpy(np.ascontiguousarray(array[rows]))
    if tensor.is_floating_point():
        own = next((part.dtype for part in module.parameters() if part.is_floating_point()), torch.float32)
        tensor = tensor.to(own)
    return tensor


def examples(module, given, batch):
    """What the module is called with, of the first samples: (positional, by keyword)."""
    return [filled(part, lambda name: example_tensor(given.arrays[name], module, batch)) for part in given.structure(module)]


def first_line(error):
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {' '.join(lines[:2])[:400]}" if lines else type(error).__name__


def export(module, given, eval_mode, name):
    """(exported program, why its batch is fixed or None), for inputs like the samples that are given.

    Tried with a free batch first, of two samples; else it is exported for one sample at a time. Raises Error where neither goes."""
    torch = require_torch()
    on_cpu(module, name)
    why = None
    with untouched(module), quiet(), plain_attention(), torch.no_grad():
        if eval_mode:
            for part in module.modules():  # not eval(), which a module may have made to do more
                part.training = False
        for batch in (2, 1):
            positional, named = examples(module, given, batch)
            try:
                return torch.export.export(module, tuple(positional), named, strict=False,
                                           dynamic_shapes=free_batch(torch, positional, named) if batch == 2 else None), why
            except Exception as error:  # of many types
                why = why or first_line(error)
                failure = error
    raise Error(f"{name} can't be exported by torch.export: {first_line(failure)}", 3) from failure


def free_batch(torch, positional, named):
    """As torch.export takes it: for inputs by position, or for those by keyword."""
    batch = torch.export.Dim("batch")
    return torch.utils._pytree.tree_map(lambda tensor: {0: batch}, named or tuple(positional))


def save(exported, path):
    with quiet():
        require_torch().export.save(exported, str(path))


def order_of(exported, structure):
    """Names of the structure (positional, by keyword) in the order of the program's inputs."""
    tree = require_torch().utils._pytree
    places = tree.tree_unflatten(range(exported.call_spec.in_spec.num_leaves), exported.call_spec.in_spec)
    names = {}

    def walk(names_of, places_of):
        if isinstance(names_of, dict):
            for key, item in names_of.items():
                walk(item, places_of[key])
        elif isinstance(names_of, list):
            for item, place in zip(names_of, places_of):
                walk(item, place)
        else:
            names[places_of] = names_of

    walk(list(structure), list(places))
    return [names[place] for place in sorted(names)]
