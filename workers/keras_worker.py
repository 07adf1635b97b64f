"""Runs .keras and .h5 files in the user's Keras, 3 or 2: PYTHON keras_worker.py

Started by fetafix; speaks docs/worker-protocol.md. Frameworks are imported by the first load, not by hello: importing
TensorFlow takes seconds.
"""

import functools
import gc
import importlib.metadata
import importlib.util
import inspect
import os
import re
import sys
import tempfile
from pathlib import Path

# Before any framework starts: no GPU, whose sums come in any order, and no chatter.
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")  # read-only folders and network disks have no locks

import numpy as np

import keras_file
from fetafix_worker import DTYPES, WorkerError, serve

BACKENDS = ("tensorflow", "jax", "torch")
MOST_MESSAGE, MOST_LINE = 1500, 400  # characters of an error of Keras: some hold the whole configuration
HEAD = 300  # of a message that is cut; the rest is its end, where the cause is


# A line of a stack, and the line of code that may follow it.
STACK = re.compile(r'^ *File ".*", line \d+.*\n?(?: {4,}(?!File ").*\n?)?|^Traceback .*\n?', re.MULTILINE)


def cause(error):
    """The text of an error without the lines that say where in a framework it was raised."""
    lines = [line.strip() for line in STACK.sub("", f"{type(error).__name__}: {error}").splitlines()]
    half = MOST_LINE // 2
    text = " | ".join(line if len(line) <= MOST_LINE else f"{line[:half]} ... {line[-half:]}" for line in lines if line)
    return text if len(text) <= MOST_MESSAGE else text[:HEAD] + " ... " + text[HEAD - MOST_MESSAGE:]


# What is installed

def version_of(*distributions):
    for name in distributions:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            pass
    return None


def installed(module):
    """Looks without importing."""
    return importlib.util.find_spec(module) is not None


def installations():
    """Module and version of each Keras generation that is here, e.g. {3: ("keras", "3.15.1"), 2: ("tf_keras", "2.21.0")}."""
    found = {}
    if installed("tf_keras") and installed("tensorflow"):
        found[2] = ("tf_keras", version_of("tf_keras", "tf-keras-nightly") or "unknown")
    version = version_of("keras", "keras-nightly") if installed("keras") else None
    if version and not version.startswith(("0.", "1.")):
        generation = 2 if version.startswith("2.") else 3
        if generation == 3 or installed("tensorflow"):
            found.setdefault(generation, ("keras", version))
    return found


def backend_name():
    """The user's choice, else the first that is here; None if there is none."""
    chosen = os.environ.get("KERAS_BACKEND")
    if chosen:
        return chosen if installed(chosen) else None
    return next((name for name in BACKENDS if installed(name)), None)


def no_backend():
    looked = os.environ.get("KERAS_BACKEND")
    looked = f"KERAS_BACKEND, {looked}" if looked else ", ".join(BACKENDS)
    return WorkerError("runtime_missing", f"keras: {sys.executable} has Keras but no backend (looked for {looked}); run "
                                          f"'{sys.executable} -m pip install tensorflow-cpu'")


def hello():
    if not installed("keras") and not installed("tf_keras"):
        raise WorkerError("runtime_missing", f"keras: {sys.executable} has neither keras nor tf_keras; run "
                                             f"'{sys.executable} -m pip install keras tensorflow-cpu'")
    found = installations()
    if not found or (2 not in found and backend_name() is None):
        raise no_backend()
    # keras where there are both, for that is what 'import keras' gives.
    return {"worker": "keras", "version": next((v for module, v in found.values() if module == "keras"), None) or found[2][1]}


# Which Keras runs a file

def generation_for(file, asked, found):
    """2 or 3. Files of Keras 2 run best in Keras 2, and mostly in Keras 3; files of Keras 3 only there."""
    if asked not in ("auto", "2", "3"):
        raise WorkerError("usage", f"keras.version: expected auto, 2 or 3, found '{asked}'")
    written = f"the file was written by Keras {file.version}" if file.version else "the file does not say which Keras wrote it"
    if asked != "auto":
        wanted, why = [int(asked)], f"keras.version is {asked}"
    else:
        wanted, why = [2, 3] if file.generation == 2 else [3], written
    usable = [g for g in wanted if g in found and (g == 2 or backend_name())]
    if usable:
        return usable[0]
    if 3 in wanted and 3 in found:
        raise no_backend()
    here = ", ".join(f"{module} {version}" for module, version in found.values())
    package = "tf-keras" if wanted == [2] else "--upgrade keras"
    raise WorkerError("runtime_missing", f"keras: {why}, and {sys.executable} has only {here}; run '{sys.executable} -m pip "
                                         f"install {package}'")


class TensorFlow:
    """Runs a model through one traced function, or operator by operator."""

    def __init__(self, threads):
        import tensorflow
        self.tf = tensorflow
        try:
            tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
            tensorflow.config.threading.set_inter_op_parallelism_threads(threads)
        except RuntimeError:
            pass  # it runs already, with the threads of the first session
        tensorflow.get_logger().setLevel("ERROR")  # it warns of retracing, which other shapes need
        tensorflow.config.experimental.enable_op_determinism()
        tensorflow.random.set_seed(0)  # determinism asks for one; weights that a file lacks are drawn equal too

    def compiled(self, function, optimize):
        if not optimize:
            return lambda tensors: function([self.tf.convert_to_tensor(tensor) for tensor in tensors])
        traced = self.tf.function(function, jit_compile=False, reduce_retracing=True)
        return lambda tensors: traced([self.tf.convert_to_tensor(tensor) for tensor in tensors])


class Jax:
    def __init__(self, threads):
        if threads == 1:  # XLA knows one thread or as many as there are cores
            os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")

    def compiled(self, function, optimize):
        return function


class Torch:
    def __init__(self, threads):
        import torch
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self.torch = torch

    def compiled(self, function, optimize):
        return self.torch.no_grad()(function)


class AnyBackend(Jax):
    """Of Keras 3 there may be more: numpy, openvino."""


@functools.cache
def prepared(backend, threads):
    return {"tensorflow": TensorFlow, "jax": Jax, "torch": Torch}.get(backend, AnyBackend)(threads)


class Keras:
    """One generation: where it keeps what this worker needs of it."""

    def __init__(self, generation, threads):
        self.generation = generation
        self.name, self.version = installations()[generation]
        backend = "tensorflow" if generation == 2 else backend_name()
        if generation == 3:
            os.environ["KERAS_BACKEND"] = backend
        self.backend = prepared(backend, threads)
        self.module = importlib.import_module(self.name)
        if generation == 2:
            # Generators that can be reset, unlike those in TensorFlow's kernels.
            experimental = getattr(self.module.backend, "experimental", None)
            getattr(experimental, "enable_tf_random_generator", lambda: None)()
            nest = self.backend.tf.nest
            self.flatten, self.pack = nest.flatten, nest.pack_sequence_as
        else:
            self.flatten, self.pack = self.module.tree.flatten, self.module.tree.pack_sequence_as

    def application_layers(self):
        """Layers of keras.applications, which files name without saying where they are from."""
        found = {}
        for module, names in keras_file.APPLICATION_LAYERS.items():
            try:
                holder = importlib.import_module(f"{self.module.__name__}.src.applications.{module}")
            except ImportError:
                continue
            found.update((name, getattr(holder, name)) for name in names if hasattr(holder, name))
        return found

    def load(self, path, file):
        load = self.module.models.load_model
        # Keras before 2.13 has no such argument; keras_file has looked for code in any case.
        safe = {"safe_mode": True} if "safe_mode" in inspect.signature(load).parameters else {}
        try:
            model = load(path, compile=False, custom_objects=self.application_layers(), **safe)
        except Exception as error:
            raise WorkerError("runtime_failed", self.refusal(file, cause(error).replace(path, "the file"))) from error
        try:
            if model.inputs and model.outputs:
                return model
        except (AttributeError, ValueError):
            pass  # that is how an unbuilt Sequential answers
        raise WorkerError("unsupported", f"the model '{model.name}' does not say what its inputs are; expected a Functional "
                                         "model, or a Sequential one with an Input layer; call it once and save it again")

    def refusal(self, file, why):
        written = f"written by Keras {file.version}" if file.version else "which does not say which Keras wrote it"
        way_out = ""
        if self.generation == 3 and file.generation == 2 and 2 not in installations():
            way_out = f"; files of Keras 2 are run best in Keras 2: run '{sys.executable} -m pip install tf-keras'"
        return f"{self.name} {self.version} does not load the file, {written}: {why}{way_out}"

    def structure(self, model):
        """How the model wants its inputs: a tensor, or lists and dicts of tensors."""
        if self.generation == 2:
            return getattr(model, "_nested_inputs", model.inputs[0])
        functional = getattr(model, "_functional", None) or model
        return getattr(functional, "_inputs_struct", model.inputs[0])

    def maker(self, tensor):
        """The name of the layer or operation that a symbolic tensor comes from."""
        history = tensor._keras_history
        return (history.layer if self.generation == 2 else history.operation).name

    def numpy(self, value):
        if self.generation == 3:
            return self.module.ops.convert_to_numpy(value)
        if not hasattr(value, "numpy"):
            raise WorkerError("unsupported", f"an output is a {type(value).__name__}; expected a dense tensor")
        return value.numpy()


@functools.cache
def keras_of(generation, threads):
    return Keras(generation, threads)


# A loaded model

def dtype_of(tensor):
    dtype = tensor.dtype
    name = dtype if isinstance(dtype, str) else dtype.name
    name = "float32" if name == "bfloat16" else name  # numpy has none: it travels as float32, which holds each value
    return name if name in DTYPES else "unknown"


def shape_of(tensor):
    try:
        return [-1 if size is None else int(size) for size in tensor.shape]
    except (TypeError, ValueError):
        return None  # not even the rank is known


def numbered(names):
    """y, y#2, y#3: a name for each output of a layer that makes several."""
    seen, out = {}, []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return out


def specs(names, tensors):
    return [{"name": name, "dtype": dtype_of(tensor), "shape": shape_of(tensor)} for name, tensor in zip(names, tensors)]


class State:
    """What runs change inside a model. Recurrent layers and generators of random numbers are reset; other variables (the
    averages of a normalization that was built to train) are put back to what the file says."""

    def __init__(self, model):
        layers = list(model._flatten_layers(include_self=False))
        self.recurrent = [layer for layer in layers if getattr(layer, "stateful", False)]
        self.drawing = [layer._random_generator for layer in layers
                        if hasattr(getattr(layer, "_random_generator", None), "_maybe_init")]
        self.kept = [(variable, np.array(variable.numpy())) for variable in model.non_trainable_variables]
        self.tried = self.looked = False

    def before_run(self):
        if self.tried:
            for variable, value in self.kept:
                variable.assign(value)
        self.tried = True
        for layer in self.recurrent:
            reset = getattr(layer, "reset_state", None) or getattr(layer, "reset_states", None)
            if reset:
                reset()
        for random in self.drawing:  # of Keras 2; those of Keras 3 are variables
            random._maybe_init()
            if random._generator is not None:
                random._generator.reset_from_seed(0)

    def after_run(self):
        """Most models change nothing: after the first run that went well, only what it changed is put back by later ones."""
        if not self.looked:
            self.kept = [(variable, value) for variable, value in self.kept if not np.array_equal(variable.numpy(), value)]
        self.looked = True


class Model:
    def __init__(self, request, tensors):
        with tempfile.TemporaryDirectory(prefix="fetafix-keras-") as folder:
            path = self.place(request, tensors, folder)
            file = keras_file.read(path)
            # Keras goes by the suffix, whatever the file is called.
            named = os.path.join(folder, "named" + file.suffix)
            os.symlink(path, named)
            generation = generation_for(file, str(request.get("keras_version", "auto")), installations())
            self.keras = keras_of(generation, max(1, int(request.get("threads", 1))))
            self.model = self.keras.load(named, file)
        inputs, outputs = list(self.model.inputs), list(self.model.outputs)
        self.inputs = specs([self.keras.maker(tensor) for tensor in inputs], inputs)
        self.outputs = specs(numbered([self.keras.maker(tensor) for tensor in outputs]), outputs)
        self.structure = self.keras.structure(self.model)
        self.state = State(self.model)
        self.compute = self.keras.backend.compiled(self.call, bool(request.get("optimize", True)))

    @staticmethod
    def place(request, tensors, folder):
        if "path" in request:
            return os.path.abspath(request["path"])
        path = os.path.join(folder, "model")
        Path(path).write_bytes(bytes(dict(tensors)["model"]))
        return path

    def call(self, tensors):
        """Flat list in, flat list out; what is traced."""
        return self.keras.flatten(self.model(self.keras.pack(self.structure, tensors), training=False))

    def run(self, tensors, wanted):
        arrays = self.checked([array for _, array in tensors])
        names = [output["name"] for output in self.outputs]
        if unknown := [name for name in wanted if name not in names]:
            raise WorkerError("usage", f"no output '{unknown[0]}'; there is {', '.join(names)}")
        self.state.before_run()
        values = dict(zip(names, self.compute(arrays)))
        self.state.after_run()
        return [(name, self.array(values[name])) for name in wanted or names]

    def checked(self, arrays):
        """Keras would cast in silence, and so hide that it was fed something else."""
        if len(arrays) != len(self.inputs):
            raise WorkerError("runtime_failed", f"expected {len(self.inputs)} inputs, found {len(arrays)}")
        for spec, array in zip(self.inputs, arrays):
            if array.dtype.name != spec["dtype"]:
                raise WorkerError("runtime_failed", f"input '{spec['name']}': expected {spec['dtype']}, found "
                                                    f"{array.dtype.name}")
        return arrays

    def array(self, value):
        array = self.keras.numpy(value)
        return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


models = {}


def answer(call, request, tensors):
    if call == "load":
        model = Model(request, tensors)
        session = max(models, default=0) + 1
        models[session] = model
        return {"session": session, "inputs": model.inputs, "outputs": model.outputs, "keras": model.keras.version}, []
    model = models.get(request.get("session"))
    if model is None:
        raise WorkerError("internal", f"no session {request.get('session')}")
    if call == "run":
        return {}, model.run(tensors, request.get("outputs", []))
    if call == "unload":
        del models[request["session"]], model
        gc.collect()  # a model and the functions traced from it point at each other
        return {}, []
    raise WorkerError("internal", f"no call '{call}' here")


def handle(call, request, tensors):
    try:
        return answer(call, request, tensors)
    except (WorkerError, MemoryError):
        raise
    except Exception as error:
        raise WorkerError("runtime_failed", cause(error)) from None


if __name__ == "__main__":
    sys.exit(serve(hello, handle))
