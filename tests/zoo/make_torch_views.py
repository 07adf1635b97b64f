"""Makes the small files of src/formats/torch/testdata: make_torch_views.py FOLDER

They are committed, so that the tests need no generator. Run it with build/torch/bin/python. Weights are drawn with a seed.

functions   operators of one tensor, each called by PyTorch's own name, of `x` [2, 3, 4] or of a positive tensor made of it.
arithmetic  operators of two tensors, or of a tensor and a number: `x`, `y` [2, 3, 4], `ids` [2, 3] (0 to 2), `flags` [2, 3, 4].
reductions  what goes over axes.
shapes      what moves, joins, repeats or takes out elements, makes tensors or changes their type.
windows     convolutions, pools and pads, of `line` [2, 4, 9], `image` [2, 4, 6, 6] and `cube` [2, 2, 4, 4, 4].
resizes     all kinds of resizing.
layers      normalizations, products of matrices, attention.
recurrent   `steps` [2, 4, 3] through an LSTM of two layers and two directions, a GRU and both kinds of RNN; with and without first
            states.
in_place    operators that write into their operand, whose name is read afterwards.
dynamic     a batch of any size, and sizes computed of it.
core        a small convnet as run_decompositions leaves it.
edits       a net that edits are tried on, with paths of modules: a weight that two read, a convolution without a bias, a linear layer
            of three dimensions.
training    a normalization that was exported in training mode.
"""

import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from make_torch_testdata import save as save_as_it_is, written

aten = torch.ops.aten


def drawn(*shape, seed=1):
    return torch.empty(shape).normal_(generator=torch.Generator().manual_seed(seed)) / 2


def operator(name):
    packet, _, overload = name.rpartition(".")
    return getattr(getattr(aten, packet), overload)


def values(result):
    return [one for one in result if one is not None] if isinstance(result, (list, tuple)) else [result]


class Calls(nn.Module):
    """Calls of operators by name, all of whose first results (`all_of`: all results) are outputs."""

    def __init__(self, weights=()):
        super().__init__()
        for name, tensor in dict(weights).items():
            self.register_parameter(name, nn.Parameter(tensor, requires_grad=False))

    def forward(self, *inputs):
        out = []
        for name, *arguments in self.calls(*inputs):
            named = arguments.pop() if arguments and isinstance(arguments[-1], dict) else {}
            every = named.pop("all_of", True)
            results = values(operator(name)(*arguments, **named))
            out += results if every else results[:1]
        return tuple(out)


class Functions(Calls):
    def calls(self, x):
        positive = x.abs() + 1.25
        for name in ("abs acos asin asinh atan atanh ceil celu cos cosh elu erf exp expm1 floor gelu hardsigmoid hardswish hardtanh "
                     "isinf isnan leaky_relu log_sigmoid mish neg relu relu6 round selu sigmoid sign silu sin sinh softplus "
                     "square tan tanh alias clone detach lift_fresh_copy").split():
            yield name + ".default", x
        for name in "acosh log log10 log1p log2 reciprocal rsqrt sqrt".split():
            yield name + ".default", positive
        yield "celu.default", x, 0.5
        yield "elu.default", x, 0.5
        yield "gelu.default", x, {"approximate": "tanh"}
        yield "hardtanh.default", x, -0.5, 0.25
        yield "leaky_relu.default", x, 0.25
        yield "contiguous.default", x
        yield "clamp.default", x, -0.5
        yield "clamp.default", x, None, 0.25
        yield "clip.default", x, -0.5, 0.5
        yield "clamp_max.default", x, 0.25
        yield "clamp_min.default", x, -0.25
        yield "clamp.Tensor", x, x - 0.25, x + 0.25
        yield "glu.default", x, 2
        yield "prelu.default", x, self.slopes
        yield "dropout.default", x, 0.5, False
        yield "feature_dropout.default", x, 0.5, False
        yield "logical_not.default", x > 0
        yield "bitwise_not.default", x > 0


class Arithmetic(Calls):
    def calls(self, x, y, ids, flags):
        positive, more = x.abs() + 0.5, y > 0
        for name in "add sub mul div rsub remainder fmod".split():
            yield name + ".Tensor", x, (positive if name in ("div", "remainder", "fmod") else y)
            yield name + ".Scalar", x, 0.75
        for name in "eq ne lt le gt ge".split():
            yield name + ".Tensor", x.round(), y.round()
            yield name + ".Scalar", x, 0.25
        yield "add.Tensor", x, y, {"alpha": 2}
        yield "sub.Tensor", x, y, {"alpha": 0.5}
        yield "rsub.Scalar", x, 1.0, 2.0
        yield "add.Tensor", ids, 2
        yield "mul.Tensor", ids, 0.5
        yield "div.Tensor", ids, 2
        yield "remainder.Scalar", ids - 1, 2
        yield "div.Tensor_mode", x, y.abs() + 0.25, {"rounding_mode": "floor"}
        yield "div.Tensor_mode", ids, ids + 1, {"rounding_mode": "trunc"}
        yield "floor_divide.default", x, positive
        yield "maximum.default", x, y
        yield "minimum.default", x, y
        yield "pow.Tensor_Scalar", positive, 1.5
        yield "pow.Tensor_Tensor", positive, y
        yield "pow.Scalar", 2.0, x
        yield "logical_and.default", flags, more
        yield "logical_or.default", flags, more
        yield "logical_xor.default", flags, more
        yield "bitwise_and.Tensor", flags, more
        yield "bitwise_or.Tensor", flags, more
        yield "where.self", flags, x, y
        yield "where.ScalarOther", flags, x, 0.5
        yield "where.ScalarSelf", flags, 0.5, x
        yield "masked_fill.Scalar", x, flags, -2.0
        yield "masked_fill.Tensor", x, flags, self.fill
        yield "type_as.default", ids, x
        yield "type_as.default", x, y
        yield "to.dtype", ids, torch.float32
        yield "to.dtype", x, torch.float32
        yield "to.dtype_layout", ids, {"dtype": torch.float32}
        yield "to.device", ids, torch.device("cpu"), torch.float32
        yield "_to_copy.default", ids, {"dtype": torch.float32}


class Reductions(Calls):
    def calls(self, x, flags):
        for name in "mean sum max min prod amax amin".split():
            yield name + ".default", x
        yield "any.default", flags
        yield "all.default", flags
        yield "any.dim", flags, 1
        yield "all.dim", flags, -1, True
        yield "mean.dim", x, [1, 2], True
        yield "mean.dim", x, [-1]
        yield "sum.dim_IntList", x, [0]
        yield "sum.dim_IntList", flags, [0, 2]
        yield "prod.dim_int", x, 1
        yield "amax.default", x, [1]
        yield "amin.default", x, [0, 2], True
        yield "logsumexp.default", x, [2]
        yield "max.dim", x, 1
        yield "min.dim", x, -1, True
        yield "argmax.default", x, 1
        yield "argmin.default", x, 2, True
        yield "argmax.default", x
        yield "var.correction", x, [1]
        yield "var.correction", x, [0, 2], {"correction": 0, "keepdim": True}
        yield "var.dim", x, [2], False
        yield "std.correction", x, [1]
        yield "std.dim", x, [1, 2], True
        yield "linalg_vector_norm.default", x, 2, [1]
        yield "linalg_vector_norm.default", x, 1, [0, 2], True
        yield "topk.default", x, 2
        yield "topk.default", x, 2, 1, False
        yield "cumsum.default", x, 1
        for name in ("softmax.int", "log_softmax.int"):
            yield name, x, 1
            yield name, x, -1
        yield "_softmax.default", x, 2, False
        yield "_log_softmax.default", x, 0, False


class Shapes(Calls):
    def calls(self, x, image, ids):
        yield "permute.default", x, [2, 0, 1]
        yield "permute.default", x, [0, -1, 1]
        yield "transpose.int", x, 1, 2
        yield "t.default", ids
        yield "view.default", x, [2, -1]
        yield "_unsafe_view.default", x, [6, 4]
        yield "reshape.default", x, [4, 6]
        yield "flatten.using_ints", x, 1
        yield "flatten.using_ints", image, 2
        yield "flatten.using_ints", x, 0, 1
        yield "unflatten.int", x, 2, [2, 2]
        yield "squeeze.default", x[:1]
        yield "squeeze.dim", x[:1], 0
        yield "squeeze.dim", x, 0
        yield "squeeze.dims", x[:1, :1], [0, 1]
        yield "unsqueeze.default", x, 1
        yield "unsqueeze.default", x, -1
        yield "expand.default", x[:, :1], [2, 3, -1]
        yield "expand.default", x, [2, 2, 3, 4]
        yield "repeat.default", x, [2, 1, 2]
        yield "repeat.default", x, [2, 1, 1, 2]
        yield "tile.default", x, [2]
        yield "pixel_shuffle.default", image, 2
        yield "pixel_unshuffle.default", image, 3
        yield "channel_shuffle.default", image, 2
        for name in ("cat.default", "concat.default"):
            yield name, [x, x + 1], 1
        yield "cat.default", [x, x, x], -1
        yield "stack.default", [x, x - 1], 1
        yield "stack.default", [x, x - 1], -1
        yield "split.Tensor", x, 3, 2
        yield "split.sizes", x, [1, 3], -1
        yield "split_with_sizes.default", x, [1, 2], 1
        yield "split_with_sizes_copy.default", x, [2, 1], 1
        yield "chunk.default", x, 3, -1
        yield "unbind.int", x, 1
        yield "slice.Tensor", x, 1, 1
        yield "slice.Tensor", x, 2, -3, -1
        yield "slice.Tensor", x, 2, 0, 2 ** 63 - 1, 2
        yield "slice.Tensor", x, 0, 0, 2 ** 63 - 1
        yield "narrow.default", x, 2, 1, 2
        yield "select.int", x, 1, 2
        yield "select.int", x, -1, -1
        yield "flip.default", x, [1, -1]
        yield "roll.default", x, [1, -2], [1, 2]
        yield "embedding.default", self.table, ids
        yield "index_select.default", x, 1, self.places
        yield "gather.default", x, 1, ids.unsqueeze(-1)
        yield "index.Tensor", x, [None, self.places]
        yield "index.Tensor", x, [None, None, ids]
        yield "arange.default", 4
        yield "arange.start", 1, 4
        yield "arange.start_step", 0.5, 4.0, 0.75
        yield "full.default", [2, 2], 0.5
        yield "full_like.default", x, 0.5
        yield "new_full.default", x, [2], 3.0
        yield "new_ones.default", x, [2]
        yield "new_zeros.default", x, [2, 1]
        yield "ones.default", [3]
        yield "zeros.default", [2, 2], {"dtype": torch.int64}
        yield "ones_like.default", x
        yield "zeros_like.default", ids
        yield "scalar_tensor.default", 2.5


class Windows(Calls):
    def calls(self, line, image, cube):
        for axes, x in ((1, line), (2, image), (3, cube)):
            w, back = getattr(self, f"w{axes}"), getattr(self, f"t{axes}")
            b = self.bias[: w.shape[0]]
            yield f"conv{axes}d.default", x, w, b, [2] * axes, [1] * axes
            yield f"conv{axes}d.padding", x, w, None, [1] * axes, "same", [2] * axes
            yield f"conv_transpose{axes}d." + ("default" if axes == 1 else "input"), x, back, None, [2] * axes, [1] * axes, [1] * axes
            yield "convolution.default", x, w, None, [1] * axes, [1] * axes, [1] * axes, False, [0] * axes, 1
            yield f"avg_pool{axes}d.default", x, [2] * axes
            yield f"avg_pool{axes}d.default", x, [3] * axes, [2] * axes, [1] * axes, True, False
            yield f"max_pool{axes}d.default", x, [2] * axes
            yield f"max_pool{axes}d.default", x, [3] * axes, [2] * axes, [1] * axes, [1] * axes, True
            yield f"adaptive_avg_pool{axes}d.default", x, [1] * axes
            for kind in ("reflection", "replication"):
                yield f"{kind}_pad{axes}d.default", x, list(range(1, axes + 1)) + [1] * axes
        yield "conv2d.padding", image, self.w2, None, [1, 1], "valid"
        yield "conv2d.default", image, self.deep, None, [1, 1], [1, 0], [1, 2], 4
        yield "conv_transpose2d.input", image, self.t2, self.bias, [1, 2], [0, 0], [0, 0], 1, [1, 2]
        yield "convolution.default", image, self.t2, None, [2, 2], [1, 1], [1, 1], True, [1, 0], 1
        yield "adaptive_avg_pool1d.default", line, [3]
        yield "adaptive_avg_pool2d.default", image, [2, 3]
        yield "_adaptive_avg_pool2d.default", image, [3, 2]
        yield "adaptive_max_pool1d.default", line, [3], {"all_of": False}
        yield "adaptive_max_pool2d.default", image, [1, 1], {"all_of": False}
        yield "adaptive_max_pool2d.default", image, [2, 3], {"all_of": False}
        yield "max_pool2d_with_indices.default", image, [3, 2], [1, 2], [1, 1], {"all_of": False}
        yield "constant_pad_nd.default", image, [1, 2, 0, 1], 0.5
        yield "pad.default", image, [1, 2], "constant"
        yield "pad.default", image, [1, 2, 0, 1], "reflect"
        yield "pad.default", image, [1, 2, 0, 1], "replicate"


class Resizes(Calls):
    def calls(self, line, image, cube):
        wide, deep = [9, 4], [5, 3, 6]
        yield "upsample_nearest1d.vec", line, [6], None
        yield "upsample_nearest1d.default", line, [5]
        yield "upsample_linear1d.vec", line, None, False, [2.0]
        yield "upsample_linear1d.default", line, [5], True
        for axes, x, sizes in (("1d", line, [6]), ("2d", image, wide), ("3d", cube, deep)):
            yield f"_upsample_nearest_exact{axes}.vec", x, sizes, None
            yield f"_upsample_nearest_exact{axes}.default", x, sizes
        yield "upsample_nearest2d.vec", image, None, [2.0, 1.5]
        yield "upsample_nearest2d.default", image, wide
        for kind in ("bilinear", "bicubic"):
            yield f"upsample_{kind}2d.vec", image, None, False, [2.0, 1.5]
            yield f"upsample_{kind}2d.default", image, wide, True
            yield f"_upsample_{kind}2d_aa.vec", image, [3, 4], False, None
            yield f"_upsample_{kind}2d_aa.default", image, [4, 3], False
        yield "upsample_nearest3d.vec", cube, deep, None
        yield "upsample_nearest3d.default", cube, deep
        yield "upsample_trilinear3d.vec", cube, None, False, [2.0, 1.0, 1.5]
        yield "upsample_trilinear3d.default", cube, deep, True


class Layers(Calls):
    def __init__(self, weights):
        super().__init__(weights)
        self.register_buffer("mean", drawn(4, seed=7))
        self.register_buffer("variance", drawn(4, seed=8).abs() + 0.5)

    def calls(self, x, image, query):
        four, more = (self.scale, self.shift), (self.mean, self.variance)
        yield "batch_norm.default", image, *four, *more, False, 0.1, 0.01, True
        yield "batch_norm.default", image, None, None, *more, False, 0.1, 0.01, True
        yield "native_batch_norm.default", image, *four, *more, False, 0.1, 0.02, {"all_of": False}
        yield "_native_batch_norm_legit_no_training.default", image, *four, *more, 0.1, 0.03, {"all_of": False}
        yield "instance_norm.default", image, *four, None, None, True, 0.1, 0.01, True
        yield "instance_norm.default", image, None, None, None, None, True, 0.1, 0.01, True
        yield "layer_norm.default", x, [4], *four, 0.01
        yield "layer_norm.default", x, [3, 4]
        yield "native_layer_norm.default", x, [4], *four, 0.02, {"all_of": False}
        yield "group_norm.default", image, 2, *four, 0.01
        yield "group_norm.default", image, 4
        yield "native_group_norm.default", image, *four, 2, 4, 36, 2, 0.01, {"all_of": False}
        yield "linear.default", x[0], self.square, self.shift
        yield "linear.default", x, self.square, self.shift
        yield "linear.default", x, self.square
        yield "addmm.default", self.shift, x[0], self.square
        yield "addmm.default", self.shift, x[0], self.square, {"alpha": 2, "beta": 0.5}
        yield "mm.default", x[0], self.square
        yield "mv.default", x[0], self.shift
        yield "bmm.default", x, x.transpose(1, 2)
        yield "matmul.default", x, self.square
        yield "baddbmm.default", x[:, :, :3], x, x.transpose(1, 2)
        yield "einsum.default", "bij,jk->bki", [x, self.square]
        yield "scaled_dot_product_attention.default", query, query, query
        yield "scaled_dot_product_attention.default", query, query, query, None, 0.0, True
        yield "scaled_dot_product_attention.default", query, query, query, query[:, :, :, :3], {"scale": 0.25}
        yield "scaled_dot_product_attention.default", query, query, query, (query[:, :, :, :3] > -0.75)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.both = nn.LSTM(3, 2, 2, batch_first=True, bidirectional=True)
        self.long, self.bare = nn.LSTM(3, 3), nn.LSTM(3, 2, bias=False, batch_first=True)
        self.gated, self.gated_twice = nn.GRU(3, 3, batch_first=True), nn.GRU(3, 2, bidirectional=True)
        self.tanh, self.relu = nn.RNN(3, 2, batch_first=True), nn.RNN(3, 2, 2, nonlinearity="relu")
        self.raised = nn.GRU(3, 3, batch_first=True)

    def forward(self, steps, first):
        turned = steps.transpose(0, 1)
        both, (hidden, cells) = self.both(steps)
        long, (h, c) = self.long(turned, (first, -first))
        twice, last = self.gated_twice(turned, torch.cat([first, first])[:, :, :2])
        raised = torch.zeros(1, 2, 3)
        raised.add_(0.5)  # made as zeros, and none when it is read
        return (both, hidden, cells, long, h, c, self.bare(steps)[0], *self.gated(steps, first), twice, last, *self.tanh(steps),
                *self.relu(turned), self.raised(steps, raised)[0])


class InPlace(nn.Module):
    def forward(self, x, y):
        a = x + y
        before = a * 2
        aten.relu_(a)  # `a` is read afterwards: it is what was written
        b = a - y
        b.add_(x)
        b.mul_(0.5)
        c = b * a - 0.25
        aten.hardtanh_(c, -0.5, 0.25)
        aten.leaky_relu_(c, 0.5)
        d = y * 3
        aten.clamp_(d, -1, 1)
        aten.silu_(d)
        aten.dropout_(d, 0.5, False)
        return before, a, b, c, torch.sigmoid_(d), x + c


class Dynamic(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.dense = nn.Conv2d(2, 4, 3, padding=1), nn.Linear(16, 3)

    def forward(self, image):
        x = self.conv(image)
        rows = x.shape[0]
        pairs = x.view(rows * 2, 2, -1).transpose(1, 2)
        flat = F.max_pool2d(x, 2).view(rows, -1)
        some = self.dense.weight.expand((rows + 4) // 2, -1, -1), self.dense.bias.expand(3 * rows - 1, -1)
        return self.dense(flat), pairs, flat.unsqueeze(1).expand(rows, 2, -1), *some


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.norm, self.deep = nn.Conv2d(2, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.layer, self.scores = nn.LayerNorm(4), nn.Linear(4, 3)

    def forward(self, image):
        x = F.hardswish(self.norm(self.stem(image)))
        x = F.max_pool2d(x, 2, 1) + F.avg_pool2d(F.silu(self.deep(x)), 2, 1)
        x = F.gelu(self.layer(F.adaptive_avg_pool2d(x, 1).flatten(1)))
        return F.softmax(self.scores(x), -1), x.var(1)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.deep, self.leaky = nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False), nn.LeakyReLU(0.25)

    def forward(self, x):
        return self.leaky(self.deep(x))


class Edits(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.norm, self.block = nn.Conv2d(4, 4, 3, padding="same"), nn.BatchNorm2d(4, eps=0.1), Block()
        self.wide, self.tokens = nn.Conv2d(4, 4, 3, 1, 1), nn.Linear(4, 4)
        self.hidden, self.scores = nn.Linear(8, 8), nn.Linear(8, 8)
        self.scores.weight = self.hidden.weight
        self.shared = nn.Parameter(torch.empty(4, 1, 1))
        self.most, self.mean, self.loose = nn.MaxPool2d(2), nn.AvgPool2d(3, 2, 1), nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, image):
        x = self.norm(self.stem(image))
        bounded = torch.clamp(x, -0.75, 0.75)
        a = self.block(bounded) * self.shared
        b = F.elu(self.wide(x), 0.5) + self.shared
        joined = torch.cat([self.most(a), self.mean(b)], 1)
        bigger = F.interpolate(F.pad(b, (1, 0, 0, 1), value=0.25), scale_factor=2.0, mode="bilinear")
        smaller = F.interpolate(a, size=(4, 4), mode="nearest")
        tokens = F.gelu(self.tokens(a.flatten(2).permute(0, 2, 1)))
        rows = torch.relu(self.hidden(joined.mean([2, 3])))
        scores = torch.softmax(self.scores(rows), 1)
        top = torch.argmax(scores, 1).to(torch.float32)
        loose = self.loose(image)
        pools = F.max_pool2d(loose, 3, 2, 1), F.avg_pool2d(loose, 3, 2, 1)
        return scores, top, bigger, smaller, tokens.transpose(1, 2).amax(1), torch.sub(tokens, tokens.mean(1, keepdim=True)), a - b, *pools


class Training(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def train(self, mode=True):
        self.norm.training = True
        return self

    def forward(self, image):
        return torch.relu(self.norm(self.stem(image)))


def fill(module, seed):
    """Every weight and average drawn: nothing is 0 or 1 by its initializer."""
    draw = torch.Generator().manual_seed(seed)
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            positive = "var" in name or name == "norm.weight"
            tensor.copy_(torch.empty_like(tensor).uniform_(0.5, 1.5, generator=draw) if positive else
                         torch.empty_like(tensor).normal_(generator=draw) / 2)
    return module.requires_grad_(False)


def unnumbered(name, content):
    """An archive's number is made of what is left out here, too: of lines of this file."""
    return b"0" * len(content) if name.endswith("serialization_id") else content


def save(module, file, *inputs, kept=(), **options):
    save_as_it_is(module, file, *inputs, kept=kept, **options)
    written(file, file, unnumbered, kept=kept)


def operators(folder):
    x, y, flags, ids = torch.ones(2, 3, 4), torch.ones(2, 3, 4), torch.ones(2, 3, 4) > 0, torch.ones(2, 3, dtype=torch.int64)
    line, image, cube = torch.ones(2, 4, 9), torch.ones(2, 4, 6, 6), torch.ones(2, 2, 4, 4, 4)
    kernels = {"w1": drawn(3, 4, 2), "w2": drawn(3, 4, 3, 2), "w3": drawn(2, 2, 2, 2, 1), "t1": drawn(4, 3, 3), "bias": drawn(3),
               "t2": drawn(4, 3, 3, 2), "t3": drawn(2, 2, 3, 3, 3), "deep": drawn(8, 1, 2, 2)}
    save(Functions({"slopes": drawn(3)}), folder / "functions.pt2", x)
    save(Arithmetic({"fill": torch.tensor(0.375)}), folder / "arithmetic.pt2", x, y, ids, flags)
    save(Reductions(), folder / "reductions.pt2", x, flags)
    places = {"table": drawn(3, 2), "places": torch.tensor([2, 0])}
    save(Shapes(places), folder / "shapes.pt2", x, image, ids)
    save(Windows(kernels), folder / "windows.pt2", line, image, cube)
    save(Resizes(), folder / "resizes.pt2", torch.ones(1, 2, 4), torch.ones(1, 2, 4, 6), torch.ones(1, 1, 3, 2, 4))
    save(Layers({"scale": drawn(4), "shift": drawn(4, seed=2), "square": drawn(4, 4, seed=3)}), folder / "layers.pt2", x, image,
         torch.ones(1, 2, 3, 4))


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_grad_enabled(False)
    operators(folder)
    save(fill(Recurrent(), 2), folder / "recurrent.pt2", torch.ones(2, 4, 3), torch.ones(1, 2, 3))
    save(InPlace(), folder / "in_place.pt2", torch.ones(2, 6), torch.ones(2, 6))
    rows = torch.export.Dim("rows")
    save(fill(Dynamic(), 3), folder / "dynamic.pt2", torch.ones(2, 2, 4, 4), dynamic_shapes={"image": {0: rows}})
    core = torch.export.export(fill(Small(), 4).eval(), (torch.ones(1, 2, 6, 6),)).run_decompositions()
    torch.export.save(core, folder / "core.pt2")
    written(folder / "core.pt2", folder / "core.pt2", unnumbered)
    save(fill(Edits(), 5), folder / "edits.pt2", torch.ones(2, 4, 6, 6), kept=["nn_module_stack"])
    save(fill(Training(), 6), folder / "training.pt2", torch.ones(2, 3, 5, 5))


if __name__ == "__main__":
    main()
