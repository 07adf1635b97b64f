"""A .pt file (torch.jit.save) as the planter sees it: its operators and values in the form of a program's JSON (torch_file.py), as
torch tells them when it runs one sample. What is changed here is written by torch too (script_edit.py).
"""

import zipfile

import numpy

import torch_client
from torch_file import CODES, write_archive


def noise(session, seed=3):
    draw = numpy.random.default_rng(seed)
    return [draw.standard_normal([d or 1 for d in shape], numpy.float32).astype(dtype) for shape, dtype in session.slots]


def edit_members(path, edit):
    """Does something to the members of an archive: edit({path without the folder: bytes})"""
    with zipfile.ZipFile(path) as archive:
        whole = {name: archive.read(name) for name in archive.namelist()}
    top = next(iter(whole)).split("/")[0] + "/"
    members = {name.removeprefix(top): data for name, data in whole.items()}
    edit(members)
    write_archive(path, top, members)


class Script:
    def __init__(self, path):
        self.path, session = path, torch_client.Session(path)
        told = session.ask((None, noise(session)))
        self.arrays, self.changed, self.fresh, self.edit = told["arrays"], {}, {}, None
        values = {name: {"dtype": CODES.get(dtype), "sizes": [{"as_int": n} for n in sizes], "strides": [{"as_int": n} for n in strides]}
                  for name, (dtype, sizes, strides) in told["values"].items()}
        references = lambda names: [{"as_tensor": {"name": name}} for name in names]
        self.graph = {"nodes": told["nodes"], "outputs": references(told["outputs"]), "tensor_values": values,
                      "inputs": references([*told["stored"], *told["inputs"]])}
        stored = [{"parameter": {"arg": {"name": name}, "parameter_name": name}} for name in told["stored"]]
        given = [{"user_input": {"arg": {"as_tensor": {"name": name}}}} for name in told["inputs"]]
        self.signature = {"input_specs": stored + given, "output_specs": [
            {"user_output": {"arg": {"as_tensor": {"name": name}}}} for name in told["outputs"]]}
        self.names = told["names"]  # of the operators, in the file that was written last

    def array(self, name):
        found = next(kept[name] for kept in (self.changed, self.fresh, self.arrays) if name in kept)
        return found.copy()

    def set_array(self, name, array):
        (self.fresh if name in self.fresh else self.changed)[name] = numpy.ascontiguousarray(array)

    def add_array(self, name, array):
        self.fresh[name] = numpy.ascontiguousarray(array)

    def value(self, name):
        """What a computed value is for one noise sample."""
        session = torch_client.Session(self.path)
        return session.ask((name, noise(session)))

    def write(self, path):
        session = torch_client.Session(self.path)
        outputs = [item["as_tensor"]["name"] for item in self.graph["outputs"]]
        names = session.ask(({"nodes": self.graph["nodes"], "outputs": outputs, "arrays": self.changed, "fresh": self.fresh,
                              "path": str(path.resolve())}, noise(session)))
        self.names = [names.get(node["name"]) for node in self.graph["nodes"]]
        if self.edit:
            edit_members(path, self.edit)
