"""Bad input: a clear error, the right exit code, inputs untouched, nothing half-written, no worker left behind."""

import os
import signal
import subprocess
import time
import uuid
from pathlib import Path

import pytest
from conftest import DATA, MODELS, PHOTOS, PROGRAM, digest, fetafix

RIGHT, SIM, NOBIAS = MODELS / "right.onnx", MODELS / "sim.onnx", MODELS / "nobias.onnx"


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
