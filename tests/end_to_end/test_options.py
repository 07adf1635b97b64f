"""What the options of check, localize and repair change, and how a wrong one is refused."""

import json
import os
import signal
import subprocess
import time
import xml.etree.ElementTree

import numpy as np
import onnx
import onnxruntime
import pytest
from conftest import DATA, MODELS, PROGRAM, digest, fetafix, plant, zoo
from onnx import TensorProto, helper, numpy_helper

RIGHT, SIM, NOBIAS = MODELS / "right.onnx", MODELS / "sim.onnx", MODELS / "nobias.onnx"


def assert_usage(done, *words):
    assert done.code == 2 and done.out == "", (done.code, done.out, done.err)
    for word in words:
        assert word in done.err, done.err


def repaired(source, target, folder, *words):
    """A repair into the folder, and its result as JSON."""
    done = fetafix("repair", source, target, *DATA, "--output", folder / "fixed.onnx", "--json", folder / "r.json", *words)
    return done, json.loads((folder / "r.json").read_text()) if (folder / "r.json").exists() else None


def groups(folder):
    return json.loads((folder / "fixed.onnx.patch.json").read_text())["groups"]


# --fail-on

@pytest.mark.parametrize("target, words, code", [
    (NOBIAS, [], 1), (NOBIAS, ["different,broken"], 0), (NOBIAS, ["different", "latent"], 1),
    (SIM, [], 0), (SIM, ["identical,equivalent"], 1)])
def test_fail_on(tmp_path, target, words, code):
    options = [word for one in words for word in ("--fail-on", one)]  # may come several times, and before the files
    done = fetafix("localize", *options, RIGHT, target, *DATA, "--junit", tmp_path / "r.xml")
    assert done.code == code, done.out + done.err
    suite = xml.etree.ElementTree.parse(tmp_path / "r.xml").getroot()
    assert (int(suite.get("failures")) > 0) == (code == 1)


def test_fail_on_leaves_errors_alone(tmp_path):
    assert fetafix("check", RIGHT, tmp_path / "no.onnx", *DATA, "--fail-on", "different").code == 3


def test_fail_on_a_word_that_is_no_verdict():
    assert_usage(fetafix("check", RIGHT, SIM, *DATA, "--fail-on", "latent,wrong"), "'wrong'", "not-repaired", "latent")


# --allow, --forbid, --max-edits

@pytest.fixture(scope="module")
def two_faults(renamed, tmp_path_factory):
    """Weights damaged and a stride changed."""
    folder = tmp_path_factory.mktemp("two")
    (folder / "first").mkdir()
    target, _ = plant(renamed, folder / "first", "weights-noise", 5)
    return plant(target, folder, "conv-stride", 3)[0]


def by_class(result):
    return {fault["class"]: fault for fault in result["faults"]}


def test_without_limits_both_are_mended(two_faults, tmp_path):
    done, result = repaired(RIGHT, two_faults, tmp_path)
    assert done.code == 0 and result["verdict"] == "repaired", done.out
    assert set(by_class(result)) == {"parameters", "hyperparameters"} and len(groups(tmp_path)) == 2
    assert all(fault["left_because"] == "" for fault in result["faults"])


@pytest.mark.parametrize("option, word, mended, left, reason", [
    ("--forbid", "parameters", "hyperparameters", "parameters", "--forbid names 'parameters'"),
    ("--allow", "parameters", "parameters", "hyperparameters", "--allow does not name it")])
def test_permission_by_class(two_faults, tmp_path, option, word, mended, left, reason):
    done, result = repaired(RIGHT, two_faults, tmp_path, option, word)
    assert done.code == 1 and result["verdict"] == "improved", done.out + done.err
    faults = by_class(result)
    assert faults[mended]["fixed"] and not faults[left]["fixed"] and len(groups(tmp_path)) == 1
    assert faults[left]["left_because"] == reason and reason in " ".join(done.out.split())


@pytest.mark.heavy
def test_permission_by_name(two_faults, tmp_path):
    _, found = repaired(RIGHT, two_faults, tmp_path, "--dry-run")
    node = by_class(found)["hyperparameters"]["target_node"]
    for name in (node, node.split("'")[1]):
        done, result = repaired(RIGHT, two_faults, tmp_path, "--forbid", name)
        faults = by_class(result)
        assert done.code == 1 and faults["parameters"]["fixed"] and not faults["hyperparameters"]["fixed"]
        assert name in faults["hyperparameters"]["left_because"]


def test_nothing_may_be_mended(two_faults, tmp_path):
    done, result = repaired(RIGHT, two_faults, tmp_path, "--forbid", "parameters", "--forbid", "hyperparameters,graph")
    assert done.code == 1 and result["verdict"] == "not-repaired" and "--forbid" in result["reason"]
    assert len(result["faults"]) == 2 and [p.name for p in tmp_path.iterdir()] == ["r.json"]


def test_permission_for_what_is_not_there(tmp_path):
    done, result = repaired(RIGHT, NOBIAS, tmp_path, "--allow", "parametres")
    assert result is None
    assert_usage(done, "--allow: 'parametres'", "hyperparameters", "tensor-structure")
    assert_usage(repaired(RIGHT, NOBIAS, tmp_path, "--forbid", "/_fc/Gem")[0], "a like name", "/_fc/Gemm")


def test_max_edits(two_faults, tmp_path):
    done, result = repaired(RIGHT, two_faults, tmp_path, "--max-edits", "1")
    assert done.code == 1 and result["verdict"] == "improved" and len(groups(tmp_path)) == 1
    left = [fault for fault in result["faults"] if not fault["fixed"]]
    assert len(result["faults"]) == 2 and len(left) == 1 and "--max-edits" in left[0]["left_because"]
    assert_usage(repaired(RIGHT, two_faults, tmp_path, "--max-edits", "0")[0], "--max-edits")


# --no-images

def test_pictures_of_changed_samples(damaged, tmp_path):
    target = damaged[1].target
    for words, there in (([], True), (["--no-images"], False)):
        fetafix("check", RIGHT, target, *DATA, "--run-dir", tmp_path, *words)
        page = (tmp_path / "report.html").read_text()
        assert "Samples whose label changed" in page and ("data:image/jpeg;base64," in page) == there


# --runtime-option

@pytest.mark.parametrize("kernels", ["builtin", "reference"])
def test_runtime_option(kernels):
    done = fetafix("check", RIGHT, MODELS / "lite0_float32.tflite", *DATA, "--limit", "2", "--runtime-option", f"tflite.kernels={kernels}")
    assert done.code == 1 and "Latent" in done.out or done.code == 0, done.out + done.err


@pytest.mark.parametrize("word, said", [("tflite.kernels", "NAME=VALUE"), ("tflite.kernels=fast", "xnnpack, builtin, reference"),
                                        ("tflite.speed=high", "there is keras.version, tensorflow.kernels, tflite.kernels")])
def test_wrong_runtime_option(word, said):
    assert_usage(fetafix("check", RIGHT, SIM, *DATA, "--runtime-option", word), word.split("=")[0], said)


# --time-limit, and the best so far

@pytest.mark.heavy
def test_time_limit(damaged, tmp_path):
    target = damaged[1].target
    done, result = repaired(RIGHT, target, tmp_path, "--time-limit", "0.001")
    assert done.code == 1 and result["verdict"] == "not-repaired", done.out
    assert "time limit" in result["faults"][0]["left_because"] and "time limit" in result["warnings"][-1]
    assert "time limit" in done.out and not (tmp_path / "fixed.onnx").exists()
    done, result = repaired(RIGHT, target, tmp_path, "--time-limit", "1000")
    assert done.code == 0 and not any("time limit" in warning for warning in result["warnings"])
    assert_usage(repaired(RIGHT, target, tmp_path, "--time-limit", "-1")[0], "--time-limit")


def test_the_best_so_far_outlives_an_interruption(damaged, tmp_path):
    target, partial = damaged[1].target, tmp_path / "fixed.onnx.partial"
    process = subprocess.Popen([PROGRAM, "repair", RIGHT, target, *DATA, "--output", tmp_path / "fixed.onnx"],
                               text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    patch = partial / "fixed.onnx.patch.json"
    while process.poll() is None and not patch.exists():
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130 and str(partial) in errors, errors
    assert os.listdir(tmp_path) == ["fixed.onnx.partial"]
    assert fetafix("apply", patch, target, "--output", tmp_path / "again.onnx").code == 0
    assert digest(tmp_path / "again.onnx") == digest(partial / "fixed.onnx")
    done, _ = repaired(RIGHT, target, tmp_path)  # a whole run leaves the result alone
    assert done.code == 0 and not partial.exists() and digest(tmp_path / "fixed.onnx") == digest(tmp_path / "again.onnx")


def test_an_output_without_a_folder_is_refused_at_once(tmp_path):
    start = time.monotonic()
    done = fetafix("repair", RIGHT, NOBIAS, *DATA, "--output", tmp_path / "no/fixed.onnx")
    assert done.code == 3 and "no/fixed.onnx" in done.err and time.monotonic() - start < 2


# --map, --source-outputs, --target-outputs: a small model with two inputs and two outputs, and the same one written otherwise

def write_pair(folder):
    """(source, target): target's inputs and outputs come in the other order and have other names."""
    rng = np.random.default_rng(3)
    weights = {name: rng.standard_normal((16, 16)).astype(np.float32) for name in ("wa", "wb", "wc")}
    paths = []
    for side, order in (("s", [0, 1]), ("t", [1, 0])):
        def n(name, side=side):
            return f"{side}_{name}"
        nodes = [helper.make_node("MatMul", [n("a"), "wa"], [n("ha")]), helper.make_node("Relu", [n("ha")], [n("ra")]),
                 helper.make_node("MatMul", [n("b"), "wb"], [n("hb")]), helper.make_node("Tanh", [n("hb")], [n("rb")]),
                 helper.make_node("Add", [n("ra"), n("rb")], [n("sum")]), helper.make_node("MatMul", [n("sum"), "wc"], [n("x")]),
                 helper.make_node("Sub", [n("ra"), n("rb")], [n("y")])]
        inputs = [helper.make_tensor_value_info(n(k), TensorProto.FLOAT, [1, 16]) for k in "ab"]
        outputs = [helper.make_tensor_value_info(n(k), TensorProto.FLOAT, [1, 16]) for k in "xy"]
        graph = helper.make_graph(nodes, "g", [inputs[i] for i in order], [outputs[i] for i in order],
                                  [numpy_helper.from_array(w, name) for name, w in weights.items()])
        paths.append(folder / f"{side}.onnx")
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), paths[-1])
    np.savez(folder / "data.npz", **{f"s_{k}": rng.standard_normal((5, 16)).astype(np.float32) for k in "ab"})
    return paths


@pytest.fixture(scope="module")
def crossed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crossed")
    return (*write_pair(folder), folder / "data.npz")


MAPS = ["--map", "s_a=t_a", "--map", "s_x=t_x"]


def test_map_pairs_inputs_and_outputs(crossed, tmp_path):
    source, target, data = crossed
    assert fetafix("check", source, target, "--data", data).code == 1
    assert fetafix("check", source, target, "--data", data, *MAPS[:2]).code == 1
    done = fetafix("check", source, target, "--data", data, *MAPS, "--json", tmp_path / "r.json")
    result = json.loads((tmp_path / "r.json").read_text())
    assert done.code == 0 and result["coverage"]["exact"] == 7, done.out + done.err
    assert fetafix("check", source, target, *MAPS).code == 0  # seeded noise


def test_a_mapped_pair_is_repaired(crossed, tmp_path):
    source, target, data = crossed
    model = onnx.load(target)
    for tensor in model.graph.initializer:
        if tensor.name == "wc":
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(1.5), "wc"))
    onnx.save(model, tmp_path / "damaged.onnx")
    done = fetafix("repair", source, tmp_path / "damaged.onnx", "--data", data, *MAPS, "--output", tmp_path / "fixed.onnx")
    assert done.code == 0, done.out + done.err
    assert fetafix("check", target, tmp_path / "fixed.onnx", "--data", data).code == 0


def test_map_pairs_values(crossed, tmp_path):
    source, target, data = crossed
    words = ["localize", source, target, "--data", data, *MAPS, "--json", tmp_path / "r.json"]
    assert fetafix(*words, "--map", "s_ra=t_ra").code == 0
    done = fetafix(*words, "--map", "s_rb=t_ra")  # the user's word counts, and shows what it leads to
    faults = json.loads((tmp_path / "r.json").read_text())["faults"]
    assert done.code == 1 and any("Relu" in fault["target_node"] for fault in faults), done.out


@pytest.mark.parametrize("word, said", [("s_a", "SOURCE=TARGET"), ("s_aa=t_a", "the source has no value 's_aa'; names near it are s_a"),
                                        ("s_sum=t_summ", "near it are t_sum"), ("s_a=t_sum", "'s_a' is a model input, 't_sum' is computed")])
def test_wrong_map(crossed, word, said):
    source, target, data = crossed
    assert_usage(fetafix("check", source, target, "--data", data, "--map", word), "--map", said)


def test_mapped_twice(crossed):
    source, target, data = crossed
    assert_usage(fetafix("check", source, target, "--data", data, "--map", "s_a=t_a", "--map", "s_b=t_a"), "mapped already")


@pytest.fixture(scope="module")
def recorded(crossed):
    """What ONNX Runtime answers for both: two files."""
    source, target, data = crossed
    inputs = np.load(data)
    paths = []
    for model, side in ((source, "s"), (target, "t")):
        session = onnxruntime.InferenceSession(model)
        rows = [session.run([f"{side}_x", f"{side}_y"], {f"{side}_{k}": inputs[f"s_{k}"][i:i + 1] for k in "ab"}) for i in range(5)]
        paths.append(source.parent / f"{side}_outputs.npz")
        np.savez(paths[-1], **{f"{side}_{k}": np.concatenate([row[i] for row in rows]) for i, k in enumerate("xy")})
    return paths


def test_recorded_outputs(crossed, recorded, tmp_path):
    source, target, data = crossed
    words = ["check", source, target, "--data", data, *MAPS, "--json", tmp_path / "r.json"]
    for options in (["--source-outputs", recorded[0]], ["--target-outputs", recorded[1]],
                    ["--source-outputs", recorded[0], "--target-outputs", recorded[1]]):
        done = fetafix(*words, *options)
        assert done.code == 0, done.out + done.err
    result = json.loads((tmp_path / "r.json").read_text())
    assert result["source"]["runtime"] == f"outputs of {recorded[0]}" and result["before"]["max_relative_error"] < 1e-6


def test_recorded_outputs_that_differ_are_not_called_the_same(crossed, recorded, tmp_path):
    source, target, data = crossed
    arrays = dict(np.load(recorded[1]))
    arrays["t_y"] = arrays["t_y"] * np.float32(1.01)
    np.savez(tmp_path / "moved.npz", **arrays)
    done = fetafix("check", source, target, "--data", data, *MAPS, "--target-outputs", tmp_path / "moved.npz")
    assert done.code == 1 and "Unknown" in done.out, done.out


def test_wrong_recorded_outputs(crossed, recorded, tmp_path):
    source, target, data = crossed
    arrays = dict(np.load(recorded[0]))
    words = ["check", source, target, "--data", data, *MAPS, "--source-outputs", tmp_path / "o.npz"]
    for changed, said in (({"s_x": arrays["s_x"]}, "no array for output 's_y'; the file holds 's_x'"),
                          ({**arrays, "s_y": arrays["s_y"][:, :7]}, "expected a row of shape [1,16]"),
                          ({**arrays, "s_y": arrays["s_y"][:3]}, "expected 5 samples")):
        np.savez(tmp_path / "o.npz", **changed)
        assert_usage(fetafix(*words), "o.npz", said)
    (tmp_path / "o.npz").unlink()
    assert fetafix(*words).code == 3


# --memory

def test_memory():
    assert_usage(fetafix("check", RIGHT, SIM, *DATA, "--memory", "20"), "--memory 20: at least", "the models")
    assert_usage(fetafix("check", RIGHT, SIM, *DATA, "--memory", "120"), "values of 2 samples")
    assert fetafix("check", RIGHT, SIM, *DATA, "--memory", "2000").code == 0
    assert_usage(fetafix("check", RIGHT, SIM, *DATA, "--memory", "none"), "--memory")


# --static

def static(source, target, folder):
    done = fetafix("localize", source, target, "--static", "--json", folder / "static.json")
    return done, json.loads((folder / "static.json").read_text())


@pytest.mark.parametrize("target", ["sim.onnx", "folded.onnx", "lite0_float32.tflite"])
def test_static_explains_other_forms_of_a_model(tmp_path, target):
    done, result = static(RIGHT, MODELS / target, tmp_path)
    assert done.code == 0 and result["verdict"] == "equivalent" and result["samples"] == 0, done.out
    assert result["faults"] == [] and result["coverage"]["exact"] == result["coverage"]["target_operators"] > 50
    assert "nothing was run" in " ".join(done.out.split())


@pytest.mark.parametrize("target, fault, kind", [
    ("sim.onnx", "weights-noise", "parameters"), ("sim.onnx", "kernel-transposed", "parameters"),
    ("sim.onnx", "conv-pads-shifted", "hyperparameters"), ("sim.onnx", "edge-rewired", "graph"),
    ("lite0_float32.tflite", "bias-noise", "parameters"), ("lite0_float32.tflite", "conv-stride", "hyperparameters"),
    ("lite0_float32.tflite", "activation-extra", "graph")])
def test_static_finds_what_is_planted(tmp_path, target, fault, kind):
    damaged, record = plant(MODELS / target, tmp_path, fault, 5)
    done, result = static(RIGHT, damaged, tmp_path)
    assert done.code == 1 and result["verdict"] == "different", done.out
    assert {f["class"] for f in result["faults"]} == {kind}
    assert f"#{record['index']} " in result["faults"][0]["target_node"] + " ", (record, result["faults"])


def test_static_names_training_mode_and_a_lost_bias(tmp_path):
    _, result = static(SIM, MODELS / "training_still.onnx", tmp_path)
    assert [f["pattern"] for f in result["faults"]] == ["training-mode"] and result["verdict"] == "different"
    _, result = static(RIGHT, NOBIAS, tmp_path)
    assert [f["pattern"] for f in result["faults"]] == ["lost-bias"] and result["verdict"] == "different"


@pytest.mark.parametrize("script, words", [
    ("rewrite_channels.py", ["--permute"]), ("rewrite_channels.py", ["--equalize"]), ("decompose.py", ["bias", "gemm", "globalpool", "relu6"])])
def test_static_does_not_judge_what_only_a_run_can(tmp_path, script, words):
    zoo(script, SIM, tmp_path / "other.onnx", *words)
    done, result = static(SIM, tmp_path / "other.onnx", tmp_path)
    assert done.code == 1 and result["verdict"] == "unknown" and all(f["confidence"] <= 0.3 for f in result["faults"])


def test_static_takes_no_samples():
    assert_usage(fetafix("localize", RIGHT, SIM, "--static", *DATA), "--static", "--data")
    assert fetafix("check", RIGHT, SIM, "--static").code == 2  # for localize alone
