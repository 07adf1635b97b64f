"""Seeds of the Keras reader: archives, and configurations alone."""

import io
import json
import zipfile

import h5py
import numpy


def tensor(name, node=0, output=0):
    return {"class_name": "__keras_tensor__",
            "config": {"shape": [None, 2], "dtype": "float32", "keras_history": [name, node, output]}}


def layer(kind, name, *reads, module="keras.layers", calls=None, **settings):
    """An entry of Keras 3; `reads` are layers, or tensors."""
    args = [read if isinstance(read, dict) else tensor(read) for read in reads]
    nodes = [{"args": args if len(args) < 2 else [args], "kwargs": {}}] if args else []
    return {"module": module, "class_name": kind, "registered_name": None, "name": name,
            "config": {"name": name, "trainable": True, "dtype": "float32", **settings}, "inbound_nodes": calls or nodes}


def model(layers, inputs=("x",), outputs=("y",), kind="Functional", name="m"):
    return {"module": "keras", "class_name": kind, "registered_name": None, "config": {
        "name": name, "trainable": True, "layers": list(layers), "input_layers": [[i, 0, 0] for i in inputs],
        "output_layers": [o if isinstance(o, list) else [o, 0, 0] for o in outputs]}}


def source(name="x", shape=(None, 4, 4, 2), kind="float32"):
    return layer("InputLayer", name, batch_shape=list(shape), dtype=kind)


def image():
    same = {"kernel_size": [3, 3], "strides": [1, 1], "padding": "same", "dilation_rate": [1, 1], "use_bias": True}
    return model([source(), layer("ZeroPadding2D", "p", "x", padding=[[1, 0], [0, 1]]),
                  layer("Conv2D", "c", "p", filters=2, activation="relu", groups=1, data_format="channels_last", **same),
                  layer("BatchNormalization", "b", "c", axis=-1, epsilon=0.001, center=True, scale=True),
                  layer("MaxPooling2D", "m", "b", pool_size=[2, 2], strides=[2, 2], padding="same"),
                  layer("UpSampling2D", "u", "m", size=[2, 2], interpolation="nearest"),
                  layer("Cropping2D", "k", "u", cropping=[[1, 0], [0, 1]]), layer("LeakyReLU", "l", "k", negative_slope=0.1),
                  layer("Resizing", "r", "l", height=2, width=2, interpolation="bilinear"),
                  layer("Rescaling", "s", "r", scale=[1, 2], offset=0.5), layer("GlobalAveragePooling2D", "g", "s", keepdims=False),
                  layer("Dense", "y", "g", units=2, activation="softmax", use_bias=True)])


def sequence():
    return model([source("i", (None, 3), "int32"), layer("Embedding", "e", "i", input_dim=4, output_dim=2),
                  layer("LSTM", "l", "e", units=2, return_sequences=True, activation="tanh", recurrent_activation="sigmoid"),
                  layer("GRU", "g", "l", units=2, return_sequences=True, reset_after=False),
                  layer("LayerNormalization", "n", "g", axis=-1, epsilon=0.001),
                  layer("MultiHeadAttention", "a", calls=[{"args": [tensor("n")], "kwargs": {"value": tensor("n")}}], num_heads=1,
                        key_dim=2, use_bias=True), layer("Add", "s", "a", "n"), layer("Permute", "p", "s", dims=[2, 1]),
                  layer("Reshape", "q", "p", target_shape=[3, 2]), layer("Dense", "y", "q", units=2, activation="gelu")],
                 inputs=["i"])


def nested():
    inner = model([source("a", (None, 2)), layer("Dense", "d", "a", units=2, activation="relu")], ["a"], ["d"], name="inner")
    stack = model([source("b", (None, 2)), layer("Dense", "d", units=2)], kind="Sequential", name="stack")
    stack["config"].pop("output_layers")
    call = [{"args": [tensor("x")], "kwargs": {}}, {"args": [tensor("inner", 0)], "kwargs": {}}]
    return model([source(shape=(None, 2)), dict(inner, name="inner", inbound_nodes=call),
                  dict(stack, name="stack", inbound_nodes=[{"args": [tensor("inner", 1)], "kwargs": {}}]),
                  layer("Multiply", "y", "stack", tensor("inner", 1))], outputs=["y", ["inner", 1, 0], "x"])


def functions():
    ops = "keras.src.ops.numpy"
    number = [{"args": [tensor("x"), 2.0], "kwargs": {}}]
    return model([source(shape=(None, 2, 3)), layer("Add", "a", module=ops, calls=number),
                  layer("Mean", "m", "a", module=ops, axis=[1], keepdims=True), layer("Maximum", "b", "a", "m", module=ops),
                  layer("Transpose", "t", "b", module=ops, axes=[0, 2, 1]),
                  layer("Reshape", "r", "t", module=ops, newshape=[-1, 6]), layer("Relu", "y", "r", module="keras.src.ops.nn")])


def changed(config, change):
    change(config["config"])
    return config


def configurations():
    texts = {"image": image(), "sequence": sequence(), "nested": nested(), "functions": functions(),
             "chain": model([source(shape=(None, 2)), layer("Dense", "d", units=2), layer("Dropout", "o", rate=0.5),
                             layer("ReLU", "y", max_value=6.0)], kind="Sequential")}
    wrong = {
        "cycle": lambda c: c["layers"][1].update(layer("Dense", "d", "y")),
        "missing-layer": lambda c: c["layers"].pop(3),
        "twice": lambda c: c["layers"].append(c["layers"][2]),
        "no-outputs": lambda c: c.update(output_layers=[]),
        "far-output": lambda c: c.update(output_layers=[["y", 0, 2**40]]),
        "names-that-are-numbers": lambda c: c.update(name=3, trainable="yes"),
        "huge-shape": lambda c: c["layers"][0]["config"].update(batch_shape=[None, 2**40, 2**40, 2]),
        "negative": lambda c: c["layers"][2]["config"].update(strides=[-1, 0], kernel_size=[-3, 2**31]),
        "unknown": lambda c: c["layers"][2].update(class_name="os.system", module="os"),
        "not-a-number": lambda c: c["layers"][3]["config"].update(epsilon=float("nan"), axis=float("inf")),
    }
    out = {name: json.dumps(value) for name, value in texts.items()}
    out |= {name: json.dumps(changed(image(), change)) for name, change in wrong.items()}
    out["deep"] = "[" * 3000 + "]" * 3000
    out["empty"] = ""
    return {name: text.encode() for name, text in out.items()}


# --- files -------------------------------------------------------------------------------------------------------------

def hdf5(fill):
    out = io.BytesIO()
    with h5py.File(out, "w", libver="earliest", track_order=False) as file:
        fill(file)
    return out.getvalue()


def put(file, path, shape=(2, 2), kind="float32", **more):
    file.create_dataset(path, data=numpy.ones(shape, kind), track_times=False, **more)


def dense(file, **more):
    put(file, "layers/dense/vars/0", **more)
    put(file, "layers/dense/vars/1", (2,))


def archive(weights, config=None, method=zipfile.ZIP_STORED, **more):
    out = io.BytesIO()
    files = {"metadata.json": json.dumps({"keras_version": "3.9.0"}), "config.json": json.dumps(config or small()),
             "model.weights.h5": weights, **more}
    with zipfile.ZipFile(out, "w", method) as made:
        for name, content in files.items():
            made.writestr(zipfile.ZipInfo(name), content, method)
    return out.getvalue()


def small():
    return model([source(shape=(None, 2)), layer("Dense", "y", "x", units=2)])


def linked(kind):
    def fill(file):
        dense(file)
        file["more"] = {"external": h5py.ExternalLink("other.h5", "/"), "soft": h5py.SoftLink("/more"),
                        "hard": file["layers"]}[kind]
    return fill


def cycle(file):
    dense(file)
    file["layers/dense/again"] = file["layers"]


def elsewhere(file):
    file.create_dataset("layers/dense/vars/0", (2, 2), "float32", external=[("weights.bin", 0, 16)])


def seeds():
    weights = hdf5(dense)
    files = {
        "archive": archive(weights), "archive-packed": archive(weights, method=zipfile.ZIP_DEFLATED),
        "archive-image": archive(weights, image(), zipfile.ZIP_DEFLATED), "archive-no-weights": archive(b""),
        "archive-traversal": archive(weights, **{"../x": b"x"}),
        "pieces": archive(hdf5(lambda file: dense(file, chunks=(1, 2), compression="gzip", shuffle=True, fletcher32=True))),
        "big-endian": archive(hdf5(lambda file: dense(file, kind=">f4"))),
        "halves": archive(hdf5(lambda file: dense(file, kind="float16"))),
        "texts-for-weights": archive(hdf5(lambda file: dense(file, kind="S4"))),
        "links-external": archive(hdf5(linked("external"))), "links-soft": archive(hdf5(linked("soft"))),
        "links-hard": archive(hdf5(linked("hard"))), "links-cycle": archive(hdf5(cycle)),
        "elsewhere": archive(hdf5(elsewhere)),
        "zip-alone": b"PK\x05\x06" + bytes(18),
    }
    files["archive-cut"] = files["archive"][:-40]
    files["archive-changed"] = files["archive"].replace(b"float32", b"float3\xff")
    return files
