"""Seeded nets from PyTorch: torch_nets.py NET OUT [--opset N] [--folded] [--state]. Runs under Debian's Python, which has torch.

    resnet   residual blocks with normalization, a strided stem with symmetric pads, max pooling
    former   patches, attention, LayerNorm, GELU: from opset 17 on LayerNormalization is a node, before it is arithmetic
    mixed    depthwise blocks with squeeze-and-excite and Hardswish, GroupNorm, PReLU, upsampling, a concatenation
    parts    what the others lack: transposed and dilated convolution, pixel shuffle, bilinear resize, pools with ceil mode and
             padding, InstanceNorm, masked attention, a norm, a whole feature map flattened into the classifier
    rnn      rows of the picture as a sequence: a bidirectional LSTM, then a GRU

Weights are drawn, gamma and beta too; normalization statistics are measured on seeded pictures. --folded lets the
exporter fold normalization into convolutions; with --state OUT gets the numbers alone, for torch_export.py, because another
PyTorch measures them a little differently. Input 1x3x64x64 in [-1, 1], ten outputs.
"""

import argparse
import os
import warnings

import torch
from torch import nn
from torch.nn import functional
from torch.onnx import TrainingMode

SEED, SIDE = 20262, 64


def conv_bn(inputs, outputs, kernel, stride=1, groups=1):
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
                         nn.BatchNorm2d(outputs))


class Residual(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first, self.second = conv_bn(inputs, outputs, 3, stride), conv_bn(outputs, outputs, 3)
        self.skip = nn.Identity() if inputs == outputs else conv_bn(inputs, outputs, 1, stride)

    def forward(self, x):
        return functional.relu(self.second(functional.relu(self.first(x))) + self.skip(x))


class Resnet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = conv_bn(3, 24, 7, 2)
        sizes = [(24, 24, 1), (24, 24, 1), (24, 48, 2), (48, 48, 1), (48, 48, 1), (48, 96, 2), (96, 96, 1)]
        self.blocks = nn.Sequential(*(Residual(*size) for size in sizes))
        self.head = nn.Linear(96, 10)

    def forward(self, x):
        x = functional.max_pool2d(functional.relu(self.stem(x)), 3, 2, 1)
        return self.head(functional.adaptive_avg_pool2d(self.blocks(x), 1).flatten(1))


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.qkv, self.out = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        size = x.shape[2] // self.heads
        q, k, v = (t.reshape(1, -1, self.heads, size).transpose(1, 2) for t in self.qkv(x).chunk(3, 2))
        weights = (q @ k.transpose(2, 3) / size ** 0.5).softmax(-1)
        return self.out((weights @ v).transpose(1, 2).reshape(1, -1, self.heads * size))


class Former(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.patches = nn.Conv2d(3, width, 8, 8)
        self.position = nn.Parameter(0.1 * torch.randn(1, 64, width))
        self.blocks = nn.ModuleList(nn.ModuleList([
            nn.LayerNorm(width), Attention(width, 4), nn.LayerNorm(width),
            nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))]) for _ in range(4))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2) + self.position
        for norm1, attention, norm2, mlp in self.blocks:
            x = x + attention(norm1(x))
            x = x + mlp(norm2(x))
        return self.head(self.norm(x).mean(1))


class Inverted(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        wide = 4 * inputs
        self.expand, self.depthwise = conv_bn(inputs, wide, 1), conv_bn(wide, wide, 3, stride, wide)
        self.squeeze, self.excite = nn.Conv2d(wide, inputs, 1), nn.Conv2d(inputs, wide, 1)
        self.project = conv_bn(wide, outputs, 1)

    def forward(self, x):
        y = functional.hardswish(self.depthwise(functional.hardswish(self.expand(x))))
        gate = self.excite(functional.relu(self.squeeze(y.mean((2, 3), keepdim=True))))
        y = self.project(y * functional.hardsigmoid(gate))
        return x + y if x.shape == y.shape else y


class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = conv_bn(3, 16, 3, 2)
        self.first = nn.Sequential(Inverted(16, 16, 1), Inverted(16, 24, 2), Inverted(24, 24, 1))
        self.second = nn.Sequential(Inverted(24, 32, 2), Inverted(32, 32, 1))
        self.norm, self.slope = nn.GroupNorm(4, 56), nn.PReLU(56, 0.2)
        self.mix, self.head = nn.Conv2d(56, 64, 3, 2, 1), nn.Linear(64, 10)

    def forward(self, x):
        fine = self.first(functional.hardswish(self.stem(x)))
        coarse = functional.interpolate(self.second(fine), scale_factor=2.0, mode="nearest")
        x = self.slope(self.norm(torch.cat([fine, coarse], 1)))
        return self.head(functional.silu(self.mix(x)).mean((2, 3)))


class Parts(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.dilated = conv_bn(3, 16, 3, 2), nn.Conv2d(16, 16, 3, padding=2, dilation=2)
        self.norm, self.down = nn.InstanceNorm2d(16, affine=True), conv_bn(16, 32, 3, 2)
        nn.init.uniform_(self.norm.weight, 3, 6)
        self.up = nn.ConvTranspose2d(56, 16, 3, 2, 1, output_padding=1)
        self.query, self.key, self.value = (nn.Linear(16, 16) for _ in range(3))
        self.register_buffer("mask", torch.ones(64, 64).tril().bool())
        self.head = nn.Linear(16 * 8 * 8, 10)

    def forward(self, x):
        x = functional.leaky_relu(self.stem(x), 0.2)
        x = functional.max_pool2d(x, 3, 2, ceil_mode=True)
        x = x + functional.relu6(self.norm(self.dilated(functional.max_pool2d(x, 3, 1, 1))))
        coarse = functional.leaky_relu(self.down(functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)), 0.3)
        wide = functional.interpolate(coarse, scale_factor=2.0, mode="bilinear")
        x = torch.cat([x, functional.pixel_shuffle(coarse, 2), wide], 1)
        x = functional.avg_pool2d(functional.hardswish(self.up(x)), 4).flatten(2).transpose(1, 2)
        scores = 4 * self.query(x) @ self.key(x).transpose(1, 2)
        scores = torch.where(self.mask, scores, torch.tensor(-1e9)).softmax(-1)
        x = x + scores @ self.value(x)
        x = (x - x[:, :1]) / (x.abs().sum(2, keepdim=True) + 1)
        return 30 * torch.tanh(self.head(x.flatten(1)) / 3)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.rows = nn.Linear(3 * SIDE, 48)
        self.lstm = nn.LSTM(48, 40, batch_first=True, bidirectional=True)
        self.gru, self.head = nn.GRU(80, 48, batch_first=True), nn.Linear(48, 10)

    def forward(self, x):
        x = torch.tanh(self.rows(x.permute(0, 2, 3, 1).reshape(1, SIDE, 3 * SIDE)))
        return self.head(self.gru(self.lstm(x)[0])[0][:, -1])


NETS = {"resnet": Resnet, "former": Former, "mixed": Mixed, "parts": Parts, "rnn": Recurrent}


def pictures():
    """Noise of several sizes, enlarged: with edges and areas, unlike white noise."""
    total = sum(functional.interpolate(torch.randn(16, 3, size, size), SIDE) for size in (2, 8, 32, SIDE))
    return (total / 2).clamp(-1, 1)


def draw_parameters(model):
    """Gamma, beta and biases, which start as ones and zeros: a fault in those would have no effect."""
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)):
            nn.init.uniform_(module.weight, 0.6, 1.4)
            nn.init.normal_(module.bias, 0, 0.1)
        elif isinstance(module, nn.PReLU):
            nn.init.uniform_(module.weight, 0.05, 0.4)


def build(name):
    torch.manual_seed(SEED)
    model = NETS[name]()
    with torch.no_grad():
        draw_parameters(model)
        if any(isinstance(module, nn.BatchNorm2d) for module in model.modules()):
            model.train()
            for _ in range(30):
                model(pictures())
    return model.eval()


def restored(name, path):
    """The net with the numbers that --state wrote."""
    model = NETS[name]()
    model.load_state_dict(torch.load(path))
    return model.eval()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("net", choices=NETS)
    parser.add_argument("output")
    parser.add_argument("--opset", type=int, default=13)
    parser.add_argument("--folded", action="store_true")
    parser.add_argument("--state", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    partial = options.output + ".partial"
    model = build(options.net)
    if options.state:
        torch.save(model.state_dict(), options.output)
        return
    torch.onnx.export(
        model, torch.zeros(1, 3, SIDE, SIDE), partial, opset_version=options.opset, input_names=["image"],
        output_names=["logits"], training=TrainingMode.EVAL if options.folded else TrainingMode.PRESERVE)
    os.replace(partial, options.output)


if __name__ == "__main__":
    main()
