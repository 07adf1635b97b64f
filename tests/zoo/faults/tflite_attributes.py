"""TFLite: faults in the attributes of single operators, and operators replaced by a relative."""

import numpy
from ai_edge_litert import schema_py_generated as schema

import tflite_file
from faults.common import GRAPH, HYPERPARAMETERS, DoesNotApply, Fault
from faults.tflite_graph import change_option, of, option
from faults.tflite_parameters import real_constant

ACTIVATION = schema.ActivationFunctionType
RELUS = (ACTIVATION.RELU, ACTIVATION.RELU6)
RELATIVES = {"LOGISTIC": "TANH", "TANH": "LOGISTIC", "HARD_SWISH": "RELU", "RELU": "TANH", "RELU6": "RELU", "GELU": "RELU",
             "LEAKY_RELU": "RELU", "ELU": "RELU"}
HALF_MAX = 65504


def fused(*kinds):
    return lambda file: [i for i in file.live if option(file, i, "fusedActivationFunction") in kinds]


def fuse(kind):
    return lambda file, index, draw: change_option(file, index, "fusedActivationFunction", kind)


def replace_activation(file, index, draw):
    record = file.record(index)
    new = RELATIVES[record["op_type"]]
    operator = file.operators[index]
    operator.opcodeIndex, operator.builtinOptionsType, operator.builtinOptions = file.code(new), 0, None
    return {**record, "op_type": new, "before": record["op_type"], "after": new}


def replace_reduction(file, index, draw):
    record = file.record(index)
    new = {"MEAN": "SUM", "SUM": "MEAN"}[record["op_type"]]
    file.operators[index].opcodeIndex = file.code(new)
    return {**record, "op_type": new, "before": record["op_type"], "after": new}


def align_corners(file, index, draw):
    file.operators[index].builtinOptions.halfPixelCenters = False
    return change_option(file, index, "alignCorners", True)


def axes_slot(file, index):
    slot = {"MEAN": 1, "SUM": 1, "REDUCE_MAX": 1, "GATHER": None}.get(file.type(index))
    return slot if slot is not None and file.stored(index, slot) is not None else None


def move_axes(file, index, draw):
    """The axes of a reduction: another axis of the same length, or another alone."""
    slot = axes_slot(file, index)
    if slot is None:
        raise DoesNotApply("its axes are not known")
    stored = tflite_file.array(file.model, file.tensors[file.stored(index, slot)])
    shape = file.shape(file.operators[index].inputs[0])
    axes = [int(a) % len(shape) for a in stored.reshape(-1)]
    swaps = [(n, a) for n, old in enumerate(axes) for a in range(1, len(shape)) if a not in axes and shape[a] == shape[old]]
    if not swaps:
        raise DoesNotApply("no other axis is as long")
    position, new = swaps[draw.integers(len(swaps))]
    after = axes[:position] + [new] + axes[position + 1:]
    record = file.record(index, slot=slot, before=axes, after=after)
    file.own_constant(index, slot, numpy.array(after, numpy.int32).reshape(stored.shape))
    return record


def softmax_axis(file, index, draw):
    """SOFTMAX is over the last axis; over another it stands between two TRANSPOSE."""
    source, result = file.operators[index].inputs[0], file.operators[index].outputs[0]
    shape = file.shape(source)
    if len(shape) < 3 or shape[-1] != shape[-2]:
        raise DoesNotApply("the last two axes are not equal")
    order = numpy.array([*range(len(shape) - 2), len(shape) - 1, len(shape) - 2], numpy.int32)
    at = file.insert_before(index, 0, "TRANSPOSE", shape, order, "TransposeOptions")
    inner = file.new_tensor(result, shape)
    file.operators[at + 1].outputs = [inner]
    back = file.operator("TRANSPOSE", [inner, file.new_tensor(source, [len(shape)], order)], result, "TransposeOptions")
    file.operators.insert(at + 2, back)
    file.refresh()
    return {**file.record(at + 1), "index_in": index, "ends": [at, at + 2]}


def small_constants(file):
    """What is added before a root, and is small: the epsilon of a normalization written out."""
    return [(i, slot) for i in file.of_type("ADD") for slot in range(2)
            if real_constant(file, i, slot)
            and (c := tflite_file.array(file.model, file.tensors[file.stored(i, slot)])).size == 1 and 0 < c.max() < 1e-2
            and any(file.type(r) in ("RSQRT", "SQRT") for r, _ in file.readers(file.operators[i].outputs[0]))]


def scale_constant(factor):
    def apply(file, place, draw):
        index, slot = place
        array = tflite_file.array(file.model, file.tensors[file.stored(index, slot)])
        record = file.record(index, slot=slot, before=float(array.max()), after=float(array.max()) * factor)
        file.own_constant(index, slot, array * numpy.float32(factor))
        return record
    return apply


def large_constants(file):
    return [(i, slot) for i in file.live for slot in range(len(file.operators[i].inputs)) if real_constant(file, i, slot)
            and numpy.abs(tflite_file.array(file.model, file.tensors[file.stored(i, slot)])).max() > HALF_MAX]


def through_half(file, place, draw):
    index, slot = place
    array = tflite_file.array(file.model, file.tensors[file.stored(index, slot)])
    with numpy.errstate(over="ignore"):
        after = array.astype(numpy.float16).astype(numpy.float32)
    record = file.record(index, slot=slot)
    file.own_constant(index, slot, after)
    return record


H, G = HYPERPARAMETERS, GRAPH
FAULTS = [
    Fault("resize-coordinates", H, 9, of("RESIZE_BILINEAR"),
          lambda f, i, d: change_option(f, i, "halfPixelCenters", not option(f, i, "halfPixelCenters"))),
    Fault("resize-align-corners", H, 9, of("RESIZE_BILINEAR"), align_corners),
    Fault("resize-nearest", H, 10, of("RESIZE_NEAREST_NEIGHBOR"), align_corners),
    Fault("softmax-axis", H, 11, of("SOFTMAX"), softmax_axis),
    Fault("concat-axis", H, 12, of("CONCATENATION"),
          lambda f, i, d: change_option(f, i, "axis", 2 if option(f, i, "axis") == 1 else 1)),
    Fault("axes-not-mapped", H, 12, of("MEAN", "SUM", "REDUCE_MAX"), move_axes),
    Fault("epsilon-inflated", H, None, small_constants, scale_constant(1e4)),
    Fault("leaky-alpha", H, 19, of("LEAKY_RELU"),
          lambda f, i, d: change_option(f, i, "alpha", 0.01 if option(f, i, "alpha") > 0.02 else 0.2)),
    Fault("leaky-relu", H, 19, of("LEAKY_RELU"), replace_activation),
    Fault("gelu-approximation", H, None, of("GELU"),
          lambda f, i, d: change_option(f, i, "approximate", not option(f, i, "approximate"))),
    Fault("clip-dropped", G, 20, fused(ACTIVATION.RELU6), fuse(ACTIVATION.NONE)),
    Fault("clip-bounds", H, 20, fused(ACTIVATION.RELU6), fuse(ACTIVATION.RELU_N1_TO_1)),
    Fault("activation-unbounded", G, 20, fused(ACTIVATION.RELU6), fuse(ACTIVATION.RELU)),
    Fault("activation-dropped", G, None, fused(ACTIVATION.RELU), fuse(ACTIVATION.NONE)),
    Fault("activation-extra", G, None, fused(ACTIVATION.NONE), fuse(ACTIVATION.RELU)),
    Fault("activation-replaced", G, None, of(*RELATIVES), replace_activation),
    Fault("norm-replaced", G, 25, of("MEAN", "SUM"), replace_reduction),
    Fault("constant-through-half", G, 27, large_constants, through_half),
    Fault("lrn-alpha", H, None, of("LOCAL_RESPONSE_NORMALIZATION"),
          lambda f, i, d: change_option(f, i, "alpha", option(f, i, "alpha") * 5)),
    Fault("lrn-size", H, None, of("LOCAL_RESPONSE_NORMALIZATION"),
          lambda f, i, d: change_option(f, i, "radius", option(f, i, "radius") + 1)),
]
