"""Runs .pt2 files (torch.export) and TorchScript in the user's PyTorch: PYTHON torch_worker.py

Started by fetafix; speaks docs/worker-protocol.md. PyTorch is imported by the first load, not by hello: it takes seconds.
"""

import contextlib
import functools
import importlib.metadata
import inspect
import logging
import os
import sys
import tempfile
import warnings

# Before PyTorch starts: no GPU, whose sums come in any order, and of pickles only plain data.
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"

import numpy as np

import torch_file
from fetafix_worker import DTYPES, WorkerError
from model_service import cause, check_inputs, chosen, named_so, numbered, place, serve_models

KERNELS = ("default", "native")


def hello():
    try:
        return {"worker": "torch", "version": importlib.metadata.version("torch")}
    except importlib.metadata.PackageNotFoundError:
        raise WorkerError("runtime_missing", f"torch: {sys.executable} has no torch; run '{sys.executable} -m pip install "
                                             "torch'") from None


@functools.cache
def pytorch():
    warnings.simplefilter("ignore")  # TorchScript is deprecated, triton is missing: nothing of the file
    import torch
    import torch.export
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False
    return torch


# Values

def dtype_of(tensor):
    name = str(tensor.dtype).removeprefix("torch.")
    name = "float32" if name == "bfloat16" else name  # numpy has none: it travels as float32, which holds each value
    return name if name in DTYPES and tensor.layout == pytorch().strided else "unknown"


def spec(name, value):
    """`value` is what the graph says of it: a tensor without contents, or a number that depends on sizes."""
    torch = pytorch()
    if isinstance(value, torch.Tensor):
        shape = [size if isinstance(size, int) else -1 for size in value.shape]
        return {"name": name, "dtype": dtype_of(value), "shape": shape}
    for kind, dtype in (((bool, torch.SymBool), "bool"), ((int, torch.SymInt), "int64"), ((float, torch.SymFloat), "float64")):
        if isinstance(value, kind):
            return {"name": name, "dtype": dtype, "shape": []}
    raise WorkerError("unsupported", f"value '{name}' is no tensor but {type(value).__name__}")


def array_of(name, value):
    torch = pytorch()
    if not isinstance(value, torch.Tensor):
        if not isinstance(value, (bool, int, float)):
            raise WorkerError("unsupported", f"value '{name}' is no tensor but {type(value).__name__}")
        return np.asarray(value)
    if dtype_of(value) == "unknown":
        raise WorkerError("unsupported", f"value '{name}' is {value.dtype} ({value.layout}), which has no place here")
    value = value.detach().float() if value.dtype == torch.bfloat16 else value.detach()
    return value.resolve_neg().contiguous().numpy()


def tensor_of(array, dtype):
    """A copy: operators that work in place would write into what the parent sent."""
    tensor = pytorch().from_numpy(np.array(array))
    return tensor if dtype is None else tensor.to(dtype)


class Settings:
    """What holds while a model is loaded or run; PyTorch has one of each for the whole process."""

    def __init__(self, request):
        self.threads = max(1, int(request.get("threads", 1)))
        self.kernels = str(request.get("kernels", "default"))
        if self.kernels not in KERNELS:
            raise WorkerError("usage", f"torch.kernels: expected {' or '.join(KERNELS)}, found '{self.kernels}'")

    @contextlib.contextmanager
    def hold(self):
        torch = pytorch()
        torch.set_num_threads(self.threads)
        torch.manual_seed(0)
        mkldnn = torch.backends.mkldnn
        plain = mkldnn.flags(enabled=False) if self.kernels == "native" else contextlib.nullcontext()
        with torch.no_grad(), plain:
            yield


# Exported programs

class Heard(logging.Handler):
    """torch.export.load logs why it failed, and raises something else."""

    def __init__(self):
        super().__init__()
        self.errors = []

    def emit(self, record):
        if record.exc_info:
            self.errors.append(record.exc_info[1])


def load_program(path, file):
    torch, heard, log = pytorch(), Heard(), logging.getLogger("torch.export")
    log.addHandler(heard)
    try:
        return torch.export.load(path)
    except Exception as error:
        logged = heard.errors and "warnings above" in str(error)
        why = cause(heard.errors[0] if logged else error).replace(path, "the file")
        raise WorkerError("runtime_failed", refusal(torch.__version__.partition("+")[0], file.version, why.rstrip("."))) from error
    finally:
        log.removeHandler(heard)


def refusal(here, written, why):
    by = f"written by PyTorch {written}" if written else "which does not say which PyTorch wrote it"
    way_out = f"; run it in PyTorch {written}, or export it in {here}" if written not in ("", here) else ""
    return f"PyTorch {here} does not load the file, {by}: {why}{way_out}"


def kind_of(spec):
    return spec.kind.name


class State:
    """Buffers that runs change are put back to what the file says."""

    def __init__(self, module):
        self.kept = [(buffer, buffer.clone()) for _, buffer in module.named_buffers()]
        self.tried = self.looked = False

    def before_run(self):
        if self.tried:
            for buffer, value in self.kept:
                buffer.copy_(value)
        self.tried = True

    def after_run(self):
        """Most models change nothing: after the first run that went well, only what it changed is put back by later ones."""
        if not self.looked:
            self.kept = [(buffer, value) for buffer, value in self.kept if not pytorch().equal(buffer, value)]
        self.looked = True


class Whole:
    """A program as its user calls it, which checks the shapes of inputs."""

    def __init__(self, program):
        self.pytree = pytorch().utils._pytree
        # Newer ones write these checks as Python code that comes with the file; without, they check the shapes themselves.
        plain = {"check_guards": False} if "check_guards" in inspect.signature(program.module).parameters else {}
        self.module = program.module(**plain)
        self.structure = program.call_spec.in_spec
        self.state = State(self.module)

    def compute(self, inputs):
        args, kwargs = self.pytree.tree_unflatten(inputs, self.structure)
        self.state.before_run()
        outputs = self.pytree.tree_leaves(self.module(*args, **kwargs))
        self.state.after_run()
        return outputs, {}


class Opened:
    """A program run operator by operator, which keeps inner values as they are when they are computed: an operator that works in
    place may change them afterwards."""

    def __init__(self, program, names):
        self.program, self.names = program, set(names)
        self.user = [kind_of(spec) == "USER_OUTPUT" for spec in program.graph_signature.output_specs]

    def arguments(self, inputs):
        inputs = iter(inputs)
        for spec in self.program.graph_signature.input_specs:
            kind, held = kind_of(spec), self.program.state_dict
            if kind == "USER_INPUT":
                yield next(inputs)
            elif kind == "PARAMETER":
                yield held[spec.target]
            elif kind == "BUFFER":
                yield (held if spec.persistent else self.program.constants)[spec.target].clone()
            elif kind in ("CONSTANT_TENSOR", "CUSTOM_OBJ"):
                yield self.program.constants[spec.target]
            else:
                raise WorkerError("unsupported", f"input '{spec.arg.name}' of the graph is of the kind {kind}")

    def compute(self, inputs):
        torch, names, seen = pytorch(), self.names, {}

        class Recorder(torch.fx.Interpreter):
            def run_node(self, node):
                value = super().run_node(node)
                if node.name in names:
                    seen[node.name] = value.clone() if isinstance(value, torch.Tensor) else value
                return value

        outputs = Recorder(self.program.graph_module).run(*self.arguments(inputs))
        return [value for value, user in zip(outputs, self.user) if user], seen


class Program:
    """Inputs and outputs in the order of the program's signature, out of whatever lists and dicts they come in."""

    also = {}

    def __init__(self, path, file, settings):
        self.settings = settings
        with settings.hold():
            program = load_program(path, file)
            self.values = {node.name: node.meta.get("val") for node in program.graph.nodes}
            self.read_inputs(program)
            self.read_outputs(program, file.asked)
            self.runner = Opened(program, file.asked) if file.asked else Whole(program)

    def read_inputs(self, program):
        torch = pytorch()
        self.constants, self.dtypes, self.inputs = [], [], []  # of each place of the signature; the value, or None for a tensor
        for given in program.graph_signature.input_specs:
            if kind_of(given) != "USER_INPUT":
                continue
            value = self.values.get(given.arg.name)
            if hasattr(given.arg, "value"):  # a number or text that the program was exported for
                self.constants.append((given.arg.value,))
            elif isinstance(value, torch.Tensor):
                self.constants.append(None)
                self.dtypes.append(value.dtype)
                self.inputs.append(spec(given.arg.name, value))
            else:
                raise WorkerError("unsupported", f"input '{given.arg.name}' is no tensor but {type(given.arg).__name__}; export "
                                                 "the program with a fixed number in its place")

    def read_outputs(self, program, asked):
        given = [one.arg for one in program.graph_signature.output_specs if kind_of(one) == "USER_OUTPUT"]
        self.computed = [not hasattr(arg, "value") for arg in given]  # else a constant, which says nothing
        if unknown := [name for name in asked if name not in self.values]:
            raise WorkerError("unsupported", f"the graph has no value '{unknown[0]}'")
        self.asked = asked
        names = [arg.name for arg in given if not hasattr(arg, "value")] + asked
        self.outputs = [spec(name, self.values[of]) for name, of in zip(numbered(names), names)]

    def run(self, tensors, wanted):
        arrays = [array for _, array in tensors]
        check_inputs(self.inputs, arrays)
        names = chosen(self.outputs, wanted)
        with self.settings.hold():
            feeds = iter([tensor_of(array, dtype) for array, dtype in zip(arrays, self.dtypes)])
            outputs, seen = self.runner.compute([next(feeds) if held is None else held[0] for held in self.constants])
        values = [value for value, computed in zip(outputs, self.computed) if computed] + [seen[name] for name in self.asked]
        values = dict(zip((output["name"] for output in self.outputs), values))
        return [(name, array_of(name, values[name])) for name in names]


# TorchScript

class Script:
    """A file says how many inputs there are, but of tensors neither type nor rank."""

    also = {}

    def __init__(self, path, request, settings, asked):
        torch = pytorch()
        self.settings = settings
        self.optimize = bool(request.get("optimize", True))
        try:
            self.module = torch.jit.load(path, map_location="cpu").eval()
            arguments, graph = self.module.forward.schema.arguments[1:], self.module.forward.graph
        except Exception as error:
            raise WorkerError("runtime_failed", f"PyTorch {torch.__version__} does not load the TorchScript file: "
                                                f"{cause(error).replace(path, 'the file')}") from error
        self.state = State(self.module)
        self.inputs = [self.tensor(argument.name, argument.type) for argument in arguments]
        (result,) = graph.outputs()
        kind = result.type().kind()
        made = [result] if kind != "TupleType" else list(result.node().inputs())
        # The text of a file that is asked for inner values gives them behind its results.
        names = [value.debugName() for value in made]
        if len(asked) > len(names):
            raise WorkerError("file", f"the file shall give {len(asked)} inner values and returns {len(names)}")
        names[len(names) - len(asked):] = asked
        self.outputs = [self.tensor(name, value.type()) for name, value in zip(numbered(names), made)]

    @staticmethod
    def tensor(name, type_of):
        if type_of.kind() != "TensorType":
            raise WorkerError("unsupported", f"value '{name}' of the TorchScript file is no tensor but {type_of}; only tensors and "
                                             "one tuple of tensors are run")
        return {"name": name, "dtype": "unknown", "shape": None}

    def run(self, tensors, wanted):
        check_inputs(self.inputs, [array for _, array in tensors])
        names = chosen(self.outputs, wanted)
        with self.settings.hold(), pytorch().jit.optimized_execution(self.optimize):
            self.state.before_run()
            outputs = self.module(*[tensor_of(array, None) for _, array in tensors])
            values = outputs if isinstance(outputs, tuple) else (outputs,)
            arrays = {one["name"]: array_of(one["name"], value) for one, value in zip(self.outputs, values)}
            self.state.after_run()
        return [(name, arrays[name]) for name in names]


def make(request, tensors):
    settings = Settings(request)
    with tempfile.TemporaryDirectory(prefix="fetafix-torch-") as folder:
        path = place(request, tensors, folder)
        file = torch_file.read(path)
        if file.script:
            return Script(path, request, settings, file.asked)
        # PyTorch complains of archives of another name.
        return Program(named_so(path, folder, ".pt2"), file, settings)


if __name__ == "__main__":
    sys.exit(serve_models(hello, make))
