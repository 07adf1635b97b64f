"""A small classifier, trained in Keras: train_keras.py PICTURES.npz --keras FILE --saved-model DIR

Convolution, batch normalization, ReLU, depthwise blocks with residual additions, max pooling, Dense, Softmax: an ordinary
network in little, of pictures scaled to [-1, 1]. What classifier_pictures.py makes is learned within seconds.
"""

import argparse

import keras
import numpy
from keras import layers

SEED, EPOCHS, BATCH = 20263, 30, 34
# (channels, stride) of the blocks; each widens to twice its input between.
BLOCKS = [(12, 1), (16, 2), (16, 1), (24, 2), (24, 1)]


def conv_bn(x, filters, kernel, activation="relu", strides=1):
    x = layers.Conv2D(filters, kernel, strides, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    return layers.Activation(activation)(x) if activation else x


def block(x, filters, stride):
    y = conv_bn(x, 2 * x.shape[-1], 1)
    y = layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False)(y)
    y = layers.Activation("relu6")(layers.BatchNormalization()(y))
    y = conv_bn(y, filters, 1, None)
    return layers.Add()([x, y]) if x.shape == y.shape else y


def network(side, classes):
    image = keras.Input((side, side, 3), name="image")
    x = conv_bn(image, 12, 3, strides=2)
    x = layers.MaxPooling2D(3, 2, padding="same")(x)
    for filters, stride in BLOCKS:
        x = block(x, filters, stride)
    x = layers.GlobalAveragePooling2D()(conv_bn(x, 32, 1))
    return keras.Model(image, layers.Dense(classes, activation="softmax", name="shows")(x), name="classifier")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pictures")
    parser.add_argument("--keras", required=True)
    parser.add_argument("--saved-model", required=True)
    options = parser.parse_args()
    keras.utils.set_random_seed(SEED)
    data = numpy.load(options.pictures)
    images, held = (data[name].astype(numpy.float32) / 127.5 - 1 for name in ("images", "held_images"))
    classes = int(data["labels"].max()) + 1
    model = network(images.shape[1], classes)
    for layer in model.layers:  # the epochs are few, so that the statistics have to follow fast
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.9
    # Smoothed labels: without, the answers would be 0 and 1, and most faults without an effect on them.
    model.compile(keras.optimizers.Adam(0.01), keras.losses.CategoricalCrossentropy(label_smoothing=0.1), metrics=["accuracy"])
    model.fit(images, keras.utils.to_categorical(data["labels"], classes), BATCH, EPOCHS, verbose=0)
    right = (model.predict(held, verbose=0).argmax(1) == data["held_labels"]).mean()
    print(f"{model.count_params()} parameters, {right:.0%} of crops right that it was not trained on")
    if right < 0.8:
        raise SystemExit("the classifier has not learned enough")
    model.save(options.keras)
    model.export(options.saved_model, verbose=False)


if __name__ == "__main__":
    main()
