"""rename.py for Keras files: names of models and layers, and of the groups and weights of an .h5 file.

The groups of an archive are called after classes and counted; only the names that Keras notes beside them are replaced.
"""

import io
import json
from pathlib import Path

import h5py
import numpy

import keras_file


def rename_layer(entry, names):
    """A layer, or a model with all that is in it."""
    entry["config"]["name"] = names(keras_file.name_of(entry))
    if "name" in entry:
        entry["name"] = entry["config"]["name"]
    for node in entry.get("inbound_nodes") or []:
        for ref in keras_file.references(node):
            ref.set([names(ref.place[0]), *ref.place[1:]])
    for key in ("layer", "backward_layer", "cell"):  # what a wrapper holds
        if isinstance(entry["config"].get(key), dict):
            rename_layer(entry["config"][key], names)
    if keras_file.is_model(entry):
        rename_model(entry["config"], names)


def rename_model(config, names):
    for entry in config["layers"]:
        rename_layer(entry, names)
    for key in ("input_layers", "output_layers"):
        for place in keras_file.places_listed(config.get(key)):
            place[0] = names(place[0])


def set_names(group, attribute, values):
    group.attrs[attribute] = numpy.array([value.encode() for value in values]) if values else numpy.array([], "S1")


def rename_group(group, new, lists, names):
    """Its arrays under new names; the last part says what an array is (kernel, bias) and stays."""
    old = {path: group[path][()] for path in lists}
    parent, path = group.parent, group.name
    del parent[path]
    fresh = parent.create_group(new)
    renamed = ["/".join([*map(names, name.split("/")[:-1]), name.split("/")[-1]]) for name in lists]
    for name, array in zip(renamed, old.values()):
        fresh.create_dataset(name, data=array)
    set_names(fresh, "weight_names", renamed)


def rename_hdf5(model, path, names):
    Path(path).write_bytes(model.raw)
    with h5py.File(path, "r+") as file:
        group = file["model_weights"]
        for name in model.layer_names:
            rename_group(group[name], names(name), model.lists[name], names)
        set_names(group, "layer_names", [names(name) for name in model.layer_names])
        file.attrs["model_config"] = json.dumps(model.config)


def rename_archive(model, path, names):
    buffer = io.BytesIO(model.raw[keras_file.WEIGHTS])
    with h5py.File(buffer, "r+") as file:
        def rename(_, item):
            if "name" in item.attrs:
                item.attrs["name"] = names(keras_file.text(item.attrs["name"]))
        file.visititems(rename)
    model.raw[keras_file.WEIGHTS] = buffer.getvalue()
    keras_file.write(model, path)


def rename(source, target, names):
    model = keras_file.read(source)
    rename_layer(model.config, names)
    (rename_archive if model.is_archive else rename_hdf5)(model, target, names)
