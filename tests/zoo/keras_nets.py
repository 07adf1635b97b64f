"""Seeded Keras nets for what the real models lack: keras_nets.py NAME --keras FILE --saved-model DIR [--batch N]

Weights are random but nothing is trivial: biases, gamma and beta are drawn, normalization statistics are estimated on
photographs, and the last Dense is a ridge regression that tells the eight photographs of photos.py apart, so that labels
mean something and a small fault can flip one. All take pictures scaled to [-1, 1].

    branches  a run of equal convolutions, an inception block, squeeze-and-excite, both pools with SAME, LeakyReLU
    lstm      rows of the picture as a sequence: a bidirectional LSTM, then an LSTM
    gru       the same with a GRU
    vit       patches, four blocks of attention and GELU, LayerNormalization
    vit_gelu  the same with Keras' own GELU, of which tf2onnx makes an operator that does not exist
    mobilenet_v3, densenet   topologies of keras.applications
"""

import argparse
import tempfile
from pathlib import Path

import keras
import numpy
from keras import layers
from PIL import Image

import photos

SEED = 20261
CROPS = 12  # of each photograph


def conv_bn(x, filters, kernel, activation="relu", **options):
    x = layers.Conv2D(filters, kernel, padding="same", use_bias=False, **options)(x)
    x = layers.BatchNormalization()(x)
    return layers.Activation(activation)(x)


def squeeze_excite(x, ratio):
    filters = x.shape[-1]
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Conv2D(filters // ratio, 1, activation="relu")(gate)
    gate = layers.Conv2D(filters, 1, activation="sigmoid")(gate)
    return layers.Multiply()([x, gate])


def inception(x, filters):
    pooled = layers.AveragePooling2D(3, strides=1, padding="same")(x)
    return layers.Concatenate()([
        conv_bn(x, filters, 1), conv_bn(conv_bn(x, filters, 1), filters, 3),
        conv_bn(conv_bn(x, filters, 1), filters, 5, dilation_rate=2), conv_bn(pooled, filters, 1)])


def branches(image):
    x = conv_bn(image, 24, 3, strides=2)
    for _ in range(6):
        x = layers.Add()([x, conv_bn(x, 24, 3)])
    x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
    x = squeeze_excite(inception(x, 16), 4)
    x = layers.DepthwiseConv2D(3, strides=2, padding="same")(x)
    x = layers.LeakyReLU(negative_slope=0.2)(layers.BatchNormalization()(x))
    x = conv_bn(inception(x, 24), 96, 1, "relu6")
    return layers.GlobalAveragePooling2D()(x)


def rows(image):
    height, width, channels = image.shape[1:]
    return layers.Dense(48, activation="tanh")(layers.Reshape((height, width * channels))(image))


def lstm(image):
    x = layers.Bidirectional(layers.LSTM(40, return_sequences=True))(rows(image))
    return layers.LSTM(48)(layers.LayerNormalization()(x))


def gru(image):
    return layers.GRU(64)(rows(image))


def exact_gelu(x):
    return 0.5 * x * (1 + keras.ops.erf(x / 2**0.5))


def vit(image, gelu=exact_gelu):
    x = layers.Conv2D(64, 8, strides=8)(image)
    x = layers.Reshape((-1, 64))(x)
    for _ in range(4):
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        x = layers.Add()([x, layers.MultiHeadAttention(4, 16)(y, y)])
        y = gelu(layers.Dense(128)(layers.LayerNormalization(epsilon=1e-6)(x)))
        x = layers.Add()([x, layers.Dense(64)(y)])
    return layers.GlobalAveragePooling1D()(layers.LayerNormalization(epsilon=1e-6)(x))


def application(make, **options):
    return lambda image: make(include_top=False, weights=None, input_tensor=image, pooling="avg", **options).output


# name: (side of the picture, from the picture to the features)
NETS = {
    "branches": (64, branches), "lstm": (48, lstm), "gru": (48, gru), "vit": (64, vit),
    "vit_gelu": (64, lambda image: vit(image, layers.Activation("gelu"))),
    "mobilenet_v3": (96, application(keras.applications.MobileNetV3Small, include_preprocessing=False)),
    "densenet": (96, application(keras.applications.DenseNet121)),
}


def pictures(side):
    """(pictures, which photograph each shows)"""
    images, labels = [], []
    with tempfile.TemporaryDirectory() as folder:
        for label, original in enumerate(photos.copy_originals(photos.PHOTOGRAPHS, Path(folder))):
            for number in range(CROPS):
                crop = photos.derive(original, number).resize((side, side), Image.Resampling.BICUBIC)
                images.append(numpy.asarray(crop, numpy.float32) / 127.5 - 1)
                labels.append(label)
    return numpy.stack(images), numpy.array(labels)


def draw_parameters(model):
    """Biases, gamma and beta, which Keras starts as zeros and ones: a fault in those would have no effect."""
    draw = numpy.random.default_rng(SEED)
    for variable in model.trainable_variables:
        name = variable.path.rsplit("/", 1)[-1]
        if name == "gamma":
            variable.assign(draw.uniform(0.6, 1.4, variable.shape))
        elif name in ("beta", "bias"):
            variable.assign(variable.numpy() + draw.normal(0, 0.1, variable.shape))


def estimate_statistics(model, images):
    """Moving statistics of every BatchNormalization, from running in training mode."""
    normalizations = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    for layer in normalizations:
        layer.momentum = 0.7
    for _ in range(12 if normalizations else 0):
        model(images, training=True)
    for layer in normalizations:
        layer.momentum = 0.99


def fit_head(features, labels):
    """Ridge regression to one-hot targets on standardized features: (kernel, bias) of the last Dense."""
    mean, deviation = features.mean(0), features.std(0) + 1e-6
    standard = ((features - mean) / deviation).astype(numpy.float64)
    targets = 10 * (numpy.eye(labels.max() + 1)[labels] - 1 / (labels.max() + 1))
    kernel = numpy.linalg.solve(standard.T @ standard + 3 * numpy.eye(standard.shape[1]), standard.T @ targets)
    kernel = kernel / deviation[:, None]
    return [kernel.astype(numpy.float32), (targets.mean(0) - mean @ kernel).astype(numpy.float32)]


def build(name):
    side, net = NETS[name]
    keras.utils.set_random_seed(SEED)
    image = keras.Input((side, side, 3), name="image")
    trunk = keras.Model(image, net(image))
    return with_head(trunk, side, lambda head: keras.Model(image, head(trunk.output), name=name))


def with_head(trunk, side, joined):
    """Draws what a trunk starts with, and fits the head that `joined` puts behind it."""
    images, labels = pictures(side)
    draw_parameters(trunk)
    estimate_statistics(trunk, images)
    head = layers.Dense(int(labels.max()) + 1, name="logits")
    model = joined(head)
    head.set_weights(fit_head(trunk.predict(images, verbose=0), labels))
    right = (model.predict(images, verbose=0).argmax(1) == labels).mean()
    print(f"{model.name}: {len(model.layers)} layers, {model.count_params()} parameters, {right:.0%} of its own pictures right")
    return model


def save(model, keras_path, saved_model, batch=None):
    model.save(keras_path)
    signature = [keras.InputSpec(shape=(batch, *model.input_shape[1:]), dtype="float32", name="image")]
    model.export(saved_model, input_signature=signature, verbose=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("name", choices=NETS)
    parser.add_argument("--keras", required=True)
    parser.add_argument("--saved-model", required=True)
    parser.add_argument("--batch", type=int, help="fix the batch of the SavedModel (a fused TFLite LSTM wants that)")
    options = parser.parse_args()
    save(build(options.name), options.keras, options.saved_model, options.batch)


if __name__ == "__main__":
    main()
