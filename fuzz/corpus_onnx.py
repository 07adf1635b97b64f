"""Seeds of the ONNX reader."""

import numpy
from onnx import AttributeProto, TensorProto, helper, numpy_helper

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
random = numpy.random.RandomState(1)


def tensor(name, shape, kind="float32"):
    return numpy_helper.from_array(random.randint(-3, 4, shape).astype(kind), name)


def ints(name, *values):
    return numpy_helper.from_array(numpy.array(values, "int64"), name)


def node(kind, inputs, outputs, **attributes):
    """Operands are apart by one space; two spaces stand for an absent one."""
    return helper.make_node(kind, *(names.split(" ") if names else [] for names in (inputs, outputs)), **attributes)


def graph(nodes, constants=(), inputs=(("x", [1, 2, 4, 4]),), outputs=("y",), name="g"):
    return helper.make_graph(
        nodes, name, [helper.make_tensor_value_info(n, FLOAT, s) for n, s in inputs],
        [helper.make_tensor_value_info(n, FLOAT, None) for n in outputs], list(constants))


def model(nodes, constants=(), opset=17, **more):
    made = helper.make_model(graph(nodes, constants, **more), opset_imports=[helper.make_opsetid("", opset)])
    made.ir_version = 8
    return made


def convolutions(opset):
    return model([
        node("Conv", "x w b", "c", kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[1, 1], group=1),
        node("BatchNormalization", "c s t m v", "n", epsilon=1e-3),
        node("Relu", "n", "r"), node("MaxPool", "r", "p", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=0),
        node("ConvTranspose", "p wt", "u", kernel_shape=[2, 2], strides=[2, 2], output_padding=[0, 0]),
        node("GlobalAveragePool", "u", "a"), node("Flatten", "a", "f", axis=1),
        node("Gemm", "f g h", "l", transB=1, alpha=0.5), node("Softmax", "l", "y", axis=1)],
        [tensor("w", [3, 2, 3, 3]), *(tensor(n, [3]) for n in "b s t m v".split()), tensor("wt", [3, 2, 2, 2]),
         tensor("g", [4, 2]), tensor("h", [4])], opset)


def moved_attributes(opset):
    """Operators whose attributes became operands in a later operator set."""
    return model([
        node("Clip", "x", "c", min=0.0, max=6.0), node("Pad", "c", "p", pads=[0, 0, 1, 1, 0, 0, 1, 1], value=1.0),
        node("Slice", "p", "s", starts=[0, 0], ends=[1, 2], axes=[0, 1]), node("Squeeze", "s", "q", axes=[0]),
        node("Unsqueeze", "q", "u", axes=[0]), node("ReduceSum", "u", "r", axes=[1], keepdims=1),
        node("Split", "r", "a b", axis=2, split=[3, 3]), node("TopK", "a", "t i", axis=-1, k=2),
        node("Dropout", "t", "d", ratio=0.5), node("Upsample", "d scales", "y", mode="nearest"),
        node("Softmax", "b", "z", axis=1)],
        [numpy_helper.from_array(numpy.array([1, 1, 2, 2], "float32"), "scales")], opset, outputs=("y", "z"))


def operators():
    return model([
        node("Constant", "", "k", value=tensor("", [2, 2])), node("Constant", "", "f", value_float=1.5),
        node("Constant", "", "is", value_ints=[1, -1]), node("Shape", "x", "sh"), node("Gather", "sh zero", "n"),
        node("Concat", "n is", "to", axis=0), node("Reshape", "x to", "r"), node("Transpose", "r", "tr", perm=[1, 0]),
        node("Mul", "tr f", "m"), node("LayerNormalization", "x one", "ln  ", axis=-1), node("Gelu", "ln", "ge"),
        node("Resize", "x   sizes", "re", mode="linear"), node("Cast", "re", "h", to=10), node("Cast", "h", "y", to=1),
        node("Expand", "f big", "e"), node("ConstantOfShape", "big", "cs", value=tensor("", [1])),
        node("LSTM", "q W R", "o  c", hidden_size=2), node("Einsum", "k k", "ei", equation="ij,jk->ik"),
        node("Pad", "x pads", "pp", mode="reflect"), node("Where", "flag x x", "wh")],
        [ints("zero", 0), ints("sizes", 1, 2, 8, 8), ints("big", 2, 3), tensor("one", [4]), tensor("q", [1, 1, 3]),
         tensor("W", [1, 8, 3]), tensor("R", [1, 8, 2]), ints("pads", 0, 0, 1, 1, 0, 0, 1, 1), tensor("flag", [4], "bool")],
        21, outputs=("y", "m", "ge", "e", "cs", "o", "ei", "pp", "wh"))


def quantized():
    return model([
        node("QuantizeLinear", "x xs xz", "q"), node("DequantizeLinear", "q xs xz", "d"),
        node("DequantizeLinear", "w ws wz", "wd", axis=0), node("Conv", "d wd", "c", kernel_shape=[1, 1]),
        node("QuantizeLinear", "c xs xz", "cq"), node("DequantizeLinear", "cq xs xz", "y"),
        helper.make_node("FusedConv", ["x", "wf"], ["fc"], domain="com.microsoft", activation="Clip",
                         activation_params=[0.0, 6.0]),
        helper.make_node("QLinearAdd", ["q", "xs", "xz", "q", "xs", "xz", "xs", "xz"], ["qa"], domain="com.microsoft")],
        [tensor("xs", [], "float32"), tensor("xz", [], "uint8"), tensor("w", [2, 2, 1, 1], "int8"), tensor("ws", [2]),
         tensor("wz", [2], "int8"), tensor("wf", [2, 2, 1, 1])], 17, outputs=("y", "fc", "qa"))


def branch(nodes, output):
    return helper.make_graph(nodes, "b", [], [helper.make_tensor_value_info(output, FLOAT, None)])


def control_flow():
    body = helper.make_graph(
        [node("Identity", "go", "on"), node("Add", "v w", "v2"), node("Identity", "v2", "scan")], "body",
        [helper.make_tensor_value_info("i", INT64, []), helper.make_tensor_value_info("go", TensorProto.BOOL, []),
         helper.make_tensor_value_info("v", FLOAT, None)],
        [helper.make_tensor_value_info(n, t, None) for n, t in (("on", TensorProto.BOOL), ("v2", FLOAT), ("scan", FLOAT))])
    made = model([
        node("If", "flag", "a", then_branch=branch([node("Relu", "x", "t")], "t"),
             else_branch=branch([node("Mul", "x w", "e")], "e")),
        node("Loop", "steps flag a", "y all", body=body),
        helper.make_node("Ours", ["x"], ["z"], domain="local")],
        [tensor("flag", [], "bool"), tensor("w", [1]), numpy_helper.from_array(numpy.array(3), "steps")], 17)
    ours = helper.make_function("local", "Ours", ["a"], ["b"], [node("Relu", "a", "b")], [helper.make_opsetid("", 17)])
    made.functions.append(ours)
    return made


def unnamed_output_inside():
    return model([node("If", "flag", "y", then_branch=branch([node("Relu", "x", "t")], "t"),
                       else_branch=branch([node("Relu", "x", "e")], ""))], [tensor("flag", [], "bool")])


def element_types():
    constants = [tensor(kind, [2], kind) for kind in (
        "float64", "float16", "int8", "uint8", "int16", "uint16", "int32", "uint32", "uint64", "bool")]
    typed = helper.make_tensor("typed", FLOAT, [3], [1.0, 2.0, 3.0])
    halves = helper.make_tensor("halves", TensorProto.BFLOAT16, [2], [1.0, 2.0])
    small = helper.make_tensor("small", TensorProto.INT8, [2], [1, -1])
    text = helper.make_tensor("text", TensorProto.STRING, [1], [b"a"])
    nodes = [node("Cast", c.name, f"y{i}", to=1) for i, c in enumerate([*constants, typed, halves, small])]
    return model(nodes, [*constants, typed, halves, small], 21, outputs=[f"y{i}" for i in range(13)]), model(
        [node("Identity", "text", "y")], [text])


def external(location, offset=None, length=None, in_attribute=False):
    held = TensorProto(name="w", data_type=FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        if value is not None:
            held.external_data.add(key=key, value=str(value))
    if in_attribute:
        return model([node("Constant", "", "w", value=held), node("Add", "x w", "y")])
    return model([node("Add", "x w", "y")], [held])


def shaped(dims, data_type=FLOAT, raw=None):
    """A constant of that shape without data, or with a few bytes."""
    held = TensorProto(name="w", data_type=data_type, dims=dims)
    if raw is not None:
        held.raw_data = raw
    return model([node("Add", "x w", "y")], [held])


def field(number, content):
    """A protobuf field of bytes, by hand: the library makes nothing that it would not read."""
    size, length = len(content), b""
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content


def nested(depth):
    """If in If in If: node 1 of a graph, attribute 5 of a node, graph 6 of an attribute."""
    inner = branch([node("Relu", "x", "o")], "o").SerializeToString(deterministic=True)
    for _ in range(depth):
        attribute = field(1, b"then_branch") + field(6, inner) + b"\xa0\x01\x05"
        inner = field(1, field(1, b"x") + field(2, b"o") + field(4, b"If") + field(5, attribute))
    outer = model([], outputs=("o",)).SerializeToString(deterministic=True)
    return outer + field(7, inner)  # a field that comes twice is merged


def deep_functions(depth):
    made = model([helper.make_node("F0", ["x"], ["y"], domain="local")])
    for level in range(depth):
        inside = [helper.make_node(f"F{(level + 1) % depth}", ["a"], ["b"], domain="local")]
        made.functions.append(helper.make_function("local", f"F{level}", ["a"], ["b"], inside, [helper.make_opsetid("", 17)]))
    return made


def chain(count, backwards=False):
    nodes = [node("Relu", "x" if i == 0 else f"v{i - 1}", "y" if i == count - 1 else f"v{i}") for i in range(count)]
    return model(nodes[::-1] if backwards else nodes)


def without_operands(opset):
    """One model for each operator whose older forms are rewritten, with no operands and no outputs at all."""
    kinds = ["Clip", "Pad", "Slice", "Squeeze", "ReduceSum", "Split", "TopK", "Dropout", "BatchNormalization", "Upsample",
             "Resize", "Scatter", "Softmax", "LogSoftmax"]
    nodes = [helper.make_node(kind, [], []) for kind in kinds] + [helper.make_node("FusedConv", [], [], domain="com.microsoft")]
    return model([node("Relu", "x", "y"), *nodes], opset=opset)


def absent_operands(opset):
    return model([node("Relu", "x", "y"), helper.make_node("Softmax", [""], [""]), helper.make_node("Resize", ["x", ""], ["r"]),
                  helper.make_node("Upsample", ["", ""], ["u"]), helper.make_node("Softmax", ["x"], [], axis=1),
                  helper.make_node("FusedConv", [""], [""], domain="com.microsoft", activation="Relu")], opset=opset)


def untyped_attributes():
    made = model([node("Conv", "x w", "y", kernel_shape=[1, 1], auto_pad="SAME_UPPER", alpha=1.0)],
                 [tensor("w", [2, 2, 1, 1])], 7)
    for attribute in made.graph.node[0].attribute:
        attribute.type = AttributeProto.UNDEFINED
    return made


def seeds():
    honest = {
        **{f"convolutions-{opset}": convolutions(opset) for opset in (7, 11, 13, 21)},
        **{f"moved-attributes-{opset}": moved_attributes(opset) for opset in (7, 9, 12)},
        "operators": operators(), "quantized": quantized(), "control-flow": control_flow(),
        "element-types": element_types()[0], "strings": element_types()[1],
        "external": external("weights.bin", 0, 16), "external-in-attribute": external("weights.bin", 16, None, True),
        "backwards": chain(12, backwards=True), "untyped-attributes": untyped_attributes()}
    many = model([node("Add", "x w0", "y")], [tensor(f"w{i}", [1]) for i in range(300)])
    hostile = {
        "cycle": model([node("Add", "x b", "a"), node("Add", "x a", "b"), node("Relu", "a", "y")]),
        "reads-itself": model([node("Add", "x y", "y")]),
        "reads-nothing": model([node("Add", "x nothing", "y")]),
        "computed-twice": model([node("Relu", "x", "y"), node("Relu", "x", "y")]),
        "constant-computed-twice": model([node("Constant", "", "x", value_float=1.0), node("Relu", "x", "y")]),
        "no-output": model([node("Relu", "x", "z")]),
        "no-outputs-asked": model([node("Relu", "x", "y")], outputs=()),
        "two-inputs-one-name": model([node("Relu", "x", "y")], inputs=(("x", [1]), ("x", [2]))),
        "unnamed-output-inside": unnamed_output_inside(),
        "empty-names": model([helper.make_node("Relu", ["", ""], ["", "y"])], inputs=(("", [1]), ("x", [1]))),
        "opset-0": model([node("Relu", "x", "y")], opset=0), "opset-huge": model([node("Relu", "x", "y")], opset=2**62),
        "huge-input": model([node("Shape", "x", "y")], inputs=(("x", [2**31, 2**31, 2**31]),)),
        "huge-shape-no-data": shaped([2**31]), "huge-shape-int64": shaped([2**24], INT64),
        "overflowing-shape": shaped([2**62, 2**62, 4], raw=b"abcd"), "negative-shape": shaped([-1, -4], raw=b"abcd"),
        "zero-times-huge": shaped([0, 2**47, 2]), "wrong-size": shaped([4], raw=b"abcd"),
        "wrong-type": shaped([1], 99, b"abcd"), "negative-type": shaped([1], -7, b"abcd"),
        "constant-of-huge-shape": model([node("ConstantOfShape", "s", "y")], [ints("s", 2**40, 2**20)]),
        "expand-to-huge-shape": model([node("Expand", "x s", "y")], [ints("s", 2**31, 2**31)]),
        "external-traversal": external("../../../etc/passwd"), "external-absolute": external("/etc/passwd"),
        "external-hidden-traversal": external("a/../../weights.bin"), "external-folder": external("."),
        "external-folder-in-attribute": external(".", in_attribute=True),
        "external-empty": external(""), "external-missing": external("no-such-file"), "external-no-location": external(None),
        "external-outside": external("weights.bin", 60), "external-far-outside": external("weights.bin", 2**62),
        "external-negative": external("weights.bin", -16), "external-not-a-number": external("weights.bin", "many"),
        "external-traversal-in-attribute": external("../weights.bin", in_attribute=True),
        "external-nul": external("weights.bin\0/../x"),
        "functions-that-call-each-other": deep_functions(40),
        "many-nodes-backwards": chain(500, backwards=True), "many-constants": many,
        **{f"without-operands-{opset}": without_operands(opset) for opset in (7, 10, 21)},
        **{f"absent-operands-{opset}": absent_operands(opset) for opset in (7, 10)}}
    out = {name: made.SerializeToString(deterministic=True) for name, made in {**honest, **hostile}.items()}
    whole = out["convolutions-13"]
    for size in (1, 7, 100, len(whole) // 2, len(whole) - 1):
        out[f"cut-{size}"] = whole[:size]
    out |= {f"nested-graphs-{depth}": nested(depth) for depth in (3, 30, 60, 500)}
    out["empty"] = b""
    # Lengths that lead outside: of the graph, and of everything in it.
    out["length-outside"] = b"\x08\x08\x3a\xff\xff\xff\xff\x07" + whole[8:200]
    out["varint-without-end"] = b"\x08\x08" + b"\xff" * 64
    out["nested-groups"] = b"\x08\x08\x3a" + b"\x0b" * 5000
    return out
