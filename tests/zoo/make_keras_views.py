"""Makes src/formats/keras/testdata: models of many small branches with what Keras answers: make_keras_views.py FOLDER [NAME...]

Each NAME.zip holds "model" (a .keras archive or a .h5 file), "in.npz" and "out.npz" with K.npy by the numbers of the model's
inputs and outputs, and "opaque", the layers that the reader is right to leave alone, one a line. The files are committed, so
that the tests need no Keras. Numbers are multiples of 1/16: they pack well. Layers with channels first that TensorFlow can't
run on a CPU are answered by their twins with channels last. Run it with build/venv/bin/python.
"""

import io
import json
import os
import sys
import tempfile
import zipfile
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy
import tensorflow as tf
import tf_keras

FIRST = {"data_format": "channels_first"}


def sixteenths(generator, shape, low=-16, high=17):
    return (generator.integers(low, high, shape) / 16).astype("float32")


class Net:
    """One model in the making: branches from common inputs, each an output."""

    def __init__(self, module):
        self.k, self.l = module, module.layers
        self.old = module is tf_keras
        self.random = numpy.random.default_rng(3)
        self.inputs, self.values, self.outputs, self.twins, self.opaque = [], [], [], {}, []

    def input(self, *shape, kind="float32", high=4, batch=1, like=None, **more):
        x = self.l.Input(shape, dtype=kind, name=f"x{len(self.inputs)}", **more)
        self.inputs.append(x)
        shape = like or shape
        self.values.append(sixteenths(self.random, (batch, *shape), -32, 33) if kind == "float32"
                           else self.random.integers(0, high, (batch, *shape)).astype(kind))
        return x

    def out(self, *tensors):
        self.outputs += tensors
        return tensors[0]

    def layer(self, name, kind, x, call=None, opaque=False, **settings):
        """A branch of one layer; with channels first a twin answers where the layer itself can't run."""
        made = getattr(self.l, kind)(name=name, **settings)
        y = made(x, **(call or {}))
        ys = y if isinstance(y, (list, tuple)) else [y]
        self.out(*ys)
        if opaque:
            self.opaque.append(name)
        if settings.get("data_format") == "channels_first":
            self.twins[len(self.outputs) - 1] = (made, x)
        return y

    def answers(self, model):
        for layer in every_layer(model):
            layer.set_weights([self.weight(w) for w in layer.get_weights()])
        for layer in every_layer(model):  # a variance is no negative number
            if hasattr(layer, "moving_variance"):
                layer.moving_variance.assign(numpy.abs(layer.moving_variance.numpy()) + 0.5)
            if type(layer).__name__ == "Normalization" and layer.get_weights():
                mean, variance, count = layer.get_weights()
                layer.set_weights([mean, abs(variance) + 0.5, count])
                layer.finalize_state()
        out = []
        for number, tensor in enumerate(self.outputs):
            if number in self.twins:
                out.append(self.twin(*self.twins[number]))
            else:
                answer = self.k.Model(self.inputs, tensor)(self.values, training=False)
                out.append(numpy.asarray(answer))
        return out

    def weight(self, w):
        return sixteenths(self.random, w.shape, -8, 9) if w.dtype == numpy.float32 else w

    def twin(self, layer, x):
        """What a layer of channels first would answer."""
        value = numpy.asarray(self.k.Model(self.inputs, x)(self.values))
        try:
            return numpy.asarray(layer(value))
        except Exception:
            pass
        config = dict(layer.get_config(), data_format="channels_last", name="twin")
        twin = type(layer).from_config(config)
        value = numpy.moveaxis(value, 1, -1)
        twin.build(value.shape)
        twin.set_weights(layer.get_weights())
        y = numpy.asarray(twin(value))
        return numpy.moveaxis(y, -1, 1) if y.ndim == value.ndim else y


def every_layer(model):
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from every_layer(layer)
        else:
            yield layer


# --- convolutions ------------------------------------------------------------------------------------------------------

def conv(net):
    line, image, box = net.input(7, 3), net.input(5, 6, 4), net.input(4, 5, 3, 2)
    first, first_line = net.input(4, 5, 6), net.input(3, 7)
    one, two = {"filters": 2}, {"filters": 4}
    net.layer("c1_same", "Conv1D", line, kernel_size=3, padding="same", **one)
    net.layer("c1_causal", "Conv1D", line, kernel_size=3, padding="causal", dilation_rate=2, activation="relu", **one)
    net.layer("c1_causal_stride", "Conv1D", line, kernel_size=2, padding="causal", strides=2, **one)
    net.layer("c1_valid", "Conv1D", line, kernel_size=2, strides=2, use_bias=False, **one)
    net.layer("c1_first", "Conv1D", first_line, kernel_size=4, padding="same", **FIRST, **one)
    net.layer("c2_same", "Conv2D", image, kernel_size=3, padding="same", **two)
    net.layer("c2_same_stride", "Conv2D", image, kernel_size=(3, 2), strides=2, padding="same", activation="relu", **one)
    net.layer("c2_even", "Conv2D", image, kernel_size=(2, 4), padding="same", activation="softmax", **two)
    net.layer("c2_valid", "Conv2D", image, kernel_size=(3, 1), strides=(2, 1), **one)
    net.layer("c2_dilated", "Conv2D", image, kernel_size=2, dilation_rate=(2, 3), padding="same", use_bias=False, **one)
    if not net.old:  # of Keras 2 none runs on a CPU
        net.layer("c2_groups", "Conv2D", image, kernel_size=3, groups=2, padding="same", activation="sigmoid", **two)
    net.layer("c2_first", "Conv2D", first, kernel_size=3, strides=2, padding="same", activation="tanh", **FIRST, **one)
    net.layer("c3_same", "Conv3D", box, kernel_size=2, padding="same", **one)
    net.layer("c3_valid", "Conv3D", box, kernel_size=(2, 3, 1), strides=(1, 2, 1), **one)
    if not net.old:
        net.layer("d1_same", "DepthwiseConv1D", line, kernel_size=3, padding="same", depth_multiplier=2)
        net.layer("d1_stride", "DepthwiseConv1D", line, kernel_size=2, strides=2)
    net.layer("d2_same", "DepthwiseConv2D", image, kernel_size=3, padding="same", depth_multiplier=2)
    net.layer("d2_stride", "DepthwiseConv2D", image, kernel_size=3, strides=2, padding="same", activation="relu6")
    net.layer("d2_dilated", "DepthwiseConv2D", image, kernel_size=2, dilation_rate=2, use_bias=False)
    net.layer("d2_first", "DepthwiseConv2D", first, kernel_size=2, padding="same", depth_multiplier=2, **FIRST)
    net.layer("s1", "SeparableConv1D", line, kernel_size=3, depth_multiplier=2, padding="same", **one)
    net.layer("s2", "SeparableConv2D", image, kernel_size=3, depth_multiplier=2, padding="same", activation="relu", **one)
    net.layer("s2_valid", "SeparableConv2D", image, kernel_size=2, strides=2, use_bias=False, **one)
    net.layer("s2_first", "SeparableConv2D", first, kernel_size=3, padding="same", **FIRST, **one)
    for kernel in (1, 2, 3, 4):
        for stride in (1, 2, 3):
            for padding in ("same", "valid"):
                net.layer(f"t1_{kernel}{stride}{padding}", "Conv1DTranspose", line, kernel_size=kernel, strides=stride,
                          padding=padding, **one)
    net.layer("t2_same", "Conv2DTranspose", image, kernel_size=(3, 2), strides=(2, 1), padding="same", activation="relu", **one)
    net.layer("t2_valid", "Conv2DTranspose", image, kernel_size=(2, 3), strides=(3, 2), use_bias=False, **one)
    net.layer("t2_extra", "Conv2DTranspose", image, opaque=True, kernel_size=3, strides=2, padding="same", output_padding=1, **one)
    net.layer("t2_first", "Conv2DTranspose", first, kernel_size=3, strides=2, padding="same", **FIRST, **one)
    net.layer("t3_same", "Conv3DTranspose", box, kernel_size=2, strides=2, padding="same", **one)


def open_sizes(net):
    """Sizes that the file does not say: "same" is for the runtime to resolve."""
    image, line = net.input(None, None, 2, like=(5, 6, 2)), net.input(None, 2, like=(5, 2))
    net.layer("c2", "Conv2D", image, filters=2, kernel_size=3, strides=2, padding="same")
    net.layer("c2_even", "Conv2D", image, filters=2, kernel_size=2, padding="same")
    net.layer("d2", "DepthwiseConv2D", image, kernel_size=3, strides=2, padding="same")
    net.layer("t2", "Conv2DTranspose", image, filters=2, kernel_size=3, strides=2, padding="same")
    net.layer("c1", "Conv1D", line, filters=2, kernel_size=3, padding="causal")
    net.layer("pool", "MaxPooling2D", image, pool_size=2, padding="same")
    net.layer("average", "AveragePooling2D", image, pool_size=3, strides=2, padding="same")
    net.layer("up", "UpSampling2D", image, interpolation="bilinear")
    net.layer("up1", "UpSampling1D", line)
    net.layer("sized", "Resizing", image, height=3, width=4)
    net.layer("lstm", "LSTM", line, units=2)
    net.layer("bi", "Bidirectional", line, layer=net.l.GRU(2, return_sequences=True))
    net.layer("mean", "GlobalAveragePooling1D", line)
    net.layer("pad", "ZeroPadding2D", image)
    net.layer("crop", "Cropping2D", image)
    net.layer("norm", "BatchNormalization", image)
    net.layer("group", "GroupNormalization", image, groups=2)


# --- pools and sizes ---------------------------------------------------------------------------------------------------

def pool(net):
    line, image, box = net.input(7, 2), net.input(5, 6, 2), net.input(4, 5, 3, 2)
    first_line, first, first_box = net.input(2, 7), net.input(2, 5, 6), net.input(2, 4, 5, 3)
    for kind in ("Max", "Average"):
        short = kind[0].lower()
        net.layer(short + "1", kind + "Pooling1D", line, pool_size=2)
        net.layer(short + "1_same", kind + "Pooling1D", line, pool_size=3, strides=1, padding="same")
        net.layer(short + "1_first", kind + "Pooling1D", first_line, pool_size=2, strides=3, **FIRST)
        net.layer(short + "2", kind + "Pooling2D", image, pool_size=(2, 3))
        net.layer(short + "2_same", kind + "Pooling2D", image, pool_size=3, strides=2, padding="same")
        net.layer(short + "2_even", kind + "Pooling2D", image, pool_size=2, strides=1, padding="same")
        net.layer(short + "2_first", kind + "Pooling2D", first, pool_size=2, padding="same", **FIRST)
        net.layer(short + "3", kind + "Pooling3D", box, pool_size=2, padding="same")
        net.layer(short + "3_first", kind + "Pooling3D", first_box, pool_size=(2, 1, 2), **FIRST)
        for n, last, other in ((1, line, first_line), (2, image, first), (3, box, first_box)):
            net.layer(f"g{short}{n}", f"Global{kind}Pooling{n}D", last)
            net.layer(f"g{short}{n}_keep", f"Global{kind}Pooling{n}D", last, keepdims=True)
            net.layer(f"g{short}{n}_first", f"Global{kind}Pooling{n}D", other, **FIRST)
    net.layer("u1", "UpSampling1D", line, size=3)
    net.layer("u2", "UpSampling2D", image, size=(2, 3))
    net.layer("u2_linear", "UpSampling2D", image, size=(2, 3), interpolation="bilinear")
    net.layer("u2_cubic", "UpSampling2D", image, opaque=True, interpolation="bicubic")
    net.layer("u2_first", "UpSampling2D", first, **FIRST)
    net.layer("u2_first_linear", "UpSampling2D", first, interpolation="bilinear", **FIRST)
    net.layer("u3", "UpSampling3D", box, size=(1, 2, 2))
    net.layer("u3_first", "UpSampling3D", first_box, **FIRST)
    for name, height, width in (("up", 7, 11), ("down", 3, 2), ("mixed", 9, 4)):
        for mode in ("bilinear", "nearest"):
            net.layer(f"r_{name}_{mode}", "Resizing", image, height=height, width=width, interpolation=mode)
    net.layer("r_cubic", "Resizing", image, opaque=True, height=3, width=2, interpolation="bicubic")
    net.layer("r_crop", "Resizing", image, opaque=True, height=3, width=2, crop_to_aspect_ratio=True)
    if not net.old:
        net.layer("r_first", "Resizing", first, height=8, width=3, **FIRST)


# --- shapes and joins --------------------------------------------------------------------------------------------------

def shape(net):
    flat, line, image, box = net.input(6), net.input(7, 3), net.input(4, 5, 3), net.input(4, 5, 3, 2)
    first, first_box = net.input(3, 4, 5), net.input(2, 4, 5, 3)
    net.layer("p1", "ZeroPadding1D", line, padding=2)
    net.layer("p1_pair", "ZeroPadding1D", line, padding=(1, 3))
    net.layer("p2", "ZeroPadding2D", image)
    net.layer("p2_pair", "ZeroPadding2D", image, padding=(2, 1))
    net.layer("p2_each", "ZeroPadding2D", image, padding=((1, 0), (2, 3)))
    net.layer("p2_first", "ZeroPadding2D", first, padding=((1, 0), (2, 3)), **FIRST)
    net.layer("p3", "ZeroPadding3D", box, padding=((1, 0), (2, 0), (0, 1)))
    net.layer("p3_first", "ZeroPadding3D", first_box, padding=(1, 2, 0), **FIRST)
    net.layer("k1", "Cropping1D", line, cropping=(1, 2))
    net.layer("k1_one", "Cropping1D", line, cropping=2)
    net.layer("k2", "Cropping2D", image, cropping=((0, 1), (2, 0)))
    net.layer("k2_pair", "Cropping2D", image, cropping=(1, 2))
    net.layer("k2_first", "Cropping2D", first, cropping=((1, 0), (2, 1)), **FIRST)
    net.layer("k3", "Cropping3D", box, cropping=(1, 2, 0))
    net.layer("k3_first", "Cropping3D", first_box, cropping=(1, 2, 0), **FIRST)
    net.layer("f1", "Flatten", flat)
    net.layer("f2", "Flatten", image)
    net.layer("f2_first", "Flatten", first, **FIRST)
    net.layer("f3_first", "Flatten", first_box, **FIRST)
    net.twins.clear()  # none of these needs one
    net.layer("reshape", "Reshape", image, target_shape=(3, 20))
    net.layer("reshape_open", "Reshape", image, target_shape=(5, -1, 2))
    net.layer("reshape_flat", "Reshape", line, target_shape=(-1,))
    net.layer("permute", "Permute", image, dims=(3, 1, 2))
    net.layer("repeat", "RepeatVector", flat, n=3)
    for name, kind in (("drop", "Dropout"), ("noise", "GaussianNoise"), ("gauss", "GaussianDropout")):
        net.layer(name, kind, flat, **({"stddev": 0.5} if name == "noise" else {"rate": 0.5}))
    net.layer("alpha", "AlphaDropout", flat, rate=0.5)
    net.layer("spatial1", "SpatialDropout1D", line, rate=0.5)
    net.layer("spatial2", "SpatialDropout2D", image, rate=0.5)
    net.layer("spatial3", "SpatialDropout3D", box, rate=0.5)
    net.layer("activity", "ActivityRegularization", flat, l1=0.1)
    net.layer("flip", "RandomFlip", image)
    net.layer("turn", "RandomRotation", image, factor=0.2)
    net.layer("zoom", "RandomZoom", image, height_factor=0.2)
    net.layer("move", "RandomTranslation", image, height_factor=0.2, width_factor=0.1)
    net.layer("contrast", "RandomContrast", image, factor=0.2)
    net.layer("bright", "RandomBrightness", image, factor=0.2)
    if net.old:
        net.layer("height", "RandomHeight", image, factor=0.2)
        net.layer("width", "RandomWidth", image, factor=0.2)


def merge(net):
    a, b, c = net.input(3, 4), net.input(3, 4), net.input(3, 4)
    row, column = net.input(1, 4), net.input(3, 1)
    flat, other = net.input(4), net.input(2, 4)
    for kind in ("Add", "Multiply", "Average", "Maximum", "Minimum"):
        net.layer(kind + "2", kind, [a, b])
        net.layer(kind + "3", kind, [a, b, c])
        net.layer(kind + "_wide", kind, [row, column])
    net.layer("Subtract2", "Subtract", [a, b])
    net.layer("Subtract_wide", "Subtract", [a, row])
    net.layer("same_twice", "Add", [a, a])
    net.layer("subtract_same", "Subtract", [a, a])
    net.layer("concat", "Concatenate", [a, b, a])
    net.layer("concat_1", "Concatenate", [a, other], axis=1)
    net.layer("concat_front", "Concatenate", [a, column], axis=-1)
    net.layer("ranks", "Add", [a, flat], opaque=True)
    net.layer("dot", "Dot", [a, b], axes=2, opaque=True)


# --- activation functions ----------------------------------------------------------------------------------------------

BOTH = ("linear relu sigmoid tanh softmax elu selu softplus softsign exponential mish gelu hard_sigmoid swish leaky_relu relu6 "
        "silu log_softmax").split()
NEW = "hard_silu hard_swish celu glu hard_tanh hard_shrink soft_shrink tanh_shrink squareplus log_sigmoid sparse_plus".split()
UNKNOWN = ("celu", "glu", "hard_tanh", "hard_shrink", "soft_shrink", "tanh_shrink", "squareplus", "log_sigmoid", "sparse_plus")


def activation(net):
    x, image = net.input(2, 6), net.input(3, 4, 2)
    k, old = net.l, net.old
    known = BOTH + ([] if old else NEW)
    for name in known:
        if old and name in ("leaky_relu", "relu6", "silu", "log_softmax") and not hasattr(net.k.activations, name):
            continue
        opaque = name in UNKNOWN
        net.layer("a_" + name, "Activation", x, activation=name, opaque=opaque)
        net.layer("d_" + name, "Dense", x, units=2, activation=name, opaque=opaque)
    slope = "alpha" if old else "negative_slope"
    net.layer("ReLU", "ReLU", x)
    net.layer("ReLU_most", "ReLU", x, max_value=1.5)
    net.layer("ReLU_slope", "ReLU", x, negative_slope=0.25)
    net.layer("ReLU_both", "ReLU", x, negative_slope=0.25, max_value=1)
    net.layer("ReLU_threshold", "ReLU", x, threshold=0.5, opaque=True)
    net.layer("LeakyReLU", "LeakyReLU", x)
    net.layer("LeakyReLU_slope", "LeakyReLU", x, **{slope: 0.125})
    net.layer("ELU", "ELU", x)
    net.layer("ELU_alpha", "ELU", x, alpha=0.5)
    net.layer("PReLU", "PReLU", x)
    net.layer("PReLU_shared", "PReLU", image, shared_axes=[1, 2])
    net.layer("Softmax", "Softmax", x)
    net.layer("Softmax_1", "Softmax", x, axis=1)
    net.layer("Softmax_2", "Softmax", image, axis=[1, 2], opaque=True)
    net.layer("in_ReLU", "Dense", x, units=2, activation=k.ReLU(max_value=2.0, negative_slope=0.5, name="i1"))
    net.layer("in_LeakyReLU", "Dense", x, units=2, activation=k.LeakyReLU(name="i2"))
    net.layer("in_ELU", "Dense", x, units=2, activation=k.ELU(alpha=0.5, name="i3"), opaque=True)
    net.layer("in_softmax", "Dense", x, units=2, activation=k.Softmax(axis=1, name="i4"), opaque=True)
    net.layer("in_layer", "Activation", x, activation=k.LeakyReLU(name="i5"))
    net.layer("conv_softmax", "Conv2D", image, filters=3, kernel_size=1, activation="softmax")
    net.layer("conv_log_softmax", "Conv2D", image, filters=3, kernel_size=1,
              activation=net.k.activations.log_softmax if hasattr(net.k.activations, "log_softmax") else "softmax")
    net.layer("conv_gelu", "Conv2D", image, filters=3, kernel_size=1, activation="gelu")
    net.layer("conv_leaky", "Conv2D", image, filters=3, kernel_size=1, activation=k.LeakyReLU(name="i6"))


# --- dense and friends -------------------------------------------------------------------------------------------------

def dense(net):
    flat, line, image = net.input(5), net.input(3, 5), net.input(2, 3, 5)
    words = net.input(4, kind="int32", high=6)
    real = net.input(4)
    net.values[-1] = abs(net.values[-1] * 2) % 6
    net.layer("d1", "Dense", flat, units=3)
    net.layer("d1_bare", "Dense", flat, units=3, use_bias=False, activation="relu")
    net.layer("d2", "Dense", line, units=3, activation="sigmoid")
    net.layer("d3", "Dense", image, units=3, activation="softmax")
    net.layer("embed", "Embedding", words, input_dim=6, output_dim=3)
    net.layer("embed_real", "Embedding", real, input_dim=6, output_dim=2)
    net.layer("each", "TimeDistributed", line, layer=net.l.Dense(2, activation="relu", name="inner"))
    net.layer("each_bare", "TimeDistributed", image, layer=net.l.Dense(2, use_bias=False, name="inner2"))
    net.layer("each_conv", "TimeDistributed", image, layer=net.l.Conv1D(2, 1, name="inner3"), opaque=True)
    einsum = "EinsumDense" if hasattr(net.l, "EinsumDense") else None
    if einsum:
        net.layer("e1", einsum, line, equation="abc,cd->abd", output_shape=(None, 4), bias_axes="d")
        net.layer("e2", einsum, line, equation="abc,cde->abde", output_shape=(None, 2, 3), bias_axes="de", activation="relu")
        net.layer("e3", einsum, image, equation="...x,xy->...y", output_shape=4)
        net.layer("e4", einsum, line, equation="abc,cde->aebd", output_shape=(3, None, 2), bias_axes="e")


# --- normalization -----------------------------------------------------------------------------------------------------

def normalize(net):
    flat, line, image, first = net.input(6), net.input(3, 4), net.input(3, 4, 6), net.input(4, 3, 5)
    net.layer("b1", "BatchNormalization", flat)
    net.layer("b2", "BatchNormalization", line, epsilon=0.01)
    net.layer("b3", "BatchNormalization", image, scale=False)
    net.layer("b3_bare", "BatchNormalization", image, center=False, scale=False)
    net.layer("b3_no_center", "BatchNormalization", image, center=False)
    net.layer("b3_first", "BatchNormalization", first, axis=1)
    net.layer("b3_middle", "BatchNormalization", image, axis=2)
    net.layer("l1", "LayerNormalization", flat)
    net.layer("l2", "LayerNormalization", line, epsilon=0.1, center=False)
    net.layer("l3", "LayerNormalization", image, scale=False)
    net.layer("l3_bare", "LayerNormalization", image, scale=False, center=False)
    net.layer("l3_axes", "LayerNormalization", image, axis=[2, 3], opaque=True)
    net.layer("l3_first", "LayerNormalization", image, axis=1, opaque=True)
    net.layer("g", "GroupNormalization", image, groups=2)
    net.layer("g_all", "GroupNormalization", image, groups=-1, scale=False)
    net.layer("g_first", "GroupNormalization", first, groups=2, axis=1, center=False)
    net.layer("g_flat", "GroupNormalization", flat, groups=3)
    net.layer("u", "UnitNormalization", image)
    net.layer("u_first", "UnitNormalization", image, axis=1)
    net.layer("scale", "Rescaling", image, scale=0.5, offset=-1)
    net.layer("scale_each", "Rescaling", line, scale=[0.5, 2, 1, -1], offset=[0, 1, 2, 3])
    bytes_ = net.input(2, 2, 3, kind="uint8", high=255)
    net.layer("scale_bytes", "Rescaling", bytes_, scale=1 / 255)
    net.layer("n_given", "Normalization", line, mean=0.5, variance=4.0)
    net.layer("n_each", "Normalization", line, mean=[0, 1, 2, 3], variance=[1, 4, 0.25, 2])
    net.layer("n_invert", "Normalization", line, mean=0.5, variance=4.0, invert=True, opaque=True)
    net.layer("n_stored", "Normalization", line)
    net.layer("n_stored_flat", "Normalization", flat)
    net.layer("n_none", "Normalization", line, axis=None)
    net.layer("n_none_given", "Normalization", line, axis=None, mean=1.0, variance=0.25)
    net.layer("n_middle", "Normalization", image, axis=2, opaque=True)
    if not net.old:
        net.layer("rms", "RMSNormalization", line, opaque=True)


# --- recurrent ---------------------------------------------------------------------------------------------------------

def recurrent_few(net):
    line = net.input(4, 3, batch=2)
    for kind in ("LSTM", "GRU", "SimpleRNN"):
        net.layer(kind, kind, line, units=2)
        net.layer("bi_" + kind, "Bidirectional", line, layer=getattr(net.l, kind)(2, name="i" + kind, return_sequences=True))
    net.layer("before", "GRU", line, units=2, reset_after=False)


def recurrent(net):
    line = net.input(4, 3, batch=2)
    sequences, state = {"return_sequences": True}, {"return_state": True}
    for kind in ("LSTM", "GRU", "SimpleRNN"):
        short = kind[0].lower()
        net.layer(short, kind, line, units=2)
        net.layer(short + "_sequence", kind, line, units=2, **sequences)
        net.layer(short + "_state", kind, line, units=2, **sequences, **state)
        net.layer(short + "_last_state", kind, line, units=2, **state)
        net.layer(short + "_back", kind, line, units=2, go_backwards=True)
        net.layer(short + "_back_sequence", kind, line, units=2, go_backwards=True, opaque=True, **sequences)
        net.layer(short + "_bare", kind, line, units=2, use_bias=False, **sequences)
        net.layer(short + "_relu", kind, line, units=2, activation="relu", **sequences)
        net.layer(short + "_linear", kind, line, units=2, activation="linear", opaque=True)
        net.layer(short + "_stateful", kind, line, units=2, activation="gelu", opaque=True)
    for kind in ("LSTM", "GRU"):
        net.layer(kind + "_gate", kind, line, units=2, recurrent_activation="softsign", activation="softsign")
        net.layer(kind + "_hard", kind, line, units=2, recurrent_activation="hard_sigmoid")
    net.layer("before", "GRU", line, units=2, reset_after=False, **sequences)
    net.layer("before_bare", "GRU", line, units=2, reset_after=False, use_bias=False)
    for mode in ("concat", "sum", "mul", "ave", None):
        for kind in ("LSTM", "GRU", "SimpleRNN"):
            if mode != "concat" and kind != "GRU":
                continue
            net.layer(f"bi_{mode}_{kind}", "Bidirectional", line, layer=getattr(net.l, kind)(2, name=f"i_{mode}_{kind}"),
                      merge_mode=mode)
            net.layer(f"bis_{mode}_{kind}", "Bidirectional", line, merge_mode=mode,
                      layer=getattr(net.l, kind)(2, name=f"is_{mode}_{kind}", **sequences))
    net.layer("bi_before", "Bidirectional", line, layer=net.l.GRU(2, reset_after=False, name="ib", **sequences))
    net.layer("bi_bare", "Bidirectional", line, layer=net.l.LSTM(2, use_bias=False, name="ic"))
    net.layer("bi_two", "Bidirectional", line, layer=net.l.LSTM(2, name="id", **sequences),
              backward_layer=net.l.LSTM(2, name="ie", go_backwards=True, **sequences))
    net.layer("bi_other", "Bidirectional", line, layer=net.l.LSTM(2, name="if", activation="relu"),
              backward_layer=net.l.LSTM(2, name="ig", go_backwards=True))
    net.layer("bi_state", "Bidirectional", line, layer=net.l.LSTM(2, name="ih", **state), opaque=True)
    h, c = net.input(2, batch=2), net.input(2, batch=2)
    net.layer("started", "LSTM", line, call={"initial_state": [h, c]}, units=2, opaque=True)


def masked(net):
    """A mask goes with a tensor, unseen, to the layers that heed it."""
    words = net.input(5, kind="int32", high=3, batch=2)
    net.values[0][:] = [[1, 2, 0, 1, 0], [2, 0, 0, 0, 0]]
    line = net.input(4, 3, batch=2)
    net.values[1][0, 2:] = 0
    embedded = net.l.Embedding(3, 2, mask_zero=True, name="words")(words)
    net.opaque += ["words", "mask"] + ([] if net.old else ["any", "not_equal", "not_equal_1"])
    net.layer("lstm", "LSTM", embedded, units=2, opaque=True)
    net.layer("gru", "GRU", net.l.Dense(2, name="between")(embedded), units=2, opaque=True)
    hidden = net.l.Masking(name="mask")(line)
    net.layer("rnn", "SimpleRNN", hidden, units=2, opaque=True)
    net.layer("both", "Bidirectional", hidden, layer=net.l.LSTM(2, name="i"), opaque=True)
    net.layer("mean", "GlobalAveragePooling1D", hidden, opaque=True)
    net.layer("plain", "Dense", hidden, units=2)
    sequence = net.l.LSTM(2, return_sequences=True, name="passes")(hidden)
    net.opaque.append("passes")
    net.layer("behind", "LSTM", sequence, units=2, opaque=True)
    net.layer("attends", "MultiHeadAttention", sequence, call={"value": sequence}, num_heads=1, key_dim=2, opaque=True)


def attention(net):
    q, v, key = net.input(3, 4), net.input(5, 6), net.input(5, 2)
    net.layer("self", "MultiHeadAttention", q, call={"value": q}, num_heads=2, key_dim=3)
    net.layer("cross", "MultiHeadAttention", q, call={"value": v}, num_heads=2, key_dim=2)
    net.layer("three", "MultiHeadAttention", q, call={"value": v, "key": key}, num_heads=2, key_dim=2, value_dim=3)
    net.layer("bare", "MultiHeadAttention", q, call={"value": q}, num_heads=1, key_dim=2, use_bias=False)
    net.layer("other_size", "MultiHeadAttention", q, call={"value": v}, num_heads=3, key_dim=2, output_shape=5)
    net.layer("causal", "MultiHeadAttention", q, call={"value": q, "use_causal_mask": True}, num_heads=1, key_dim=2, opaque=True)
    net.layer("scores", "MultiHeadAttention", q, call={"value": q, "return_attention_scores": True}, num_heads=1, key_dim=2,
              opaque=True)
    image = net.input(2, 3, 4)
    net.layer("two_axes", "MultiHeadAttention", image, call={"value": image}, num_heads=1, key_dim=2, attention_axes=(1, 2),
              opaque=True)
    net.layer("plain", "Attention", [q, q], opaque=True)


# --- functions ---------------------------------------------------------------------------------------------------------

def functions3(net):
    ops = keras.ops
    x, y, image = net.input(3, 4), net.input(3, 4), net.input(2, 3, 4)
    square, row = net.input(4, 3), net.input(4)
    net.values[1] = abs(net.values[1]) + 0.5
    good = [x + 1, 1 - x, 2 * x, x * y, x / y, 1 / y, x - y, y - 2, -x, abs(x), y ** 2, x / 4, x + row,
            ops.maximum(x, 0.5), ops.minimum(x, y), ops.power(y, 1.5), ops.matmul(x, square), x @ square,
            ops.relu(x), ops.sigmoid(x), ops.tanh(x), ops.exp(x), ops.log(y), ops.sqrt(y), ops.absolute(x), ops.erf(x),
            ops.floor(x), ops.ceil(x), ops.softplus(x), ops.elu(x), ops.selu(x), ops.sin(x), ops.cos(x), ops.reciprocal(y),
            ops.sign(x), ops.softsign(x), ops.square(x), ops.silu(x), ops.gelu(x), ops.gelu(x, approximate=False),
            ops.relu6(x), ops.hard_sigmoid(x), ops.hard_silu(x), ops.leaky_relu(x), ops.log_softmax(x), ops.softmax(x),
            ops.softmax(x, axis=1), ops.mean(image, axis=(1, 2)), ops.mean(image, axis=-1, keepdims=True),
            ops.sum(image, axis=1), ops.max(image, axis=[1, 2]), ops.min(image, axis=3), ops.reshape(image, (-1, 6, 4)),
            ops.reshape(image, (1, 24)), ops.transpose(image, (0, 3, 1, 2)), ops.concatenate([x, y], axis=1),
            ops.concatenate([x, y, x], axis=-1), ops.concatenate([image, image], axis=2), ops.round(x), ops.add(x, 2),
            ops.multiply(x, numpy.array([1, 2, 3, 4], "float32"))]
    free = [ops.leaky_relu(x, negative_slope=0.5), ops.elu(x, alpha=0.5), ops.log_softmax(x, axis=1), ops.round(x, decimals=1),
            ops.mean(image), ops.transpose(image), ops.expand_dims(x, 1), x[:, 0], ops.split(x, 2, axis=-1)[1],
            ops.stack([x, y], axis=1), ops.rsqrt(y), ops.clip(x, -1, 1), ops.where(x > 0, x, y), ops.einsum("abc,acd->abd", x, square),
            ops.max(image, axis=1, initial=1.0)]
    net.out(*good, *free)
    net.free = True  # of the last ones any may be opaque


def functions2(net):
    x, y, image = net.input(3, 4), net.input(3, 4), net.input(2, 3, 4)
    square, row = net.input(4, 3), net.input(4)
    net.values[1] = abs(net.values[1]) + 0.5
    good = [x + 1, 1 - x, 2 * x, x * y, x / y, 1 / y, x - y, y - 2, -x, tf.abs(x), y ** 2, x / 4, x + row,
            tf.maximum(x, 0.5), tf.minimum(x, y), tf.pow(y, 1.5), tf.matmul(x, square), x @ square, tf.nn.relu(x), tf.sigmoid(x),
            tf.tanh(x), tf.exp(x), tf.math.log(y), tf.sqrt(y), tf.math.erf(x), tf.floor(x), tf.math.softplus(x), tf.nn.elu(x),
            tf.nn.selu(x), tf.nn.softsign(x), tf.nn.relu6(x), tf.nn.silu(x), tf.nn.softmax(x), tf.nn.softmax(x, axis=1),
            tf.reduce_mean(image, axis=[1, 2]), tf.reduce_mean(image, axis=-1, keepdims=True), tf.reduce_sum(image, 1),
            tf.reduce_max(image, axis=[1, 2]), tf.reshape(image, (-1, 6, 4)), tf.reshape(image, [1, 24]),
            tf.transpose(image, (0, 3, 1, 2)), tf.concat([x, y], axis=1), tf.concat([x, y, x], axis=-1), tf.concat([image, image], 2),
            tf.add(x, 2), x * [1.0, 2.0, 3.0, 4.0], tf.subtract(y, x), tf.multiply(x, tf.constant([1.0, 2.0, 3.0, 4.0]))]
    free = [tf.matmul(x, y, transpose_b=True), tf.matmul(x, y, True), tf.nn.leaky_relu(x), tf.nn.gelu(x), tf.expand_dims(x, 1),
            x[:, 0], tf.split(x, 2, axis=-1)[1], tf.stack([x, y], axis=1), tf.math.rsqrt(y), tf.clip_by_value(x, -1, 1),
            tf.reduce_mean(image), tf.reduce_mean(image, axis=1, keepdims=True), tf.transpose(image), tf.squeeze(image[:, :1], axis=1),
            tf.reshape(image, (tf.shape(image)[0], -1)), tf.nn.silu(x, 2.0), tf.cast(x, tf.int32), tf.nn.log_softmax(x)]
    net.out(*good, *free)
    net.free = True


def windows(net):
    """Functions on images, with their kernels among their arguments, as onnx2tf writes them."""
    v1, random = tf.compat.v1, net.random
    image, line = net.input(6, 7, 4), net.input(6, 4)
    kernel = lambda *shape: sixteenths(random, shape, -8, 9)
    channels = lambda low: sixteenths(random, 4, low, 17)
    explicit = [[0, 0], [1, 0], [2, 1], [0, 0]]
    h = tf.nn.convolution(image, filters=kernel(3, 3, 4, 2), strides=[2, 2], padding="SAME", dilations=[1, 1])
    net.out(h, tf.math.add(h, kernel(2)), tf.nn.relu6(h),
            tf.nn.convolution(image, filters=kernel(3, 2, 2, 6), strides=[1, 1], padding="VALID"),
            tf.nn.convolution(line, filters=kernel(3, 4, 2), strides=2, padding="SAME"),
            tf.nn.convolution(line, filters=kernel(3, 4, 2), strides=1, padding="SAME", dilations=[2]),
            tf.nn.conv2d(image, kernel(3, 3, 4, 3), 1, "SAME", dilations=2),
            tf.nn.conv2d(image, kernel(3, 3, 4, 3), [1, 2, 1, 1], "SAME", dilations=[1, 1, 1, 1]),
            tf.nn.conv2d(image, kernel(3, 3, 4, 3), 2, explicit),
            tf.nn.bias_add(h, kernel(2)),
            v1.nn.depthwise_conv2d(image, kernel(3, 3, 4, 1), [1, 2, 2, 1], "SAME", rate=[1, 1]),
            tf.nn.depthwise_conv2d(image, kernel(2, 3, 4, 2), [1, 1, 1, 1], "VALID", dilations=[2, 1]),
            tf.nn.conv2d_transpose(image, kernel(3, 3, 2, 4), [1, 12, 14, 2], 2, "SAME"),
            tf.nn.conv2d_transpose(image, kernel(3, 2, 2, 4), [1, 11, 13, 2], 2, "SAME"),
            tf.nn.conv2d_transpose(image, kernel(2, 3, 3, 4), [1, 7, 9, 3], 1, "VALID"),
            tf.nn.max_pool2d(image, 2, 2, "VALID"), tf.nn.max_pool(image, [3, 3], [2, 1], "SAME"),
            tf.nn.avg_pool(image, [2, 3], [1, 2], "SAME"), tf.nn.avg_pool2d(image, [1, 2, 2, 1], [1, 2, 2, 1], "VALID"),
            tf.nn.pool(image, [3, 2], "MAX", strides=[2, 1], padding="SAME"), tf.nn.pool(image, [2, 2], "AVG"),
            tf.image.resize(image, [9, 5]), tf.image.resize(image, [12, 14], method="nearest"),
            tf.nn.batch_normalization(image, channels(-16), channels(4), channels(-16), channels(1), 0.125),
            tf.nn.batch_normalization(line, channels(-16), channels(4), None, None, 0.5),
            tf.nn.local_response_normalization(image, 1, 1.0, 0.25, 0.75),
            tf.nn.depth_to_space(image, 2), tf.nn.space_to_depth(image[:, :, :6], 2),
            tf.pad(image, explicit), tf.pad(line, [[0, 0], [2, 1], [0, 0]], constant_values=0.5),
            tf.pad(image, [[0, 0], [1, 2], [2, 1], [0, 0]], mode="REFLECT"),
            v1.pad(image, explicit, "CONSTANT"), v1.transpose(image, [0, 3, 1, 2]))
    bad = tf.nn.convolution(line, filters=tf.reshape(line, (6, 4, 1)), strides=[1], padding="VALID")
    net.out(bad)
    net.opaque.append(bad.node.layer.name)


def parts(net):
    """Functions that take tensors apart and put them together."""
    v1 = tf.compat.v1
    x, y, image = net.input(6, 4), net.input(6, 4), net.input(2, 3, 4)
    row = sixteenths(net.random, (1, 2, 4))
    net.values[1] = abs(net.values[1]) + 0.5
    if net.ending == "h5":  # the other form does not take an ellipsis
        net.out(x[..., -1], image[:, 1, ..., 1:])
    net.out(x[:, 0], x[:, 1:5:2], x[:, :, None], x[:, ::-1], x[0], x[:, -3:, :2],
            tf.strided_slice(x, [0, 1, 0], [1, 5, 4], [1, 2, 1]),
            tf.strided_slice(x, [0, 2, 0], [0, 0, 3], [1, 1, 2], begin_mask=1, end_mask=3, shrink_axis_mask=2),
            tf.slice(x, [0, 1, 2], [-1, 3, 2]), tf.reverse(x, [1, -1]),
            *tf.split(x, 2, axis=-1), *tf.split(x, [1, 3, 2], axis=1), *tf.split(x, [2, -1], axis=2), *tf.unstack(image, axis=1),
            tf.stack([x, y], axis=1), tf.stack([x, y], axis=-1), tf.expand_dims(x, 1), tf.expand_dims(x, -1), v1.expand_dims(x, 0),
            tf.squeeze(image[:, :1], axis=1), tf.squeeze(image[:, :1], axis=[1, 0]), v1.squeeze(image[:, :1], [1]),
            tf.tile(x, [1, 2, 3]), tf.broadcast_to(x, [2, 6, 4]), tf.gather(x, [3, 0, 3], axis=1), tf.gather(x, 2, axis=-1),
            tf.concat([x, row], axis=1), tf.concat([row, x, y], axis=1), x * row[:, :1], tf.math.multiply(1.5, x),
            tf.matmul(x, y, transpose_b=True), tf.matmul(x, y, True), tf.matmul(x, row[0].T), tf.nn.leaky_relu(x),
            tf.nn.leaky_relu(x, 0.125), tf.nn.gelu(x), tf.nn.gelu(x, True), tf.math.rsqrt(y), tf.square(x),
            tf.math.squared_difference(x, y), tf.clip_by_value(x, -1, 1), tf.reduce_mean(x), tf.reduce_mean(image, axis=1, keepdims=True),
            tf.reduce_prod(y, axis=1), tf.reduce_min(x, axis=[1]), tf.reduce_logsumexp(x, axis=-1), v1.reduce_sum(x, 1, keep_dims=True),
            tf.transpose(image), tf.cast(x, tf.int32), tf.cast(x, tf.float32), tf.nn.log_softmax(x), tf.math.argmax(x, axis=1),
            tf.math.argmin(x, axis=-1, output_type=tf.int32), tf.where(x > 0.5, x, y), tf.where(tf.logical_not(x <= y), 0.5, y),
            tf.math.floordiv(x, y), tf.identity(x), tf.math.ceil(x), tf.sign(x), tf.round(x), tf.cos(x),
            *tf.nn.moments(image, [1, 2]), *tf.nn.moments(x, [-1], keepdims=True))
    for bad in (tf.reshape(image, (tf.shape(image)[0], -1)), tf.nn.silu(x, 2.0)):
        net.out(bad)
        net.opaque.append(bad.node.layer.name)
    net.opaque.append("tf.compat.v1.shape")


# --- structure ---------------------------------------------------------------------------------------------------------

def inner(net, name, size=3):
    """In an .h5 file no two layers of a nested model may have the same name."""
    prefix = name + "_" if net.ending == "h5" else ""
    a = net.l.Input((size,), name=f"{name}_a")
    h = net.l.Dense(size, activation="relu", name=prefix + "one")(a)
    return net.k.Model(a, net.l.Dense(size, name=prefix + "two")(h), name=name)


def structure(net):
    x, y = net.input(3), net.input(3)
    shared = net.l.Dense(3, name="shared")
    twice = shared(shared(x))
    net.out(twice, shared(y))
    net.out(net.l.Add(name="of_both")([twice, shared(net.l.Activation("relu", name="r")(y))]))
    nested = inner(net, "nested")
    net.out(nested(x), nested(net.l.Add(name="sum")([x, y])))
    other = "s" if net.ending == "h5" else ""
    stack = net.k.Sequential([net.l.Dense(4, activation="tanh", name=other + "one"), net.l.BatchNormalization(name="norm"),
                              net.l.Dense(3, name=other + "two")], name="stack")
    net.out(stack(x))
    deep_in = net.l.Input((3,), name="deep_in")
    deep = net.k.Model(deep_in, net.l.Dense(2, name=other + "three")(inner(net, "core")(deep_in)), name="deep")
    net.out(deep(nested(y)))
    p, q = net.l.Input((3,), name="p"), net.l.Input((3,), name="q")
    forked = net.k.Model([p, q], [net.l.Subtract(name="minus")([p, q]), net.l.Dense(2, name=other + "four")(p), p], name="forked")
    net.out(stack(net.l.Dense(3, name="before")(y)))
    net.out(*forked([y, x]))
    net.out(*forked([x, twice]))
    net.out(x, twice)  # an input, and a value that is an output already
    net.layer("with/slash", "Dense", x, units=2) if net.old else net.layer("with.dot", "Dense", x, units=2)


def chain(net):
    """A Sequential, with one inside."""
    k = net.l
    inside = net.k.Sequential([k.Dense(4, activation="relu", name="first"), k.Dropout(0.5, name="drop")], name="inside")
    net.model = net.k.Sequential([k.Input((6, 5, 2), name="x"), k.Conv2D(3, 3, padding="same", activation="relu", name="conv"),
                                  k.MaxPooling2D(name="pool"), k.Flatten(name="flat"), inside, k.Dense(2, name="two")], name="chain")
    net.model.build((None, 6, 5, 2))
    net.inputs, net.outputs = net.model.inputs, net.model.outputs
    net.values = [sixteenths(net.random, (1, 6, 5, 2))]


def edits(net):
    """What the tests of edits change."""
    image, flat, line = net.input(6, 6, 3), net.input(4), net.input(4, 3)
    h = net.l.Conv2D(4, 3, strides=2, padding="same", name="conv")(image)
    h = net.l.BatchNormalization(name="norm")(h)
    h = net.l.Activation("relu", name="act")(h)
    h = net.l.DepthwiseConv2D(3, padding="same", use_bias=False, activation="relu", name="deep")(h)
    h = net.l.MaxPooling2D(2, name="pool")(h)
    net.out(net.l.Dense(2, activation="softmax", name="head")(net.l.Flatten(name="flat")(h)))
    a = net.l.Dense(4, activation="relu", name="a")(flat)
    b = net.l.Dense(4, use_bias=False, name="b")(a)
    net.out(net.l.Concatenate(name="join")([net.l.Add(name="sum")([a, b]), b]))
    g = net.l.GRU(3, return_sequences=True, name="gru")(line)
    g = net.l.LayerNormalization(name="layer_norm")(g)
    net.out(net.l.Bidirectional(net.l.LSTM(2, name="lstm"), name="both")(g))
    nested = inner(net, "nested", 4)
    net.out(nested(b))


RECIPES = {
    "conv_3": (conv, keras, "keras"), "conv_2": (conv, tf_keras, "h5"),
    "open_3": (open_sizes, keras, "keras"), "open_2": (open_sizes, tf_keras, "keras"),
    "pool_3": (pool, keras, "keras"), "pool_2": (pool, tf_keras, "keras"),
    "shape_3": (shape, keras, "keras"), "shape_2": (shape, tf_keras, "h5"),
    "merge_3": (merge, keras, "h5"), "merge_2": (merge, tf_keras, "keras"),
    "activation_3": (activation, keras, "keras"), "activation_2": (activation, tf_keras, "h5"),
    "dense_3": (dense, keras, "keras"), "dense_2": (dense, tf_keras, "h5"),
    "normalize_3": (normalize, keras, "keras"), "normalize_2": (normalize, tf_keras, "h5"),
    "recurrent_3": (recurrent, keras, "keras"), "recurrent_2": (recurrent, tf_keras, "keras"),
    "recurrent_3h": (recurrent_few, keras, "h5"), "recurrent_2h": (recurrent_few, tf_keras, "h5"),
    "masked_3": (masked, keras, "keras"), "masked_2": (masked, tf_keras, "h5"),
    "attention_3": (attention, keras, "keras"), "attention_2": (attention, tf_keras, "keras"),
    "attention_3h": (attention, keras, "h5"), "attention_2h": (attention, tf_keras, "h5"),
    "functions_3": (functions3, keras, "keras"), "functions_2": (functions2, tf_keras, "h5"),
    "windows_2": (windows, tf_keras, "keras"), "windows_2h": (windows, tf_keras, "h5"),
    "parts_2": (parts, tf_keras, "keras"), "parts_2h": (parts, tf_keras, "h5"),
    "structure_3": (structure, keras, "keras"), "structure_2": (structure, tf_keras, "keras"),
    "structure_3h": (structure, keras, "h5"), "structure_2h": (structure, tf_keras, "h5"),
    "chain_3": (chain, keras, "keras"), "chain_2": (chain, tf_keras, "keras"),
    "chain_3h": (chain, keras, "h5"), "chain_2h": (chain, tf_keras, "h5"),
    "edits_3": (edits, keras, "keras"), "edits_2": (edits, tf_keras, "keras"),
    "edits_3h": (edits, keras, "h5"), "edits_2h": (edits, tf_keras, "h5"),
}


def packed(files, method):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, method, compresslevel=9)
    return out.getvalue()


def settled(path):
    """The file without the time of day; not packed, that is done once around all."""
    if path.suffix != ".keras":
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["metadata.json"] = json.dumps(dict(json.loads(members["metadata.json"]), date_saved="")).encode()
    return packed(members, zipfile.ZIP_STORED)


def npy(array):
    out = io.BytesIO()
    numpy.save(out, numpy.array(array, order="C"))  # ascontiguousarray makes a list of a single number
    return out.getvalue()


def main():
    folder = Path(sys.argv[1])
    for name, (make, module, ending) in RECIPES.items():
        if len(sys.argv) > 2 and name not in sys.argv[2:]:
            continue
        module.backend.clear_session()
        module.utils.set_random_seed(1)
        net = Net(module)
        net.model, net.free, net.ending = None, False, ending
        make(net)
        model = net.model or module.Model(net.inputs, net.outputs, name=name)
        answers = net.answers(model)
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / f"m.{ending}"
            model.save(path)
            files = {"model": settled(path)}
        files["in.npz"] = packed({f"{k}.npy": npy(v) for k, v in enumerate(net.values)}, zipfile.ZIP_STORED)
        files["out.npz"] = packed({f"{k}.npy": npy(v) for k, v in enumerate(answers)}, zipfile.ZIP_STORED)
        files["opaque"] = "\n".join(["*"] if net.free else sorted(net.opaque))
        whole = packed(files, zipfile.ZIP_DEFLATED)
        (folder / f"{name}.zip").write_bytes(whole)
        print(f"{name}: {len(answers)} outputs, model {len(files['model'])} bytes, packed {len(whole)}", flush=True)


if __name__ == "__main__":
    main()
