"""A Keras file to ONNX in memory, without a SavedModel: keras_to_onnx.py MODEL OUT --via export|tf2onnx

"export" is Keras 3's own model.export(format="onnx"), "tf2onnx" its from_keras. Both leave the batch open.
"""

import argparse
from pathlib import Path

import keras
import numpy
import tensorflow as tf
import tf2onnx


def export(model, path):
    """A model that was only loaded does not know what it is called with: Keras wants to have seen a call."""
    model(numpy.zeros((1, *model.input_shape[1:]), numpy.float32))
    model.export(str(path), format="onnx", verbose=False)


def from_keras(model, path):
    signature = [tf.TensorSpec(model.input_shape, tf.float32, name=model.inputs[0].name)]
    tf2onnx.convert.from_keras(model, input_signature=signature, opset=13, output_path=str(path))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--via", choices=["export", "tf2onnx"], required=True)
    options = parser.parse_args()
    model = keras.models.load_model(options.model, compile=False)
    (export if options.via == "export" else from_keras)(model, options.output)


if __name__ == "__main__":
    main()
