"""Which format a model is of, by its name: a SavedModel is a folder whose name ends with saved_model. Files and such folders
are moved and removed alike."""

import shutil
from pathlib import Path

SUFFIXES = {".tflite": "tflite", ".keras": "keras", ".h5": "keras", ".pb": "tensorflow", ".pt2": "torch", ".pt": "script"}
FOLDER = "saved_model"


def kind_of(name):
    name = str(name)
    return "tensorflow" if name.endswith(FOLDER) else SUFFIXES.get(Path(name).suffix, "onnx")


def ending_of(name):
    """What a file of the same format may be called after any word."""
    return f"_{FOLDER}" if str(name).endswith(FOLDER) else Path(name).suffix


def remove(path):
    """A file, or a format's folder."""
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def move(path, to):
    remove(to)
    path.replace(to)
