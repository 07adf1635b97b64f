"""A right conversion whose channels stand in another order throughout: no fault in itself, and no cover for one."""

import json

import pytest
from conftest import DATA, MODELS, Repaired, fetafix, heavy, plant, zoo

TOLERANCE = 2e-5


@pytest.fixture(scope="module")
def permuted(tmp_path_factory):
    path = tmp_path_factory.mktemp("permuted") / "permuted.onnx"
    zoo("permute_groups.py", MODELS / "sim.onnx", path, "--seed", 3)
    return path


def test_is_no_fault(permuted, tmp_path):
    done = fetafix("localize", MODELS / "right.onnx", permuted, *DATA, "--json", tmp_path / "r.json")
    result = json.loads((tmp_path / "r.json").read_text())
    assert done.code == 0 and result["verdict"] == "equivalent" and result["faults"] == []
    assert result["coverage"]["rewrite"] > 80


@pytest.mark.parametrize("fault, seed", [
    heavy("weights-noise", 1), heavy("weights-one-channel", 2), heavy("bias-noise", 3), heavy("conv-pads-lost", 1),
    ("activation-replaced", 4)])
def test_faults_in_it_are_found_and_repaired(permuted, tmp_path, fault, seed):
    target, record = plant(permuted, tmp_path, fault, seed)
    repair = Repaired(MODELS / "right.onnx", target, tmp_path)
    assert repair.run.code == 0 and repair.result["verdict"] == "repaired", (record, repair.run.out, repair.run.err)
    place = f"{record['op_type']} #{record['index']} "
    assert [fault["target_node"].startswith(place) for fault in repair.result["faults"]] == [True]
    assert repair.oracle()["max_abs"] < TOLERANCE
