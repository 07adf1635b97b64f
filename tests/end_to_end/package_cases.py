"""Live modules through the Python package, run by test_package.py in the environment that has PyTorch: package_cases.py FOLDER CASE...

Prints one line of JSON. The nets here are plain PyTorch; faults are planted by plain assignments.
"""

import copy
import json
import sys
import warnings
from pathlib import Path

import fetafix
import torch
from torch import nn
from torch.nn import functional


def statistics(module, *shape):
    """As after training: what normalization has seen is not 0 and 1."""
    torch.manual_seed(7)
    module.train()
    with torch.no_grad():
        for _ in range(20):
            module(2 * torch.randn(*shape) + 1)
    return module.eval()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.2))
        self.head = nn.Linear(8, 6)

    def forward(self, x):
        return self.head(self.features(x).mean((2, 3)))


def kept(module):
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}, [part.training for part in module.modules()]


def is_as(module, before):
    state, modes = kept(module)
    return modes == before[1] and all(torch.equal(state[name], tensor) for name, tensor in before[0].items())


def training(folder):
    """A normalization left in training mode: of a check, and of a repair with another fault besides."""
    module = statistics(Net(), 16, 3, 16, 16)
    right = copy.deepcopy(module)
    module.features[1].train()
    module.features[0].stride = (1, 1)
    before, samples = kept(module), torch.randn(6, 3, 16, 16)
    check = fetafix.check(right, module, samples)
    repair = fetafix.repair(right, module, samples)
    mended = repair.apply(copy.deepcopy(module))
    return {"untouched": is_as(module, before), "verdict": check.verdict, "exit_code": check.exit_code, "ok": bool(check),
            "in_eval": check.in_eval.verdict, "fault": [check.faults[0].class_, check.faults[0].pattern, check.faults[0].modules],
            "text": str(check), "repair": repair.verdict, "code": repair.code, "applies": repair.applies,
            "numbers": repair.state_dict is not None, "places": [fault.module for fault in repair.faults],
            "same": bool(torch.allclose(mended(samples), right(samples), atol=1e-6)), "eval": not mended.features[1].training}


class Pair(nn.Module):
    """Takes a dict, and one sample at a time."""

    def __init__(self):
        super().__init__()
        self.picture, self.table, self.head = nn.Linear(48, 10), nn.Linear(5, 10), nn.Linear(10, 4)

    slope = 0.1

    def forward(self, batch):
        x = self.picture(batch["picture"].reshape(1, -1)) + self.table(batch["table"])
        x = functional.leaky_relu(x, self.slope)
        return {"scores": self.head(x)}


class OtherSlope(Pair):
    slope = 0.3

    def forward(self, batch):
        x = self.picture(batch["picture"].reshape(1, -1)) + self.table(batch["table"])
        x = functional.leaky_relu(x, 0.3)  # the wrong line
        return {"scores": self.head(x)}


def dicts(folder):
    """A dict of inputs, a fixed batch, and a fault that is a line of code and no attribute."""
    torch.manual_seed(3)
    right, wrong = Pair().eval(), OtherSlope().eval()
    wrong.load_state_dict(right.state_dict())
    samples = {"table": torch.randn(8, 5), "picture": torch.randn(8, 3, 4, 4)}
    result = fetafix.repair(right, wrong, samples, output=folder / "fixed.pt2")
    at = result.faults[0].target_at
    inputs = {name: tensor[:1] for name, tensor in samples.items()}
    fixed = torch.export.load(folder / "fixed.pt2").module()(inputs)["scores"]
    return {"verdict": result.verdict, "code": result.code, "applies": result.applies, "plain": [c.plain for c in result.changes],
            "line": [Path(at.file).name, at.code], "notes": [note for note in result.notes if "one sample" in note],
            "patch": result.patch["format"], "same": bool(torch.allclose(fixed, right(inputs)["scores"], atol=1e-6))}


class Branch(nn.Module):
    def forward(self, x):
        return x * 2 if x.sum() > 0 else x


def refusal(call):
    try:
        call()
        return None
    except fetafix.Error as error:
        return [error.code, str(error)]


def refused(folder):
    module, samples = statistics(Net(), 16, 3, 16, 16), torch.randn(4, 3, 16, 16)
    before = kept(module.train())
    said = {
        "option": refusal(lambda: fetafix.check("a.onnx", "b.onnx", samples, metric="mse")),
        "shape": refusal(lambda: fetafix.check(module, "b.onnx", samples[:, :1])),
        "branch": refusal(lambda: fetafix.check(Branch(), "b.onnx", samples)),
        "list": refusal(lambda: fetafix.check(module, "b.onnx", list(samples))),
        "no example": refusal(lambda: fetafix.check(module, module)),
        "device": refusal(lambda: fetafix.check(nn.Linear(2, 2, device="meta"), "b.onnx", samples)),
    }
    return {"said": said, "untouched": is_as(module, before)}


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.outer = nn.Linear(4, 4), nn.Linear(4, 4)
        self.outer.weight = self.inner.weight

    def forward(self, x):
        return self.outer(self.inner(x))


def safetensors(path, state):
    header, numbers = {"__metadata__": {"format": "pt"}}, b""
    for name, tensor in state.items():
        content = tensor.numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(numbers), len(numbers) + len(content)]}
        numbers += content
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + numbers)


class Called:
    def __reduce__(self):
        return open, ("executed", "w")


def weights(folder):
    right = Tied()
    state = right.state_dict()
    torch.save(state, folder / "w.pth")
    torch.save({"state_dict": {f"module.{name}": tensor for name, tensor in state.items()}, "epoch": 3}, folder / "wrapped.pth")
    safetensors(folder / "w.safetensors", {name: tensor for name, tensor in state.items() if name != "outer.weight"})
    loaded = [fetafix.load(Tied, folder / name) for name in ("w.pth", "wrapped.pth", "w.safetensors")]
    (folder / "cut.safetensors").write_bytes((folder / "w.safetensors").read_bytes()[:-4])
    torch.save({"inner.weight": Called()}, folder / "code.pth")
    torch.save({"inner.weight": torch.ones(4, 5)}, folder / "other.pth")
    return {"same": [all(torch.equal(one.state_dict()[name], state[name]) for name in state) for one in loaded],
            "eval": [one.training for one in loaded], "executed": Path("executed").exists(),
            "said": [refusal(lambda name=name: fetafix.load(Tied, folder / name))
                     for name in ("cut.safetensors", "code.pth", "other.pth", "none.pth")]}


class Many(nn.Module):
    """Of everything that a change may be about a little."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3, padding="same")
        self.norm, self.act, self.pool = nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(3, 2)
        self.again, self.slope = nn.Conv2d(6, 6, 3, padding=1), nn.LeakyReLU(0.2)
        self.last, self.soft = nn.Linear(6, 5), nn.Softmax(1)
        self.tied = nn.Linear(6, 6)
        self.twin = nn.Linear(6, 6)
        self.twin.weight = self.tied.weight

    def forward(self, x):
        x = self.pool(self.act(self.norm(self.first(x))))
        x = self.slope(self.again(self.slope(self.again(x))))
        return self.soft(self.last(self.twin(self.tied(x.mean((2, 3))))))


def more_numbers(tensor):
    with torch.no_grad():
        tensor.add_(torch.randn_like(tensor))


def other_twin(module):
    module.twin.weight = nn.Parameter(torch.randn(6, 6))


WRONG = {
    "first.padding": lambda m: setattr(m, "first", nn.Conv2d(3, 6, 3, padding=2)),
    "norm.eps": lambda m: setattr(m.norm, "eps", 0.5),
    "running mean": lambda m: more_numbers(m.norm.running_mean),
    "act": lambda m: setattr(m, "act", nn.GELU(approximate="tanh")),
    "act of numbers": lambda m: setattr(m, "act", nn.ELU(0.5)),
    "act is none": lambda m: setattr(m, "act", nn.Identity()),
    "pool": lambda m: (setattr(m.pool, "kernel_size", 2), setattr(m.pool, "ceil_mode", True)),
    "slope of two calls": lambda m: setattr(m.slope, "negative_slope", 0.01),
    "weights of two calls": lambda m: more_numbers(m.again.weight),
    "lost bias": lambda m: setattr(m.last, "bias", None),
    "bias": lambda m: more_numbers(m.last.bias),
    "softmax": lambda m: setattr(m.soft, "dim", 0),
    "tied": lambda m: more_numbers(m.tied.weight),
    "twin": other_twin,
}


def differences(folder):
    """From each module to each other by what their programs differ in: (changes that are plain, whether that leads there)."""
    from fetafix.differences import Differences
    from fetafix.exported import Program
    from fetafix.repairs import changed_copy, state_of

    def program_of(module):
        return Program(torch.export.export(module, inputs, strict=False))

    right = statistics(Many(), 8, 3, 12, 12)
    inputs, seen = (torch.randn(4, 3, 12, 12),), {}
    program = program_of(right)
    for name, spoil in WRONG.items():
        wrong = copy.deepcopy(right)
        spoil(wrong)
        wrong.eval()
        spoiled = program_of(wrong)
        for way, given, expected, sides in (("back", wrong, right, (spoiled, program)), ("there", right, wrong, (program, spoiled))):
            found = Differences(given, *sides)
            state = state_of(given, changed_copy(given, found.changes), found.numbers)
            made, namespace = copy.deepcopy(given), {"torch": torch}
            exec("\n".join(change.code for change in found.changes), namespace | {"model": made})
            if state is not None:
                made.load_state_dict(state)
            made.eval()
            with torch.no_grad():
                same = torch.allclose(made(*inputs), expected(*inputs), atol=1e-6)
            seen[f"{name}, {way}"] = [all(change.plain for change in found.changes), bool(same),
                                      [change.code for change in found.changes]]
    return seen


def main():
    warnings.simplefilter("ignore")
    print(json.dumps({name: globals()[name](Path(sys.argv[1])) for name in sys.argv[2:]}))


if __name__ == "__main__":
    main()
