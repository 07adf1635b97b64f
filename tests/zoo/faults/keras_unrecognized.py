"""Keras: kinds of fault that no converter is known for, and that no recognizer is written for."""

import copy

from faults import tensors
from faults.common import GRAPH, PARAMETERS, DoesNotApply, unrecognized
from faults.keras_graph import of
from faults.keras_parameters import change_numbers, kernels
from faults.keras_wiring import require_same_shape, residuals
from keras_file import places_listed, references


def repeat(file, index, draw):
    """The layer once more, with the same weights, on its own result."""
    call = file.own_layer(index)
    require_same_shape(file, index)
    file.require_graph(index)
    if any(list(place[:3]) == call.place for place in places_listed(call.model["config"]["output_layers"])):
        raise DoesNotApply("it is an output")
    nodes = call.entry["inbound_nodes"]
    again = copy.deepcopy(nodes[0])
    file.redirect(call.model, call.place, [call.name, 1, 0])
    for ref in references(again)[:1]:
        ref.set(call.place, file.result_shape(index))
    nodes.append(again)
    file.refresh()
    first, second = [c.index for c in file.calls if c.entry is call.entry]
    return {**file.record(second), "index_in": None, "ends": sorted({first, *(r for r, _ in file.readers(second))})}


def largest(file, index, draw):
    call = file.own_layer(index)
    call.entry["class_name"] = "Maximum"
    return {**file.record(index), "before": "Add", "after": "Maximum"}


def exchange(file, index, draw):
    """Two neighbors that keep the shape, in the other order."""
    second = file.own_layer(index)
    producer = second.inputs[0][0]
    if producer is None or len(second.inputs) != 1 or not second.refs:
        raise DoesNotApply("nothing is before it")
    first = file.own_layer(producer)
    if first.model is not second.model or len(first.inputs) != 1 or len(file.readers(producer)) != 1 or first.type == second.type:
        raise DoesNotApply("what is between them is read elsewhere")
    require_same_shape(file, producer)
    require_same_shape(file, index)
    begin = list(first.refs[0].place)
    file.redirect(second.model, second.place, first.place)
    second.refs[0].set(begin)
    first.refs[0].set(second.place)
    file.refresh()
    where = [next(c.index for c in file.calls if c.entry is one.entry) for one in (second, first)]
    return {**file.record(where[0], also=[where[1]]), "index_in": index}


def squash(file, index, draw):
    return file.inserted(file.insert_before(index, 0, "Activation", {"activation": "softsign"}))


REPEATED = ("Conv2D", "DepthwiseConv2D", "Dense", "AveragePooling2D", "Activation", "LayerNormalization", "BatchNormalization")
FAULTS = [
    unrecognized("low-rank", PARAMETERS, kernels, change_numbers(tensors.low_rank)),
    unrecognized("node-repeated", GRAPH, of(*REPEATED), repeat),
    unrecognized("add-to-max", GRAPH, residuals, largest),
    unrecognized("order-exchanged", GRAPH, lambda file: file.live, exchange),
    unrecognized("value-squashed", GRAPH, of("Conv2D", "Add", "Dense"), squash),
]
