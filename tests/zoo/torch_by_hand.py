"""Recurrent nets of keras_nets.py written once more in PyTorch, as one ports them by hand: torch_by_hand.py NET ARRAYS.npz OUT
[--how HOW], which makes TorchScript of it in place of a program.

onnx2torch has neither loops nor recurrent layers. Kernels are transposed, gates put in PyTorch's order and the one bias beside a
bias of zeros. The picture comes with its channels first.
"""

import argparse
import warnings

import numpy
import torch
from torch import nn

import torch_script

SIDE = 48
GATES = {"lstm": [0, 1, 2, 3], "gru": [1, 0, 2]}  # the other framework's, in PyTorch's order


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rows = nn.Linear(3 * SIDE, 48)

    def forward(self, image):
        x = image.permute(0, 2, 3, 1).reshape(1, -1, self.rows.in_features)
        return self.head(self.recurrent(torch.tanh(self.rows(x)))[:, -1])


class Lstm(Net):
    def __init__(self):
        super().__init__()
        self.both = nn.LSTM(48, 40, batch_first=True, bidirectional=True)
        self.norm, self.last, self.head = nn.LayerNorm(80, eps=1e-3), nn.LSTM(80, 48, batch_first=True), nn.Linear(48, 8)

    def recurrent(self, x):
        return self.last(self.norm(self.both(x)[0]))[0]


class Gru(Net):
    def __init__(self):
        super().__init__()
        self.gru, self.head = nn.GRU(48, 64, batch_first=True), nn.Linear(64, 8)

    def recurrent(self, x):
        return self.gru(x)[0]


NETS = {"lstm": Lstm, "gru": Gru}


def fill_dense(layer, arrays, path):
    layer.weight.copy_(arrays[f"{path}/0"].T)
    layer.bias.copy_(arrays[f"{path}/1"])


def fill_recurrent(layer, arrays, path, suffix=""):
    order = GATES[type(layer).__name__.lower()]
    kernel, recurrent, bias = (arrays[f"{path}/{k}"] for k in range(3))
    biases = bias if bias.ndim == 2 else torch.stack([bias, torch.zeros_like(bias)])

    def gates(array):
        blocks = array.chunk(len(order))
        return torch.cat([blocks[k] for k in order])

    for name, array in (("weight_ih", kernel.T), ("weight_hh", recurrent.T), ("bias_ih", biases[0]), ("bias_hh", biases[1])):
        getattr(layer, f"{name}_l0{suffix}").copy_(gates(array))


def fill(net, arrays):
    fill_dense(net.rows, arrays, "layers/dense/vars")
    fill_dense(net.head, arrays, "layers/dense_1/vars")
    if isinstance(net, Lstm):
        for direction, suffix in (("forward", ""), ("backward", "_reverse")):
            fill_recurrent(net.both, arrays, f"layers/bidirectional/{direction}_layer/cell/vars", suffix)
        fill_recurrent(net.last, arrays, "layers/lstm/cell/vars")
        net.norm.weight.copy_(arrays["layers/layer_normalization/vars/0"])
        net.norm.bias.copy_(arrays["layers/layer_normalization/vars/1"])
    else:
        fill_recurrent(net.gru, arrays, "layers/gru/cell/vars")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("net", choices=NETS)
    parser.add_argument("arrays")
    parser.add_argument("output")
    parser.add_argument("--how", choices=torch_script.FORMS)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    net = NETS[options.net]().eval()
    with torch.no_grad():
        fill(net, {name: torch.from_numpy(array) for name, array in numpy.load(options.arrays).items()})
    sample = torch.zeros(1, 3, SIDE, SIDE)
    if options.how:
        torch_script.save(net, sample, options.how, options.output)
    else:
        torch.export.save(torch.export.export(net, (sample,), strict=False), options.output)


if __name__ == "__main__":
    main()
