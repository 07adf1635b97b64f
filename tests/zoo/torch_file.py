"""A .pt2 file (torch.export.save) as Python objects, without torch: the program as its JSON says it, and the archive's members.

Numbers of parameters, buffers and constants are raw bytes in members of their own; a table beside them says their dtype, sizes
and strides by the names that the program's signature uses. Written with members as torch writes them: stored, and aligned.
"""

import json
import zipfile

import numpy

DTYPES = {1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "float16", 7: "float32", 8: "float64", 12: "bool"}
CODES = {name: code for code, name in DTYPES.items()}
PROGRAM = "models/model.json"
TABLES = {"weights": "data/weights/model_weights_config.json", "constants": "data/constants/model_constants_config.json"}
ALIGNMENT = 64


class Program:
    """members: {path in the archive: bytes}; top: the folder that all are in."""

    def __init__(self, path):
        with zipfile.ZipFile(path) as archive:
            whole = {info.filename: archive.read(info) for info in archive.infolist()}
        self.top = next(name for name in whole if name.endswith(PROGRAM))[: -len(PROGRAM)]
        self.members = {name.removeprefix(self.top): data for name, data in whole.items()}
        self.json = json.loads(self.members.pop(PROGRAM))
        self.tables = {kind: json.loads(self.members.pop(place))["config"] for kind, place in TABLES.items()}
        self.edit = None  # what a fault does to the members at last: {path: bytes} -> {path: bytes}

    @property
    def graph(self):
        return self.json["graph_module"]["graph"]

    @property
    def signature(self):
        return self.json["graph_module"]["signature"]

    def table_of(self, name):
        return next((kind for kind in TABLES if name in self.tables[kind]), None)

    def member(self, name):
        """Path of the member with a tensor's numbers."""
        kind = self.table_of(name)
        return f"data/{kind}/{self.tables[kind][name]['path_name']}"

    def array(self, name):
        """A tensor's numbers, or None where the archive has them in another form."""
        kind = self.table_of(name)
        if kind is None or self.tables[kind][name]["use_pickle"]:
            return None
        meta = self.tables[kind][name]["tensor_meta"]
        dtype = numpy.dtype(DTYPES[meta["dtype"]])
        flat = numpy.frombuffer(self.members[self.member(name)], dtype)[meta["storage_offset"]["as_int"]:]
        sizes, strides = ([n["as_int"] for n in meta[key]] for key in ("sizes", "strides"))
        return numpy.lib.stride_tricks.as_strided(flat, sizes, [n * dtype.itemsize for n in strides]).copy()

    def set_array(self, name, array):
        """In a member of its own where another tensor has the same bytes."""
        kind = self.table_of(name)
        entry = self.tables[kind][name]
        if sum(other["path_name"] == entry["path_name"] for other in self.tables[kind].values()) > 1:
            entry["path_name"] = self.fresh_member(kind)
        entry["tensor_meta"] = {**entry["tensor_meta"], **tensor_meta(array)}
        self.members[self.member(name)] = numpy.ascontiguousarray(array).tobytes()

    def add_array(self, name, array):
        self.tables["weights"][name] = {"path_name": self.fresh_member("weights"), "is_param": False, "use_pickle": False,
                                        "tensor_meta": tensor_meta(array)}
        self.members[self.member(name)] = numpy.ascontiguousarray(array).tobytes()

    def fresh_member(self, kind):
        taken = {entry["path_name"] for entry in self.tables[kind].values()}
        stem = "weight" if kind == "weights" else "tensor"
        return next(name for n in range(len(taken) + 1) if (name := f"{stem}_{n}") not in taken)

    def write(self, path):
        members = {**self.members, PROGRAM: json.dumps(self.json).encode(),
                   **{place: json.dumps({"config": self.tables[kind]}).encode() for kind, place in TABLES.items()}}
        write_archive(path, self.top, self.edit(members) if self.edit else members)


def tensor_meta(array):
    strides = [int(numpy.prod(array.shape[axis + 1:], dtype=int)) for axis in range(array.ndim)]
    return {"dtype": CODES[array.dtype.name], "sizes": [{"as_int": n} for n in array.shape], "requires_grad": False,
            "device": {"type": "cpu", "index": None}, "strides": [{"as_int": n} for n in strides],
            "storage_offset": {"as_int": 0}, "layout": 7}


def write_archive(path, top, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(top + name)
            # An extra field fills up to where the data is aligned; 30 bytes are the header, four the field's own.
            fill = -(archive.fp.tell() + 30 + len(info.filename.encode()) + 4) % ALIGNMENT
            info.extra = b"FB" + fill.to_bytes(2, "little") + b"Z" * fill
            archive.writestr(info, data)
