"""Makes the small files of src/formats/tensorflow/testdata: make_tensorflow_views.py FOLDER

They are committed, so that the tests need no generator. Run it with build/venv/bin/python. Weights are drawn with a seed.

pictures       a Keras model as Keras exports it, pictures [?, 8, 8, 3] to `scores` [?, 4]: convolutions (SAME with strides,
               depthwise, VALID behind a padding), normalization as Keras 3 writes it, Relu6, LeakyRelu, pools, both sides of an
               Add and a Concat, a Dense, Softmax. Each variable is in the checkpoint twice.
sequence       Keras again: steps [2, 5, 3] through an LSTM and a GRU, which are loops.
functions      functions in functions: `half` is called twice, a function gives its argument back, operators with several
               outputs inside of functions, a constant and a variable that two operators read.
session        by TensorFlow 1: a session's variables, no functions at all.
edits.pb       a frozen graph, [2, 6, 6, 4] to `scores` and `top`: FusedBatchNormV3, explicit pads, pools, reductions,
               a shared constant, operators that edits change into others.
operators.pb   a frozen graph of every operator that lifts, each once or more, `z_...` its result; the operands of most are
               `x` [2, 3, 4], `image` [1, 6, 6, 4], `ids` [2, 3] (0 to 2) and `flags` [2, 3, 4].
attributes.pb  those of them that edits of attributes are tried on.
"""

import os
import shutil
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras
import numpy
import tensorflow as tf
from keras import layers
from tensorflow.core.protobuf import saved_model_pb2

from make_tensorflow_testdata import save, spec, without_debug_info

raw = tf.raw_ops
v1 = tf.compat.v1


def drawn(model, seed):
    """Every weight drawn: nothing is 0 or 1 by its initializer."""
    draw = numpy.random.default_rng(seed)
    model.set_weights([draw.uniform(0.5, 1.5, w.shape) if "variance" in v.path or "gamma" in v.path
                       else draw.standard_normal(w.shape) / max(1, numpy.prod(w.shape[:-1])) ** 0.5
                       for v, w in zip(model.weights, model.get_weights())])
    return model


def clean(folder):
    """Without what differs from run to run or only explains."""
    file = folder / "saved_model.pb"
    model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    for graph in model.meta_graphs:
        without_debug_info(graph.graph_def)
    file.write_bytes(model.SerializeToString(deterministic=True))
    (folder / "fingerprint.pb").unlink(missing_ok=True)
    if (folder / "assets").exists():
        (folder / "assets").rmdir()


def export(model, folder, signature=None):
    model.export(str(folder), verbose=False, input_signature=signature)
    clean(folder)


def pictures():
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(4, 3, strides=2, padding="same", name="stem")(image)
    x = layers.BatchNormalization(epsilon=0.01, name="norm")(x)
    x = layers.ReLU(max_value=6.0, name="bounded")(x)
    a = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="deep")(x)
    a = layers.LeakyReLU(negative_slope=0.2, name="leaky")(a)
    b = layers.Conv2D(4, 3, padding="valid", name="wide")(layers.ZeroPadding2D(1, name="padded")(x))
    x = layers.Add(name="sum")([a, b])
    x = layers.Concatenate(name="join")([layers.MaxPooling2D(2, name="most")(x), layers.AveragePooling2D(2, name="mean")(b)])
    x = layers.GlobalAveragePooling2D(name="flat")(x)
    return drawn(keras.Model(image, layers.Dense(4, activation="softmax", name="scores")(x)), 1)


def sequence():
    steps = keras.Input((5, 3), name="steps")
    x = layers.LSTM(4, return_sequences=True, name="long")(steps)
    x = layers.GRU(3, name="gated")(x)
    return drawn(keras.Model(steps, layers.Dense(2, name="out")(x)), 2)


class Functions(tf.Module):
    def __init__(self):
        draw = numpy.random.default_rng(3)
        self.w = tf.Variable(draw.standard_normal((4, 4)).astype("float32"), name="w")
        self.b = tf.Variable(draw.standard_normal(4).astype("float32"), name="b")

    @tf.function(input_signature=[spec("x", [2, 4])])
    def half(self, x):
        return 0.5 * tf.matmul(x, self.w)

    @tf.function(input_signature=[spec("x", [2, 4])])
    def twice(self, x):
        left, right = tf.split(x, 2, axis=1)
        most, places = tf.math.top_k(x, 2)
        return x, tf.tanh(tf.concat([right, left], 1)), most + tf.cast(places, tf.float32)

    @tf.function(input_signature=[spec("x", [2, 4])])
    def serve(self, x):
        same, turned, most = self.twice(self.half(x))
        three = tf.constant([3.0, 1.0, -2.0, 0.5])
        y = self.half(turned * three + self.b) - three
        return {"y": tf.nn.relu(y + self.b), "most": most, "same": same}


def session(folder):
    """Reference variables, read and restored as TensorFlow 1 did it."""
    shutil.rmtree(folder, ignore_errors=True)
    draw = numpy.random.default_rng(4)
    with tf.Graph().as_default():
        x = v1.placeholder(tf.float32, [None, 3], "x")
        w = v1.Variable(draw.standard_normal((3, 2)).astype("float32"), use_resource=False, name="w")
        b = v1.Variable(draw.standard_normal(2).astype("float32"), use_resource=False, name="b")
        y = tf.nn.sigmoid(tf.nn.bias_add(tf.matmul(x, w), b), name="y")
        with v1.Session() as running:
            running.run(v1.global_variables_initializer())
            v1.saved_model.simple_save(running, str(folder), {"x": x}, {"y": y})
    clean(folder)


def graph_of(build):
    with tf.Graph().as_default() as graph:
        build()
    return without_debug_info(graph.as_graph_def()).SerializeToString(deterministic=True)


def edits():
    draw = numpy.random.default_rng(5)
    numbers = lambda *shape: tf.constant((draw.standard_normal(shape) / 2).astype("float32"))
    image = v1.placeholder(tf.float32, [2, 6, 6, 4], "image")
    x = tf.nn.conv2d(image, numbers(3, 3, 4, 4), 1, [[0, 0], [1, 0], [0, 1], [0, 0]], name="stem")
    offset = numbers(4)
    scale, mean = tf.constant([1.0, 0.5, 2.0, 1.5], name="scale"), tf.constant([0.5, -0.5, 0.25, 1.0], name="shared")
    x = raw.FusedBatchNormV3(x=x, scale=scale, offset=mean, mean=mean, variance=tf.constant([1.0, 2.0, 0.5, 0.25]), epsilon=0.1,
                             is_training=False, name="norm").y
    x = raw.LeakyRelu(features=x, alpha=0.25, name="leaky")
    a = tf.nn.depthwise_conv2d(x, numbers(3, 3, 4, 1), [1, 2, 2, 1], "SAME", name="deep")
    a = raw.Relu6(features=2.0 * a, name="bounded")
    b = tf.nn.max_pool2d(x, 2, 2, "SAME", name="most")
    b = raw.Sub(x=b, y=tf.nn.avg_pool2d(x, 3, 2, "SAME", name="mean"), name="less")
    x = tf.nn.bias_add(tf.add(a, b, name="sum"), offset, name="biased")
    rows = tf.reduce_max(tf.transpose(x, [0, 2, 1, 3], name="turned"), 1, name="rows")
    x = tf.concat([tf.reduce_mean(x, [1, 2], name="flat"), tf.reduce_mean(rows, 1, name="columns")], 1, name="join")
    x = tf.nn.bias_add(tf.matmul(x, numbers(8, 5), name="dense"), numbers(5), name="logits")
    tf.nn.softmax(x, name="scores")
    tf.cast(tf.argmax(x, 1, name="best"), tf.float32, name="top")


def looped(stateless):
    """i and x before: three times x = x / 2 + i."""

    @tf.function(input_signature=[spec("i", [], "int32"), spec("x", [2, 3, 4])])
    def go_on(i, x):
        return i < 3

    @tf.function(input_signature=[spec("i", [], "int32"), spec("x", [2, 3, 4])])
    def step(i, x):
        return i + 1, x / 2.0 + tf.cast(i, tf.float32)

    kind = raw.StatelessWhile if stateless else raw.While
    return lambda x: kind(input=[tf.constant(0), x], cond=go_on.get_concrete_function(), body=step.get_concrete_function())[1]


def listed(x):
    """Element 1 of a list, put in again at 0, and all of it stacked."""
    shape = tf.constant([3, 4])
    given = raw.TensorListFromTensor(tensor=x, element_shape=shape)
    second = raw.TensorListGetItem(input_handle=given, index=1, element_shape=shape, element_dtype=tf.float32)
    empty = raw.TensorListReserve(element_shape=shape, num_elements=2, element_dtype=tf.float32)
    filled = raw.TensorListSetItem(input_handle=empty, index=0, item=second)
    filled = raw.TensorListSetItem(input_handle=filled, index=1, item=2.0 * second)
    return raw.TensorListStack(input_handle=filled, element_shape=shape, element_dtype=tf.float32, num_elements=2)


def operators():
    draw = numpy.random.default_rng(6)
    numbers = lambda *shape: tf.constant(draw.standard_normal(shape).astype("float32"))
    x, image = v1.placeholder(tf.float32, [2, 3, 4], "x"), v1.placeholder(tf.float32, [1, 6, 6, 4], "image")
    ids, flags = v1.placeholder(tf.int32, [2, 3], "ids"), v1.placeholder(tf.bool, [2, 3, 4], "flags")
    positive, other = raw.AddV2(x=raw.Abs(x=x), y=0.5), raw.Mul(x=x, y=-1.5)
    unit = raw.Mul(x=raw.Tanh(x=x), y=0.9)
    volume = tf.reshape(image, [1, 6, 6, 2, 2])
    normal = [tf.constant([1.0, 0.5, 2.0, 1.5]), tf.constant([0.5, -0.5, 0.25, 1.0]), tf.constant([0.5, 1.0, 0.0, -1.0]),
              tf.constant([1.0, 2.0, 0.5, 0.25])]
    unary = ["Abs", "Atan", "Ceil", "Cos", "Elu", "Erf", "Erfc", "Exp", "Expm1", "Floor", "IsNan", "Neg", "Relu", "Relu6",
             "Rint", "Round", "Selu", "Sigmoid", "Sign", "Sin", "Sinh", "Cosh", "Asinh", "Softplus", "Softsign", "Square",
             "Tan", "Tanh", "OnesLike", "ZerosLike"]
    of_positive = ["Inv", "Log", "Log1p", "Reciprocal", "Rsqrt", "Sqrt"]
    of_unit = ["Acos", "Asin", "Atanh"]
    binary = ["Add", "AddV2", "Div", "DivNoNan", "Equal", "FloorDiv", "FloorMod", "Greater", "GreaterEqual", "Less",
              "LessEqual", "Maximum", "Minimum", "Mul", "NotEqual", "RealDiv", "SquaredDifference", "Sub"]
    reductions = ["EuclideanNorm", "Max", "Mean", "Min", "Prod", "Sum"]
    made = {}

    def plain(kind, value):
        made[kind] = getattr(raw, kind)(**{"features" if kind in FEATURES else "x": value})

    for kind in unary:
        plain(kind, x)
    for kind in of_positive:
        plain(kind, positive)
    for kind in of_unit:
        plain(kind, unit)
    plain("Acosh", raw.AddV2(x=positive, y=1.0))
    for kind in binary:
        made[kind] = getattr(raw, kind)(x=x, y=other)
        made[kind + "_rows"] = getattr(raw, kind)(x=x, y=numbers(4))
    made["FloorDiv_int"] = raw.FloorDiv(x=ids - 2, y=2)
    made["FloorMod_int"] = raw.FloorMod(x=ids - 2, y=2)
    made["TruncateDiv"] = raw.TruncateDiv(x=ids * 7 - 5, y=3)
    made["Pow"] = raw.Pow(x=positive, y=1.5)
    for kind in reductions:
        made[kind] = getattr(raw, kind)(input=x, axis=[1], keep_dims=True)
        made[kind + "_two"] = getattr(raw, kind)(input=x, axis=[0, -1], keep_dims=False)
        made[kind + "_scalar"] = getattr(raw, kind)(input=x, axis=1, keep_dims=False)
    for kind in ("All", "Any"):
        made[kind] = getattr(raw, kind)(input=flags, axis=[1], keep_dims=False)
    for kind in ("ArgMax", "ArgMin"):
        made[kind] = getattr(raw, kind)(input=x, dimension=1)
        made[kind + "_int"] = getattr(raw, kind)(input=x, dimension=-1, output_type=tf.int32)
    made |= {
        "AddN": raw.AddN(inputs=[x, other, positive]),
        "LogicalAnd": raw.LogicalAnd(x=flags, y=x > 0.0), "LogicalOr": raw.LogicalOr(x=flags, y=x > 0.0),
        "LogicalNot": raw.LogicalNot(x=flags), "Select": raw.Select(condition=flags, x=x, y=other),
        "Select_rows": raw.Select(condition=x[:, 0, 0] > 0.0, x=x, y=other),
        "SelectV2": raw.SelectV2(condition=flags, t=x, e=1.0), "Where": raw.Where(condition=flags),
        "AvgPool": raw.AvgPool(value=image, ksize=[1, 3, 3, 1], strides=[1, 2, 2, 1], padding="SAME"),
        "AvgPool_valid": raw.AvgPool(value=image, ksize=[1, 2, 3, 1], strides=[1, 1, 2, 1], padding="VALID"),
        "AvgPool3D": raw.AvgPool3D(input=volume, ksize=[1, 2, 3, 1, 1], strides=[1, 2, 2, 1, 1], padding="SAME"),
        "MaxPool": raw.MaxPool(input=image, ksize=[1, 3, 3, 1], strides=[1, 2, 2, 1], padding="SAME"),
        "MaxPool_explicit": raw.MaxPool(input=image, ksize=[1, 3, 3, 1], strides=[1, 2, 2, 1], padding="EXPLICIT",
                                        explicit_paddings=[0, 0, 1, 0, 0, 2, 0, 0]),
        "MaxPool3D": raw.MaxPool3D(input=volume, ksize=[1, 2, 3, 1, 1], strides=[1, 2, 2, 1, 1], padding="SAME"),
        "Conv2D": raw.Conv2D(input=image, filter=numbers(3, 2, 4, 3), strides=[1, 2, 1, 1], padding="SAME"),
        "Conv2D_dilated": raw.Conv2D(input=image, filter=numbers(2, 2, 4, 3), strides=[1, 1, 1, 1], padding="VALID",
                                     dilations=[1, 2, 3, 1]),
        "Conv2D_groups": raw.Conv2D(input=image, filter=numbers(2, 2, 2, 6), strides=[1, 1, 1, 1], padding="EXPLICIT",
                                    explicit_paddings=[0, 0, 1, 0, 2, 1, 0, 0]),
        "Conv2D_computed": raw.Conv2D(input=image, filter=tf.reshape(x, [1, 2, 4, 3]), strides=[1, 1, 1, 1], padding="VALID"),
        "Conv3D": raw.Conv3D(input=volume, filter=numbers(2, 2, 1, 2, 3), strides=[1, 1, 2, 1, 1], padding="SAME"),
        "Conv2DBackpropInput": raw.Conv2DBackpropInput(input_sizes=[1, 12, 11, 3], filter=numbers(3, 3, 3, 4),
                                                       out_backprop=image,
                                                       strides=[1, 2, 2, 1], padding="SAME"),
        "Conv2DBackpropInput_valid": raw.Conv2DBackpropInput(input_sizes=[1, 13, 14, 3], filter=numbers(3, 3, 3, 4),
                                                             out_backprop=image, strides=[1, 2, 2, 1], padding="VALID"),
        "Conv3DBackpropInputV2": raw.Conv3DBackpropInputV2(input_sizes=[1, 12, 12, 2, 3], filter=numbers(3, 3, 1, 3, 2),
                                                           out_backprop=volume, strides=[1, 2, 2, 1, 1], padding="SAME"),
        "DepthwiseConv2dNative": raw.DepthwiseConv2dNative(input=image, filter=numbers(3, 3, 4, 2), strides=[1, 1, 1, 1],
                                                           padding="SAME"),
        "BiasAdd": raw.BiasAdd(value=image, bias=numbers(4)),
        "LRN": raw.LRN(input=image, depth_radius=1, bias=1.5, alpha=0.5, beta=0.6),
        "FusedBatchNorm": raw.FusedBatchNorm(x=image, scale=normal[0], offset=normal[1], mean=normal[2], variance=normal[3],
                                             is_training=False).y,
        "FusedBatchNormV2": raw.FusedBatchNormV2(x=image, scale=normal[0], offset=normal[1], mean=normal[2], variance=normal[3],
                                                 is_training=False, epsilon=0.25).y,
        "FusedBatchNormV3": raw.FusedBatchNormV3(x=image, scale=normal[0], offset=normal[1], mean=normal[2], variance=normal[3],
                                                 is_training=False).y,
        "FusedBatchNormV3_own": raw.FusedBatchNormV3(x=image, scale=normal[0], offset=normal[1], mean=[], variance=[],
                                                     is_training=True).y,
        "DepthToSpace": raw.DepthToSpace(input=image, block_size=2),
        "SpaceToDepth": raw.SpaceToDepth(input=image, block_size=3),
        "SpaceToBatchND": raw.SpaceToBatchND(input=image, block_shape=[2, 2], paddings=[[1, 1], [0, 2]]),
        "BatchToSpaceND": raw.BatchToSpaceND(input=tf.reshape(image, [4, 3, 3, 4]), block_shape=[2, 2], crops=[[1, 0], [0, 2]]),
        "ResizeBilinear": raw.ResizeBilinear(images=image, size=[9, 4]),
        "ResizeBilinear_half": raw.ResizeBilinear(images=image, size=[9, 13], half_pixel_centers=True),
        "ResizeBilinear_corners": raw.ResizeBilinear(images=image, size=[9, 4], align_corners=True),
        "ResizeNearestNeighbor": raw.ResizeNearestNeighbor(images=image, size=[9, 4]),
        "ResizeNearestNeighbor_half": raw.ResizeNearestNeighbor(images=image, size=[9, 13], half_pixel_centers=True),
        "MatMul": raw.MatMul(a=x[0], b=numbers(4, 2)),
        "MatMul_turned": raw.MatMul(a=x[0], b=numbers(2, 3), transpose_a=True, transpose_b=True),
        "BatchMatMul": raw.BatchMatMul(x=x, y=numbers(2, 4, 2)), "BatchMatMulV2": raw.BatchMatMulV2(x=x, y=other, adj_y=True),
        "BatchMatMulV3": raw.BatchMatMulV3(x=x, y=numbers(2, 4), Tout=tf.float32, adj_y=True),
        "Einsum": raw.Einsum(inputs=[x, numbers(4, 5)], equation="abc,cd->adb"),
        "BroadcastTo": raw.BroadcastTo(input=x, shape=[2, 2, 3, 4]), "Fill": raw.Fill(dims=[2, 3], value=1.5),
        "Tile": raw.Tile(input=x, multiples=[1, 2, 3]), "Range": raw.Range(start=1, limit=9, delta=3),
        "Cast": raw.Cast(x=x * 4.0, DstT=tf.int32), "Cast_bool": raw.Cast(x=ids, DstT=tf.bool),
        "CheckNumerics": raw.CheckNumerics(tensor=x, message="x"), "EnsureShape": raw.EnsureShape(input=x, shape=[2, None, 4]),
        "Identity": raw.Identity(input=x), "PreventGradient": raw.PreventGradient(input=x), "Snapshot": raw.Snapshot(input=x),
        "StopGradient": raw.StopGradient(input=x),
        "PlaceholderWithDefault": raw.PlaceholderWithDefault(input=x, shape=[2, 3, 4]),
        "ClipByValue": raw.ClipByValue(t=x, clip_value_min=-0.5, clip_value_max=0.25),
        "LeakyRelu": raw.LeakyRelu(features=x, alpha=0.3),
        "Concat": raw.Concat(concat_dim=1, values=[x, other]), "ConcatV2": raw.ConcatV2(values=[x, other, x], axis=-1),
        "Pack": raw.Pack(values=[x, other], axis=2), "Cumsum": raw.Cumsum(x=x, axis=1, exclusive=True, reverse=True),
        "ExpandDims": raw.ExpandDims(input=x, axis=-1), "Squeeze": raw.Squeeze(input=image, axis=[0]),
        "Reshape": raw.Reshape(tensor=x, shape=[3, -1]), "Transpose": raw.Transpose(x=x, perm=[2, 0, 1]),
        "FakeQuantWithMinMaxArgs": raw.FakeQuantWithMinMaxArgs(inputs=x, min=-1.0, max=1.5),
        "FakeQuantWithMinMaxVars": raw.FakeQuantWithMinMaxVars(inputs=x, min=-2.0, max=1.0),
        "Gather": raw.Gather(params=numbers(3, 4), indices=ids), "GatherV2": raw.GatherV2(params=x, indices=ids[0], axis=1),
        "GatherV2_batch": raw.GatherV2(params=x, indices=ids, axis=1, batch_dims=1),
        "GatherNd": raw.GatherNd(params=numbers(3, 3, 3), indices=ids),
        "ScatterNd": raw.ScatterNd(indices=tf.reshape(ids, [6, 1]), updates=tf.reshape(x, [6, 4]), shape=[3, 4]),
        "OneHot": raw.OneHot(indices=ids, depth=3, on_value=2.0, off_value=-1.0),
        "OneHot_first": raw.OneHot(indices=ids, depth=4, on_value=1.0, off_value=0.0, axis=0),
        "Pad": raw.Pad(input=x, paddings=[[0, 0], [1, 2], [0, 1]]),
        "PadV2": raw.PadV2(input=x, paddings=[[0, 0], [1, 2], [0, 1]], constant_values=7.0),
        "MirrorPad": raw.MirrorPad(input=x, paddings=[[0, 0], [1, 2], [3, 1]], mode="REFLECT"),
        "Rank": raw.Rank(input=x), "Shape": raw.Shape(input=x), "Size": raw.Size(input=x),
        "ReverseSequence": raw.ReverseSequence(input=x, seq_lengths=[2, 3], seq_dim=1, batch_dim=0),
        "ReverseV2": raw.ReverseV2(tensor=x, axis=[0, 2]), "Slice": raw.Slice(input=x, begin=[0, 1, 1], size=[2, 2, -1]),
        "StridedSlice": raw.StridedSlice(input=x, begin=[0, -1, 3], end=[0, -4, 0], strides=[1, -1, -2], begin_mask=1,
                                         end_mask=1),
        "StridedSlice_masks": x[..., tf.newaxis, 1], "StridedSlice_shrink": x[1, :, 1:3],
        "Softmax": raw.Softmax(logits=x), "LogSoftmax": raw.LogSoftmax(logits=x),
        "While": looped(False)(x), "StatelessWhile": looped(True)(x), "TensorList": listed(x),
    }
    for number, part in enumerate(raw.Split(axis=2, value=x, num_split=2)):
        made[f"Split_{number}"] = part
    for number, part in enumerate(raw.SplitV(value=x, size_splits=[1, -1], axis=2, num_split=2)):
        made[f"SplitV_{number}"] = part
    for number, part in enumerate(raw.Unpack(value=x, num=3, axis=1)):
        made[f"Unpack_{number}"] = part
    for number, part in enumerate(raw.IdentityN(input=[x, other])):
        made[f"IdentityN_{number}"] = part
    top = raw.TopKV2(input=x, k=2)
    made |= {"TopKV2_values": top.values, "TopKV2_indices": top.indices}
    for name, value in made.items():
        tf.identity(value, name="z_" + name)


FEATURES = {"Elu", "Relu", "Relu6", "Selu", "Softplus", "Softsign"}


def chosen(graph):
    names = ["AvgPool", "AvgPool_valid", "Conv2D", "Conv3D", "FusedBatchNormV2", "LRN", "Mean", "Sum_two", "Cumsum", "OneHot",
             "SpaceToDepth", "Einsum", "ResizeBilinear", "ConcatV2", "Concat", "ArgMax", "GatherV2", "Transpose", "Pack",
             "Softmax", "MaxPool_explicit", "GatherV2_batch", "MatMul", "StridedSlice"]
    part = v1.graph_util.extract_sub_graph(tf.compat.v1.GraphDef.FromString(graph), ["z_" + name for name in names])
    return part.SerializeToString(deterministic=True)


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    export(pictures(), out / "pictures")
    export(sequence(), out / "sequence", [spec("steps", [2, 5, 3])])
    functions = Functions()
    save(functions, out / "functions", functions.serve)
    session(out / "session")
    (out / "edits.pb").write_bytes(graph_of(edits))
    everything = graph_of(operators)
    (out / "operators.pb").write_bytes(everything)
    (out / "attributes.pb").write_bytes(chosen(everything))


if __name__ == "__main__":
    main()
