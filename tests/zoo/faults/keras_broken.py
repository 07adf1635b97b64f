"""Keras: files that Keras refuses to load or to run."""

import keras_file
from faults.common import GRAPH, HYPERPARAMETERS, INPUT, PARAMETERS, TENSOR_STRUCTURE, DoesNotApply, broken
from faults.keras_graph import change_setting, of
from faults.keras_parameters import biases, weights


def reshape_array(change):
    """Stored in another shape than the layer makes of its settings."""
    def apply(file, place, draw):
        index, role = place
        before = file.array(index, role)
        after = change(before)
        if after is None or after.shape == before.shape:
            raise DoesNotApply("its shape stays")
        file.set_array(index, role, after.copy())
        return file.record(index, slot=role, before=list(before.shape), after=list(after.shape))
    return apply


def lose_array(file, place, draw):
    index, role = place
    record = file.record(index, slot=role)
    file.remove_array(index, role)
    return record


def new_key(key, value):
    """A setting of the other generation of Keras, which this one does not know."""
    def apply(file, index, draw):
        settings = file.own_layer(index).settings
        if key in settings:
            raise DoesNotApply("it has it")
        settings[key] = value
        return file.record(index, attribute=key, after=value)
    return apply


def input_key(file, index, draw):
    """batch_shape is what Keras 3 writes, batch_input_shape what Keras 2 does."""
    layers = file.model.config["config"]["layers"]
    settings = next(e["config"] for e in layers if e["class_name"] == "InputLayer")
    old, new = ("batch_shape", "batch_input_shape") if "batch_shape" in settings else ("batch_input_shape", "batch_shape")
    settings[new] = settings.pop(old)
    return {**file.record(index), "whole": True, "attribute": "input shape", "before": old, "after": new}


def unknown_class(file, index, draw):
    call = file.own_layer(index)
    before, call.entry["class_name"] = call.type, "PlantedLayer"
    return {**file.record(index), "before": before}


def unknown_reference(file, index, draw):
    ref = file.require_graph(index).refs[0]
    before = list(ref.place)
    ref.set(["no_such_layer", 0, 0])
    return file.record(index, slot=0, before=before)


def no_such_output(file, index, draw):
    ref = file.require_graph(index).refs[0]
    ref.set([ref.place[0], ref.place[1], 7])
    return file.record(index, slot=0)


def close_cycle(file, index, draw):
    call = file.require_graph(index)
    later = [c for c in file.calls if c.model is call.model and c.index > index + 1 and c.refs]
    if not later:
        raise DoesNotApply("nothing comes after it")
    call.refs[0].set(later[draw.integers(len(later))].place)
    return file.record(index, slot=0)


def no_output(file, index, draw):
    listed = keras_file.places_listed(file.model.config["config"].get("output_layers"))
    if not listed:
        raise DoesNotApply("it lists none")
    listed[0][0] = "no_such_layer"
    return {**file.record(index), "whole": True, "attribute": "output_layers"}


def input_channels(file, index, draw):
    settings = next(e["config"] for e in file.model.config["config"]["layers"] if e["class_name"] == "InputLayer")
    key = "batch_shape" if "batch_shape" in settings else "batch_input_shape"
    settings[key] = [*settings[key][:-1], 7]
    return {**file.record(index), "whole": True, "attribute": key}


def set_to(name, value):
    return lambda file, index, draw: change_setting(file, index, name, value)


def larger(name):
    return lambda file, index, draw: change_setting(file, index, name, file.settings(index)[name] + 1)


def resize_reshape(file, index, draw):
    before = file.settings(index)["target_shape"]
    return change_setting(file, index, "target_shape", [*(1 if n == -1 else n for n in before[:-1]), before[-1] * 7 + 3])


def drop_flatten(file, index, draw):
    return file.remove(index)


def first(file):
    return file.live[:1]


P, H, G, T, I = PARAMETERS, HYPERPARAMETERS, GRAPH, TENSOR_STRUCTURE, INPUT
FAULTS = [
    broken("broken-weights-shape", P, weights, reshape_array(lambda a: a.transpose(*range(1, a.ndim), 0))),
    broken("broken-weights-rank", T, weights, reshape_array(lambda a: a.ravel())),
    broken("broken-bias-length", P, biases, reshape_array(lambda a: a[..., :-1] if a.shape[-1] > 1 else None)),
    broken("broken-weights-lost", P, weights, lose_array),
    broken("broken-bias-lost", P, biases, lose_array),
    broken("broken-class-unknown", G, lambda f: f.live, unknown_class),
    broken("broken-key-groups", H, of("DepthwiseConv2D", "Conv2DTranspose"), new_key("groups", 1)),
    broken("broken-key-quantized", H, of("Conv2D", "Dense", "BatchNormalization"), new_key("implementation", 2)),
    broken("broken-input-key", I, first, input_key),
    broken("broken-activation", G, of("Activation", "Conv2D", "Dense"), set_to("activation", "planted")),
    broken("broken-padding", H, of("Conv2D", "DepthwiseConv2D"), set_to("padding", "full")),
    broken("broken-stride", H, of("Conv2D", "DepthwiseConv2D"), set_to("strides", [0, 0])),
    broken("broken-filters", H, of("Conv2D"), larger("filters")),
    broken("broken-units", H, of("Dense", "LSTM", "GRU"), larger("units")),
    broken("broken-axis-range", H, of("Concatenate"), set_to("axis", 9)),
    broken("broken-edge", G, lambda f: f.live, unknown_reference),
    broken("broken-edge-output", G, lambda f: f.live, no_such_output),
    broken("broken-cycle", G, lambda f: f.live, close_cycle),
    broken("broken-output-lost", G, first, no_output),
    broken("broken-input-channels", I, first, input_channels),
    broken("broken-reshape-size", T, of("Reshape"), resize_reshape),
    broken("broken-flatten-dropped", G, of("Flatten", "Reshape"), drop_flatten),
]
