"""Makes tests/conformance/testdata, which is committed: one small net in every format, and files of it that do not load.

    make_conformance_nets.py --output DIR        in the zoo's environment

net       a picture of 12 x 12: convolutions (strides, SAME, depthwise), normalization, pools, both sides of an Add and a
          Concat, activation functions with a bound and a slope, a Dense, Softmax. net.keras, net.h5, net.tflite, net_int8.tflite
          by Keras and its converter; net.onnx by hand, with a normalization in training mode.
          net.pb is the Keras net as a frozen graph of TensorFlow, net_saved_model as Keras exports it.
sequence  six steps of three numbers through an LSTM. sequence.keras, sequence.tflite, sequence.onnx, and sequence.pb, where it
          is a loop.
broken_*  net with one planted fault (plant.py): its own runtime refuses it. broken_order.tflite is not refused, and computes
          something: two operators stand in the wrong order.

A new format is a function here, and its entry in tests/conformance/registry.cpp.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import keras
import numpy
import onnx
import tensorflow
from keras import layers
from onnx import TensorProto, helper, numpy_helper
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

import make_tensorflow_views
import tflite_file

ZOO = Path(__file__).resolve().parent
SIZE = 12
BROKEN = [  # file, fault: what the file alone tells, and how it is mended
    *(("net.onnx", fault) for fault in ["broken-name-twice", "broken-opset-new", "broken-ir-new"]),
    *(("net.tflite", fault) for fault in ["broken-name-twice", "broken-version", "broken-schema-version"]),
    *(("net.keras", fault) for fault in ["broken-class-unknown", "broken-key-groups"]),
]


def drawn(model, seed):
    """Every weight drawn: nothing is 0 or 1 by its initializer."""
    draw = numpy.random.default_rng(seed)
    model.set_weights([draw.uniform(0.5, 1.5, w.shape) if "variance" in v.path or "gamma" in v.path
                       else draw.standard_normal(w.shape) / max(1, numpy.prod(w.shape[:-1])) ** 0.5
                       for v, w in zip(model.weights, model.get_weights())])
    return model


def net():
    image = keras.Input((SIZE, SIZE, 3), batch_size=1, name="image")
    x = layers.Conv2D(8, 3, strides=2, padding="same", name="stem")(image)
    x = layers.BatchNormalization(epsilon=0.01, name="norm")(x)
    x = layers.ReLU(max_value=6.0, name="bounded")(x)
    a = layers.DepthwiseConv2D(3, padding="same", name="deep")(x)
    a = layers.LeakyReLU(negative_slope=0.2, name="leaky")(a)
    b = layers.Conv2D(8, 1, activation="sigmoid", name="point")(x)
    x = layers.Add(name="sum")([a, b])
    x = layers.MaxPooling2D(2, name="pool")(x)
    x = layers.Concatenate(name="join")([x, layers.AveragePooling2D(2, name="mean")(b)])
    x = layers.GlobalAveragePooling2D(name="flat")(x)
    x = layers.Dense(6, activation="relu", name="hidden")(x)
    return drawn(keras.Model(image, layers.Dense(5, activation="softmax", name="scores")(x)), 1)


def sequence():
    steps = keras.Input((6, 3), batch_size=1, name="steps")
    x = layers.LSTM(4, return_sequences=True, name="long")(steps)
    return drawn(keras.Model(steps, layers.Dense(2, activation="tanh", name="out")(x)), 2)


def converted(model, quantized=False):
    converter = tensorflow.lite.TFLiteConverter.from_keras_model(model)
    if quantized:
        draw = numpy.random.default_rng(3)
        converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([draw.standard_normal((1, SIZE, SIZE, 3)).astype("float32")] for _ in range(50))
        converter.target_spec.supported_ops = [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tensorflow.int8
    return converter.convert()


def onnx_net():
    draw = numpy.random.default_rng(4)
    constants, nodes = [], []

    def weights(name, *shape, low=None):
        data = draw.standard_normal(shape) / max(1, numpy.prod(shape[1:])) ** 0.5 if low is None else draw.uniform(low, 1.5, shape)
        constants.append(numpy_helper.from_array(data.astype("float32"), name))
        return name

    def add(kind, inputs, outputs, **attributes):
        nodes.append(helper.make_node(kind, inputs, outputs.split(), name=outputs.split()[0], **attributes))

    def norm(x, outputs, **attributes):
        name = outputs.split()[0]
        add("BatchNormalization", [x, weights(name + "_gamma", 8, low=0.5), weights(name + "_beta", 8), weights(name + "_mean", 8),
                                   weights(name + "_variance", 8, low=0.5)], outputs, **attributes)

    add("Conv", ["image", weights("stem_w", 8, 3, 3, 3), weights("stem_b", 8)], "stem", strides=[2, 2], pads=[1, 1, 1, 1])
    norm("stem", "norm", epsilon=0.01)
    add("Relu", ["norm"], "positive")
    add("Conv", ["positive", weights("deep_w", 8, 1, 3, 3), weights("deep_b", 8)], "deep", group=8, auto_pad="SAME_UPPER")
    norm("deep", "trained kept_mean kept_variance", training_mode=1)
    add("LeakyRelu", ["trained"], "leaky", alpha=0.2)
    add("Conv", ["positive", weights("point_w", 8, 8, 1, 1)], "point")
    add("Sigmoid", ["point"], "gate")
    add("Add", ["leaky", "gate"], "sum")
    add("MaxPool", ["sum"], "pool", kernel_shape=[2, 2], strides=[2, 2])
    add("AveragePool", ["gate"], "mean", kernel_shape=[2, 2], strides=[2, 2])
    add("Concat", ["pool", "mean"], "join", axis=1)
    add("Flatten", ["join"], "flat")
    add("Gemm", ["flat", weights("hidden_w", 6, 144), weights("hidden_b", 6)], "hidden", transB=1)
    add("Tanh", ["hidden"], "bent")
    add("MatMul", ["bent", weights("scores_w", 6, 5)], "logits")
    add("Softmax", ["logits"], "scores", axis=1)
    graph = helper.make_graph(nodes, "net", [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, SIZE, SIZE])],
                              [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 5])], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)


def onnx_of(model, path):
    with tempfile.TemporaryDirectory() as folder:
        model.export(folder, verbose=False)
        subprocess.run([sys.executable, "-m", "tf2onnx.convert", "--saved-model", folder, "--opset", "13", "--output", path],
                       check=True, capture_output=True)


def frozen(model):
    taken = model.inputs[0]
    serve = tensorflow.function(lambda given: model(given), input_signature=[tensorflow.TensorSpec(taken.shape, name=taken.name)])
    # Loops stay operators: as TensorFlow 1 had them they are not read.
    graph = convert_variables_to_constants_v2(serve.get_concrete_function(), lower_control_flow=False).graph.as_graph_def()
    graph.debug_info.Clear()
    return graph.SerializeToString(deterministic=True)


def disordered(path):
    model = tflite_file.read(path)
    operators = model.subgraphs[0].operators
    operators[0], operators[1] = operators[1], operators[0]
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, required=True)
    out = parser.parse_args().output
    out.mkdir(parents=True, exist_ok=True)
    pictures, steps = net(), sequence()
    for suffix in ("keras", "h5"):
        pictures.save(out / f"net.{suffix}")
    steps.save(out / "sequence.keras")
    (out / "net.pb").write_bytes(frozen(pictures))
    (out / "sequence.pb").write_bytes(frozen(steps))
    make_tensorflow_views.export(pictures, out / "net_saved_model", [tensorflow.TensorSpec((1, SIZE, SIZE, 3), name="image")])
    (out / "net.tflite").write_bytes(converted(pictures))
    (out / "net_int8.tflite").write_bytes(converted(pictures, quantized=True))
    (out / "sequence.tflite").write_bytes(converted(steps))
    onnx.save(onnx_net(), out / "net.onnx")
    onnx_of(steps, out / "sequence.onnx")
    for name, fault in BROKEN:
        given = out / name
        made = out / f"{fault.replace('-', '_')}{given.suffix}"
        subprocess.run([sys.executable, ZOO / "plant.py", given, made, "--fault", fault, "--seed", "1"], check=True)
    tflite_file.write(disordered(out / "net.tflite"), out / "broken_order.tflite")
    for record in out.glob("*.json"):
        record.unlink()


if __name__ == "__main__":
    main()
