"""What a Keras file says of itself before Keras sees it: its kind, who wrote it, and whether it holds code.

Keras' own safe_mode came late, and Keras 2 does not apply it to .h5 files: there a Lambda is marshaled bytecode that runs
when the file is loaded. Keras 2, and Keras 3 before 3.9, also import whatever module a configuration names. So nothing is
handed to any Keras before `refuse_code` has read it. It knows no layers, only what can reach out of the model.
"""

import json
import zipfile
from dataclasses import dataclass

from fetafix_worker import WorkerError

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
ZIP_SIGNATURE = b"PK\x03\x04"
MOST_CONFIG_BYTES = 256 << 20  # as much as a frame of the protocol; what unpacks to more is no configuration

PACKAGES = {"keras", "tf_keras", "keras_hub", "keras_cv", "keras_nlp", "builtins"}
# Layers that keras.applications brings for its own models, by the module that holds them.
APPLICATION_LAYERS = {"convnext": ("LayerScale", "StochasticDepth"), "inception_resnet_v2": ("CustomScaleLayer",)}
# Parts of Keras that fetch, read, write or configure instead of computing.
NOT_COMPUTING = {"utils", "saving", "datasets", "config", "export", "applications"}
# These load another program: a SavedModel, a pickled torch module.
OPAQUE = {"TFSMLayer", "TorchModuleWrapper"}

# A TFOpLambda calls a TensorFlow function by its public name; these namespaces only compute.
TF_NAMESPACES = {"", "math", "nn", "linalg", "signal", "image", "strings", "bitwise", "sets", "sparse", "ragged", "random",
                 "dtypes", "quantization", "__operators__", "keras.activations", "keras.backend"}
TF_NOT_COMPUTING = {"load_library", "load_op_library", "print", "py_function", "numpy_function", "import_graph_def"}
TF_CLASSES = {"RaggedTensor", "SparseTensor"}
# Of a TensorFlowOpLayer (Keras of TF 2.0 to 2.3), which names a kernel.
KERNELS_NOT_COMPUTING = ("file", "pyfunc", "save", "restore", "summary", "print", "merge", "library")


@dataclass
class KerasFile:
    suffix: str   # that by which Keras recognizes it: ".keras" or ".h5"
    version: str  # of the Keras that wrote it: "3.15.1"; "" if the file does not say

    @property
    def generation(self):
        """2 or 3; files that do not say are older than the habit of saying."""
        return 3 if self.version.split(".")[0].isdigit() and int(self.version.split(".")[0]) >= 3 else 2


def read(path):
    """Reads the file's metadata and refuses code in it."""
    try:
        with open(path, "rb") as file:
            start = file.read(len(HDF5_SIGNATURE))
    except OSError as error:
        raise WorkerError("file", f"can't be read: {error.strerror}") from error
    if start.startswith(ZIP_SIGNATURE):
        config, version = read_zip(path)
        found = KerasFile(".keras", version)
    elif start == HDF5_SIGNATURE:
        config, version = read_hdf5(path)
        found = KerasFile(".h5", version)
    else:
        raise WorkerError("file", "expected a .keras archive (zip) or an .h5 file (HDF5), found a file that starts with "
                                  f"{start[:4].hex(' ') or 'nothing'}")
    refuse_code(config)
    return found


def read_zip(path):
    try:
        with zipfile.ZipFile(path) as archive:
            members = {}
            for member in ("config.json", "metadata.json"):
                if member not in archive.namelist():
                    raise WorkerError("file", f"the archive holds no {member}; expected what model.save() of Keras 2.12 or "
                                              "newer writes")
                if archive.getinfo(member).file_size > MOST_CONFIG_BYTES:
                    raise WorkerError("file", f"{member} unpacks to {archive.getinfo(member).file_size} bytes, more than the "
                                              f"{MOST_CONFIG_BYTES} that are read")
                members[member] = json.loads(archive.read(member))
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError, RecursionError) as error:
        raise WorkerError("file", f"the .keras archive can't be read: {error}") from error
    metadata = members["metadata.json"]
    return members["config.json"], str(metadata.get("keras_version", "")) if isinstance(metadata, dict) else ""


def read_hdf5(path):
    import h5py  # Keras and TensorFlow bring it
    try:
        with h5py.File(path, "r") as file:
            config, version = text(file.attrs.get("model_config")), text(file.attrs.get("keras_version"))
        if not config:
            raise WorkerError("file", "the .h5 file holds no model_config, so only weights; save the whole model with "
                                      "model.save()")
        return json.loads(config), version
    except (ValueError, OSError, RuntimeError, KeyError, RecursionError) as error:
        raise WorkerError("file", f"the .h5 file can't be read: {error}") from error


def text(attribute):
    if isinstance(attribute, bytes):
        return attribute.decode("utf-8", "replace")
    return attribute if isinstance(attribute, str) else ""


def refuse_code(config):
    """Error kind unsupported if the configuration holds code, or names code that is no part of a model."""
    pending = [(config, "the model")]
    while pending:
        item, place = pending.pop()
        if isinstance(item, list):
            pending += [(each, place) for each in item]
        if not isinstance(item, dict):
            continue
        if "class_name" in item:
            place = place_of(item, place)
            why = reason_against(item)
            if why:
                raise WorkerError("unsupported", f"{place} {why}; fetafix does not run code that a file brings or names, only "
                                                 "Keras' own layers; replace it by layers and save the model again")
        pending += [(each, place) for each in item.values()]


def place_of(item, place):
    config = item.get("config")
    if isinstance(config, dict) and isinstance(config.get("name"), str):
        return f"layer '{config['name']}' ({item['class_name']})"
    return place


def reason_against(item):
    """What is wrong with one serialized object, or None."""
    class_name, config = str(item["class_name"]), item.get("config")
    settings = config if isinstance(config, dict) else {}
    kinds = [settings.get(f"{part}_type") for part in ("function", "output_shape", "mask")]
    if class_name == "__lambda__" or "lambda" in kinds:
        return "holds Python code"
    if class_name in OPAQUE:
        return "loads a program that is no Keras model"
    if class_name == "TFOpLambda":
        return reason_against_function(str(settings.get("function")))
    if class_name == "ClassMethod" and settings.get("cls_symbol") not in TF_CLASSES:
        return f"calls a method of {settings.get('cls_symbol')}"
    if class_name == "TensorFlowOpLayer":
        kernel = kernel_of(settings.get("node_def")).lower()
        return f"runs the kernel {kernel}" if any(word in kernel for word in KERNELS_NOT_COMPUTING) else None
    return reason_against_module(item, class_name)


def reason_against_module(item, class_name):
    module = item.get("module")
    if not isinstance(module, str) or not module:
        return None
    if class_name == "__typespec__" and module.startswith("tensorflow.python."):
        return None
    # The name of a function is its configuration; either may hold dots.
    name = str(item.get("config")) if class_name == "function" else class_name
    parts = f"{module}.{name}".split(".")
    if parts[0] not in PACKAGES:
        return f"needs {name} of the module {module}"
    if class_name in APPLICATION_LAYERS.get(parts[-2], ()):
        return None
    return f"names {module}.{name}, which is no part of a model" if NOT_COMPUTING & set(parts[1:]) else None


def reason_against_function(symbol):
    short = symbol.removeprefix("compat.v1.")
    namespace, _, name = short.rpartition(".")
    fine = namespace in TF_NAMESPACES and name not in TF_NOT_COMPUTING
    return None if fine else f"calls tf.{symbol}"


def kernel_of(node):
    """A NodeDef is a dict, or in older files its bytes, in which the kernel's name stands among the rest."""
    return str(node["op"] if isinstance(node, dict) and "op" in node else node)
