"""Which format a model is of, by its name: a SavedModel is a folder whose name ends with saved_model."""

from pathlib import Path

SUFFIXES = {".tflite": "tflite", ".keras": "keras", ".h5": "keras", ".pb": "tensorflow"}
FOLDER = "saved_model"


def kind_of(name):
    name = str(name)
    return "tensorflow" if name.endswith(FOLDER) else SUFFIXES.get(Path(name).suffix, "onnx")


def ending_of(name):
    """What a file of the same format may be called after any word."""
    return f"_{FOLDER}" if str(name).endswith(FOLDER) else Path(name).suffix
