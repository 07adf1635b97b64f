"""The planter of PyTorch programs keeps its word: a planted file loads and answers something else, a broken one does not."""

import json
import os
import sys

import pytest
from conftest import MODELS, ROOT, heavy, zoo

sys.path.insert(0, str(ROOT / "tests/zoo"))
import torch_client  # noqa: E402

# Not expressible in a program: a GRU of the other kind, and quantization, which no net here has.
NOT_IN_TORCH = {22, 29}
MODEL = MODELS / "lite0.pt2"


@pytest.fixture(scope="module", autouse=True)
def one_server():
    """For all scripts that the tests run."""
    torch_client.share()
    yield
    del os.environ[torch_client.SHARED]


def listed():
    return [row[1:] for line in zoo("plant.py", "--list").splitlines() if (row := line.split("\t"))[0] == "torch"]


def test_the_table():
    rows = listed()
    patterns = {int(row[2]) for row in rows if row[2] != "-"}
    assert set(range(1, 30)) - NOT_IN_TORCH <= patterns
    assert len({row[0] for row in rows}) == len(rows)
    assert sum("recognizer: none" in row[3] for row in rows) >= 5


@pytest.mark.parametrize("fault, seed", [
    heavy("bias-lost", 2), heavy("weights-noise", 1), heavy("bn-training", 3), heavy("pad-shifted", 4), heavy("clip-dropped", 5),
    heavy("node-bypassed", 6), heavy("transpose-inserted", 7), heavy("bn-instance", 8)])
def test_a_planted_file_answers_something_else(tmp_path, fault, seed):
    output = tmp_path / "damaged.pt2"
    record = json.loads(zoo("plant.py", MODEL, output, "--fault", fault, "--seed", seed))
    assert record["format"] == "torch" and record["effect_on_noise"] != 0
    judged = json.loads(zoo("oracle.py", MODEL, output, "--noise", 2))
    assert judged["max_relative"] > 1e-5


@pytest.mark.parametrize("fault", [heavy("broken-weights-lost"), heavy("broken-type-unknown"), heavy("broken-data-short"),
                                   heavy("broken-program-cut")])
def test_a_broken_file_is_refused(tmp_path, fault):
    output = tmp_path / "damaged.pt2"
    record = json.loads(zoo("plant.py", MODEL, output, "--fault", fault))
    assert record["loads"] is False and record["refusal"]
    with pytest.raises(AssertionError):  # the oracle can't run it
        zoo("oracle.py", MODEL, output, "--noise", 1)


@pytest.mark.heavy
def test_several_faults_touch_different_operators(tmp_path):
    output = tmp_path / "damaged.pt2"
    records = json.loads(zoo("plant.py", MODEL, output, "--count", 3, "--seed", 2))
    places = [{record["index"], record.get("inserted"), *record.get("ends", [])} - {None} for record in records]
    assert all(not a & b for n, a in enumerate(places) for b in places[:n])


def test_a_renamed_file_computes_the_same(tmp_path):
    output = tmp_path / "renamed.pt2"
    zoo("rename.py", MODEL, output, "--seed", 5)
    judged = json.loads(zoo("oracle.py", MODEL, output, "--noise", 2))
    assert judged["max_abs"] == 0
