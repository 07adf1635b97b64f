"""Makes net.pt2, net.pt, sequence.pt2 and sequence.pt of tests/conformance/testdata: make_conformance_torch.py FOLDER

What make_conformance_nets.py makes in other formats, drawn anew: that one runs in an environment without PyTorch. Run this with
build/torch/bin/python.

net       a picture of 12 x 12: convolutions (strides, padding, depthwise), normalization, pools, both sides of an add and a cat,
          activation functions with a bound and a slope, a linear layer, softmax. A dynamic batch.
sequence  six steps of three numbers through an LSTM.

The .pt files are TorchScript: the first as it was traced, the second as it was scripted.
"""

import sys
import warnings
from pathlib import Path

import torch
from torch import nn

import make_torch_scripts
from make_torch_testdata import save


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.norm, self.bounded = nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8, eps=0.01), nn.ReLU6()
        self.deep, self.leaky = nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.LeakyReLU(0.2)
        self.point, self.pool, self.mean = nn.Conv2d(8, 8, 1), nn.MaxPool2d(2), nn.AvgPool2d(2)
        self.flat, self.hidden, self.scores = nn.AdaptiveAvgPool2d(1), nn.Linear(16, 6), nn.Linear(6, 5)

    def forward(self, image):
        x = self.bounded(self.norm(self.stem(image)))
        a, b = self.leaky(self.deep(x)), torch.sigmoid(self.point(x))
        x = torch.cat([self.pool(a + b), self.mean(b)], 1)
        x = torch.relu(self.hidden(torch.flatten(self.flat(x), 1)))
        return torch.softmax(self.scores(x), 1)


class Sequence(nn.Module):
    def __init__(self):
        super().__init__()
        self.long, self.out = nn.LSTM(3, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, steps):
        return torch.tanh(self.out(self.long(steps)[0]))


def drawn(module, seed):
    """Every weight and average drawn: nothing is 0 or 1 by its initializer."""
    draw = torch.Generator().manual_seed(seed)
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            positive = "var" in name or name == "norm.weight"
            values = torch.empty_like(tensor).uniform_(0.5, 1.5, generator=draw) if positive else \
                torch.empty_like(tensor).normal_(generator=draw) / max(1, tensor[0].numel()) ** 0.5
            tensor.copy_(values)
    return module


def main():
    warnings.simplefilter("ignore")
    folder = Path(sys.argv[1])
    rows = torch.export.Dim("rows")
    save(drawn(Net(), 1), folder / "net.pt2", torch.ones(2, 3, 12, 12), dynamic_shapes={"image": {0: rows}})
    save(drawn(Sequence(), 2), folder / "sequence.pt2", torch.ones(1, 6, 3))
    make_torch_scripts.save(torch.jit.trace(drawn(Net(), 1).eval(), torch.ones(1, 3, 12, 12)), folder / "net.pt")
    make_torch_scripts.save(torch.jit.script(drawn(Sequence(), 2).eval()), folder / "sequence.pt")


if __name__ == "__main__":
    main()
