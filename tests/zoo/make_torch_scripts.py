"""Makes the small TorchScript files of src/formats/torch/testdata: make_torch_scripts.py FOLDER

They are committed, so that the tests need no generator. Run it with build/torch/bin/python. Weights are drawn with a seed.

traced    a small convnet as torch.jit.trace leaves it, whose file says the shape of its input; a convolution that runs twice, and a
          size that is computed of the input's.
scripted  the same as torch.jit.script leaves it: its layers call PyTorch's own functions, of which all activations share one.
frozen    the traced one, its weights in the one method that is left (torch.jit.freeze).
padded    frozen: its input is permuted, padded and scaled before the first convolution, whose weights say how many channels it has.
turns     a scripted LSTM: branches that the number of its input's dimensions decides.
"""

import sys
import warnings
import zipfile
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from make_torch_views import fill


class Block(nn.Module):
    def __init__(self, inside, outside, groups=1):
        super().__init__()
        self.conv = nn.Conv2d(inside, outside, 3, padding=1, groups=groups)
        self.norm = nn.BatchNorm2d(outside)

    def forward(self, x):
        return F.relu6(self.norm(self.conv(x)))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, stride=2, padding=1, bias=False)
        self.first = Block(4, 4)
        self.second = Block(4, 4)
        self.deep = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.ReLU(), nn.Dropout(0.5))
        self.head = nn.Linear(4, 3)

    def forward(self, picture):
        x = self.second(self.first(self.stem(picture)))
        x = x + torch.sigmoid(self.deep(self.deep(x)))
        x = F.adaptive_avg_pool2d(x, 1)
        x = x.view(x.size(0), x.size(1))
        return torch.softmax(self.head(x) * x.size(1), -1)


class Padded(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3, stride=2)

    def forward(self, picture):
        return F.relu(self.conv(F.pad(picture.permute(0, 3, 1, 2), [0, 1, 0, 1]) / 2 - 1))


class Turns(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.LSTM(3, 2, num_layers=2, batch_first=True, bidirectional=True)

    def forward(self, steps):
        return self.layers(steps)[0][:, -1]


def save(script, file):
    """Without the lines of Python that it comes from: those of this machine's files."""
    torch.jit.save(script, str(file))
    with zipfile.ZipFile(file) as archive:
        members = [(member, archive.read(member)) for member in archive.infolist()]
    with zipfile.ZipFile(file, "w") as archive:
        for member, content in members:
            if not member.filename.endswith((".debug_pkl", "serialization_id")):
                archive.writestr(zipfile.ZipInfo(member.filename), content, member.compress_type)


def main():
    warnings.simplefilter("ignore")
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_grad_enabled(False)
    net, picture = fill(Net(), 7).eval(), torch.ones(1, 2, 8, 8)
    save(torch.jit.trace(net, picture), folder / "traced.pt")
    save(torch.jit.freeze(torch.jit.trace(net, picture)), folder / "frozen.pt")
    save(torch.jit.script(net), folder / "scripted.pt")
    save(torch.jit.script(fill(Turns(), 8).eval()), folder / "turns.pt")
    save(torch.jit.freeze(torch.jit.trace(fill(Padded(), 9).eval(), torch.ones(1, 8, 8, 2))), folder / "padded.pt")


if __name__ == "__main__":
    main()
