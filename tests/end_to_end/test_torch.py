"""PyTorch programs (.pt2) as targets: repaired, taken back and forth by a patch, and held against torch."""

import json
import zipfile

import pytest
from conftest import DATA, MODELS, fetafix, heavy, plant, zoo

SOURCE, RIGHT = MODELS / "right.onnx", MODELS / "lite0.pt2"


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def program(path):
    content = members(path)
    return json.loads(next(text for name, text in content.items() if "/models/" in name))


class Repair:
    """Of a file in which a script negated the largest weight."""

    def __init__(self, folder):
        self.target, self.output, self.patch = folder / "damaged.pt2", folder / "fixed.pt2", folder / "patch.json"
        content = members(RIGHT)
        weights = [name for name in content if "/data/weights/weight_" in name]
        self.damaged = max(weights, key=lambda name: len(content[name]))
        numbers = bytearray(content[self.damaged])
        numbers[3::4] = bytes(byte ^ 0x80 for byte in numbers[3::4])  # the sign of every float
        with zipfile.ZipFile(self.target, "w", zipfile.ZIP_STORED) as archive:
            for name, data in content.items():
                archive.writestr(name, bytes(numbers) if name == self.damaged else data)
        self.before = self.target.read_bytes(), SOURCE.read_bytes()
        self.done = fetafix("repair", SOURCE, self.target, *DATA, "--output", self.output, "--patch", self.patch,
                            "--json", folder / "r.json")
        self.result = json.loads((folder / "r.json").read_text())


@pytest.fixture(scope="module")
def repair(tmp_path_factory):
    return Repair(tmp_path_factory.mktemp("torch"))


def test_a_damaged_weight_is_repaired(repair):
    assert repair.done.code == 0 and repair.result["verdict"] == "repaired", repair.done.out
    assert [fault["class"] for fault in repair.result["faults"]] == ["parameters"]
    assert (repair.target.read_bytes(), SOURCE.read_bytes()) == repair.before


def test_only_that_weight_changed(repair):
    before, after = members(repair.target), members(repair.output)
    assert list(before) == list(after)
    assert [name for name in before if before[name] != after[name]] == [repair.damaged]


def test_torch_loads_it_and_it_agrees(repair):
    seen = json.loads(zoo("oracle.py", SOURCE, repair.output, "--photos", DATA[1], "--preprocess", "lite0"))
    assert seen["label_differences"] == 0 and seen["max_relative"] < 1e-4, seen


def test_the_place_is_named_by_its_module(repair):
    assert "'_fc/linear'" in repair.result["faults"][0]["target_node"]


def test_the_patch_leads_there_and_back(repair, tmp_path):
    there, back = tmp_path / "there.pt2", tmp_path / "back.pt2"
    done = fetafix("apply", repair.patch, repair.target, "--output", there)
    assert done.code == 0 and there.read_bytes() == repair.output.read_bytes(), done.err
    done = fetafix("apply", repair.patch, there, "--reverse", "--output", back)
    assert done.code == 0 and back.read_bytes() == repair.target.read_bytes(), done.err


@pytest.mark.parametrize("fault", ["conv-stride", heavy("clip-dropped"), heavy("bn-epsilon")])
def test_a_fault_of_the_program_is_repaired(fault, tmp_path):
    damaged, planted = plant(RIGHT, tmp_path, fault, "3")
    output, result = tmp_path / "fixed.pt2", tmp_path / "r.json"
    done = fetafix("repair", SOURCE, damaged, *DATA, "--output", output, "--json", result)
    assert done.code == 0 and json.loads(result.read_text())["verdict"] == "repaired", (planted, done.out)
    seen = json.loads(zoo("oracle.py", SOURCE, output, "--photos", DATA[1], "--preprocess", "lite0"))
    assert seen["label_differences"] == 0 and seen["max_relative"] < 1e-4, (planted, seen)


@pytest.mark.parametrize("source, target", [("right.onnx", "lite0.pt2"), heavy("lite0.pt2", "lite0_float32.tflite"),
                                            heavy("lite0.pt2", "lite0_saved_model"), heavy("resnet.pt2", "resnet_core.pt2"),
                                            heavy("rnn.onnx", "rnn.pt2")])
def test_right_conversions_are_left_alone(source, target, tmp_path):
    result = tmp_path / "r.json"
    done = fetafix("localize", MODELS / source, MODELS / target, *DATA[:2], "--json", result)
    seen = json.loads(result.read_text())
    assert done.code == 0 and seen["verdict"] in ("identical", "equivalent") and not seen["faults"], done.out


def test_other_archives_of_torch_are_named(tmp_path):
    for name, member, says in [("script.pt", "net/constants.pkl", ["a TorchScript archive without 'data.pkl'"]),
                               ("weights.pth", "net/data.pkl", ["weights alone", "torch.export.save"])]:
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(member, b"")
        done = fetafix("inspect", tmp_path / name)
        assert done.code == 3 and all(words in done.err for words in says), done.err
