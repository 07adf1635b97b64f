"""SavedModel folders as targets: repaired, taken back and forth by a patch, and held against TensorFlow."""

import json
import os
import re
import shutil

import pytest
from conftest import DATA, MODELS, ROOT, fetafix, zoo

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

SOURCE, RIGHT = MODELS / "lite0_float32.tflite", MODELS / "lite0_saved_model"


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def graph_of(folder):
    from tensorflow.core.protobuf import saved_model_pb2
    return saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())


def nodes_of(model):
    """All nodes by list and name, as bytes."""
    graph = model.meta_graphs[0].graph_def
    lists = [("", graph.node), *((function.signature.name, function.node_def) for function in graph.library.function)]
    return {(name, node.name): node.SerializeToString(deterministic=True) for name, nodes in lists for node in nodes}


class Repair:
    def __init__(self, folder):
        self.target, self.output, self.patch = folder / "damaged_saved_model", folder / "fixed_saved_model", folder / "patch.json"
        shutil.copytree(RIGHT, self.target)
        model = graph_of(self.target)
        weights = [node for node in model.meta_graphs[0].graph_def.node if node.op == "Const"]
        self.damaged = max(weights, key=lambda node: len(node.attr["value"].tensor.tensor_content))
        self.name = self.damaged.name
        content = bytearray(self.damaged.attr["value"].tensor.tensor_content)
        content[3::4] = bytes(byte ^ 0x80 for byte in content[3::4])  # the sign of every float
        self.damaged.attr["value"].tensor.tensor_content = bytes(content)
        (self.target / "saved_model.pb").write_bytes(model.SerializeToString(deterministic=True))
        self.before = contents(self.target), SOURCE.read_bytes()
        self.done = fetafix("repair", SOURCE, self.target, *DATA, "--output", self.output, "--patch", self.patch,
                            "--json", folder / "r.json")
        self.result = json.loads((folder / "r.json").read_text())


@pytest.fixture(scope="module")
def repair(tmp_path_factory):
    return Repair(tmp_path_factory.mktemp("tensorflow"))


def test_a_damaged_constant_is_repaired(repair):
    assert repair.done.code == 0 and repair.result["verdict"] == "repaired", repair.done.out
    assert [fault["class"] for fault in repair.result["faults"]] == ["parameters"]
    assert (contents(repair.target), SOURCE.read_bytes()) == repair.before


def test_only_that_constant_changed(repair):
    before, after = nodes_of(graph_of(repair.target)), nodes_of(graph_of(repair.output))
    assert {key for key in before | after if before.get(key) != after.get(key)} == {("", repair.name)}
    rest, other = contents(repair.target), contents(repair.output)
    assert rest.pop("saved_model.pb") != other.pop("saved_model.pb")
    assert rest == other and "fingerprint.pb" in rest


def test_tensorflow_loads_it_and_it_agrees(repair):
    from tensorflow import saved_model
    assert list(saved_model.load(str(repair.output)).signatures) == ["serving_default"]
    seen = json.loads(zoo("oracle.py", SOURCE, repair.output, "--photos", DATA[1], "--preprocess", "lite0"))
    assert seen["label_differences"] == 0 and seen["max_relative"] < 1e-4, seen


def test_the_patch_leads_there_and_back(repair, tmp_path):
    there, back = tmp_path / "there", tmp_path / "back"
    done = fetafix("apply", repair.patch, repair.target, "--output", there)
    assert done.code == 0 and contents(there) == contents(repair.output), done.err
    done = fetafix("apply", repair.patch, there, "--output", back, "--reverse")
    assert done.code == 0 and contents(back) == repair.before[0], done.err


def test_what_is_no_saved_model_is_not_replaced(repair, tmp_path):
    letters, model = tmp_path / "letters", tmp_path / "model"
    letters.mkdir()
    (letters / "letter.txt").write_text("dear")
    done = fetafix("apply", repair.patch, repair.target, "--output", letters)
    assert done.code != 0 and "no SavedModel that could be replaced" in done.err
    assert contents(letters) == {"letter.txt": b"dear"}
    shutil.copytree(RIGHT, model)
    done = fetafix("apply", repair.patch, repair.target, "--output", model)
    assert done.code == 0 and contents(model) == contents(repair.output), done.err
    done = fetafix("apply", repair.patch, repair.target, "--output", repair.target)
    assert done.code != 0 and contents(repair.target) == repair.before[0]


def test_the_right_folder_is_the_same(tmp_path):
    done = fetafix("check", SOURCE, RIGHT, *DATA, "--json", tmp_path / "r.json")
    result = json.loads((tmp_path / "r.json").read_text())
    assert done.code == 0 and result["verdict"] in ("identical", "equivalent") and not result["faults"], done.out
    assert result["coverage"]["opaque"] == 0


def test_output_names_are_tensorflows():
    """What output_names.cpp says of an operator's outputs is what the installed TensorFlow says."""
    from tensorflow.python.framework import op_def_registry
    code = (ROOT / "src/formats/tensorflow/output_names.cpp").read_text()
    rows = re.findall(r'^    \{"(\w+)",\s*"([^"]*)"\},$', code, re.MULTILINE)
    assert len(rows) > 200 and rows == sorted(rows)
    for operator, names in rows:
        definition = op_def_registry.get(operator)
        if definition is None:
            assert operator.startswith("_"), operator  # what its optimizer makes
            continue
        listed = [output.name + ("*" if output.number_attr or output.type_list_attr else "") for output in definition.output_arg]
        assert ",".join(listed) == names, operator
