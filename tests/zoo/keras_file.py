"""Keras files (.keras archives and .h5) as Python objects, by zipfile, json and h5py alone.

Shared by the scripts that change or compare files. A model is its configuration (a dict that may be changed), its arrays by the
path that they have in the file that was read, and the lists of weight names of an .h5 file.
"""

import copy
import io
import json
import re
import zipfile
from pathlib import Path

import h5py
import numpy

SUFFIXES = (".keras", ".h5")
WEIGHTS = "model.weights.h5"
MODELS = ("Functional", "Model", "Sequential")
# What the numbered arrays of one group of an archive are, in order.
ROLES = {
    "BatchNormalization": ["gamma", "beta", "moving_mean", "moving_variance"],
    "LayerNormalization": ["gamma", "beta"], "GroupNormalization": ["gamma", "beta"],
    "SeparableConv2D": ["depthwise_kernel", "pointwise_kernel", "bias"], "PReLU": ["alpha"], "Embedding": ["embeddings"],
}
RECURRENT_ROLES = ["kernel", "recurrent_kernel", "bias"]
USUAL_ROLES = ["kernel", "bias"]


class Model:
    def __init__(self, suffix, raw, config, metadata, arrays, lists, layer_names):
        self.suffix, self.raw, self.config, self.metadata = suffix, raw, config, metadata
        self.arrays, self.lists, self.layer_names = arrays, lists, layer_names
        self.original = {path: array for path, array in arrays.items()}
        self.original_config = copy.deepcopy(config)
        self.shapes = {}  # of layers of the outer model, (read, made), where the configuration does not say

    @property
    def is_archive(self):
        return self.suffix == ".keras"

    @property
    def generation(self):
        return generation_of(self.metadata.get("keras_version"))


def generation_of(version):
    """Files of before the habit of saying are of Keras 2."""
    return 3 if str(version or "2").startswith("3") else 2


def version_of(path):
    """Of the Keras that wrote the file."""
    if Path(path).suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("metadata.json")).get("keras_version")
    with h5py.File(path, "r") as file:
        return text(file.attrs.get("keras_version"))


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def arrays_in(file):
    arrays = {}
    file.visititems(lambda name, item: arrays.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return arrays


def read(path):
    path = Path(path)
    return read_archive(path) if path.suffix == ".keras" else read_hdf5(path)


def read_archive(path):
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with h5py.File(io.BytesIO(members[WEIGHTS]), "r") as file:
        arrays = arrays_in(file)
    return Model(".keras", members, json.loads(members["config.json"]), json.loads(members["metadata.json"]), arrays, {}, [])


def read_hdf5(path):
    with h5py.File(path, "r") as file:
        group = file["model_weights"]
        config = json.loads(text(file.attrs["model_config"]))
        names = [text(name) for name in group.attrs["layer_names"]]
        lists = {name: [text(w) for w in group[name].attrs["weight_names"]] for name in names}
        arrays = {f"model_weights/{name}/{w}": group[name][w][()] for name in names for w in lists[name]}
        metadata = {"keras_version": text(file.attrs.get("keras_version", ""))}
    return Model(".h5", path.read_bytes(), config, metadata, arrays, lists, names)


# --- writing -----------------------------------------------------------------------------------------------------------

def write(model, path, order=None):
    """order(model): how Keras orders the layers, asked when layers or edges have changed; see keras_order.py. The
    configuration is sorted by it, as in every file that Keras wrote."""
    moves = settle(model, order)
    if model.is_archive:
        write_archive(model, path, moves)
    else:
        write_hdf5(model, path)


def settle(model, order):
    """Where groups go and how lists are ordered, after layers came, went, changed class or are reached another way."""
    if structure_of(model.config) == structure_of(model.original_config) or order is None:
        return {}
    new = order(model)
    if new is None:  # Keras refuses the configuration
        return {}
    sort_layers(model.config, new["layers"])
    if not model.is_archive:
        sort_lists(model, new)
        return {}
    before, after = groups_of_config(model.original_config), groups_of_order(new["layers"], is_sequential(model.config))
    return {group: after.get(way) for way, group in before.items() if after.get(way) != group}


def sort_layers(entry, order):
    if is_sequential(entry):
        return
    places = {name: number for number, (name, *_) in enumerate(order)}
    entry["config"]["layers"].sort(key=lambda layer: places.get(name_of(layer), len(places)))
    for layer in entry["config"]["layers"]:
        if is_model(layer) and name_of(layer) in places:
            sort_layers(layer, order[places[name_of(layer)]][2])


def sort_lists(model, new):
    """The order of layers and of their weights in an .h5 file, which is all that Keras goes by."""
    names = [name for name, *_, is_layer in new["layers"] if is_layer]
    model.layer_names = [name for name in names if name in model.lists]
    for name in model.layer_names:
        places = {text_path(path): n for n, path in enumerate(new["weights"].get(name, []))}
        model.lists[name].sort(key=lambda path: places.get(text_path(path), len(places)))


def text_path(path):
    return path.split(":")[0]


def edit_arrays(file, model):
    for path, before in model.original.items():
        after = model.arrays.get(path)
        if after is before:
            continue
        del file[path]
        if after is not None:
            file.create_dataset(path, data=after)


def move_groups(file, moves):
    """All to names of their own first, because they change places with each other."""
    moves = {old: new for old, new in moves.items() if old in file}
    for number, (old, new) in enumerate(moves.items()):
        if new is None:
            del file[old]
        else:
            file.move(old, f"moved_{number}")
    for number, (old, new) in enumerate(moves.items()):
        if new is not None:
            if new in file:
                del file[new]
            file.move(f"moved_{number}", new)


def write_archive(model, path, moves):
    members = dict(model.raw)
    buffer = io.BytesIO(members[WEIGHTS])
    with h5py.File(buffer, "r+") as file:
        edit_arrays(file, model)
        for level in levels(moves):
            move_groups(file, level)
    members[WEIGHTS] = buffer.getvalue()
    members["config.json"] = json.dumps(model.config).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)


def levels(moves):
    """The groups inside of a nested model move before it moves itself, while its own name is still the old one."""
    found = {}
    for old, new in moves.items():
        parent, _, own = old.rpartition("layers/")
        renamed = None if new is None else new.rpartition("layers/")[2]
        if renamed != own:
            found.setdefault(parent.count("layers/"), {})[old] = None if renamed is None else f"{parent}layers/{renamed}"
    return [found[depth] for depth in sorted(found, reverse=True)]


def write_hdf5(model, path):
    Path(path).write_bytes(model.raw)
    with h5py.File(path, "r+") as file:
        edit_arrays(file, model)
        file.attrs["model_config"] = json.dumps(model.config)
        group = file["model_weights"]
        set_names(group, "layer_names", model.layer_names)
        for name in model.layer_names:
            set_names(group[name], "weight_names", model.lists[name])


def set_names(group, attribute, names):
    if [text(name) for name in group.attrs[attribute]] != names:
        group.attrs[attribute] = numpy.array([name.encode() for name in names]) if names else numpy.array([], "S1")


# --- layers ------------------------------------------------------------------------------------------------------------

def is_model(entry):
    return entry["class_name"] in MODELS and isinstance(entry.get("config"), dict) and "layers" in entry["config"]


def is_sequential(entry):
    return entry["class_name"] == "Sequential"


def lacks_shapes(model):
    """Keras 3 writes them at every edge, and beside every layer in an archive."""
    return model.generation == 2 or is_sequential(model.config) and not model.is_archive


def is_operation(entry):
    """A function of keras.ops, which is no layer and has no group."""
    return str(entry.get("module", "")).startswith("keras.src.ops")


def name_of(entry):
    return entry.get("name") or entry["config"]["name"]


def snake_case(name):
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def groups_of_order(layers, sequential, way=(), prefix="layers"):
    """The group of each layer, by the names of the models around it and its own; layers: as keras_order.layers_of has them."""
    found, used = {}, {}
    for name, class_name, inner, is_layer in layers:
        if not is_layer or sequential and class_name == "InputLayer":
            continue
        base = snake_case(class_name)
        count = used[base] = used.get(base, -1) + 1
        group = f"{prefix}/{base}" + (f"_{count}" if count else "")
        found[(*way, name)] = group
        if inner is not None:
            found.update(groups_of_order(inner, class_name == "Sequential", (*way, name), f"{group}/layers"))
    return found


def order_in(config):
    """Layers as the configuration lists them, which is Keras' order in a file that Keras wrote."""
    return [[name_of(e), e["class_name"], order_in(e) if is_model(e) else None, not is_operation(e)]
            for e in config["config"]["layers"]]


def groups_of_config(config):
    return groups_of_order(order_in(config), is_sequential(config))


def structure_of(entry):
    """What decides in which order Keras has the layers."""
    if not is_model(entry):
        nodes = [[ref.place for ref in references(node)] for node in entry.get("inbound_nodes") or []]
        return [name_of(entry), entry["class_name"], nodes]
    listed = [entry["config"].get(key) for key in ("input_layers", "output_layers")]
    nodes = [[ref.place for ref in references(node)] for node in entry.get("inbound_nodes") or []]
    return [entry["class_name"], nodes, listed, [structure_of(inner) for inner in entry["config"]["layers"]]]


# --- tensors that calls read -------------------------------------------------------------------------------------------

class Reference:
    """One tensor that a call reads, where the configuration says so: it can be set to another."""

    def __init__(self, item):
        self.item = item
        self.is_new = isinstance(item, dict)

    @property
    def place(self):
        """[layer, call, output]"""
        return self.item["config"]["keras_history"] if self.is_new else self.item[:3]

    @property
    def shape(self):
        return self.item["config"]["shape"] if self.is_new else None

    def set(self, place, shape=None):
        if not self.is_new:
            self.item[:3] = place
            return
        self.item["config"]["keras_history"] = list(place)
        if shape is not None:
            self.item["config"]["shape"] = list(shape)


def is_place(value):
    return (isinstance(value, list) and 3 <= len(value) <= 4 and isinstance(value[0], str) and value[0] != "_CONSTANT_VALUE"
            and all(isinstance(n, int) and n >= 0 for n in value[1:3]))


def references(value):
    """Those of one node of a layer, in order."""
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            return [Reference(value)]
        return [ref for item in value.values() for ref in references(item)]
    if is_place(value):
        return [Reference(value), *(references(value[3]) if len(value) == 4 else [])]
    if isinstance(value, list):
        return [ref for item in value for ref in references(item)]
    return []


def places_listed(listed):
    """The inputs or outputs of a model, as lists that can be changed."""
    if is_place(listed):
        return [listed]
    items = listed.values() if isinstance(listed, dict) else listed or []
    return [place for item in items for place in places_listed(item)]


# --- weights -----------------------------------------------------------------------------------------------------------

def weights_of(model, way, entry):
    """{role: path of the array} of one layer, a role being "kernel", or "forward_layer/kernel" in a layer of several parts."""
    return archive_weights(model, way, entry) if model.is_archive else hdf5_weights(model, way)


def archive_weights(model, way, entry):
    group = groups_of_config(model.original_config).get(way)
    found = {}
    for path in model.original:
        if group is None or not path.startswith(group + "/") or path not in model.arrays:
            continue
        *parts, _, number = path[len(group) + 1:].split("/")
        if "layers" not in parts and number.isdecimal():
            roles = roles_of(entry, parts)
            if int(number) < len(roles):
                found["/".join([*(p for p in parts if p != "cell"), roles[int(number)]])] = path
    return found


def roles_of(entry, parts):
    if parts and parts[-1] == "cell":
        return RECURRENT_ROLES
    roles = USUAL_ROLES if parts else ROLES.get(entry["class_name"], USUAL_ROLES)
    settings = entry["config"]
    return [role for role in roles if not (role == "gamma" and settings.get("scale") is False or
                                           role == "beta" and settings.get("center") is False)]


def hdf5_weights(model, way):
    if way[0] not in model.lists:
        return {}
    names = [name for name in model.lists[way[0]] if len(way) == 1 or name.startswith(f"{way[-1]}/")]
    found = {}
    for name in names:
        parts = text_path(name).split("/")
        side = next((f"{s}_layer/" for s in ("forward", "backward") for p in parts if p.startswith(f"{s}_")), "")
        part = next((f"{p}_dense/" for p in ("query", "key", "value", "attention_output") if p in parts), "")
        role = "kernel" if parts[-1] == "depthwise_kernel" and "depthwise_kernel" not in found and len(names) < 3 else parts[-1]
        found[side + part + role] = f"model_weights/{way[0]}/{name}"
    return found
