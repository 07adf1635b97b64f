"""SavedModel folders as Python objects, through TensorFlow's own messages and checkpoint tools.

Shared by the scripts that change such folders. Reading computes nothing in TensorFlow, so that a process may fork afterwards;
a checkpoint is written in a process of its own.
"""

import copy
import multiprocessing
import os
import shutil
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import tensorflow  # noqa: E402
from tensorflow.core.protobuf import saved_model_pb2, trackable_object_graph_pb2  # noqa: E402
from tensorflow.python.training import py_checkpoint_reader  # noqa: E402

GRAPH, VARIABLES, FINGERPRINT = "saved_model.pb", "variables", "fingerprint.pb"
SIGNATURE, OBJECTS = "serving_default", "_CHECKPOINTABLE_OBJECT_GRAPH"
WAIT = 120  # seconds for a checkpoint to be written


class Model:
    """saved: the SavedModel message. arrays: {checkpoint key: array}; an array is replaced, never changed in place.
    damage: what is done to the folder at last, for files that no tool would write."""

    def __init__(self, folder, saved, arrays):
        self.folder, self.saved, self.arrays, self.original, self.damage = folder, saved, dict(arrays), arrays, None

    def __deepcopy__(self, memo):
        other = Model(self.folder, copy.deepcopy(self.saved, memo), self.arrays)
        other.original, other.damage = self.original, self.damage
        return other

    @property
    def graph(self):
        return self.saved.meta_graphs[0].graph_def

    @property
    def signature(self):
        return self.saved.meta_graphs[0].signature_def[SIGNATURE]


def full_names(model):
    """{checkpoint key: the variable's own name}"""
    objects = trackable_object_graph_pb2.TrackableObjectGraph.FromString(model.arrays[OBJECTS])
    return {entry.checkpoint_key: entry.full_name for node in objects.nodes for entry in node.attributes}


def checkpoint(folder):
    return Path(folder) / VARIABLES / VARIABLES


def read_arrays(folder):
    reader = py_checkpoint_reader.NewCheckpointReader(str(checkpoint(folder)))
    return {key: reader.get_tensor(key) for key in sorted(reader.get_variable_to_shape_map())}


def read(folder):
    folder = Path(folder)
    return Model(folder, saved_model_pb2.SavedModel.FromString((folder / GRAPH).read_bytes()), read_arrays(folder))


def _save(prefix, arrays):
    values = [tensorflow.constant(array) for array in arrays.values()]
    whole = [""] * len(arrays)
    tensorflow.raw_ops.SaveV2(prefix=str(prefix), tensor_names=list(arrays), shape_and_slices=whole, tensors=values)


def write_arrays(folder, arrays):
    for file in (Path(folder) / VARIABLES).iterdir():
        file.unlink()
    process = multiprocessing.get_context("fork").Process(target=_save, args=(checkpoint(folder), arrays))
    process.start()
    process.join(WAIT)
    process.kill()
    if process.exitcode != 0:
        raise OSError(f"{folder}: its checkpoint could not be written")


def write(model, folder):
    """All else is copied; the fingerprint would be of another graph."""
    folder = Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(model.folder, folder, ignore=shutil.ignore_patterns(GRAPH, FINGERPRINT))
    (folder / GRAPH).write_bytes(model.saved.SerializeToString(deterministic=True))
    if any(model.arrays.get(key) is not array for key, array in model.original.items()):
        write_arrays(folder, model.arrays)
    if model.damage:
        model.damage(folder)
