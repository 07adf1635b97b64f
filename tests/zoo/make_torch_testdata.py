"""Makes the small files of src/runtimes/testdata/torch: make_torch_testdata.py FOLDER

They are committed, so that the tests need no generator. Weights are whole numbers: what comes out can be worked out by hand.
Run it with build/torch/bin/python.

scores.pt2    a picture [?, 1, 4, 4] through a convolution (a window of 2 x 2 ones), a relu in place and a product, giving scores
              [?, 2]. Names: picture, conv2d, relu_, flatten, linear.
opened.pt2    the same, asked for the values picture, conv2d, relu_ and p_product_weight besides.
table.pt2     inputs x, {"a": a, "b": b} and the keyword scale, of which x is whole numbers and b bfloat16, and the number 3;
              outputs in a dict: {"sum": a + b, "scaled": [3 x * scale], "none": None, "again": a + b}.
counter.pt2   z = x + n, and n grows by 1 in every run.
drawing.pt2   x + random numbers.
sizes.pt2     gives x + x and the number of its rows.
complex.pt2   gives a complex tensor.
text.pt2      sizes.pt2 with the text of a size that opens a file.
system.pt2    sizes.pt2 with an operator that calls the system.
no_value.pt2  sizes.pt2, asked for a value that it does not have.
script.pt     TorchScript: x y and x + y.
weights.pt    weights alone, a pickle.
"""

import json
import sys
import zipfile
from pathlib import Path

import torch
from torch import nn


class Scores(nn.Module):
    def __init__(self):
        super().__init__()
        self.window, self.relu, self.product = nn.Conv2d(1, 1, 2), nn.ReLU(inplace=True), nn.Linear(9, 2)
        with torch.no_grad():
            self.window.weight.fill_(1)
            self.window.bias.fill_(-1)
            self.product.weight.copy_(torch.stack([torch.ones(9), torch.arange(9.0)]))
            self.product.bias.copy_(torch.tensor([0.0, 1.0]))

    def forward(self, picture):
        return self.product(torch.flatten(self.relu(self.window(picture)), 1))


class Table(nn.Module):
    def forward(self, x, table, times, *, scale):
        total = table["a"] + table["b"]
        return {"sum": total, "scaled": [times * x * scale], "none": None, "again": total}


class Counter(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("runs", torch.zeros(1))

    def forward(self, x):
        self.runs.add_(1)
        return x + self.runs


class Drawing(nn.Module):
    def forward(self, x):
        return x + torch.rand(4)


class Sizes(nn.Module):
    def forward(self, x):
        return x + x, x.shape[0]


class Complex(nn.Module):
    def forward(self, x):
        return torch.complex(x, x)


def written(archive, file, change=lambda name, content: content, more=(), kept=()):
    """The archive again, without places in the code that it was made from, and with what `change` makes of its members. Of what
    nodes say besides, `kept` stays."""
    with zipfile.ZipFile(archive) as source:
        members = [(info.filename, source.read(info)) for info in source.infolist() if not info.filename.endswith(".debug_pkl")]
    prefix = members[0][0].partition("/")[0]
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as out:
        for name, content in members + [(f"{prefix}/{name}", content) for name, content in more]:
            if name.endswith("models/model.json"):
                content = json.dumps(without_traces(json.loads(content), kept), separators=(",", ":")).encode()
            out.writestr(aligned(name, out.fp.tell()), change(name, content))


def aligned(name, offset):
    """A member whose content begins at a multiple of 64 bytes, as PyTorch writes them."""
    info = zipfile.ZipInfo(name)
    padding = -(offset + zipfile.sizeFileHeader + len(name) + 4) % 64
    info.extra = b"FB" + padding.to_bytes(2, "little") + b"Z" * padding
    return info


def without_traces(part, kept):
    if isinstance(part, list):
        return [without_traces(item, kept) for item in part]
    if not isinstance(part, dict):
        return part
    return {key: {name: value[name] for name in kept if name in value} if key == "metadata" else without_traces(value, kept)
            for key, value in part.items()}


def save(module, file, *inputs, named=None, kept=(), **options):
    program = torch.export.export(module.eval(), inputs, named, **options)
    torch.export.save(program, file)
    written(file, file, kept=kept)


def replaced(old, new):
    return lambda name, content: content.replace(old, new) if name.endswith("model.json") else content


def asking(*names):
    return [("extra/fetafix_outputs.json", json.dumps(names))]


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    rows = torch.export.Dim("rows", max=64)
    save(Scores(), folder / "scores.pt2", torch.ones(2, 1, 4, 4), dynamic_shapes={"picture": {0: rows}})
    written(folder / "scores.pt2", folder / "opened.pt2", more=asking("picture", "conv2d", "relu_", "p_product_weight"))
    table = {"b": torch.ones(2, dtype=torch.bfloat16), "a": torch.ones(2)}
    save(Table(), folder / "table.pt2", torch.ones(2, dtype=torch.int32), table, 3, named={"scale": torch.ones(2)})
    save(Counter(), folder / "counter.pt2", torch.ones(1))
    save(Drawing(), folder / "drawing.pt2", torch.ones(4))
    save(Sizes(), folder / "sizes.pt2", torch.ones(2, 2), dynamic_shapes={"x": {0: rows}})
    save(Complex(), folder / "complex.pt2", torch.ones(2))
    sizes = folder / "sizes.pt2"
    with zipfile.ZipFile(sizes) as archive:
        graph = json.loads(archive.read(next(name for name in archive.namelist() if name.endswith("model.json"))))
    size = graph["graph_module"]["graph"]["tensor_values"]["x"]["sizes"][0]["as_expr"]["expr_str"]
    written(sizes, folder / "text.pt2", replaced(f'"{size}"'.encode(), b'"open(chr(47))"'))
    written(sizes, folder / "system.pt2", replaced(b"torch.ops.aten.add.Tensor", b"torch.os.system"))
    written(sizes, folder / "no_value.pt2", more=asking("nowhere"))
    script = folder / "script.pt"
    torch.jit.save(torch.jit.trace(lambda x, y: (x * y, x + y), (torch.ones(2), torch.ones(2))), str(script))
    written(script, script)
    torch.save({"weight": torch.ones(2)}, folder / "weights.pt")


if __name__ == "__main__":
    main()
