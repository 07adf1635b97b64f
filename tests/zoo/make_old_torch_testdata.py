"""Makes the files of src/formats/torch/testdata that PyTorch 2.5 to 2.8 wrote: make_old_torch_testdata.py FOLDER

They are committed, for the tests have one PyTorch, and a new one. Run it with an interpreter that has torch 2.5.1, 2.6.0, 2.7.1
or 2.8.0 (torch_without_cuda.py says how to install a wheel alone): it writes old-2.5.pt2 and so on, and old.json with an input and
what PyTorch computes of it (each the same). Weights are drawn with a seed. The net has what these archives are about: a convolution
and a linear layer, a buffer that is stored and one that is not, two parameters that are views of one storage (one of them turned),
a buffer of one stored element that is said to be eight, and a constant. What torch.export.save writes stays as it is, but for places
in the code that the program was made from.
"""

import json
import sys
import zipfile
from pathlib import Path

import torch
from torch import nn

from make_torch_testdata import aligned, without_traces


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.dense = nn.Conv2d(1, 2, 3, stride=2, padding=1), nn.Linear(2, 4)
        rows = torch.empty(12, 4).normal_(generator=torch.Generator().manual_seed(1))
        self.first, self.second = nn.Parameter(rows[:4]), nn.Parameter(rows[4:].t())
        self.register_buffer("same", torch.full((1,), 0.25).expand(8))
        self.register_buffer("scale", torch.tensor([0.5]))
        self.register_buffer("shift", torch.tensor([-0.25]), persistent=False)

    def forward(self, image):
        x = torch.relu(self.stem(image * self.scale + self.shift)).mean((2, 3))
        x = self.dense(x) @ self.first
        return torch.tanh(x @ self.second + self.same) * torch.tensor([1.0, 2.0]).repeat(4)


def rounded(tensor):
    return [round(number, 6) for number in tensor.flatten().tolist()]


def without_places(file):
    with zipfile.ZipFile(file) as source:
        members = [(info.filename, source.read(info)) for info in source.infolist()]
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as out:
        for name, content in members:
            if name.endswith(".json"):
                content = json.dumps(without_traces(json.loads(content), ["nn_module_stack"]), separators=(",", ":")).encode()
            out.writestr(aligned(name, out.fp.tell()), content)


def main():
    torch.manual_seed(5)
    net, image = Net().eval(), torch.rand(2, 1, 6, 6).mul(16).round() / 16
    version = ".".join(torch.__version__.split(".")[:2])
    program = torch.export.export(net, (image,), dynamic_shapes={"image": {0: torch.export.Dim("batch", min=2, max=64)}})
    folder = Path(sys.argv[1])
    file = folder / f"old-{version}.pt2"
    torch.export.save(program, str(file))
    without_places(file)
    scores = program.module()(image)
    (folder / "old.json").write_text(json.dumps({"image": rounded(image), "scores": rounded(scores)}) + "\n")


if __name__ == "__main__":
    main()
