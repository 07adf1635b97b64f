"""The mobilenet_v3 net of keras_nets.py in Keras 2, with the same weights: legacy_mobilenet.py MOBILENET_V3.keras OUT.h5

Keras 2 has other settings for the same layers, and functions of TensorFlow that it made layers of (TFOpLambda).
"""

import sys

import keras
import tf_keras


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    original = keras.models.load_model(sys.argv[1], compile=False)
    image = tf_keras.Input(original.input_shape[1:], name="image")
    trunk = tf_keras.applications.MobileNetV3Small(include_top=False, weights=None, input_tensor=image, pooling="avg",
                                                   include_preprocessing=False)
    model = tf_keras.Model(image, tf_keras.layers.Dense(original.output_shape[-1], name="logits")(trunk.output))
    model.set_weights(original.get_weights())
    model.save(sys.argv[2])


if __name__ == "__main__":
    main()
