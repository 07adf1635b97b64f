"""The paths: each ordered pair of formats, and each format with itself. A new one is a line here and one in
tests/zoo/path_recipes.py, which makes the files."""

import sys
from collections import namedtuple
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path += [str(TESTS / "bench"), str(TESTS / "gate"), str(TESTS / "zoo")]
from bench_pairs import BenchPair  # noqa: E402
from pairs import KERAS, Pair  # noqa: E402

KINDS = ("parameters", "hyperparameters", "graph", "tensor-structure")  # of faults, by their class
# chain: the converters from the source's format to the target's.
Path_ = namedtuple("Path_", "source target chain")

PATHS = [Path_(*line) for line in [
    ("classifier.keras", "classifier_saved_model", "Keras export"),
    ("classifier.keras", "keras_to_tflite.tflite", "TFLiteConverter.from_keras_model"),
    ("classifier.keras", "keras_to_onnx.onnx", "tf2onnx from_keras"),
    ("classifier.keras", "keras_export.onnx", "Keras export(format=onnx)"),
    ("classifier.keras", "keras_to_torch.pt2", "tf2onnx from_keras, onnx2torch, torch.export"),
    ("classifier.keras", "keras_to_keras.h5", "rebuilt and saved by Keras 2"),

    ("classifier_saved_model", "saved_model_to_keras.h5", "tf2onnx --inputs-as-nchw, onnx2tf -oh5"),
    ("classifier_saved_model", "classifier.tflite", "TFLiteConverter.from_saved_model"),
    ("classifier_saved_model", "saved_model_to_onnx.onnx", "tf2onnx --inputs-as-nchw"),
    ("classifier_saved_model", "saved_model_to_torch.pt2", "tf2onnx --inputs-as-nchw, onnx2torch, torch.export"),
    ("classifier_saved_model", "saved_model_to_saved_model", "tf2onnx --inputs-as-nchw, onnx2tf -osd"),
    ("classifier_saved_model", "saved_model_frozen.pb", "convert_variables_to_constants_v2"),

    ("classifier.tflite", "tflite_to_onnx.onnx", "tf2onnx --tflite"),
    ("classifier.tflite", "tflite_to_saved_model", "tf2onnx --tflite --inputs-as-nchw, onnx2tf -osd"),
    ("classifier.tflite", "tflite_to_keras.h5", "tf2onnx --tflite --inputs-as-nchw, onnx2tf -oh5"),
    ("classifier.tflite", "tflite_to_torch.pt2", "tf2onnx --tflite, onnx2torch, torch.export"),
    ("classifier.tflite", "tflite_to_tflite.tflite", "tf2onnx --tflite --inputs-as-nchw, onnx2tf"),

    ("classifier.onnx", "onnx_to_tflite.tflite", "onnx2tf"),
    ("classifier.onnx", "onnx_to_saved_model", "onnx2tf -osd"),
    ("classifier.onnx", "onnx_to_keras.h5", "onnx2tf -oh5"),
    ("classifier.onnx", "onnx_to_torch.pt2", "onnx2torch, torch.export"),
    ("classifier.onnx", "onnx_to_onnx.onnx", "ONNX Runtime, optimized (extended)"),

    ("classifier.pt2", "torch_to_onnx.onnx", "torch.onnx dynamo, batch free"),
    ("classifier.pt2", "torch_to_tflite.tflite", "torch.onnx dynamo, onnx2tf"),
    ("classifier.pt2", "torch_to_saved_model", "torch.onnx dynamo, onnx2tf -osd"),
    ("classifier.pt2", "torch_to_keras.h5", "torch.onnx dynamo, onnx2tf -oh5"),
    ("classifier.pt2", "torch_to_torch.pt2", "run_decompositions"),
]]


def bench_pair(path):
    return BenchPair(path.source, path.target, KERAS, "path")


def gate_pair(path):
    return Pair(path.source, path.target, KERAS)


def name_of(path):
    return f"{path.source} -> {path.target}"
