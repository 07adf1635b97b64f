"""A Keras file's calls of layers with what faults ask about them, and the ways to change them.

An operator is one call of a layer. Calls are numbered in the order in which what they read becomes known, those of one moment in
the file's order; models inside of models are gone through where they are called, and an InputLayer is no operator.
"""

import copy

import keras_file
from faults.common import DoesNotApply
from keras_file import is_model, is_operation, is_sequential, name_of, places_listed, references

INPUT = None  # what makes a model's input: no operator


class Call:
    def __init__(self, index, model, way, entry, number, refs, inputs):
        self.index, self.model, self.way, self.entry, self.number = index, model, way, entry, number
        self.refs, self.inputs = refs, inputs  # tensors as the file writes them (none in a Sequential); (operator, output)

    @property
    def type(self):
        return self.entry["class_name"]

    @property
    def settings(self):
        return self.entry["config"]

    @property
    def name(self):
        return name_of(self.entry)

    @property
    def place(self):
        """Of its first output, as references in its model write it."""
        return [self.name, self.number, 0]


class File:
    """The calls with what faults ask about them."""

    def __init__(self, model):
        self.model = model
        self.refresh()

    def refresh(self):
        """After layers came or went."""
        self.calls = []
        outputs = self.walk(self.model.config, (), None)
        self.outputs = outputs
        self.readers_of = {}
        for call in self.calls:
            for slot, (producer, _) in enumerate(call.inputs):
                self.readers_of.setdefault(producer, []).append((call.index, slot))
        self.live = self.find_live()

    def walk(self, model, way, inputs):
        """Collects the calls of a model; returns its outputs as (operator, output)."""
        if is_sequential(model):
            return self.walk_chain(model, way, inputs)
        config, known = model["config"], {}
        for number, place in enumerate(places_listed(config["input_layers"])):
            known[place[0], place[1]] = [inputs[number] if inputs else (INPUT, number)]
        waiting = [(entry, first_call(config, entry) + n, references(node)) for entry in config["layers"]
                   for n, node in enumerate(entry.get("inbound_nodes") or [])]
        waiting = [one for one in waiting if (name_of(one[0]), one[1]) not in known]
        while waiting:
            ready = next((one for one in waiting if all(tuple(r.place[:2]) in known for r in one[2])), None)
            if ready is None:
                break
            waiting.remove(ready)
            entry, number, refs = ready
            values = [value_at(known, ref.place) for ref in refs]
            known[name_of(entry), number] = self.call(model, way, entry, number, refs, values)
        return [value_at(known, place) for place in places_listed(config["output_layers"]) if tuple(place[:2]) in known]

    def walk_chain(self, model, way, inputs):
        value = inputs[0] if inputs else (INPUT, 0)
        for entry in model["config"]["layers"]:
            if entry["class_name"] != "InputLayer":
                value = self.call(model, way, entry, 0, None, [value])[0]
        return [value]

    def call(self, model, way, entry, number, refs, values):
        way = (*way, name_of(entry))
        if is_model(entry):
            return self.walk(entry, way, values)
        call = Call(len(self.calls), model, way, entry, number, refs, values)
        self.calls.append(call)
        return Outputs(call.index)

    def find_live(self):
        needed = {producer for producer, _ in self.outputs}
        for call in reversed(self.calls):
            if call.index in needed:
                needed.update(producer for producer, _ in call.inputs)
        return [call.index for call in self.calls if call.index in needed]

    # --- asking ---

    def type(self, index):
        return self.calls[index].type

    def of_type(self, *types):
        return [i for i in self.live if self.type(i) in types]

    def settings(self, index):
        return self.calls[index].settings

    def weights(self, index):
        call = self.calls[index]
        return keras_file.weights_of(self.model, call.way, call.entry)

    def array(self, index, role):
        return self.model.arrays[self.weights(index)[role]]

    def set_array(self, index, role, array):
        self.model.arrays[self.weights(index)[role]] = array

    def remove_array(self, index, role):
        """Takes it from the lists of an .h5 file, too."""
        path = self.weights(index)[role]
        del self.model.arrays[path]
        for name, names in self.model.lists.items():
            self.model.lists[name] = [n for n in names if f"model_weights/{name}/{n}" != path]

    def readers(self, index):
        """[(operator, which of its operands)]"""
        return self.readers_of.get(index, [])

    def shape(self, index, slot=0):
        """Of an operand; None where it is not known."""
        call = self.calls[index]
        if call.refs and call.refs[slot].shape:
            return call.refs[slot].shape
        shape = (call.entry.get("build_config") or {}).get("input_shape")
        if shape and not isinstance(shape[0], list):
            return shape
        shape = self.known_shapes(call)[0] if len(call.inputs) == 1 else None
        return shape or self.made_shape(call.inputs[slot][0])

    def known_shapes(self, call):
        return self.model.shapes.get(call.name, [None, None]) if len(call.way) == 1 else [None, None]

    def made_shape(self, index):
        return None if index is INPUT else self.known_shapes(self.calls[index])[1]

    def result_shape(self, index):
        read = next((self.shape(reader, slot) for reader, slot in self.readers(index) if self.shape(reader, slot)), None)
        return read or self.made_shape(index)

    def neighbors(self):
        """For each operator the ones that it reads or that read it."""
        found = [set() for _ in self.calls]
        for call in self.calls:
            for producer, _ in call.inputs:
                if producer is not INPUT:
                    found[call.index].add(producer)
                    found[producer].add(call.index)
        return found

    def record(self, index, **what):
        call = self.calls[index]
        return {"index": index, "index_in": index, "op_type": call.type, "node": "/".join(call.way), **what}

    # --- changing ---

    def own_layer(self, index):
        """A layer that is called once, so that no other operator changes with it."""
        call = self.calls[index]
        if len(call.entry.get("inbound_nodes") or [0]) != 1:
            raise DoesNotApply("its layer is called more than once")
        return call

    def require_graph(self, index):
        call = self.calls[index]
        if call.refs is None:
            raise DoesNotApply("a Sequential has no edges to choose")
        return call

    def require_all_live(self):
        """Keras keeps no layer that no output needs."""
        if len(self.live) < len(self.calls):
            raise DoesNotApply("other layers would not be needed any more")

    def redirect(self, model, place, to, shape=None):
        """All that reads one tensor of a model reads another."""
        for entry in model["config"]["layers"]:
            for node in entry.get("inbound_nodes") or []:
                for ref in references(node):
                    if list(ref.place) == list(place):
                        ref.set(to, shape)
        for listed in places_listed(model["config"]["output_layers"]):
            if list(listed[:3]) == list(place):
                listed[:3] = to

    def remove(self, index, slot=0):
        """A bypassed operator: what read it reads its operand instead. Returns the record."""
        call, record = self.own_layer(index), self.record(index)
        if (index, 0) in self.outputs and is_operation_output(self, call):
            raise DoesNotApply("it would leave an output without an operator")
        ends = {reader for reader, _ in self.readers(index)} | ({call.inputs[slot][0]} - {INPUT})
        if call.refs is not None:
            self.redirect(call.model, call.place, call.refs[slot].place, call.refs[slot].shape)
        call.model["config"]["layers"].remove(call.entry)
        self.refresh()
        self.require_all_live()
        return {**record, "index": None, "ends": sorted(e - (e > index) for e in ends)}

    def insert_before(self, index, slot, class_name, settings, shape=None):
        """A new layer on the edge into one operand. Returns its index."""
        call = self.calls[index]
        layers = call.model["config"]["layers"]
        entry = self.new_entry(call, class_name, settings)
        layers.insert(layers.index(call.entry), entry)
        if call.refs is not None:
            ref = call.refs[slot]
            entry["inbound_nodes"] = [node_reading(ref)]
            ref.set([name_of(entry), 0, 0], shape)
        self.refresh()
        return next(c.index for c in self.calls if c.entry is entry)

    def new_entry(self, beside, class_name, settings):
        """In the form that the layers around it have."""
        name = self.free_name(beside.model, keras_file.snake_case(class_name))
        entry = {"class_name": class_name, "config": {"name": name, "trainable": True, "dtype": "float32", **settings}}
        like = next(e for e in beside.model["config"]["layers"] if not is_operation(e))
        if "module" in like:
            entry = {"module": "keras.layers", **entry, "registered_name": None}
        if "name" in like:
            entry["name"] = name
        return entry

    @staticmethod
    def free_name(model, base):
        taken, number = {name_of(entry) for entry in model["config"]["layers"]}, 0
        while (name := f"{base}_{number}" if number else base) in taken:
            number += 1
        return name

    def inserted(self, at):
        """The record of a layer that was put in front of the one behind it."""
        call = self.calls[at]
        before = {call.inputs[0][0]} - {INPUT}
        return {**self.record(at), "index_in": None, "node": "", "ends": sorted(before | {r for r, _ in self.readers(at)})}


class Outputs:
    """The outputs of a call, however many it has."""

    def __init__(self, index):
        self.index = index

    def __getitem__(self, output):
        return (self.index, output)


def value_at(known, place):
    return known[place[0], place[1]][place[2]]


def first_call(config, entry):
    """The number that references give the first call of a layer: Keras 2 counts from 1 where a nested model was built with a
    call of its own."""
    if not is_model(entry):
        return 0
    places = [ref.place for e in config["layers"] for node in e.get("inbound_nodes") or [] for ref in references(node)]
    places += places_listed(config["output_layers"])
    return min((place[1] for place in places if place[0] == name_of(entry)), default=0)


def is_operation_output(file, call):
    """Whether it is an output of the whole model, not only of one inside of it."""
    return call.model is file.model.config and any(list(p[:3]) == call.place for p in
                                                   places_listed(call.model["config"].get("output_layers")))


def node_reading(ref):
    """A node whose only operand is that tensor, in the form of the file."""
    item = copy.deepcopy(ref.item)
    return {"args": [item], "kwargs": {}} if ref.is_new else [[*item[:3], {}]]


def change_setting(file, index, name, value):
    settings = file.own_layer(index).settings
    if name not in settings or settings[name] == value:
        raise DoesNotApply(f"it has no other {name}")
    before, settings[name] = settings[name], value
    return file.record(index, attribute=name, before=before, after=value)


def of(*types):
    return lambda file: file.of_type(*types)
