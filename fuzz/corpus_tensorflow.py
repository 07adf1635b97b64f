"""Seeds of the TensorFlow reader: frozen graphs, and the graphs of SavedModels (which say their version first)."""

import os
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

from tensorflow.core.framework import graph_pb2
from tensorflow.core.protobuf import saved_model_pb2

SOURCE = Path(__file__).parent.parent / "src"
FLOAT, INT32 = 1, 3


def node(graph, op, name, *inputs, **attributes):
    made = graph.node.add(name=name, op=op, input=inputs)
    for key, value in attributes.items():
        held = made.attr[key]
        if isinstance(value, bool):
            held.b = value
        elif isinstance(value, int):
            held.i = value
        elif isinstance(value, float):
            held.f = value
        elif isinstance(value, str):
            held.s = value.encode()
        elif isinstance(value, list):
            held.list.i.extend(value)
    return made


def function_of(node, key, name):
    node.attr[key].func.name = name
    return node


def constant(graph, name, numbers=(), shape=(), kind=FLOAT):
    made = node(graph, "Const", name)
    made.attr["dtype"].type = kind
    held = made.attr["value"].tensor
    held.dtype = kind
    for size in shape:
        held.tensor_shape.dim.add(size=size)
    (held.float_val if kind == FLOAT else held.int_val).extend(numbers)
    return name


def started(*shape):
    graph = graph_pb2.GraphDef()
    x = node(graph, "Placeholder", "x")
    x.attr["dtype"].type = FLOAT
    for size in shape or (2, 4, 4, 2):
        x.attr["shape"].shape.dim.add(size=size)
    return graph


def function(graph, name, returned):
    made = graph.library.function.add()
    made.signature.name = name
    made.signature.input_arg.add(name="x", type=FLOAT)
    made.signature.output_arg.add(name="y", type=FLOAT)
    made.ret["y"] = returned
    return made


class Body:
    """A function's nodes, to be added like a graph's."""

    def __init__(self, made):
        self.node = made.node_def


def ends(graph, *inputs, op="Neg", **attributes):
    node(graph, op, "y", *inputs, **attributes)
    return graph


def image():
    graph = started()
    w = constant(graph, "w", [0.5] * 36, [3, 3, 2, 2])
    node(graph, "Conv2D", "c", "x", w, strides=[1, 2, 2, 1], dilations=[1, 1, 1, 1], padding="SAME", data_format="NHWC")
    four = [constant(graph, f"p{i}", [0.5, 1.5], [2]) for i in range(4)]
    node(graph, "FusedBatchNormV3", "n", "c", *four, epsilon=0.001, is_training=False, data_format="NHWC")
    node(graph, "DepthwiseConv2dNative", "d", "n", constant(graph, "k", [1.0] * 8, [2, 2, 2, 1]), strides=[1, 1, 1, 1],
         padding="VALID")
    node(graph, "MaxPool", "m", "n", ksize=[1, 2, 2, 1], strides=[1, 1, 1, 1], padding="EXPLICIT",
         explicit_paddings=[0, 0, 1, 0, 0, 1, 0, 0])
    node(graph, "ResizeBilinear", "r", "m", constant(graph, "size", [4, 4], [2], INT32), half_pixel_centers=True)
    node(graph, "Pad", "pad", "r", constant(graph, "pads", [0, 0, 1, 1, 0, 1, 0, 0], [4, 2], INT32))
    node(graph, "Mean", "mean", "pad", constant(graph, "axes", [1, 2], [2], INT32), keep_dims=False)
    return ends(graph, "mean", op="Softmax")


def shapes():
    graph = started(2, 6)
    node(graph, "Shape", "shape", "x")
    node(graph, "StridedSlice", "first", "shape", constant(graph, "b", [0], [1], INT32), constant(graph, "e", [1], [1], INT32),
         constant(graph, "s", [1], [1], INT32), shrink_axis_mask=1)
    node(graph, "Pack", "target", "first", constant(graph, "two", [2], (), INT32), constant(graph, "three", [3], (), INT32),
         axis=0)
    node(graph, "Reshape", "r", "x", "target")
    node(graph, "Split", "parts", constant(graph, "axis", [2], (), INT32), "r", num_split=3)
    node(graph, "ConcatV2", "join", "parts:2", "parts", "parts:1", "axis")
    node(graph, "Transpose", "t", "join", constant(graph, "order", [2, 0, 1], [3], INT32))
    node(graph, "Tile", "tile", "t", constant(graph, "times", [1, 2, 1], [3], INT32))
    return ends(graph, "tile", constant(graph, "begin", [0, 1, 0], [3], INT32), constant(graph, "size", [-1, 2, 1], [3],
                                                                                         INT32), op="Slice")


def calls(levels, width=2):
    graph = started()
    for i in range(levels):
        last = i == levels - 1
        body = Body(function(graph, f"f{i}", "n:y:0" if last else f"c{width - 1}:output:0"))
        if last:
            node(body, "Neg", "n", "x")
        for k in range(0 if last else width):
            function_of(node(body, "PartitionedCall", f"c{k}", "x" if k == 0 else f"c{k - 1}:output:0"), "f", f"f{i + 1}")
    function_of(node(graph, "StatefulPartitionedCall", "y", "x"), "f", "f0")
    return graph


def loop(condition="cond", body="body"):
    graph = started(3)
    test = function(graph, "cond", "n:z:0")
    test.signature.input_arg.add(name="i", type=INT32)
    constant(Body(test), "most", [3], (), INT32)
    node(Body(test), "Less", "n", "i", "most:output:0")
    step = function(graph, "body", "n:y:0")
    step.signature.input_arg.add(name="i", type=INT32)
    step.signature.output_arg.add(name="j", type=INT32)
    step.ret["j"] = "next:z:0"
    node(Body(step), "Neg", "n", "x")
    constant(Body(step), "one", [1], (), INT32)
    node(Body(step), "AddV2", "next", "i", "one:output:0")
    made = node(graph, "While", "loop", "x", constant(graph, "zero", [0], (), INT32))
    function_of(function_of(made, "cond", condition), "body", body)
    return ends(graph, "loop")


def large_loops(levels, count):
    graph = calls(levels)
    del graph.node[1:]
    test = function(graph, "cond", "n:z:0")
    node(Body(test), "Less", "n", "x", "x")
    for i in range(count):
        made = node(graph, "StatelessWhile", f"l{i}", "x" if i == 0 else f"l{i - 1}")
        function_of(function_of(made, "cond", "cond"), "body", "f0")
    return graph


def itself():
    graph = started()
    function_of(node(Body(function(graph, "f", "c:output:0")), "PartitionedCall", "c", "x"), "f", "f")
    function_of(node(graph, "PartitionedCall", "y", "x"), "f", "f")
    return graph


def saved(graph, outputs=("y:0",), tags=("serve",), signature="serving_default"):
    model = saved_model_pb2.SavedModel(saved_model_schema_version=1)
    meta = model.meta_graphs.add()
    meta.meta_info_def.tags.extend(tags)
    meta.graph_def.CopyFrom(graph)
    entry = meta.signature_def[signature]
    entry.inputs["x"].name = "x:0"
    for name in outputs:
        entry.outputs[name].name = name
    return model


def variable(restored="RestoreV2"):
    graph = started(2, 2)
    node(graph, "VarHandleOp", "v", shared_name="v")
    node(graph, "ReadVariableOp", "read", "v")
    names = node(graph, "Const", "names")
    names.attr["value"].tensor.dtype = 7
    names.attr["value"].tensor.string_val.append(b"v")
    node(graph, restored, "restore", "prefix", "names", "names")
    node(graph, "AssignVariableOp", "assign", "v", "restore")
    return ends(graph, "x", "read", op="MatMul")


def bare(op, *inputs, **attributes):
    return ends(started(), *inputs, op=op, **attributes)


def sized(shape, numbers=(1.0,), kind=FLOAT, count=1):
    graph = started()
    for i in range(count):
        constant(graph, f"c{i}", numbers, shape, kind)
        node(graph, "AddV2", f"a{i}", "x" if i == 0 else f"a{i - 1}", f"c{i}")
    return ends(graph, f"a{count - 1}")


def many(op, count):
    graph = started()
    for i in range(count):
        node(graph, op, f"n{i}", "x")
    return graph


def seeds():
    bytes_of = lambda message: message.SerializeToString(deterministic=True)
    out = {}
    for name in ("runtimes/testdata/tensorflow/frozen.pb", "runtimes/testdata/tensorflow/dtypes.pb",
                 "runtimes/testdata/tensorflow/several/saved_model.pb", "formats/tensorflow/testdata/edits.pb",
                 "formats/tensorflow/testdata/attributes.pb", "formats/tensorflow/testdata/functions/saved_model.pb",
                 "formats/tensorflow/testdata/session/saved_model.pb"):
        path = Path(name)
        out["tensorflow-" + (path.parent.name if path.name == "saved_model.pb" else path.stem)] = (SOURCE / path).read_bytes()
    split = started()
    constant(split, "axis", [3], (), INT32)
    for i in range(100):
        node(split, "Split", f"s{i}", "axis", "x", num_split=4096)
    graphs = {
        "image": image(), "shapes": shapes(), "calls": calls(3), "calls-many": calls(40), "calls-wide": calls(4, 100),
        "calls-itself": itself(), "loop": loop(), "loop-over-itself": loop("body", "body"),
        "loop-of-nothing": loop("nowhere", "nowhere"), "loops-large": large_loops(12, 100),
        "node-missing": bare("Neg", "nowhere"),
        "output-far": bare("Neg", "x:99999999999"), "output-negative": bare("Neg", "x:-1"), "cycle": bare("AddV2", "x", "y"),
        "no-inputs": bare("Conv2D"), "control": bare("Neg", "x", "^x", "^nowhere"),
        "constant-huge": sized([1 << 20, 1 << 20]), "constant-overflow": sized([1 << 40, 1 << 40]),
        "constant-negative": sized([-2, 3]), "constants-implied": sized([1 << 24], count=40),
        "constant-many-dimensions": sized([1] * 300), "constant-string": sized([1], (), 7), "splits": split,
        "split-many": bare("Unpack", "x", num=1 << 40), "einsum": bare("Einsum", "x", equation="ab,->->"),
        "strides-zero": bare("MaxPool", "x", ksize=[1, 0, 0, 1], strides=[1, 0, -1, 1], padding="SAME"),
        "many-nodes": many("Neg", 700), "one-hot": bare("OneHot", "x", "x", "x", "x", axis=1 << 62),
        "local-response-wide": bare("LRN", "x", depth_radius=(1 << 63) - 1),
        "batch-dims": bare("GatherV2", "x", "x", "x", batch_dims=-(1 << 62)),
    }
    lost = started()
    function_of(node(lost, "PartitionedCall", "y", "x"), "f", "nowhere")
    graphs["function-missing"] = lost
    twice = started()
    node(twice, "Neg", "x", "x")
    graphs["names-twice"] = ends(twice, "x")
    for name, graph in graphs.items():
        out[name] = bytes_of(graph)
    good = saved(image())
    two = saved(image(), tags=("train",))
    two.meta_graphs.add().meta_info_def.tags.append("other")
    models = {
        "saved": good, "saved-variable": saved(variable()), "saved-variable-unrestored": saved(variable("Identity")),
        "saved-no-outputs": saved(image(), ()), "saved-output-missing": saved(image(), ("nowhere:0",)), "saved-two-graphs": two,
        "saved-no-graphs": saved_model_pb2.SavedModel(saved_model_schema_version=1), "saved-calls": saved(calls(3)),
        "saved-loop": saved(loop()), "saved-other-signature": saved(image(), signature="other"),
    }
    for name, model in models.items():
        out[name] = bytes_of(model)
    return out | {"saved-cut": out["saved"][:-40], "image-cut": out["image"][:-7], "empty": b""}
