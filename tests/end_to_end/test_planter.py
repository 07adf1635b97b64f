"""The planter keeps its word: what its records say is so, and files that must not run do not."""

import json

import pytest
from conftest import MODELS, zoo

IN_A_FILE = set(range(1, 30))  # of the recurrent patterns; the last one is about preprocessing
# Not expressible in TFLite, or in no operator that it has.
NOT_IN_TFLITE = {15, 16, 22, 24}


def listed():
    rows = [line.split("\t") for line in zoo("plant.py", "--list").splitlines()]
    return {side: [row[1:] for row in rows if row[0] == side] for side in ("onnx", "tflite")}


def test_every_pattern_is_planted():
    patterns = {side: {int(row[2]) for row in rows if row[2] != "-"} for side, rows in listed().items()}
    assert IN_A_FILE <= patterns["onnx"]
    assert IN_A_FILE - NOT_IN_TFLITE <= patterns["tflite"]


def test_names_are_unique_and_five_kinds_have_no_recognizer():
    for rows in listed().values():
        assert len({row[0] for row in rows}) == len(rows)
        assert sum("recognizer: none" in row[3] for row in rows) >= 5


@pytest.mark.parametrize("model", ["sim.onnx", "lite0_float32.tflite"])
def test_several_faults_touch_different_operators(tmp_path, model):
    output = tmp_path / model
    records = json.loads(zoo("plant.py", MODELS / model, output, "--count", 4, "--seed", 2))
    assert len({record["fault"] for record in records}) == 4
    places = [{record["index"], record.get("inserted"), *record.get("ends", [])} - {None} for record in records]
    assert all(not a & b for n, a in enumerate(places) for b in places[:n])
    judged = json.loads(zoo("oracle.py", MODELS / model, output, "--noise", 2))
    assert judged["max_relative"] > 1e-3


def test_near_faults_are_near(tmp_path):
    records = json.loads(zoo("plant.py", MODELS / "lite0_float32.tflite", tmp_path / "near.tflite", "--count", 2, "--near", "--seed", 3))
    first, second = (record["index"] if record["index"] is not None else record["ends"][0] for record in records)
    assert 0 < abs(first - second) <= 12


@pytest.mark.parametrize("model, fault", [("sim.onnx", "broken-cycle"), ("lite0_float32.tflite", "broken-version")])
def test_a_broken_file_is_refused(tmp_path, model, fault):
    output = tmp_path / model
    record = json.loads(zoo("plant.py", MODELS / model, output, "--fault", fault))
    assert record["loads"] is False and record["refusal"]
    with pytest.raises(AssertionError):  # the oracle can't run it
        zoo("oracle.py", MODELS / model, output, "--noise", 1)
