"""A Keras file or a SavedModel through TFLiteConverter: keras_convert.py MODEL OUT [--int8 | --float16 | --dynamic] [--preprocess NAME]

An .h5 or .keras file becomes OUT as .tflite, or as a SavedModel when OUT has no suffix. The quantized form is full int8
with float input and output left out: real photographs (photos.py) give its ranges. --dynamic has int8 weights only.
"""

import argparse
import tempfile
from pathlib import Path

import keras
import numpy
import tensorflow as tf

import oracle
import photos

CALIBRATION_CROPS = 64


def calibration(shape, preprocess):
    """Crops only: the photographs themselves are what tests look at."""
    with tempfile.TemporaryDirectory() as folder:
        originals = photos.copy_originals(photos.PHOTOGRAPHS, Path(folder))
        for index in range(CALIBRATION_CROPS):
            original = originals[index % len(originals)]
            path = Path(folder) / "crop.png"
            photos.derive(original, 1000 + index // len(originals)).save(path)
            yield [oracle.photograph(path, (shape[2], shape[1]), preprocess)[numpy.newaxis]]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("output", type=Path)
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--int8", action="store_true")
    kind.add_argument("--float16", action="store_true")
    kind.add_argument("--dynamic", action="store_true")
    parser.add_argument("--preprocess", choices=oracle.VALUES, default="mobilenet")
    options = parser.parse_args()

    if options.model.is_dir():
        converter = tf.lite.TFLiteConverter.from_saved_model(str(options.model))
        signature = tf.saved_model.load(str(options.model)).signatures["serving_default"]
        shape = list(signature.structured_input_signature[1].values())[0].shape.as_list()
    else:
        model = keras.models.load_model(options.model, compile=False)
        if not options.output.suffix:
            return model.export(str(options.output), verbose=False)
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        shape = [1, *model.input_shape[1:]]
    if options.int8 or options.float16 or options.dynamic:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if options.float16:
        converter.target_spec.supported_types = [tf.float16]
    if options.int8:
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.representative_dataset = lambda: calibration(shape, options.preprocess)
    options.output.write_bytes(converter.convert())


if __name__ == "__main__":
    main()
