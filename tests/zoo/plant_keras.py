"""Keras files for plant.py: how they are read and written, and the table of their faults (of the files in faults/).

The operators are the calls of layers; faults/keras_graph.py says in which order they are counted."""

import keras_file
import keras_order
from faults import keras_attributes, keras_broken, keras_parameters, keras_unrecognized, keras_windows, keras_wiring
from faults.keras_graph import File

FORMAT = "keras"
FAULTS = [fault for part in (keras_parameters, keras_windows, keras_attributes, keras_wiring, keras_unrecognized, keras_broken)
          for fault in part.FAULTS]
TAG = "planted_tags"


def read(path):
    model = keras_file.read(path)
    model.shapes = keras_order.shapes_of(model) if keras_file.lacks_shapes(model) else {}
    return model


def write(model, path):
    """Returns {index before: index after}, because layers are written in the order that Keras gives them."""
    tags = take_tags(model.config)
    before = places_in(model)
    keras_file.write(model, path, keras_order.order_of)
    after = places_in(model)
    for entry, kept in tags:
        entry[TAG] = kept
    return {index: after[place] for place, index in before.items() if place in after}


def places_in(model):
    return {(*call.way, call.number): call.index for call in File(model).calls}


def take_tags(entry):
    """[(layer, its tags)], which are no longer in the configuration."""
    found = [(entry, entry.pop(TAG))] if TAG in entry else []
    for inner in entry["config"]["layers"] if keras_file.is_model(entry) else []:
        found += take_tags(inner)
    return found


# Numbers that stay with the operators while others come and go: in the entry of the layer, by the number of the call.

def set_tags(model, tags):
    take_tags(model.config)
    for call, tag in zip(File(model).calls, tags):
        call.entry.setdefault(TAG, {})[call.number] = tag


def tags_of(model):
    return [call.entry.get(TAG, {}).get(call.number) for call in File(model).calls]


def remove_tags(model, original):
    take_tags(model.config)
