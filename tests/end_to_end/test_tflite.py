"""TFLite as source and as target, alone and against ONNX."""

import json

import pytest
from conftest import DATA, MODELS, PHOTOS, Repaired, fetafix, heavy, plant, zoo

ONNX, LITE = MODELS / "right.onnx", MODELS / "lite0_float32.tflite"
HALF = MODELS / "lite0_float16.tflite"
TOLERANCE = 5e-5


@pytest.mark.parametrize("source, target", [(ONNX, LITE), (LITE, ONNX), (LITE, LITE)])
def test_clean_pairs(source, target, tmp_path):
    done = fetafix("check", source, target, *DATA, "--json", tmp_path / "r.json")
    result = json.loads((tmp_path / "r.json").read_text())
    assert done.code == 0 and result["verdict"] in ("identical", "equivalent"), done.out + done.err
    assert result["faults"] == [] and result["coverage"]["unaligned"] == result["coverage"]["opaque"] == 0


@pytest.mark.parametrize("source", [ONNX, LITE])
def test_float16_is_no_fault(source, tmp_path):
    done = fetafix("localize", source, HALF, *DATA, "--json", tmp_path / "r.json")
    result = json.loads((tmp_path / "r.json").read_text())
    assert done.code == 0 and result["verdict"] == "quantized", done.out + done.err
    assert result["faults"] == [] and result["coverage"]["exact"] == result["coverage"]["target_operators"]


@pytest.mark.parametrize("fault", [heavy("weights-scale-small"), "bias-noise"])
def test_damage_in_float16(fault, tmp_path):
    target, record = plant(HALF, tmp_path, fault, 3)
    repair = Repaired(ONNX, target, tmp_path)
    assert repair.run.code == 0 and repair.result["verdict"] == "repaired", repair.run.out + repair.run.err
    assert f" #{record['index']} " in repair.result["faults"][0]["target_node"] + " "
    # What is written is the source's number rounded once: nearer to the undamaged file than that is to the source.
    back = json.loads(zoo("oracle.py", HALF, repair.output, "--photos", PHOTOS))
    assert back["max_abs"] < 0.5 * json.loads(zoo("oracle.py", ONNX, HALF, "--photos", PHOTOS))["max_abs"]


@pytest.mark.parametrize("fault, seed", [("conv-pads-symmetric", 4), heavy("node-bypassed", 1), ("transpose-inserted", 4)])
def test_structure(fault, seed, tmp_path):
    target, _ = plant(LITE, tmp_path, fault, seed)
    repair = Repaired(MODELS / "sim.onnx", target, tmp_path)
    assert repair.run.code == 0 and repair.result["verdict"] == "repaired", repair.run.out + repair.run.err
    assert len(repair.result["faults"]) == 1 and repair.oracle()["max_abs"] < TOLERANCE


def test_inspect():
    done = fetafix("inspect", LITE)
    assert done.code == 0 and "49 x Conv" in done.out and "every operator lifts" in done.out


@pytest.mark.parametrize("source", [ONNX, LITE])
def test_damaged_weights_in_a_renamed_target(source, tmp_path):
    renamed = tmp_path / "renamed.tflite"
    zoo("rename.py", LITE, renamed, "--seed", 3)
    target, record = plant(renamed, tmp_path, "weights-noise", 5)
    repair = Repaired(source, target, tmp_path)
    assert repair.run.code == 0 and repair.result["verdict"] == "repaired", repair.run.out + repair.run.err
    assert f" #{record['index']} " in repair.result["faults"][0]["target_node"] + " "
    difference = repair.surgical()
    assert len(difference["tensors_changed"]) == 1
    assert [difference[key] for key in ("removed", "added", "changed", "tensors_removed", "tensors_added")] == [[]] * 5
    assert repair.oracle()["max_abs"] < TOLERANCE and repair.inputs_untouched


def test_lost_bias_from_the_file_that_it_was_made_of(tmp_path):
    repair = Repaired(LITE, MODELS / "nobias.onnx", tmp_path)
    assert repair.run.code == 0 and repair.result["verdict"] == "repaired", repair.run.out + repair.run.err
    assert repair.oracle()["max_abs"] < TOLERANCE


def test_replay(tmp_path):
    target, _ = plant(LITE, tmp_path, "bias-noise", 2)
    repair = Repaired(LITE, target, tmp_path)
    assert repair.run.code == 0, repair.run.out + repair.run.err
    done = fetafix("apply", repair.result["patch"], target, "--output", tmp_path / "again.tflite")
    assert done.code == 0 and (tmp_path / "again.tflite").read_bytes() == repair.output.read_bytes()


def test_truncated(tmp_path):
    whole = LITE.read_bytes()
    for size in (4, 8, 100, len(whole) // 2):
        (tmp_path / "cut.tflite").write_bytes(whole[:size])
        assert fetafix("inspect", tmp_path / "cut.tflite").code == 3, size
