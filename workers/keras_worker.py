"""Runs .keras and .h5 files in the user's Keras, 3 or 2: PYTHON keras_worker.py

Started by fetafix; speaks docs/worker-protocol.md. Frameworks are imported by the first load, not by hello: importing
TensorFlow takes seconds.
"""

import functools
import importlib.metadata
import importlib.util
import inspect
import os
import sys
import tempfile

# Before any framework starts: no GPU, whose sums come in any order, and no chatter.
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")  # read-only folders and network disks have no locks

import numpy as np

import keras_file
from fetafix_worker import DTYPES, WorkerError
from model_service import cause, check_inputs, chosen, named_so, numbered, place, serve_models

BACKENDS = ("tensorflow", "jax", "torch")

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
            path = place(request, tensors, folder)
            file = keras_file.read(path)
            named = named_so(path, folder, file.suffix)
            generation = generation_for(file, str(request.get("keras_version", "auto")), installations())
            self.keras = keras_of(generation, max(1, int(request.get("threads", 1))))
            self.model = self.keras.load(named, file)
        inputs, outputs = list(self.model.inputs), list(self.model.outputs)
        self.also = {"keras": self.keras.version}
        self.inputs = specs([self.keras.maker(tensor) for tensor in inputs], inputs)
        self.outputs = specs(numbered([self.keras.maker(tensor) for tensor in outputs]), outputs)
        self.structure = self.keras.structure(self.model)
        self.state = State(self.model)
        self.compute = self.keras.backend.compiled(self.call, bool(request.get("optimize", True)))

    def call(self, tensors):
        """Flat list in, flat list out; what is traced."""
        return self.keras.flatten(self.model(self.keras.pack(self.structure, tensors), training=False))

    def run(self, tensors, wanted):
        arrays = [array for _, array in tensors]
        check_inputs(self.inputs, arrays)
        names = chosen(self.outputs, wanted)
        self.state.before_run()
        values = dict(zip((output["name"] for output in self.outputs), self.compute(arrays)))
        self.state.after_run()
        return [(name, self.array(values[name])) for name in names]

    def array(self, value):
        array = self.keras.numpy(value)
        return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


if __name__ == "__main__":
    sys.exit(serve_models(hello, Model))
