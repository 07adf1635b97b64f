"""The Python package: with live modules in the environment that has PyTorch, and what needs none of it here."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from conftest import BUILD, MODELS, PHOTOS, PROGRAM, ROOT

sys.path.insert(0, str(ROOT / "python"))
import fetafix  # noqa: E402
from fetafix import program, repairs, samples  # noqa: E402

TORCH = BUILD / "torch/bin/python"


def with_torch(folder, *words, **more):
    """Runs the environment's Python in the folder; temporary files come below it, so that what is left can be seen."""
    (folder / "tmp").mkdir(exist_ok=True)
    environment = dict(os.environ, PYTHONPATH=f"{ROOT / 'python'}:{more.pop('path', '')}", FETAFIX_PROGRAM=str(PROGRAM),
                       TMPDIR=str(folder / "tmp"))
    return subprocess.run([TORCH, *map(str, words)], capture_output=True, text=True, cwd=folder, env=environment, timeout=600)


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """What package_cases.py saw, in one process: importing PyTorch is what takes long."""
    folder = tmp_path_factory.mktemp("cases")
    done = with_torch(folder, ROOT / "tests/end_to_end/package_cases.py", folder, "training", "dicts", "refused", "weights", "differences")
    assert done.returncode == 0, done.stderr
    assert not list((folder / "tmp").glob("fetafix-*"))
    return json.loads(done.stdout.splitlines()[-1])


def test_a_module_in_training_mode(cases):
    seen = cases["training"]
    assert seen["untouched"]
    assert seen["verdict"] == "different" or seen["verdict"] == "latent", seen
    assert seen["exit_code"] == 1 and not seen["ok"]
    assert seen["fault"] == ["graph", "training-mode", ["features.1"]]
    assert "features.1" in seen["text"] and f"in eval mode: {seen['in_eval']}" in seen["text"]
    assert seen["repair"] == "repaired" and seen["places"] == ["features.1", "features.0"]
    assert seen["code"] == "model.eval()\nmodel.features[0].stride = (2, 2)"
    assert seen["applies"] and not seen["numbers"] and seen["same"] and seen["eval"]


def test_dicts_a_fixed_batch_and_a_line_of_code(cases):
    seen = cases["dicts"]
    assert seen["verdict"] == "repaired" and seen["same"], seen
    assert seen["plain"] == [False] and seen["applies"] is False
    assert seen["line"] == ["package_cases.py", "x = functional.leaky_relu(x, 0.3)  # the wrong line"]
    assert seen["code"].startswith("# ") and "negative_slope 0.1 in place of 0.3" in seen["code"]
    assert len(seen["notes"]) == 2 and seen["patch"] == "torch"


def test_what_is_refused(cases):
    seen = cases["refused"]
    says = {"option": (2, "--metric"), "shape": (3, "to have 3 channels"), "branch": (3, "torch.export"),
            "list": (2, "a batch of samples is one array"), "no example": (2, "example="), "device": (2, "device meta")}
    for name, (code, text) in says.items():
        assert seen["said"][name] and seen["said"][name][0] == code and text in seen["said"][name][1], (name, seen["said"][name])
    assert seen["untouched"]


def test_weights_for_an_architecture(cases):
    seen = cases["weights"]
    assert seen["same"] == [True] * 3 and seen["eval"] == [False] * 3
    assert not seen["executed"]
    for said, text in zip(seen["said"], ("does not lie in the file", "no file of plain weights", "of another shape", "No such file")):
        assert said and said[0] == 3 and text in said[1], said


TOLD = {"act is none, back"}  # a note: the program has no operator there that a module could take the place of


def test_what_differs_is_code(cases):
    """Between programs that PyTorch exported of modules with one planted difference, in both directions."""
    seen = cases["differences"]
    assert len(seen) == 28
    for name, (plain, same, code) in seen.items():
        assert plain == same, (name, code)
        assert plain or name in TOLD, (name, code)


CLASSIFIER = """
import torch

class Classifier(torch.nn.Module):
    def __init__(self, eps=1e-5):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 12, 3, 2, 1)
        self.norm = torch.nn.BatchNorm2d(12, eps=eps)
        self.block = torch.nn.Conv2d(12, 12, 3, padding=1)
        self.head = torch.nn.Linear(12, 8)

    def forward(self, x):
        x = torch.relu(self.norm(self.stem(x)))
        return self.head((x + torch.relu(self.block(x))).mean((2, 3)))
"""
FILES = """
import numpy, torch
from classifier import Classifier
torch.manual_seed(1)
right = Classifier(eps=1e-3)
with torch.no_grad():
    for _ in range(20):
        right(torch.rand(16, 3, 32, 32))
    right.norm.running_var *= 0.05  # so small that epsilon tells
right.eval()
state = right.state_dict()
state["block.weight"] = state["block.weight"].transpose(2, 3)
torch.save(state, "ported.pth")
torch.export.save(torch.export.export(right, (torch.zeros(1, 3, 32, 32),)), "classifier.pt2")
numpy.save("samples.npy", numpy.random.default_rng(0).random((10, 3, 32, 32), numpy.float32))
"""


def test_the_example_of_the_readme(tmp_path):
    text = (ROOT / "README.md").read_text()
    example, prints = re.search(r"```python\n(.*?)```\n.*?```\n(.*?)```", text[text.index("## From Python"):], re.DOTALL).groups()
    (tmp_path / "classifier.py").write_text(CLASSIFIER)
    for name, script in (("files.py", FILES), ("example.py", example)):
        (tmp_path / name).write_text(script)
        done = with_torch(tmp_path, name, path=tmp_path)
        assert done.returncode == 0, done.stderr
    assert done.stdout == prints
    assert not list((tmp_path / "tmp").glob("fetafix-*"))


def test_the_command_that_exports(tmp_path):
    (tmp_path / "classifier.py").write_text(CLASSIFIER)
    np.savez(tmp_path / "example.npz", x=np.zeros((2, 3, 32, 32), np.float32))
    words = ["-m", "fetafix.export", "--data", "example.npz", "--output", "out.pt2", "--factory"]
    done = with_torch(tmp_path, *words, "classifier:Classifier")
    assert done.returncode == 0 and not done.stdout, done.stderr
    told = subprocess.run([PROGRAM, "inspect", tmp_path / "out.pt2"], capture_output=True, text=True)
    assert told.returncode == 0 and "input  x float32[?,3,32,32]" in told.stdout, told.stdout
    done = with_torch(tmp_path, *words, "classifier:Nothing")
    assert done.returncode == 2 and "classifier:Nothing" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.heavy
def test_efficientnet_on_photographs(tmp_path):
    script = tmp_path / "lite0.py"
    script.write_text(f"""
import copy, export_torch, fetafix, torch
model = export_torch.load().eval()
model._blocks[3]._depthwise_conv.stride = (1, 1)
model._bn1.eps = 1e-2
with torch.no_grad():
    model._fc.bias += 0.3
model._bn0.train()
given = ("{PHOTOS}",)
result = fetafix.repair("{MODELS}/right.onnx", model, *given, preprocess="efficientnet-lite")
print(result.verdict, result.applies, sorted(fault.module for fault in result.faults))
print(fetafix.check("{MODELS}/lite0_float32.tflite", result.apply(copy.deepcopy(model)), *given,
                    preprocess="efficientnet-lite").verdict)
""")
    done = with_torch(tmp_path, script, path=f"{ROOT / 'tests/zoo'}:{BUILD / 'pk'}")
    assert done.stdout.splitlines()[-2:] == [
        "repaired True ['_blocks.3._depthwise_conv', '_bn0', '_bn1', '_fc']", "equivalent"], done.stderr


# Without PyTorch

def test_options_are_words_of_the_command_line():
    given = {"fail_on": "latent", "limit": 5, "as_fed": True, "force": False, "labels": None, "map": {"a": "b"}, "allow": ["x", "y"]}
    assert program.words_of(given) == ["--fail-on", "latent", "--limit", "5", "--as-fed", "--map", "a=b", "--allow", "x", "--allow", "y"]


def test_files_need_no_torch(monkeypatch):
    monkeypatch.setenv("FETAFIX_PROGRAM", str(PROGRAM))
    result = fetafix.localize(MODELS / "right.onnx", MODELS / "nobias.onnx", PHOTOS, preprocess="efficientnet-lite", limit=3)
    assert result.verdict == "latent" and [fault.pattern for fault in result.faults] == ["lost-bias"]
    assert result.faults[0].target_at is None and result.faults[0].module is None
    with pytest.raises(fetafix.Error, match="no such file") as error:
        fetafix.check("nowhere.onnx", MODELS / "right.onnx", np.zeros((2, 3)))
    assert error.value.code == 3
    assert "torch" not in sys.modules


def test_a_missing_program_is_named(monkeypatch):
    monkeypatch.setenv("FETAFIX_PROGRAM", "/nowhere/fetafix")
    with pytest.raises(fetafix.Error, match="FETAFIX_PROGRAM names '/nowhere/fetafix'"):
        fetafix.check("a.onnx", "b.onnx")


@pytest.mark.parametrize("lag", [0, 0.5])  # seconds until the program that has started is known here
def test_an_interrupt_ends_the_program(monkeypatch, tmp_path, lag):
    start = subprocess.Popen

    def started(*words, **options):
        child = start(*words, **options)
        time.sleep(lag)
        return child

    monkeypatch.setattr(subprocess, "Popen", started)
    slow = tmp_path / "slow"
    slow.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("FETAFIX_PROGRAM", str(slow))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)

    def interrupt():
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # processes that run tests for others ignore it
    try:
        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            fetafix.check("a.onnx", "b.onnx", np.zeros((2, 3)))
    finally:
        signal.signal(signal.SIGINT, before)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pid", "slow"]


@pytest.mark.parametrize("data, says", [([np.zeros((2, 3)), np.zeros((3, 3))], "the same number in all"), ({}, "no array"),
                                        (["a", "b"], "no array of numbers"), (np.zeros(()), "first dimension"),
                                        ("nowhere.npz", "nowhere.npz")])
def test_bad_data_are_refused(data, says):
    with pytest.raises(fetafix.Error, match=says):
        samples.Samples(data)


def test_the_version_is_the_program_s():
    version = re.search(r"project\(fetafix VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]
    assert fetafix.__version__ == version and f'version = "{version}"' in (ROOT / "python/pyproject.toml").read_text()


def test_changes_read_as_code():
    change = repairs.Change
    assert change("attribute", "features.0", "stride", (2, 2), where="model.features[0]").code == "model.features[0].stride = (2, 2)"
    assert change("module", "act", "LeakyReLU", {"negative_slope": 0.1}, where="model.act").code == (
        "model.act = torch.nn.LeakyReLU(negative_slope=0.1)")
    assert change("module", "blocks.a-b", "Identity", {}, where="getattr(model.blocks, 'a-b')").code == (
        "setattr(model.blocks, 'a-b', torch.nn.Identity())")
    assert change("parameter", "head", "bias", (10,), where="model.head").code == "model.head.bias = torch.nn.Parameter(torch.empty(10))"
    assert change("note", value="two\nlines").code == "# model: two lines"
