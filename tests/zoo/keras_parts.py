"""A seeded Sequential with layers that the other nets lack: keras_parts.py --keras FILE --saved-model DIR

Made like those of keras_nets.py: Rescaling, explicit and implicit padding, separable and transposed convolutions, PReLU,
upsampling, pools without padding, Permute, Flatten and Dense layers in a row.
"""

import argparse

import keras
from keras import layers

from keras_nets import SEED, save, with_head

SIDE = 48


def stage(filters, number):
    """A convolution of each kind, with a normalization and another activation behind it."""
    return [
        layers.ZeroPadding2D(((0, 1), (0, 1))), layers.Conv2D(filters, 3, strides=2), layers.BatchNormalization(),
        layers.PReLU(shared_axes=[1, 2]),
        layers.SeparableConv2D(filters, 3, padding="same", activation="swish"), layers.BatchNormalization(),
        layers.DepthwiseConv2D(3, padding="same", dilation_rate=2), layers.ReLU(max_value=6.0),
        layers.Conv2D(filters, 3, padding="same", activation="relu"), layers.LayerNormalization(),
        layers.Conv2D(filters, 1, activation="tanh" if number else "elu"), layers.BatchNormalization(),
    ]


def all_layers():
    return [
        layers.Rescaling(0.5, offset=0.25), *stage(16, 0), layers.AveragePooling2D(3, strides=1, padding="same"),
        layers.Conv2DTranspose(16, 3, strides=2, padding="same"), layers.LeakyReLU(negative_slope=0.1), *stage(24, 1),
        layers.UpSampling2D(2, interpolation="bilinear"), layers.MaxPooling2D(3, strides=2), *stage(32, 2),
        layers.UpSampling2D(2), layers.Permute((2, 1, 3)), layers.MaxPooling2D(2), layers.Flatten(),
        layers.Dense(48, activation="relu"), layers.Dense(48), layers.Activation("sigmoid"),
    ]


def build():
    keras.utils.set_random_seed(SEED)
    parts = all_layers()
    image = keras.Input((SIDE, SIDE, 3), name="image")
    return with_head(keras.Sequential([image, *parts]), SIDE,
                     lambda head: keras.Sequential([keras.Input((SIDE, SIDE, 3), name="image"), *parts, head], name="chain"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--keras", required=True)
    parser.add_argument("--saved-model", required=True)
    options = parser.parse_args()
    save(build(), options.keras, options.saved_model)


if __name__ == "__main__":
    main()
