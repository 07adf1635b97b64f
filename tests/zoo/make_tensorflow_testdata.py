"""Makes the small files of src/runtimes/testdata/tensorflow: make_tensorflow_testdata.py FOLDER

They are committed, so that the tests need no generator. Weights are whole numbers: what comes out can be worked out by hand.
Run it with build/venv/bin/python.

several     a SavedModel with two signatures: serving_default takes a picture [?, 4, 4, 1] through a convolution (a window of
            2 x 2 ones) and a product, giving `scores` [?, 2] and `summed` [?, 3, 3, 1]; `twice` takes whole numbers x, y and
            gives `sum` and `difference`.
unchosen    two signatures, `first` and `second`, of which none is the usual one.
bare        no signature at all.
counter     z = x + n, and n grows by 1 in every run.
frozen.pb   z = relu(x w) + 1, [?, 3] to [?, 2], as a frozen graph.
drawing.pb  x + a number that is drawn with a seed.
dtypes.pb   an input and an output of each element type; what comes out is what went in.
words.pb    gives a string.
failing.pb  reads x[i]: fails for an i that x does not have.
"""

import os
import shutil
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import numpy
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

DTYPES = ["float32", "float64", "float16", "bfloat16", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool"]


def spec(name, shape, dtype="float32"):
    return tf.TensorSpec(shape, dtype, name=name)


class Several(tf.Module):
    def __init__(self):
        self.window = tf.Variable(numpy.ones((2, 2, 1, 1), "float32"))
        self.weights = tf.Variable(numpy.stack([numpy.ones(9), numpy.arange(9)], 1).astype("float32"))

    @tf.function(input_signature=[spec("picture", [None, 4, 4, 1])])
    def serve(self, picture):
        summed = tf.nn.conv2d(picture, self.window, 1, "VALID")
        return {"summed": summed, "scores": tf.matmul(tf.reshape(summed, [-1, 9]), self.weights)}

    @tf.function(input_signature=[spec("x", [None], "int32"), spec("y", [None], "int32")])
    def twice(self, x, y):
        return {"sum": x + y, "difference": x - y}


class Plain(tf.Module):
    @tf.function(input_signature=[spec("x", [None])])
    def serve(self, x):
        return {"z": 2.0 * x}


class Counter(tf.Module):
    def __init__(self):
        self.runs = tf.Variable(0.0)

    @tf.function(input_signature=[spec("x", [1])])
    def serve(self, x):
        return {"z": x + self.runs.assign_add(1.0)}


def without_debug_info(graph):
    """Neither traces nor the places that functions come from."""
    graph.debug_info.Clear()
    for nodes in [graph.node, *(function.node_def for function in graph.library.function)]:
        for node in nodes:
            node.ClearField("experimental_debug_info")
    return graph


def save(module, folder, signatures):
    shutil.rmtree(folder, ignore_errors=True)
    tf.saved_model.save(module, str(folder), signatures, tf.saved_model.SaveOptions(save_debug_info=False))
    file = folder / "saved_model.pb"
    model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    for graph in model.meta_graphs:
        without_debug_info(graph.graph_def)
    file.write_bytes(model.SerializeToString(deterministic=True))
    shutil.rmtree(folder / "assets", ignore_errors=True)
    (folder / "fingerprint.pb").unlink()  # of what it was, with a number drawn anew each time


def freeze(function, file, *specs):
    concrete = tf.function(function).get_concrete_function(*specs)
    graph = convert_variables_to_constants_v2(concrete).graph.as_graph_def()
    file.write_bytes(without_debug_info(graph).SerializeToString(deterministic=True))


def line(x):
    w = tf.constant([[1.0, 0.0], [0.0, -1.0], [1.0, 2.0]])
    return tf.add(tf.nn.relu(tf.matmul(x, w)), 1.0, name="z")


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    several, plain, counter = Several(), Plain(), Counter()
    save(several, out / "several", {"serving_default": several.serve, "twice": several.twice})
    save(plain, out / "unchosen", {"first": plain.serve, "second": plain.serve})
    save(tf.Module(), out / "bare", None)
    save(counter, out / "counter", counter.serve)
    freeze(line, out / "frozen.pb", spec("x", [None, 3]))
    freeze(lambda x: tf.add(x, tf.random.uniform([4], seed=7), name="z"), out / "drawing.pb", spec("x", [4]))
    freeze(lambda *xs: [tf.identity(x, name=f"z_{x.dtype.name}") for x in xs], out / "dtypes.pb",
           *(spec(f"x_{dtype}", [None, 2], dtype) for dtype in DTYPES))
    freeze(lambda x: tf.strings.as_string(x, name="z"), out / "words.pb", spec("x", [None]))
    freeze(lambda x, i: tf.gather(x, i, name="z"), out / "failing.pb", spec("x", [None]), spec("i", [], "int32"))


if __name__ == "__main__":
    main()
