"""Bad input: a clear error, the right exit code, inputs untouched, nothing half-written, no worker left behind."""

import os
import resource
import shutil
import signal
import subprocess
import time
import uuid
from pathlib import Path

import pytest
from conftest import DATA, MODELS, PHOTOS, PROGRAM, ROOT, digest, fetafix

RIGHT, SIM, NOBIAS = MODELS / "right.onnx", MODELS / "sim.onnx", MODELS / "nobias.onnx"


CORPUS = ROOT / "fuzz/corpus"

# Seeds of the fuzz targets that are wrong, and a word of what must be said: such that can't be read at all, ...
UNREADABLE = {
    "onnx": {"external-absolute": "leaves the model's folder", "external-traversal": "leaves the model's folder",
             "external-traversal-in-attribute": "leaves the model's folder", "external-folder-in-attribute": "not a regular file",
             "external-missing": "no-such-file", "nested-graphs-500": "not a whole ONNX file",
             "length-outside": "not a whole ONNX file", "varint-without-end": "unknown format"},
    "tflite": {"buffer-behind-wraps": "truncated", "count-44": "offset leads outside", "input-negative": "an input is tensor -1",
               "shared-graphs": "a damaged TFLite file", "shared-quantized": "shared so often", "root-outside": "offset leads outside",
               "huge-constant": "expected a concrete one", "rank-40": "has 40 dimensions"}}
# ... and such that can, but make no sense: as a target these are broken.
SENSELESS = {
    "onnx": {"cycle": "depends on this node", "reads-nothing": "which nothing computes", "computed-twice": "exists already",
             "constant-computed-twice": "exists already", "huge-shape-no-data": "shape [2147483648]",
             "overflowing-shape": "impossible shape", "wrong-size": "needs 16 bytes", "opset-0": "operator set 0",
             "external-no-location": "leaves the model's folder", "no-output": "never computed"},
    "tflite": {"operand-outside": "operand is tensor 99", "buffer-outside": "has buffer 4294967295",
               "cycle": "before anything computes it", "read-before": "before anything computes it",
               "input-twice": "two model inputs", "version-2": "expected 3", "huge-variable": "would not fit in memory",
               "many-variables": "would not fit in memory"}}


def named(table):
    return [(kind, name, word) for kind, names in table.items() for name, word in names.items()]


def assert_refused(done, code, *words):
    assert done.code == code, (done.code, done.out, done.err)
    assert done.out == "" and len(done.err.strip().splitlines()) <= 2
    for word in words:
        assert word in done.err


@pytest.fixture
def bad(tmp_path):
    (tmp_path / "empty.onnx").write_bytes(b"")
    (tmp_path / "text.onnx").write_text("this is a text, and no model\n" * 100)
    (tmp_path / "cut.onnx").write_bytes(RIGHT.read_bytes()[:9_000_000])
    (tmp_path / "zeros.onnx").write_bytes(bytes(10_000))
    (tmp_path / "folder.onnx").mkdir()
    return tmp_path


@pytest.mark.parametrize("name", ["missing.onnx", "empty.onnx", "text.onnx", "cut.onnx", "zeros.onnx", "folder.onnx"])
def test_bad_model(bad, name):
    for pair in ((RIGHT, bad / name), (bad / name, RIGHT)):
        assert_refused(fetafix("check", *pair, *DATA), 3, name)
    assert_refused(fetafix("inspect", bad / name), 3, name)


@pytest.fixture
def hostile(tmp_path):
    """Copies a seed into the folder of the test; at the end nothing may have changed there."""
    before = {}

    def copy(kind, name):
        path = tmp_path / f"{name}.{kind}"
        shutil.copy(CORPUS / kind / name, path)
        before[path] = digest(path)
        return path
    yield copy
    assert before and {path: digest(path) for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("kind, name, word", named(UNREADABLE))
def test_hostile_model(hostile, tmp_path, kind, name, word):
    model = hostile(kind, name)
    assert_refused(fetafix("inspect", model), 3, name, word)
    for pair in ((RIGHT, model), (model, RIGHT)):
        assert_refused(fetafix("repair", *pair, *DATA, "--output", tmp_path / "fixed"), 3, name, word)


@pytest.mark.parametrize("kind, name, word", named(SENSELESS))
def test_senseless_model(hostile, tmp_path, kind, name, word):
    model = hostile(kind, name)
    assert_refused(fetafix("inspect", model), 3, name, word)
    assert_refused(fetafix("repair", model, RIGHT, *DATA, "--output", tmp_path / "fixed"), 3, name, word)
    done = fetafix("repair", RIGHT, model, *DATA, "--limit", "2", "--output", tmp_path / "fixed")
    assert done.code == 1 and "does not load or run" in done.out, (done.code, done.out, done.err)


def limited():
    """Two gigabytes: a small file has no reason to take more."""
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))


@pytest.mark.parametrize("kind", ["onnx", "tflite"])
def test_every_seed_is_read_or_refused(kind):
    seeds = sorted((CORPUS / kind).iterdir())
    assert len(seeds) > 50
    for seed in seeds:
        start = time.monotonic()
        done = fetafix("inspect", seed, preexec_fn=limited)
        assert done.code in (0, 3), (seed.name, done.code, done.err)
        assert (done.err == "") == (done.code == 0) and len(done.err.splitlines()) <= 2, (seed.name, done.err)
        assert time.monotonic() - start < 10, seed.name


def test_every_patch_of_the_corpus_is_refused(tmp_path):
    seeds = sorted((CORPUS / "patch").iterdir())
    assert len(seeds) > 50
    for seed in seeds:
        done = fetafix("apply", seed, NOBIAS, "--output", tmp_path / "fixed.onnx", preexec_fn=limited)
        assert done.code in (2, 3) and done.err.startswith("fetafix: "), (seed.name, done.code, done.err)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["huge-shape", "overflow", "code", "pickle", "cut-archive", "false-size", "long-header"])
def test_hostile_arrays(tmp_path, name):
    path = tmp_path / "arrays.npz"
    shutil.copy(CORPUS / "arrays" / name, path)
    assert_refused(fetafix("check", RIGHT, SIM, "--data", path, preexec_fn=limited), 3, "arrays.npz")


def test_a_named_pipe_is_no_model(tmp_path):
    os.mkfifo(tmp_path / "pipe.onnx")
    assert_refused(fetafix("inspect", tmp_path / "pipe.onnx"), 3, "pipe.onnx")


def test_every_truncation_of_a_model_is_refused_or_read(tmp_path):
    whole = SIM.read_bytes()
    for size in (1, 7, 100, 5_000, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.onnx").write_bytes(whole[:size])
        assert fetafix("inspect", tmp_path / "cut.onnx").code == 3, size


@pytest.mark.parametrize("words", [["--nonsense"], ["--threads", "0"], ["--held-back", "2"], ["--limit", "many"],
                                   ["--preprocess", "silly=1"], ["--preprocess", "resize=0"]])
def test_bad_option(words):
    done = fetafix("check", RIGHT, SIM, "--data", PHOTOS, *words)
    assert done.code == 2 and done.err


def test_bad_command():
    for words in ([], ["mend"], ["check"], ["check", RIGHT], ["list"], ["list", "nonsense"]):
        assert fetafix(*words).code == 2, words


def test_repair_needs_an_output():
    assert_refused(fetafix("repair", RIGHT, NOBIAS, *DATA), 2, "--output")


def test_bad_data(tmp_path):
    (tmp_path / "none").mkdir()
    (tmp_path / "photo.png").write_text("no picture")
    (tmp_path / "photo.jpg").write_bytes((PHOTOS / "daisy.jpg").read_bytes()[:500])
    (tmp_path / "array.npz").write_text("no archive")
    (tmp_path / "array.npy").write_bytes(b"\x93NUMPY\x01\x00")
    for name in ("missing", "none", "photo.png", "photo.jpg", "array.npz", "array.npy"):
        assert_refused(fetafix("check", RIGHT, SIM, "--data", tmp_path / name, "--preprocess", "efficientnet-lite"), 3, name)


def test_output_may_be_no_input(tmp_path):
    copies = [tmp_path / "source.onnx", tmp_path / "target.onnx"]
    for copy, origin in zip(copies, (RIGHT, NOBIAS)):
        copy.write_bytes(origin.read_bytes())
    (tmp_path / "link.onnx").symlink_to(copies[1])
    for output in (*copies, tmp_path / "link.onnx"):
        assert_refused(fetafix("repair", *copies, *DATA, "--output", output), 2, "overwrite")
    assert [digest(copy) for copy in copies] == [digest(RIGHT), digest(NOBIAS)]
    assert len(list(tmp_path.iterdir())) == 3


def test_output_that_can_not_be_written(tmp_path):
    done = fetafix("repair", RIGHT, NOBIAS, *DATA, "--output", tmp_path / "no/such/fixed.onnx")
    assert_refused(done, 3, "no/such/fixed.onnx")
    assert list(tmp_path.iterdir()) == []


def test_missing_runtime():
    done = fetafix("check", RIGHT, SIM, *DATA, "--python", "/no/such/python")
    assert done.code in (3, 4) and "/no/such/python" in done.err


def marked(mark):
    """Processes that carry a mark in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if mark.encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("after", [0.3, 1, 1.5])
def test_interrupted(tmp_path, number, after):
    mark = f"FETAFIX_TEST_MARK={uuid.uuid4()}"
    key, value = mark.split("=")
    process = subprocess.Popen([PROGRAM, "repair", RIGHT, MODELS / "training_still.onnx", *DATA, "--output",
                                tmp_path / "fixed.onnx"], env=dict(os.environ, **{key: value}), text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(after)
    assert marked(mark), "it ended before it could be interrupted"
    process.send_signal(number)
    start = time.monotonic()
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130 and "interrupted" in errors
    assert time.monotonic() - start < 5
    deadline = time.monotonic() + 2
    while marked(mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert marked(mark) == [] and list(tmp_path.iterdir()) == []
