"""ONNX to ONNX: what is the same is called the same, what is broken is found and repaired, and nothing else is touched."""

import json

import onnx
import pytest
from conftest import DATA, MODELS, Repaired, digest, fetafix, heavy, plant

TOLERANCE = 2e-5  # largest logit difference between right files, in two runtimes' roundings


def first_place(record):
    return f"{record['op_type']} #{record['index']} "


def test_clean_pair_is_the_same(tmp_path):
    done = fetafix("check", MODELS / "right.onnx", MODELS / "sim.onnx", *DATA, "--json", tmp_path / "r.json")
    result = json.loads((tmp_path / "r.json").read_text())
    assert done.code == 0 and result["verdict"] in ("identical", "equivalent")
    assert result["faults"] == [] and result["coverage"]["exact"] == result["coverage"]["target_operators"] > 50


def test_random_names_on_both_sides(renamed, tmp_path):
    done = fetafix("check", renamed, MODELS / "right.onnx", *DATA, "--json", tmp_path / "r.json")
    assert done.code == 0
    assert json.loads((tmp_path / "r.json").read_text())["verdict"] in ("identical", "equivalent")


def test_damaged_weights_are_found_first(damaged):
    record, repair = damaged
    assert repair.run.code == 0, repair.run.err
    assert repair.result["verdict"] == "repaired" and repair.result["before"]["label_differences"] > 0
    faults = repair.result["faults"]
    assert len(faults) == 1 and faults[0]["fixed"] and faults[0]["class"] == "parameters"
    assert (faults[0]["target_node"] + " ").startswith(first_place(record))


def test_damaged_weights_repair_is_surgical(damaged):
    _, repair = damaged
    difference = repair.surgical()
    assert len(difference["tensors_changed"]) == 1
    for rest in ("removed", "added", "changed", "tensors_removed", "tensors_added", "elsewhere"):
        assert difference[rest] == [], rest
    assert repair.inputs_untouched


def test_damaged_weights_repair_holds_for_the_oracle(damaged):
    judged = damaged[1].oracle()
    assert judged["label_differences"] == 0 and judged["max_abs"] < TOLERANCE


def test_damage_in_a_source_with_random_names(renamed, tmp_path):
    target, record = plant(MODELS / "sim.onnx", tmp_path, "weights-permuted", 11)
    repair = Repaired(renamed, target, tmp_path)
    assert repair.run.code == 0 and repair.result["verdict"] == "repaired", repair.run.out + repair.run.err
    assert (repair.result["faults"][0]["target_node"] + " ").startswith(first_place(record))
    assert repair.oracle()["max_abs"] < TOLERANCE


@pytest.mark.parametrize("fault, seed", [
    heavy("conv-pads-symmetric", 3), heavy("bias-noise", 3), heavy("clip-dropped", 3), heavy("weights-one-channel", 3),
    ("activation-replaced", 4),  # shows on few samples
    heavy("conv-pads-repadded", 4), ("transpose-inserted", 4), heavy("node-bypassed", 6), heavy("kernel-transposed", 5)])
def test_other_planted_faults(renamed, tmp_path, fault, seed):
    target, record = plant(renamed, tmp_path, fault, seed)
    repair = Repaired(MODELS / "right.onnx", target, tmp_path)
    assert repair.run.code == 0 and repair.result["verdict"] == "repaired", (record, repair.run.out, repair.run.err)
    assert len(repair.result["faults"]) == 1
    assert repair.oracle()["max_abs"] < TOLERANCE


def test_several_faults_at_once(renamed, tmp_path):
    target = renamed
    for fault, seed in [("weights-noise", 5), ("conv-stride", 3), ("bias-zero", 6), ("activation-replaced", 4)]:
        (tmp_path / fault).mkdir()
        target, _ = plant(target, tmp_path / fault, fault, seed)
    repair = Repaired(MODELS / "right.onnx", target, tmp_path)
    assert repair.run.code == 0 and repair.result["verdict"] == "repaired", (repair.run.out, repair.run.err)
    assert len(repair.result["faults"]) == 4 and all(fault["fixed"] for fault in repair.result["faults"])
    assert repair.oracle()["max_abs"] < TOLERANCE


def test_lost_bias_is_latent(tmp_path):
    done = fetafix("localize", MODELS / "right.onnx", MODELS / "nobias.onnx", *DATA, "--json", tmp_path / "r.json")
    result = json.loads((tmp_path / "r.json").read_text())
    assert done.code == 1 and result["verdict"] == "latent"
    assert result["before"]["label_differences"] == 0 and result["before"]["max_absolute_error"] > 0.1
    assert len(result["faults"]) == 1 and result["faults"][0]["target_node"].startswith("MatMul ")


def test_lost_bias_is_repaired(nobias):
    assert nobias.run.code == 0 and nobias.result["verdict"] == "repaired"
    assert [f["pattern"] for f in nobias.result["faults"]] == ["lost-bias"]
    judged = nobias.oracle()
    assert judged["label_differences"] == 0 and judged["max_abs"] < TOLERANCE
    difference = nobias.surgical()
    # The MatMul gives its output name, which is the graph's, to the Add: it shows as removed and added.
    added, removed = ([o["type"] for o in difference[key]] for key in ("added", "removed"))
    assert sorted(added) == sorted([*removed, "Add"]) and set(removed) <= {"MatMul"}
    assert difference["tensors_changed"] == [] and len(difference["tensors_added"]) == 1


def test_training_mode_is_repaired(training):
    assert training.run.code == 0 and training.result["verdict"] == "repaired"
    assert training.result["before"]["label_differences"] == training.result["samples"]
    assert [f["pattern"] for f in training.result["faults"]] == ["training-mode"]  # 49 places, one cause
    judged = training.oracle()
    assert judged["label_differences"] == 0 and judged["max_abs"] < TOLERANCE


@pytest.mark.heavy
def test_random_dropout_too(tmp_path):
    repair = Repaired(MODELS / "right.onnx", MODELS / "training.onnx", tmp_path)
    assert repair.run.code == 0 and repair.result["verdict"] == "repaired", repair.run.out + repair.run.err
    judged = repair.oracle()
    assert judged["label_differences"] == 0 and judged["max_abs"] < TOLERANCE


def test_held_back_samples_are_said(nobias):
    assert nobias.result["held_back"] == nobias.result["held_back_after"]["samples"] > 0
    assert nobias.result["held_back_after"]["label_differences"] == 0
    sets = [s["set"] for s in nobias.result["sample_list"]]
    assert len(sets) == nobias.result["samples"] and set(sets) == {"diagnose", "select", "verdict"}


def test_repairing_what_is_the_same_copies_it(tmp_path):
    repair = Repaired(MODELS / "right.onnx", MODELS / "sim.onnx", tmp_path)
    assert repair.run.code == 0
    assert digest(repair.output) == digest(repair.target)
    assert json.loads((tmp_path / "fixed.onnx.patch.json").read_text())["groups"] == []


def test_dry_run_writes_nothing(tmp_path):
    done = fetafix("repair", MODELS / "right.onnx", MODELS / "nobias.onnx", *DATA, "--dry-run", "--output", tmp_path / "not.onnx")
    assert done.code == 0 and list(tmp_path.iterdir()) == []


@pytest.mark.heavy
def test_two_runs_agree(damaged, tmp_path):
    _, first = damaged
    second = Repaired(first.source, first.target, tmp_path, "--threads", "1")
    third = Repaired(first.source, first.target, first.folder)
    assert first.output.read_bytes() == second.output.read_bytes()

    def stable(result):
        return {k: v for k, v in result.items() if k not in ("seconds",)}

    assert stable(first.result) == stable(third.result)


def test_no_line_is_wider_than_80_columns(damaged, nobias, training):
    for repair in (damaged[1], nobias, training):
        wide = [line for line in repair.run.out.splitlines() if len(line) > 80]
        assert wide == []


def test_run_folder(nobias):
    page = (nobias.folder / "run/report.html").read_text()
    assert "<html" in page and "http://" not in page.replace("http://www.w3.org", "") and "https://" not in page


@pytest.mark.parametrize("places, verdict", [heavy(2, "repaired"), (None, "unknown")])
def test_a_patch_that_replaces_a_fifth_of_the_operators_is_no_repair(places, verdict, tmp_path):
    """Every Clip (a third of the operators) is another function: they could all be put back, and that is a conversion."""
    model = onnx.load(MODELS / "sim.onnx")
    for node in [n for n in model.graph.node if n.op_type == "Clip"][:places]:
        node.op_type = "Tanh"
        del node.input[1:]
    onnx.save(model, tmp_path / "other.onnx")
    done = fetafix("repair", MODELS / "sim.onnx", tmp_path / "other.onnx", *DATA, "--output", tmp_path / "fixed.onnx",
                   "--json", tmp_path / "r.json")
    result = json.loads((tmp_path / "r.json").read_text())
    assert result["verdict"] == verdict, done.out
    assert done.code == (verdict != "repaired") and (tmp_path / "fixed.onnx").exists() == (verdict == "repaired")
    assert verdict == "repaired" or "not the same model" in result["reason"]
