"""A written patch is replayed on the file that it was made for, and on no other."""

import json

from conftest import MODELS, digest, fetafix


def test_replay_gives_the_same_bytes(damaged, nobias, training, tmp_path):
    for repair in (damaged[1], nobias, training):
        replayed = tmp_path / "replayed.onnx"
        done = fetafix("apply", repair.result["patch"], repair.target, "--output", replayed)
        assert done.code == 0, done.err
        assert replayed.read_bytes() == repair.output.read_bytes()


def test_another_file_is_refused(nobias, tmp_path):
    done = fetafix("apply", nobias.result["patch"], MODELS / "sim.onnx", "--output", tmp_path / "x.onnx")
    assert done.code == 2 and "not the file that the patch was made for" in done.err
    assert list(tmp_path.iterdir()) == []


def test_the_model_is_not_overwritten(nobias, tmp_path):
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(nobias.target.read_bytes())
    done = fetafix("apply", nobias.result["patch"], copy, "--output", copy)
    assert done.code == 2 and digest(copy) == digest(nobias.target)


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
