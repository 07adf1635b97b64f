"""Makes the small files of src/runtimes/testdata/keras: make_keras_testdata.py FOLDER

They are committed, so that the tests need no generator. Weights are whole numbers: what comes out can be worked out by hand.
Run it with build/venv/bin/python, which has Keras 3 and Keras 2 (tf_keras).
"""

import json
import os
import sys
import zipfile
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"

import h5py
import keras
import numpy
import tensorflow
import tf_keras


def adder(module):
    """sum = x + y, [?, 3]; doubled = 2 sum."""
    x, y = module.Input((3,), name="x"), module.Input((3,), name="y")
    total = module.layers.Add(name="sum")([x, y])
    doubled = module.layers.Dense(3, use_bias=False, name="doubled")
    outputs = [total, doubled(total)]
    doubled.set_weights([2 * numpy.eye(3)])
    return module.Model([x, y], outputs)


def named():
    """Inputs in a dict, of which one is whole numbers; one layer that makes two outputs."""
    b, a = keras.Input((2,), name="b"), keras.Input((), name="a", dtype="int32")
    row = keras.ops.split(b, 2, axis=1)
    table = keras.layers.Embedding(4, 1, name="table")
    looked = table(a)
    table.set_weights([numpy.array([[0.0], [10.0], [20.0], [30.0]])])
    return keras.Model({"b": b, "a": a}, {"q": row[0], "p": row[1], "o": looked})


def sequence():
    """A Sequential in half floats: 2 x + 1."""
    model = keras.Sequential([keras.Input((2,), name="x"), keras.layers.Dense(2, name="line", dtype="float16")])
    model.set_weights([2 * numpy.eye(2), numpy.ones(2)])
    return model


def stateful(module):
    """h' = x + h / 2, remembered from run to run."""
    x = module.Input(batch_shape=(1, 2, 1), name="x")
    layer = module.layers.SimpleRNN(1, activation=None, stateful=True, name="rnn")
    model = module.Model(x, layer(x))
    layer.set_weights([numpy.ones((1, 1)), 0.5 * numpy.ones((1, 1)), numpy.zeros(1)])
    return model


def drawing():
    """A Dropout and a BatchNormalization that Keras 2 always runs as in training: they draw, and they remember."""
    x = tf_keras.Input((64,), name="x")
    normal = tf_keras.layers.BatchNormalization(name="normal")(x, training=True)
    return tf_keras.Model(x, tf_keras.layers.Dropout(0.5, name="drop")(normal, training=True))


def operators():
    """relu(x - 1), in functions of TensorFlow that Keras 2 made layers of."""
    x = tf_keras.Input((3,), name="x")
    return tf_keras.Model(x, tensorflow.nn.relu(x - 1))


def lambda_layer(module):
    x = module.Input((3,), name="x")
    return module.Model(x, module.layers.Lambda(lambda v: v + 1, name="plus_one")(x))


def rewritten(source, target, change=lambda config: None):
    """The archive again: packed, without the time of day, and with its configuration changed."""
    with zipfile.ZipFile(source) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    change(config)
    members["config.json"] = json.dumps(config).encode()
    members["metadata.json"] = json.dumps(dict(json.loads(members["metadata.json"]), date_saved="")).encode()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in members.items():
            out.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)


def write_a_file(path):
    """The relu of operators() becomes a function that writes files."""
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = file.attrs["model_config"].replace("nn.relu", "io.write_file")


def call_the_system(config):
    """A function of another module for an activation."""
    for layer in config["config"]["layers"]:
        if "activation" in layer["config"]:
            layer["config"]["activation"] = {"class_name": "function", "module": "os", "config": "system",
                                             "registered_name": "system"}


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    adder(keras).save(folder / "adder3.keras")
    adder(keras).save(folder / "adder3.h5")
    adder(tf_keras).save(folder / "adder2.keras")
    adder(tf_keras).save(folder / "adder2.h5")
    named().save(folder / "named.keras")
    sequence().save(folder / "sequence.keras")
    stateful(keras).save(folder / "stateful3.keras")
    stateful(tf_keras).save(folder / "stateful2.h5")
    drawing().save(folder / "drawing2.h5")
    for name in ("operators2.h5", "writes2.h5"):
        operators().save(folder / name)
    write_a_file(folder / "writes2.h5")
    lambda_layer(keras).save(folder / "lambda3.keras")
    lambda_layer(tf_keras).save(folder / "lambda2.h5")
    adder(keras).save_weights(folder / "only.weights.h5")
    for file in list(folder.glob("*.keras")):
        rewritten(file, file)
    rewritten(folder / "adder3.keras", folder / "foreign.keras", call_the_system)


if __name__ == "__main__":
    main()
