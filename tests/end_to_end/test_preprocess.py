"""Samples that reach the target otherwise than they should: named, and put right outside of the model or inside."""

import json

import numpy
import onnx
import pytest
from conftest import MODELS, PHOTOS, digest, fetafix, heavy, zoo
from onnx import helper, numpy_helper

RIGHT = "efficientnet-lite"
SOURCE, TFLITE, ONNX = MODELS / "right.onnx", MODELS / "lite0_float32.tflite", MODELS / "sim.onnx"
WRONG = "crop=0.875,resize=224:bicubic,scale=1,mean=127,std=128,"  # what replaces a part follows


def run(command, source, target, folder, *words):
    done = fetafix(command, source, target, "--data", PHOTOS, "--json", folder / "r.json", *words)
    return done, json.loads((folder / "r.json").read_text())


def feed(source=RIGHT, target=RIGHT):
    return ["--source-preprocess", source, "--target-preprocess", target]


def patterns(result):
    return sorted(fault["pattern"] for fault in result["faults"])


@pytest.mark.parametrize("wrong, mistakes", [
    (WRONG + "axes=WH", ["axes-swapped"]),
    (WRONG + "order=NCHW", ["reshaped-input"]),
    (WRONG.replace("bicubic", "cv-nearest"), ["resize-filter"]),
    ("resize=input:bicubic,scale=1/255,channels=BGR", ["channel-order", "crop", "value-range"]),
])
def test_localize_names_what_the_target_is_fed_wrongly(wrong, mistakes, tmp_path):
    done, result = run("localize", SOURCE, TFLITE, tmp_path, *feed(target=wrong.rstrip(",")))
    assert done.code == 1 and result["verdict"] in ("different", "latent")
    assert patterns(result) == mistakes
    assert {fault["class"] for fault in result["faults"]} == {"preprocessing"}
    assert result["preprocess"]["target_proposed"] == RIGHT and result["preprocess"]["source_proposed"] is None
    assert "Fed differently" in done.out and "--target-preprocess efficientnet-lite" in " ".join(done.out.split())


def test_a_source_that_is_fed_wrongly_answers_less_certainly(tmp_path):
    _, result = run("localize", SOURCE, TFLITE, tmp_path, *feed(source="raw,crop=0.875,resize=224:bicubic"))
    assert patterns(result) == ["value-range"]
    assert result["preprocess"]["source_proposed"] == RIGHT and result["preprocess"]["target_proposed"] is None


def test_a_reshape_on_the_source_side_is_found_in_another_layout(tmp_path):
    _, result = run("localize", SOURCE, TFLITE, tmp_path, *feed(source=WRONG + "order=NHWC"))
    assert patterns(result) == ["reshaped-input"] and result["preprocess"]["source_proposed"] == RIGHT


def test_nothing_is_proposed_where_the_input_is_right(tmp_path):
    for target in (TFLITE, MODELS / "nobias.onnx"):
        _, result = run("localize", SOURCE, target, tmp_path, "--preprocess", RIGHT)
        assert result["preprocess"]["source_proposed"] is result["preprocess"]["target_proposed"] is None
        assert "preprocessing" not in {fault["class"] for fault in result["faults"]}


def test_repair_proposes_and_copies(tmp_path):
    done, result = run("repair", SOURCE, TFLITE, tmp_path, *feed(target="unit"), "--output", tmp_path / "o.tflite")
    assert done.code == 0 and result["verdict"] == "repaired", done.out
    assert digest(tmp_path / "o.tflite") == digest(TFLITE)
    assert result["preprocess"]["target_proposed"] == RIGHT
    assert result["before"]["label_differences"] > 0 and result["after"]["label_differences"] == 0


@pytest.mark.parametrize("target, wrong", [
    (TFLITE, "scale=1/255,mean=0.485:0.456:0.406,std=0.229:0.224:0.225"), heavy(TFLITE, "order=NCHW,channels=BGR,scale=1/255,mean=0,std=1"),
    heavy(ONNX, "order=NHWC,axes=WH")])
def test_what_is_wrong_is_built_into_the_model(target, wrong, tmp_path):
    output = tmp_path / f"o{target.suffix}"
    given = feed(target=f"{RIGHT},{wrong}")
    done, result = run("repair", SOURCE, target, tmp_path, *given, "--output", output, "--build-in")
    assert done.code == 0 and result["verdict"] == "repaired", done.out
    assert result["preprocess"]["target_proposed"] is None and {f["edits"] for f in result["faults"]} == {1}
    done, result = run("check", SOURCE, output, tmp_path, *given)
    assert done.code == 0 and result["verdict"] in ("equivalent", "identical"), done.out


def test_pictures_that_are_cut_otherwise_are_not_built_in(tmp_path):
    done, result = run("repair", SOURCE, TFLITE, tmp_path, *feed(target="resize=input,scale=1,mean=127,std=128"),
                       "--output", tmp_path / "o.tflite", "--build-in")
    assert done.code == 0 and "can't be put right inside the model" in " ".join(result["warnings"])
    assert result["preprocess"]["target_proposed"] == RIGHT


def test_a_fault_in_the_file_and_a_wrong_input(tmp_path):
    done, result = run("repair", SOURCE, MODELS / "nobias.onnx", tmp_path, *feed(target=WRONG + "channels=BGR"),
                       "--output", tmp_path / "o.onnx")
    assert done.code == 0 and result["verdict"] == "repaired", done.out
    assert patterns(result) == ["channel-order", "lost-bias"] and all(fault["fixed"] for fault in result["faults"])


def test_a_target_that_normalizes_by_itself(tmp_path):
    model = onnx.load(ONNX)
    name = model.graph.input[0].name
    for node in model.graph.node:
        node.input[:] = ["ready" if one == name else one for one in node.input]
    constants = {"shift": 127, "size": 128}
    model.graph.initializer.extend(numpy_helper.from_array(numpy.float32(v), k) for k, v in constants.items())
    model.graph.node.insert(0, helper.make_node("Div", ["centered", "size"], ["ready"]))
    model.graph.node.insert(0, helper.make_node("Sub", [name, "shift"], ["centered"]))
    onnx.save(model, tmp_path / "own.onnx")
    _, result = run("localize", SOURCE, tmp_path / "own.onnx", tmp_path, "--preprocess", RIGHT)
    assert patterns(result) == ["value-range"]
    proposed = result["preprocess"]["target_proposed"]
    done, result = run("check", SOURCE, tmp_path / "own.onnx", tmp_path, *feed(target=proposed))
    assert done.code == 0 and not result["warnings"], done.out


@pytest.mark.parametrize("target, mistakes, named", [
    (TFLITE, "", []), (ONNX, "bgr", ["channel-order"]), heavy(TFLITE, "caffe", ["channel-order", "mean-std"]),
    heavy(TFLITE, "reshape", ["reshaped-input"]), (ONNX, "axes,nearest", ["axes-swapped", "resize-filter"]),
    (TFLITE, "bgr,unit,nocrop", ["channel-order", "crop", "value-range"])])
def test_recorded_outputs_tell_what_the_app_does(target, mistakes, named, tmp_path):
    zoo("record_app.py", target, tmp_path / "app.npy", "--photos", PHOTOS, "--mistakes", mistakes)
    done, result = run("localize", SOURCE, target, tmp_path, "--preprocess", RIGHT, "--target-outputs", tmp_path / "app.npy")
    assert patterns(result) == named and done.code == bool(named)
    assert result["preprocess"]["target_proposed"] == (RIGHT if named else None)


@pytest.mark.parametrize("mean, std, values", [
    ([127], [128], "mean=127,std=128"), ([10, 20, 30], [50, 60, 70], "mean=10:20:30,std=50:60:70")])
def test_values_come_from_the_metadata_of_a_tflite_file(mean, std, values, tmp_path):
    zoo("state_input.py", TFLITE, tmp_path / "stated.tflite", "--mean", *mean, "--std", *std)
    done, result = run("check", SOURCE, tmp_path / "stated.tflite", tmp_path, "--source-preprocess", RIGHT,
                       "--target-preprocess", "crop=0.875,resize=224:bicubic")
    assert f"scale=1,{values}" in result["preprocess"]["target"]
    assert any("metadata" in note for note in result["notes"])
    assert (done.code == 0) == (mean == [127]), done.out
