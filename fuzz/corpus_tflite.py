"""Seeds of the TFLite reader."""

import struct

import flatbuffers
import numpy
from ai_edge_litert import schema_py_generated as schema

OPERATORS = {name: code for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
TYPES = {"float32": schema.TensorType.FLOAT32, "float16": schema.TensorType.FLOAT16, "int8": schema.TensorType.INT8,
         "uint8": schema.TensorType.UINT8, "int16": schema.TensorType.INT16, "int32": schema.TensorType.INT32,
         "int64": schema.TensorType.INT64, "bool": schema.TensorType.BOOL, "int4": schema.TensorType.INT4,
         "string": schema.TensorType.STRING}
NONE, RELU6 = schema.ActivationFunctionType.NONE, schema.ActivationFunctionType.RELU6


def filled(made, fields):
    for name, value in fields.items():
        assert hasattr(made, name), name
        setattr(made, name, value)
    return made


class Net:
    """A model in the making: one main graph."""

    def __init__(self):
        self.graph = filled(schema.SubGraphT(), {"tensors": [], "operators": [], "inputs": [], "outputs": []})
        self.model = filled(schema.ModelT(), {"version": 3, "operatorCodes": [], "subgraphs": [self.graph],
                                              "buffers": [schema.BufferT()]})

    def tensor(self, shape, kind="float32", data=None, scale=(), zero=0, axis=0, name=None, **fields):
        made = filled(schema.TensorT(), {"shape": list(shape), "type": TYPES[kind], "buffer": 0, "hasRank": True,
                                         "name": (name or f"t{len(self.graph.tensors)}").encode(), **fields})
        if scale:
            made.quantization = filled(schema.QuantizationParametersT(), {
                "scale": list(scale), "zeroPoint": [zero] * len(scale), "quantizedDimension": axis})
        if data is not None:
            raw = data if isinstance(data, bytes) else numpy.broadcast_to(numpy.array(data, kind), shape).tobytes()
            made.buffer = len(self.model.buffers)
            self.model.buffers.append(filled(schema.BufferT(), {"data": list(raw)}))
        self.graph.tensors.append(made)
        return len(self.graph.tensors) - 1

    def input(self, shape, kind="float32", **more):
        self.graph.inputs.append(self.tensor(shape, kind, **more))
        return self.graph.inputs[-1]

    def ints(self, *values, kind="int32"):
        return self.tensor([len(values)], kind, values)

    def code(self, name, custom=None):
        number = OPERATORS.get(name, name)
        for index, code in enumerate(self.model.operatorCodes):
            if code.builtinCode == number and code.customCode == custom:
                return index
        self.model.operatorCodes.append(filled(schema.OperatorCodeT(), {
            "builtinCode": number, "deprecatedBuiltinCode": max(min(number, 127), -128), "version": 1, "customCode": custom}))
        return len(self.model.operatorCodes) - 1

    def op(self, name, inputs, outputs=((1, 4),), options=None, kind="float32", custom=None, **fields):
        """Adds an operator; `outputs` are shapes of new tensors, or indices. Gives the first output."""
        indices = [o if isinstance(o, int) else self.tensor(o, kind) for o in outputs]
        made = filled(schema.OperatorT(), {"opcodeIndex": self.code(name, custom), "inputs": list(inputs), "outputs": indices})
        if options:
            made.builtinOptionsType = getattr(schema.BuiltinOptions, options)
            made.builtinOptions = filled(getattr(schema, options + "T")(), fields)
        self.graph.operators.append(made)
        return indices[0] if indices else -1

    def bytes(self, *outputs):
        self.graph.outputs = list(outputs) or self.graph.outputs or self.graph.operators[-1].outputs[:1]
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def image_operators(kind="float32", scale=(), per_axis=False):
    """Convolutions and pools in float, quantized, or with weights alone in 8 bits (hybrid)."""
    net = Net()
    quantized = kind != "float32"
    q = {"scale": [0.5], "zero": 1} if quantized else {}
    w = {"scale": [0.5, 0.25] if per_axis else [0.5]} if scale else {}
    weights = "int8" if scale else "float32"
    x = net.input([1, 4, 4, 2], kind, **q)
    bias = net.tensor([2], "int32" if quantized else "float32", 1)
    a = net.op("CONV_2D", [x, net.tensor([2, 3, 3, 2], weights, 1, **w), bias], [net.tensor([1, 4, 4, 2], kind, **q)],
               "Conv2DOptions", strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1, fusedActivationFunction=RELU6)
    a = net.op("DEPTHWISE_CONV_2D", [a, net.tensor([1, 3, 3, 2], weights, 1, **{**w, "axis": 3} if w else w), bias],
               [net.tensor([1, 2, 2, 2], kind, **q)], "DepthwiseConv2DOptions", strideH=2, strideW=2, depthMultiplier=1,
               dilationHFactor=1, dilationWFactor=1, padding=schema.Padding.SAME)
    a = net.op("MAX_POOL_2D", [a], [net.tensor([1, 1, 1, 2], kind, **q)], "Pool2DOptions", strideH=2, strideW=2,
               filterHeight=2, filterWidth=2, padding=schema.Padding.VALID)
    a = net.op("TRANSPOSE_CONV", [net.ints(1, 2, 2, 2), net.tensor([2, 2, 2, 2], weights, 1, **w), a],
               [net.tensor([1, 2, 2, 2], kind, **q)], "TransposeConvOptions", strideH=2, strideW=2)
    a = net.op("RESIZE_BILINEAR", [a, net.ints(4, 4)], [net.tensor([1, 4, 4, 2], kind, **q)], "ResizeBilinearOptions",
               halfPixelCenters=True)
    a = net.op("MEAN", [a, net.ints(1, 2)], [net.tensor([1, 2], kind, **q)], "ReducerOptions", keepDims=False)
    a = net.op("FULLY_CONNECTED", [a, net.tensor([2, 2], weights, 1, **({"scale": [0.5]} if scale else {})), bias],
               [net.tensor([1, 2], kind, **q)], "FullyConnectedOptions", fusedActivationFunction=NONE)
    return net.bytes(net.op("SOFTMAX", [a], [net.tensor([1, 2], kind, **q)], "SoftmaxOptions", beta=1.0))


def shape_operators():
    net = Net()
    x = net.input([2, 4])
    a = net.op("RESHAPE", [x, net.ints(1, 2, 2, 2)], [[1, 2, 2, 2]], "ReshapeOptions", newShape=[1, 2, 2, 2])
    a = net.op("TRANSPOSE", [a, net.ints(0, 3, 1, 2)], [[1, 2, 2, 2]], "TransposeOptions")
    a = net.op("PAD", [a, net.tensor([4, 2], "int32", 1)], [[3, 4, 4, 4]], "PadOptions")
    a = net.op("PADV2", [a, net.tensor([4, 2], "int32", 0), net.tensor([], "float32", 2)], [[3, 4, 4, 4]], "PadV2Options")
    a = net.op("MIRROR_PAD", [a, net.tensor([4, 2], "int64", 0)], [[3, 4, 4, 4]], "MirrorPadOptions")
    a = net.op("STRIDED_SLICE", [a, net.ints(0, 0, -1, 0), net.ints(1, 4, 0, 4), net.ints(1, 2, 1, 1)], [[1, 2, 4]],
               "StridedSliceOptions", beginMask=1, endMask=8, shrinkAxisMask=4, ellipsisMask=0, newAxisMask=0)
    a = net.op("SLICE", [a, net.ints(0, 0, 0), net.ints(1, -1, 2)], [[1, 2, 2]], "SliceOptions")
    a = net.op("SPACE_TO_BATCH_ND", [a, net.ints(2), net.tensor([1, 2], "int32", 0)], [[2, 1, 2]], "SpaceToBatchNDOptions")
    a = net.op("BATCH_TO_SPACE_ND", [a, net.ints(2), net.tensor([1, 2], "int32", 0)], [[1, 2, 2]], "BatchToSpaceNDOptions")
    a = net.op("SQUEEZE", [a], [[2, 2]], "SqueezeOptions", squeezeDims=[0])
    a = net.op("EXPAND_DIMS", [a, net.ints(0)], [[1, 2, 2]], "ExpandDimsOptions")
    a = net.op("TILE", [a, net.ints(1, 2, 1)], [[1, 4, 2]], "TileOptions")
    p = net.op("UNPACK", [a], [[1, 2]] * 4, "UnpackOptions", num=4, axis=1)
    a = net.op("PACK", [p, p + 1], [[2, 1, 2]], "PackOptions", valuesCount=2, axis=0)
    s = net.op("SPLIT", [net.tensor([], "int32", 0), a], [[1, 1, 2]] * 2, "SplitOptions", numSplits=2)
    v = net.op("SPLIT_V", [a, net.ints(1, -1), net.tensor([], "int32", 0)], [[1, 1, 2]] * 2, "SplitVOptions", numSplits=2)
    a = net.op("CONCATENATION", [s, v], [[2, 1, 2]], "ConcatenationOptions", axis=0, fusedActivationFunction=RELU6)
    a = net.op("REVERSE_V2", [a, net.ints(0)], [[2, 1, 2]], "ReverseV2Options")
    a = net.op("REVERSE_SEQUENCE", [a, net.ints(1, 1)], [[2, 1, 2]], "ReverseSequenceOptions", seqDim=0, batchDim=1)
    n = net.op("SHAPE", [a], [[3]], "ShapeOptions", kind="int32", outType=TYPES["int32"])
    f = net.op("FILL", [n, net.tensor([], "float32", 1)], [[2, 1, 2]], "FillOptions")
    b = net.op("BROADCAST_TO", [f, n], [[2, 1, 2]], "BroadcastToOptions")
    return net.bytes(b, a)


def number_operators():
    net = Net()
    x, i = net.input([2, 3]), net.input([2], "int32")
    made = []
    for name in ("ABS EXP LOG SQRT RSQRT SIN COS FLOOR CEIL ROUND NEG SQUARE LOGISTIC TANH RELU RELU6 RELU_N1_TO_1 ELU "
                 "HARD_SWISH SIGN GELU LOG_SOFTMAX").split():
        made.append(net.op(name, [x], [[2, 3]]))
    for name in "ADD SUB MUL DIV".split():
        made.append(net.op(name, [x, made[-1]], [[2, 3]], name.capitalize() + "Options", fusedActivationFunction=RELU6))
    for name in "MAXIMUM MINIMUM POW SQUARED_DIFFERENCE FLOOR_DIV FLOOR_MOD ADD_N PRELU".split():
        made.append(net.op(name, [x, made[-1]], [[2, 3]]))
    flags = [net.op(name, [x, made[-1]], [[2, 3]], kind="bool")
             for name in "EQUAL NOT_EQUAL GREATER GREATER_EQUAL LESS LESS_EQUAL".split()]
    flag = net.op("LOGICAL_NOT", [net.op("LOGICAL_AND", [flags[0], net.op("LOGICAL_OR", flags[1:3], [[2, 3]], kind="bool")],
                                         [[2, 3]], kind="bool")], [[2, 3]], kind="bool")
    made += [net.op("SELECT", [flag, x, x], [[2, 3]]), net.op("SELECT_V2", [flag, x, x], [[2, 3]])]
    made.append(net.op("LEAKY_RELU", [x], [[2, 3]], "LeakyReluOptions", alpha=0.1))
    made.append(net.op("GATHER", [x, i], [[2, 3]], "GatherOptions", axis=0))
    made.append(net.op("EMBEDDING_LOOKUP", [i, x], [[2, 3]]))
    made.append(net.op("GATHER_ND", [x, net.tensor([1, 1], "int32", 0)], [[1, 3]], "GatherNdOptions"))
    made.append(net.op("SCATTER_ND", [net.tensor([1, 1], "int32", 0), net.tensor([1, 3], "float32", 1), net.ints(2, 3)], [[2, 3]]))
    made.append(net.op("ONE_HOT", [i, net.tensor([], "int32", 3), net.tensor([], "float32", 1), net.tensor([], "float32", 0)],
                       [[2, 3]], "OneHotOptions", axis=-1))
    made.append(net.op("ARG_MAX", [x, net.ints(1)], [[2]], "ArgMaxOptions", kind="int64", outputType=TYPES["int64"]))
    made.append(net.op("TOPK_V2", [x, net.tensor([], "int32", 2)], [[2, 2], net.tensor([2, 2], "int32")], "TopKV2Options"))
    made.append(net.op("CUMSUM", [x, net.tensor([], "int32", 1)], [[2, 3]], "CumsumOptions", exclusive=True))
    made.append(net.op("CAST", [i], [[2]], "CastOptions"))
    made.append(net.op("RANGE", [net.tensor([], "int32", v) for v in (0, 5, 1)], [[5]], "RangeOptions", kind="int32"))
    made.append(net.op("REDUCE_ANY", [flag, net.ints(0)], [[3]], "ReducerOptions", kind="bool"))
    made.append(net.op("WHERE", [flag], [[6, 2]], kind="int64"))
    made.append(net.op("BATCH_MATMUL", [x, x], [[2, 2]], "BatchMatMulOptions", adjY=True))
    made.append(net.op("L2_NORMALIZATION", [x], [[2, 3]], "L2NormOptions"))
    made.append(net.op("FAKE_QUANT", [x], [[2, 3]], "FakeQuantOptions", min=-1.0, max=1.0, numBits=8))
    made.append(net.op("RANK", [x], [[]], "RankOptions", kind="int32"))
    return net.bytes(*made)


def deep_images():
    net = Net()
    x, v = net.input([1, 4, 4, 4]), net.input([1, 2, 4, 4, 2])
    a = net.op("DEPTH_TO_SPACE", [x], [[1, 8, 8, 1]], "DepthToSpaceOptions", blockSize=2)
    a = net.op("SPACE_TO_DEPTH", [a], [[1, 4, 4, 4]], "SpaceToDepthOptions", blockSize=2)
    a = net.op("LOCAL_RESPONSE_NORMALIZATION", [a], [[1, 4, 4, 4]], "LocalResponseNormalizationOptions", radius=2, beta=0.5)
    a = net.op("RESIZE_NEAREST_NEIGHBOR", [a, net.ints(8, 8)], [[1, 8, 8, 4]], "ResizeNearestNeighborOptions", alignCorners=True)
    pool = {"strideH": 2, "strideW": 2, "filterHeight": 2, "filterWidth": 2}
    a = net.op("AVERAGE_POOL_2D", [a], [[1, 4, 4, 4]], "Pool2DOptions", **pool)
    a = net.op("L2_POOL_2D", [a], [[1, 2, 2, 4]], "Pool2DOptions", **pool)
    b = net.op("CONV_3D", [v, net.tensor([2, 3, 3, 2, 2], "float32", 1)], [[1, 1, 2, 2, 2]], "Conv3DOptions", strideD=1, strideH=1,
               strideW=1, dilationDFactor=1, dilationHFactor=1, dilationWFactor=1, padding=schema.Padding.VALID)
    return net.bytes(a, b)


def recurrent():
    net = Net()
    x = net.input([1, 3, 2])
    parts = [x] + [net.tensor([2, 2], "float32", 1) for _ in range(8)] + [-1] * 3
    parts += [net.tensor([2], "float32", 1) for _ in range(4)] + [-1, -1]
    parts += [net.tensor([1, 2], "float32", isVariable=True) for _ in range(2)] + [-1] * 4
    return net.bytes(net.op("UNIDIRECTIONAL_SEQUENCE_LSTM", parts, [[1, 3, 2]], "UnidirectionalSequenceLSTMOptions",
                            fusedActivationFunction=schema.ActivationFunctionType.TANH, cellClip=2.0))


def float16_weights():
    net = Net()
    x = net.input([1, 4])
    w = net.op("DEQUANTIZE", [net.tensor([2, 4], "float16", 1)], [[2, 4]], "DequantizeOptions")
    return net.bytes(net.op("FULLY_CONNECTED", [x, w, -1], [[1, 2]], "FullyConnectedOptions"))


def four_bits():
    net = Net()
    w = net.tensor([2, 3], "int4", b"\x21\x43\x65", scale=[0.5, 0.25], axis=0)
    return net.bytes(net.op("FULLY_CONNECTED", [net.input([1, 3]), w, -1], [[1, 2]], "FullyConnectedOptions"))


def control_flow():
    """IF over two subgraphs, CALL_ONCE, a custom operator, a signature, metadata, a dynamic size."""
    net = Net()
    x = net.input([1, 4], shapeSignature=[-1, 4])
    flag = net.op("GREATER", [x, x], [[1, 4]], kind="bool")
    a = net.op("IF", [flag, x], [[1, 4]], "IfOptions", thenSubgraphIndex=1, elseSubgraphIndex=2)
    a = net.op("CUSTOM", [a], [[1, 4]], custom=b"TFLite_Detection_PostProcess")
    net.op("CALL_ONCE", [], [], "CallOnceOptions", initSubgraphIndex=1)
    for name in (b"then", b"else"):
        inner = Net()
        inner.model = net.model
        inner.graph.name = name
        inner.op("ABS", [inner.input([1, 4])], [[1, 4]])
        inner.graph.outputs = [1]
        net.model.subgraphs.append(inner.graph)
    pair = [filled(schema.TensorMapT(), {"name": b"x", "tensorIndex": t}) for t in (x, a)]
    net.model.signatureDefs = [filled(schema.SignatureDefT(), {
        "inputs": pair[:1], "outputs": pair[1:], "signatureKey": b"serve", "subgraphIndex": 0})]
    net.model.metadata = [filled(schema.MetadataT(), {"name": b"min_runtime_version", "buffer": 0})]
    return net.bytes(a)


def unary(change=None, shape=(1, 4), kind="float32", **more):
    """ABS of an input; `change` gets the net before it is packed."""
    net = Net()
    net.op("ABS", [net.input(shape, kind, **more)], [shape])
    if change:
        change(net)
    return net.bytes(1)


def reading(shape, kind="float32", data=None, **more):
    """ADD of an input and a tensor that is wrong in some way."""
    net = Net()
    return net.bytes(net.op("ADD", [net.input([1]), net.tensor(shape, kind, data, **more)], [[1]], "AddOptions"))


def behind(offset, size):
    net = Net()
    w = net.tensor([4], "float32")
    net.graph.tensors[w].buffer = 1
    net.model.buffers.append(filled(schema.BufferT(), {"offset": offset, "size": size}))
    return net.bytes(net.op("ADD", [net.input([4]), w], [[4]], "AddOptions"))


def extreme(name, options, operands, outputs=((1, 4, 4, 2),), **fields):
    """An operator over an image, and constants of int64 that arithmetic on them must survive."""
    net = Net()
    x = net.input([1, 4, 4, 2])
    inputs = [x if o is None else net.ints(*o, kind="int64") if isinstance(o, tuple) else net.tensor(o, "float32", 1)
              for o in operands]
    return net.bytes(net.op(name, inputs, outputs, options, **fields))


def shared_parts(graphs, operators, operands, quantized=False, op="CONCATENATION"):
    """Vectors that hold the same table again and again: a few thousand bytes that stand for millions of parts."""
    builder = flatbuffers.Builder(1024)

    def vector(items, start):
        start(builder, len(items))
        for item in reversed(items):
            builder.PrependUOffsetTRelative(item)
        return builder.EndVector()

    def numbers(items, start):
        start(builder, len(items))
        for item in reversed(items):
            builder.PrependInt32(item)
        return builder.EndVector()

    scales = None
    if quantized:
        schema.QuantizationParametersStartScaleVector(builder, 1)
        builder.PrependFloat32(0.5)
        scale = builder.EndVector()
        schema.QuantizationParametersStart(builder)
        schema.QuantizationParametersAddScale(builder, scale)
        scales = schema.QuantizationParametersEnd(builder)
    shape = numbers([1], schema.TensorStartShapeVector)
    schema.TensorStart(builder)
    schema.TensorAddShape(builder, shape)
    schema.TensorAddType(builder, TYPES["int8"])
    if scales:
        schema.TensorAddQuantization(builder, scales)
    tensor = schema.TensorEnd(builder)
    inputs = numbers([0] * operands, schema.OperatorStartInputsVector)
    schema.OperatorStart(builder)
    schema.OperatorAddInputs(builder, inputs)
    operator = schema.OperatorEnd(builder)
    tensors = vector([tensor], schema.SubGraphStartTensorsVector)
    all_operators = vector([operator] * operators, schema.SubGraphStartOperatorsVector)
    graph_inputs = numbers([0], schema.SubGraphStartInputsVector)
    schema.SubGraphStart(builder)
    schema.SubGraphAddTensors(builder, tensors)
    schema.SubGraphAddOperators(builder, all_operators)
    schema.SubGraphAddInputs(builder, graph_inputs)
    graph = schema.SubGraphEnd(builder)
    all_graphs = vector([graph] * graphs, schema.ModelStartSubgraphsVector)
    schema.OperatorCodeStart(builder)
    schema.OperatorCodeAddBuiltinCode(builder, OPERATORS[op])
    code = schema.OperatorCodeEnd(builder)
    codes = vector([code], schema.ModelStartOperatorCodesVector)
    schema.BufferStart(builder)
    buffers = vector([schema.BufferEnd(builder)], schema.ModelStartBuffersVector)
    schema.ModelStart(builder)
    schema.ModelAddVersion(builder, 3)
    schema.ModelAddOperatorCodes(builder, codes)
    schema.ModelAddSubgraphs(builder, all_graphs)
    schema.ModelAddBuffers(builder, buffers)
    builder.Finish(schema.ModelEnd(builder), b"TFL3")
    return bytes(builder.Output())


def many_variables(count, size):
    net = Net()
    for _ in range(count):
        net.op("ABS", [net.tensor([size], "float32", isVariable=True)], [[size]])
    return net.bytes()


def long_names():
    """One long name that every value of the operator would carry."""
    net = Net()
    x = net.input([1], "int8", scale=[0.5])
    net.op("CONCATENATION", [x] * 1000, [net.tensor([1000], "int8", scale=[0.5], name="n" * 8000)], "ConcatenationOptions")
    return net.bytes()


def many_scales():
    """Every operand brings its scales again."""
    net = Net()
    x = net.input([1, 2000], "int8", scale=[0.5] * 800, axis=1)
    net.op("CONCATENATION", [x] * 1500, [[1, 2000]], "ConcatenationOptions")
    return net.bytes()


def unknown_operators():
    net = Net()
    x = net.input([1])
    for code in (OPERATORS["DELEGATE"], 126, 127, 128, 999, 2**31 - 1, -1, -2**31):
        net.op(code, [x], [[1]])
    return net.bytes()


def set_first(kind, **fields):
    def change(net):
        part = {"tensor": net.graph.tensors, "operator": net.graph.operators, "code": net.model.operatorCodes,
                "graph": [net.graph], "model": [net.model]}[kind][0]
        filled(part, fields)
    return change


def seeds():
    big = 2**63 - 1
    conv = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    out = {
        "images-float": image_operators(), "images-int8": image_operators("int8", [1]),
        "images-per-axis": image_operators("int8", [1], True), "images-hybrid": image_operators("float32", [1], True),
        "images-uint8": image_operators("uint8", [1]), "shapes": shape_operators(), "numbers": number_operators(),
        "deep-images": deep_images(), "recurrent": recurrent(), "float16": float16_weights(), "int4": four_bits(),
        "control-flow": control_flow(), "empty-tensor": reading([0, 4], data=b""),
        "version-2": unary(set_first("model", version=2)), "no-subgraphs": unary(set_first("model", subgraphs=[])),
        "no-buffers": unary(set_first("model", buffers=[])), "unknown-operators": unknown_operators(),
        "operand-outside": unary(set_first("operator", inputs=[99])), "operand-negative": unary(set_first("operator", inputs=[-5])),
        "output-outside": unary(set_first("operator", outputs=[99])), "code-outside": unary(set_first("operator", opcodeIndex=9)),
        "input-outside": unary(set_first("graph", inputs=[2**31 - 1])), "input-negative": unary(set_first("graph", inputs=[-1])),
        "graph-output-negative": unary(set_first("graph", outputs=[-1])), "input-twice": unary(set_first("graph", inputs=[0, 0])),
        "buffer-outside": unary(set_first("tensor", buffer=2**32 - 1)), "tensor-type": unary(set_first("tensor", type=77)),
        "cycle": unary(set_first("operator", inputs=[1])), "no-outputs": unary(set_first("operator", outputs=[])),
        "optional-operand": unary(set_first("operator", inputs=[-1])), "no-operands": unary(set_first("operator", inputs=[])),
        "custom-without-name": unary(set_first("code", builtinCode=32, deprecatedBuiltinCode=32)),
        "huge-input": unary(shape=[2**31 - 1] * 4), "huge-constant": reading([2**31 - 1] * 4, data=b"abcd"),
        "negative-constant": reading([-1], data=b"abcd"), "shape-below": reading([-7]), "rank-40": reading([1] * 40),
        "wrong-size": reading([4], data=b"abcd"), "read-before": reading([4]),
        "string-constant": reading([1], "string", b"\x01\0\0\0\x08\0\0\0\x08\0\0\0a"),
        "huge-variable": reading([2**28], isVariable=True), "huge-variable-by-dimensions": reading([2**14] * 4, isVariable=True),
        "many-variables": many_variables(60, 2**25),
        "zero-times-huge": reading([0, 2**31 - 1, 2**31 - 1, 2**31 - 1], data=b""),
        "scales-outside": reading([2], "int8", b"ab", scale=[0.5] * 3, axis=0),
        "scale-axis-outside": reading([2], "int8", b"ab", scale=[0.5] * 2, axis=-1),
        "scale-nan": reading([1], "int8", b"a", scale=[float("nan")]), "zero-point-far": reading([1], "int8", b"a", scale=[1.0], zero=2**40),
        "buffer-behind": behind(8, 16), "buffer-behind-outside": behind(2**40, 16), "buffer-behind-wraps": behind(2**64 - 8, 16),
        "strided-slice-far": extreme("STRIDED_SLICE", "StridedSliceOptions", [None, (big,) * 4, (-big,) * 4, (-big - 1,) * 4],
                                     shrinkAxisMask=1, beginMask=2),
        "strided-slice-masks": extreme("STRIDED_SLICE", "StridedSliceOptions", [None, (0,) * 9, (1,) * 9, (0,) * 9],
                                       ellipsisMask=-1, newAxisMask=-1, shrinkAxisMask=-1),
        "slice-far": extreme("SLICE", "SliceOptions", [None, (big,) * 4, (big,) * 4]),
        "split-far": extreme("SPLIT_V", "SplitVOptions", [None, (-1, big, big, big), (0,)], [[1]] * 4),
        "split-no-outputs": extreme("SPLIT_V", "SplitVOptions", [None, (), (0,)], []),
        "transpose-conv-far": extreme("TRANSPOSE_CONV", "TransposeConvOptions", [(big,) * 4, [2, 2, 2, 2], None], strideH=2**31 - 1, strideW=1),
        "space-to-batch-far": extreme("SPACE_TO_BATCH_ND", "SpaceToBatchNDOptions", [None, (big, 1), (big, big, 0, 0)]),
        "batch-to-space-far": extreme("BATCH_TO_SPACE_ND", "BatchToSpaceNDOptions", [None, (big, 1), (-big, big, 0, 0)]),
        "transpose-far": extreme("TRANSPOSE", "TransposeOptions", [None, (-big - 1, big, 0, 0)]),
        "conv-strides": extreme("CONV_2D", "Conv2DOptions", [None, [2, 1, 1, 2]], strideH=0, strideW=-1),
        "conv-far": extreme("CONV_2D", "Conv2DOptions", [None, [2, 3, 3, 2]], **{**conv, "dilationHFactor": 2**31 - 1, "strideW": 2**31 - 1}),
        "conv-kernel-rank": extreme("CONV_2D", "Conv2DOptions", [None, [2, 2]], **conv),
        "reverse-sequence-far": extreme("REVERSE_SEQUENCE", "ReverseSequenceOptions", [None, (1,)], seqDim=2**31 - 1, batchDim=2**31 - 1),
        "gather-far": extreme("GATHER", "GatherOptions", [None, (big,)], axis=-2**31, batchDims=-2**31),
        "arg-two-axes": extreme("ARG_MAX", "ArgMaxOptions", [None, (0, 1)]),
        "pad-not-pairs": extreme("PAD", "PadOptions", [None, (1, 2, 3)]), "reshape-far": extreme("RESHAPE", "ReshapeOptions", [None, (big, -1)]),
        "shared-operators": shared_parts(1, 1500, 1500), "shared-graphs": shared_parts(1200, 1200, 1200),
        "shared-quantized": shared_parts(1, 800, 2500, True), "long-names": long_names(), "many-scales": many_scales()}
    whole = out["images-int8"]
    for size in (1, 8, 100, len(whole) // 2, len(whole) - 1):
        out[f"cut-{size}"] = whole[:size]
    out |= {"empty": b"", "root-outside": struct.pack("<I", 0x7fffffff) + b"TFL3" + whole[8:400],
            "root-negative": struct.pack("<I", 0xffffffff) + b"TFL3" + whole[8:400], "identifier-alone": b"\x08\0\0\0TFL3" + bytes(64)}
    # Huge counts: the first vectors of a small file, one after the other.
    small = unary()
    for place in range(8, min(len(small), 400), 4):
        if struct.unpack_from("<I", small, place)[0] in (1, 2):
            out[f"count-{place}"] = small[:place] + struct.pack("<I", 2**31) + small[place + 4:]
    return out
