"""A Keras 3 file through TFLiteConverter.from_concrete_functions with the model as the owner of its variables:
concrete_tflite.py IN.keras OUT.tflite. The file reads variables that nothing ever sets: wrong on purpose."""

import sys
from pathlib import Path

import keras
import tensorflow as tf

model = keras.models.load_model(sys.argv[1], compile=False)
sample = tf.TensorSpec([1, *model.input_shape[1:]], tf.float32)
function = tf.function(lambda image: model(image, training=False)).get_concrete_function(sample)
Path(sys.argv[2]).write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([function], model).convert())
