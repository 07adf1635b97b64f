"""Keras: faults in the settings of single layers, and layers replaced by a relative."""

from faults.common import GRAPH, HYPERPARAMETERS, DoesNotApply, Fault
from faults.keras_graph import change_setting, of
from faults.keras_parameters import NORMALIZATIONS, RECURRENT

RELATIVES = {"relu": "tanh", "relu6": "relu", "sigmoid": "tanh", "tanh": "sigmoid", "swish": "relu", "silu": "relu",
             "hard_sigmoid": "sigmoid", "hard_swish": "relu", "hard_silu": "relu", "gelu": "relu", "elu": "relu",
             "softmax": "sigmoid", "leaky_relu": "relu"}


def activations(*names):
    """Layers whose setting is one of these; all but none where no name is given."""
    def places(file):
        found = [(i, file.settings(i).get("activation")) for i in file.live if file.type(i) not in RECURRENT]
        return [i for i, name in found if isinstance(name, str) and (name in names if names else name != "linear")]
    return places


def set_activation(name):
    return lambda file, index, draw: change_setting(file, index, "activation", name)


def replace_activation(file, index, draw):
    return change_setting(file, index, "activation", RELATIVES[file.settings(index)["activation"]])


def drop_fused(file, index, draw):
    if file.type(index) == "Activation":
        raise DoesNotApply("it is a layer of its own")
    return change_setting(file, index, "activation", "linear")


def add_fused(file, index, draw):
    return change_setting(file, index, "activation", "relu")


def recurrent_settings(file, index):
    """Those of the layer inside of a Bidirectional, too: [settings]"""
    settings = file.own_layer(index).settings
    inner = [settings[key]["config"] for key in ("layer", "backward_layer") if isinstance(settings.get(key), dict)]
    return inner or [settings]


def change_recurrent(name, new):
    """In both directions."""
    def apply(file, index, draw):
        record = None
        for settings in recurrent_settings(file, index):
            if name not in settings or settings[name] == new(settings[name]):
                raise DoesNotApply(f"it has no other {name}")
            record = record or file.record(index, attribute=name, before=settings[name], after=new(settings[name]))
            settings[name] = new(settings[name])
        return record
    return apply


def reset_before(file, index, draw):
    """A GRU that resets before the multiplication has one bias: the sum of both."""
    if file.type(index) != "GRU":
        raise DoesNotApply("no GRU")
    record = change_setting(file, index, "reset_after", False)
    if "bias" in file.weights(index):
        file.set_array(index, "bias", file.array(index, "bias").sum(0))
    return record


def softmax_axis(file, index, draw):
    shape = file.shape(index)
    if shape is None or len(shape) < 3 or shape[-1] != shape[-2]:
        raise DoesNotApply("the last two axes are not equal")
    return change_setting(file, index, "axis", len(shape) - 2)


def concat_axis(file, index, draw):
    shape = file.shape(index)
    if shape is None or len(shape) < 3:
        raise DoesNotApply("it has no other axis")
    return change_setting(file, index, "axis", 1 if file.settings(index)["axis"] != 1 else 2)


def replace_class(new):
    def apply(file, index, draw):
        call = file.own_layer(index)
        before, name = call.type, new(call.type)
        if name == before:
            raise DoesNotApply("it is one")
        call.entry["class_name"] = name
        return {**file.record(index), "op_type": name, "before": before, "after": name}
    return apply


def leaky_to_relu(file, index, draw):
    call = file.own_layer(index)
    if "negative_slope" not in call.settings and "alpha" not in call.settings:
        raise DoesNotApply("it has no slope")
    record = file.record(index, before="LeakyReLU", after="ReLU")
    for key in ("negative_slope", "alpha"):
        call.settings.pop(key, None)
    call.entry["class_name"] = "ReLU"
    return {**record, "op_type": "ReLU"}


def slope(file, index, draw):
    key = next(k for k in ("negative_slope", "alpha") if k in file.settings(index))
    return change_setting(file, index, key, 0.01 if (file.settings(index)[key] or 0) > 0.02 else 0.2)


def setting(name, change):
    return lambda file, index, draw: change_setting(file, index, name, change(file.settings(index)[name]))


def with_setting(name, *types):
    return lambda file: [i for i in file.of_type(*types) if name in file.settings(i)]


def scaled(value, factor):
    return [v * factor for v in value] if isinstance(value, list) else value * factor


def offset(value):
    return [v + 0.5 for v in value] if isinstance(value, list) else value + 0.5


def clipped(file):
    return [i for i in file.of_type("ReLU") if file.settings(i).get("max_value") is not None]


H, G = HYPERPARAMETERS, GRAPH
FAULTS = [
    Fault("norm-epsilon", H, 15, of("BatchNormalization"), setting("epsilon", lambda v: 1e-5 if v > 1e-4 else 1e-3)),
    Fault("norm-epsilon-large", H, 15, of(*NORMALIZATIONS), setting("epsilon", lambda v: max(v * 100, 0.1))),
    Fault("layer-norm-epsilon", H, 15, of("LayerNormalization"), setting("epsilon", lambda v: 1e-2 if v < 1e-2 else 1e-6)),
    Fault("layer-norm-centering", H, None, with_setting("rms_scaling", "LayerNormalization"),
          setting("rms_scaling", lambda v: not v)),
    Fault("resize-interpolation", H, 9, of("UpSampling2D"),
          setting("interpolation", lambda v: "nearest" if v == "bilinear" else "bilinear")),
    Fault("softmax-axis", H, 11, of("Softmax"), softmax_axis),
    Fault("concat-axis", H, 12, of("Concatenate"), concat_axis),
    Fault("leaky-alpha", H, 19, of("LeakyReLU"), slope),
    Fault("leaky-relu", H, 19, of("LeakyReLU"), leaky_to_relu),
    Fault("clip-dropped", G, 20, clipped, setting("max_value", lambda v: None)),
    Fault("clip-bounds", H, 20, clipped, setting("max_value", lambda v: 1.0)),
    Fault("activation-unbounded", G, 20, activations("relu6"), set_activation("relu")),
    Fault("activation-dropped", G, None, activations(), drop_fused),
    Fault("activation-linear", G, None, lambda f: f.of_type("Activation"), set_activation("linear")),
    Fault("activation-extra", G, None, activations("linear"), add_fused),
    Fault("activation-replaced", G, None, activations(*RELATIVES), replace_activation),
    Fault("gelu-approximation", H, None, with_setting("approximate", "GELU"), setting("approximate", lambda v: not v)),
    Fault("merge-replaced", G, 25, of("Add", "Multiply"), replace_class({"Add": "Multiply", "Multiply": "Add"}.get)),
    Fault("merge-subtracted", G, 25, of("Add"), replace_class(lambda v: "Subtract")),
    Fault("merge-averaged", G, None, of("Add"), replace_class(lambda v: "Average")),
    Fault("rescaling-scale", H, None, of("Rescaling"), setting("scale", lambda v: scaled(v, 2))),
    Fault("rescaling-offset", H, None, of("Rescaling"), setting("offset", offset)),
    Fault("recurrent-activation", H, 23, of(*RECURRENT), change_recurrent("recurrent_activation", lambda v: "hard_sigmoid")),
    Fault("recurrent-output-activation", H, 23, of(*RECURRENT), change_recurrent("activation", lambda v: "relu")),
    Fault("recurrent-backwards", H, 23, of("LSTM", "GRU"), change_recurrent("go_backwards", lambda v: not v)),
    Fault("recurrent-merge", H, 23, of("Bidirectional"), setting("merge_mode", lambda v: "sum" if v == "ave" else "ave")),
    Fault("recurrent-reset", H, 22, of("GRU"), reset_before),
]
