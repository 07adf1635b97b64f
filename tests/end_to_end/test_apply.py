"""A written patch is replayed on its own file, found again in another one, and taken back."""

import base64
import hashlib
import json
import sys

import numpy
import onnx
import pytest
from conftest import MODELS, ROOT, Repaired, digest, fetafix, plant, zoo

sys.path.insert(0, str(ROOT / "tests/zoo"))
import tflite_file  # noqa: E402

ONNX, LITE = MODELS / "sim.onnx", MODELS / "lite0_float32.tflite"


@pytest.fixture(scope="module")
def lite(tmp_path_factory):
    """A TFLite file with damaged weights, and repaired."""
    folder = tmp_path_factory.mktemp("lite")
    target, _ = plant(LITE, folder, "weights-noise", 5)
    return Repaired(LITE, target, folder)


def written(path):
    return json.loads(path.read_text())


def equal(before, after):
    """By the independent comparison of tests/zoo."""
    return json.loads(zoo("surgical.py", before, after))["equal"]


# --- replay ------------------------------------------------------------------------------------------------------------

def test_replay_gives_the_same_bytes(damaged, nobias, training, tmp_path):
    for repair in (damaged[1], nobias, training):
        replayed = tmp_path / "replayed.onnx"
        done = fetafix("apply", repair.result["patch"], repair.target, "--output", replayed)
        assert done.code == 0, done.err
        assert replayed.read_bytes() == repair.output.read_bytes()


def test_another_file_is_refused(nobias, tmp_path):
    done = fetafix("apply", nobias.result["patch"], MODELS / "sim.onnx", "--output", tmp_path / "x.onnx")
    assert done.code == 2 and "not the file that the patch was made for" in done.err and "--rebase" in done.err
    assert list(tmp_path.iterdir()) == []


def test_no_input_is_overwritten(nobias, tmp_path):
    copy, patch = tmp_path / "copy.onnx", tmp_path / "patch.json"
    copy.write_bytes(nobias.target.read_bytes())
    patch.write_text(open(nobias.result["patch"]).read())
    for words in (["--output", copy], ["--output", patch], ["--output", tmp_path / "x", "--patch", patch]):
        done = fetafix("apply", patch, copy, *words)
        assert done.code == 2 and "overwrite" in done.err, words
    assert digest(copy) == digest(nobias.target)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["copy.onnx", "patch.json"]


def test_broken_patches(nobias, tmp_path):
    good = json.loads(open(nobias.result["patch"]).read())
    broken = {
        "not JSON": "{",
        "a list": "[]",
        "another version": json.dumps({**good, "patch": 99}),
        "no groups": json.dumps({k: v for k, v in good.items() if k != "groups"}),
        "an unknown edit": json.dumps({**good, "groups": [{"reason": "", "edits": [{"edit": "explode"}]}]}),
        "an address outside": json.dumps({**good, "groups": [{"reason": "", "edits": [
            {"edit": "remove-node", "at": {"operator": 123456, "role": "core"}, "through": 0}]}]}),
    }
    for name, text in broken.items():
        patch = tmp_path / "patch.json"
        patch.write_text(text)
        done = fetafix("apply", patch, nobias.target, "--output", tmp_path / "x.onnx")
        assert done.code in (2, 3) and done.err.startswith("fetafix: "), (name, done.code, done.err)
        assert not (tmp_path / "x.onnx").exists(), name


# --- rebase ------------------------------------------------------------------------------------------------------------

def changed_tensors(before, after):
    difference = json.loads(zoo("surgical.py", before, after))
    rest = ("removed", "added", "changed", "tensors_removed", "tensors_added", "elsewhere")
    assert [difference[key] for key in rest] == [[]] * len(rest)
    return [row["tensor"] for row in difference["tensors_changed"]]


def resave_with_names_stripped(repair, folder):
    other, wanted = folder / f"other{repair.target.suffix}", folder / f"wanted{repair.target.suffix}"
    zoo("rename.py", repair.target, other, "--seed", 9)
    zoo("rename.py", repair.output, wanted, "--seed", 9)
    return other, wanted


@pytest.mark.parametrize("kind", ["onnx", "tflite"])
def test_rebase_on_the_same_model_with_other_names(kind, damaged, lite, tmp_path):
    repair = damaged[1] if kind == "onnx" else lite
    other, wanted = resave_with_names_stripped(repair, tmp_path)
    output = tmp_path / f"out{other.suffix}"
    assert fetafix("apply", repair.result["patch"], other, "--output", output).code == 2
    done = fetafix("apply", repair.result["patch"], other, "--output", output, "--rebase")
    assert done.code == 0, done.err
    assert equal(wanted, output)


@pytest.mark.parametrize("kind", ["onnx", "tflite"])
def test_rebase_with_an_operator_in_front(kind, damaged, lite, tmp_path):
    repair = damaged[1] if kind == "onnx" else lite
    other, record = plant(repair.target, tmp_path, "transpose-inserted", 1, "--place", 0)
    assert record["index"] < written_operator(repair)
    output, patch = tmp_path / f"out{other.suffix}", tmp_path / "rebased.json"
    done = fetafix("apply", repair.result["patch"], other, "--output", output, "--rebase", "--patch", patch)
    assert done.code == 0, done.err
    assert len(changed_tensors(other, output)) == 1
    before, after = written(tmp_path / "rebased.json"), json.loads(open(repair.result["patch"]).read())
    index = [p["groups"][0]["edits"][0]["at"]["operator"] for p in (before, after)]
    assert index[0] == index[1] + 1 and before["model_sha256"] == digest(other)
    # The rebased patch is one for the other file like any other.
    done = fetafix("apply", patch, other, "--output", tmp_path / "again")
    assert done.code == 0 and (tmp_path / "again").read_bytes() == output.read_bytes()
    done = fetafix("apply", patch, output, "--output", tmp_path / "back", "--reverse")
    assert done.code == 0 and (tmp_path / "back").read_bytes() == other.read_bytes()


def test_rebase_with_operators_in_another_order(damaged, tmp_path):
    repair = damaged[1]
    model = onnx.load(repair.target)
    nodes = list(model.graph.node)
    known = {v.name for v in model.graph.input} | {t.name for t in model.graph.initializer} | {""}
    order = []
    while nodes:  # the last that can be, each time
        index = max(i for i, node in enumerate(nodes) if set(node.input) <= known)
        known |= set(nodes[index].output)
        order.append(nodes.pop(index))
    assert [n.name for n in order] != [n.name for n in model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(order)
    other, output = tmp_path / "other.onnx", tmp_path / "out.onnx"
    onnx.save(model, other)
    done = fetafix("apply", repair.result["patch"], other, "--output", output, "--rebase")
    assert done.code == 0, done.err
    assert len(changed_tensors(other, output)) == 1


def test_rebase_says_what_is_not_there_once(nobias, damaged, tmp_path):
    output = tmp_path / "out.onnx"
    done = fetafix("apply", nobias.result["patch"], MODELS / "sim.onnx", "--output", output, "--rebase")
    assert done.code == 2 and "found 0 times" in done.err and not output.exists()
    # The same node twice, with the same operands and the same reader: nothing tells them apart.
    model = onnx.load(damaged[1].target)
    index = written_operator(damaged[1])
    twin = onnx.NodeProto()
    twin.CopyFrom(model.graph.node[index])
    twin.output[0] = "twin"
    model.graph.node.insert(index + 1, twin)
    other = tmp_path / "other.onnx"
    onnx.save(model, other)
    done = fetafix("apply", damaged[1].result["patch"], other, "--output", output, "--rebase")
    assert done.code == 2 and "found 2 times" in done.err and not output.exists()


def written_operator(repair):
    return json.loads(open(repair.result["patch"]).read())["groups"][0]["edits"][0]["at"]["operator"]


# --- reverse -----------------------------------------------------------------------------------------------------------

def test_repairs_are_taken_back_byte_for_byte(damaged, nobias, training, lite, tmp_path):
    for repair in (damaged[1], nobias, training, lite):
        back = tmp_path / "back"
        done = fetafix("apply", repair.result["patch"], repair.output, "--output", back, "--reverse")
        assert done.code == 0, done.err
        assert back.read_bytes() == repair.target.read_bytes()


def at(index, role="core"):
    return {"operator": index, "role": role}


def tensor(values):
    array = numpy.asarray(values, numpy.float32)
    return {"dtype": "float32", "shape": list(array.shape), "data": base64.b64encode(array.tobytes()).decode()}


def onnx_place():
    """A convolution with a bias, and a residual Add."""
    nodes = onnx.load(ONNX).graph.node
    conv = next(i for i, n in enumerate(nodes) if n.op_type == "Conv" and len(n.input) == 3)
    return conv, next(i for i, n in enumerate(nodes) if n.op_type == "Add"), 32


def kinds_in(path):
    model = tflite_file.read(path)
    return [tflite_file.op_name(model, op) for op in model.subgraphs[0].operators]


def lite_place():
    kinds = kinds_in(LITE)
    return kinds.index("CONV_2D"), kinds.index("ADD"), 32


def edits_on(conv, add, channels):
    return {
        "weight": {"edit": "set-tensor", "at": at(conv), "slot": 2, "tensor": tensor(numpy.arange(channels))},
        "attribute": {"edit": "set-attribute", "at": at(conv), "name": "dilations", "value": {"ints": [2, 2]}},
        "inserted": {"edit": "insert-node", "edge": {"node": at(add), "output": 0}, "type": "Relu", "attributes": {},
                     "operands": [None]},
        "removed": {"edit": "remove-node", "at": at(add), "through": 0},
    }


@pytest.mark.parametrize("model, place", [(ONNX, onnx_place), (LITE, lite_place)], ids=["onnx", "tflite"])
def test_each_kind_of_edit_is_taken_back(model, place, tmp_path):
    edits = edits_on(*place())
    for name in [*edits, "all"]:
        group = [e for k, e in edits.items() if k != "removed"] if name == "all" else [edits[name]]
        patch, saved = tmp_path / "patch.json", tmp_path / "saved.json"
        patch.write_text(json.dumps({"patch": 1, "format": "onnx" if model == ONNX else "tflite",
                                     "model_sha256": digest(model), "groups": [{"reason": name, "edits": group}]}))
        output, back = tmp_path / "out", tmp_path / "back"
        done = fetafix("apply", patch, model, "--output", output, "--patch", saved)
        assert done.code == 0, (name, done.err)
        assert not equal_files(model, output), name
        assert fetafix("apply", patch, output, "--output", back, "--reverse").code == 2, name  # says no way back
        done = fetafix("apply", saved, output, "--output", back, "--reverse")
        assert done.code == 0 and equal_files(model, back), (name, done.err)
        # Not more than what was replaced and what a file is besides its weights.
        assert saved.stat().st_size < 1_000_000, name


def equal_files(one, other):
    return one.read_bytes() == other.read_bytes()


def test_only_what_the_patch_gave_is_taken_back(nobias, tmp_path):
    patch, output = nobias.result["patch"], tmp_path / "out.onnx"
    done = fetafix("apply", patch, nobias.target, "--output", output, "--reverse")
    assert done.code == 2 and "not the file that this patch gives" in done.err
    done = fetafix("apply", patch, nobias.output, "--output", output, "--reverse", "--rebase")
    assert done.code == 2
    bad = written_with(patch, tmp_path, lambda p: p["reverse"].update(delta=p["reverse"]["delta"][:-8]))
    done = fetafix("apply", bad, nobias.output, "--output", output, "--reverse")
    assert done.code == 3 and not output.exists()


def written_with(patch, folder, change):
    content = json.loads(open(patch).read())
    change(content)
    path = folder / "changed.json"
    path.write_text(json.dumps(content))
    return path


# --- repairs that need the patcher ---------------------------------------------------------------------------------

def test_a_bypassed_join_of_two_readers_is_put_back(tmp_path):
    target, record = plant(LITE, tmp_path, "node-bypassed", 1)
    assert len(record["ends"]) == 3  # its operand's producer, and two readers
    repair = Repaired(MODELS / "right.onnx", target, tmp_path)
    assert repair.result["verdict"] == "repaired", repair.run.out + repair.run.err
    assert kinds_in(LITE) == kinds_in(repair.output)  # once, and where it was
    assert repair.oracle()["max_abs"] < 5e-5
    back = tmp_path / "back"
    assert fetafix("apply", repair.result["patch"], repair.output, "--output", back, "--reverse").code == 0
    assert equal_files(back, target)


# --- no edits ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("model", sorted([*MODELS.glob("[!.]*.onnx"), *MODELS.glob("[!.]*.tflite")]), ids=lambda m: m.name)
def test_what_no_edit_touches_stays(model, tmp_path):
    """No edits: the same bytes. An edit that changes nothing: the file is written anew, and equal in every part."""
    nothing = {"edit": "keep-outputs", "at": at(0), "keep": 1000}
    for groups in ([], [{"reason": "", "edits": [nothing]}]):
        patch, output = tmp_path / "patch.json", tmp_path / f"out{model.suffix}"
        patch.write_text(json.dumps({"patch": 1, "format": model.suffix[1:], "model_sha256": digest_of_all(model),
                                     "groups": groups}))
        done = fetafix("apply", patch, model, "--output", output)
        assert done.code == 0, done.err
        assert equal_files(model, output) if not groups else equal(model, output)


def digest_of_all(model):
    """With external data: the file's digest, and then each file's, chained in sorted order."""
    whole = digest(model)
    if model.suffix == ".onnx":
        stored = onnx.load(model, load_external_data=False).graph.initializer
        for place in sorted({e.value for t in stored for e in t.external_data if e.key == "location"}):
            whole = hashlib.sha256((whole + digest(model.parent / place)).encode()).hexdigest()
    return whole
