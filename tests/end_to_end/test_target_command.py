"""A target that a command of the user's runs; the command here is onnxruntime, behind a script."""

import json
import shlex
import sys
import time
from pathlib import Path

import pytest
from conftest import DATA, MODELS, fetafix

RUNS = """
import json, os, sys
import numpy, onnxruntime
session = onnxruntime.InferenceSession(os.environ["FETAFIX_MODEL"])
for line in sys.stdin:
    where = json.loads(line)
    arrays = numpy.load(where["inputs"])
    outputs = session.run(None, {name: arrays[name] for name in arrays.files})
    print("ran")  # passed on, not an answer
    numpy.savez(where["outputs"], **{spec.name: value for spec, value in zip(session.get_outputs(), outputs)})
    print("ok", flush=True)
"""
BY_HAND = MODELS / "nobias.onnx"


def running(mark):
    """Command lines of processes that hold the mark."""
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    return [line for line in lines if mark.encode() in line]


def check(script, folder, *words, target=BY_HAND, command="check"):
    path = folder / "command.py"
    path.write_text(script)
    line = f"{shlex.quote(sys.executable)} {shlex.quote(str(path))}"
    return fetafix(command, MODELS / "right.onnx", target, *DATA, "--target-command", line, "--json", folder / "r.json", *words)


def test_what_the_command_answers_is_compared(tmp_path):
    done = check(RUNS, tmp_path, target=MODELS / "sim.onnx")
    result = json.loads((tmp_path / "r.json").read_text())
    assert done.code == 0 and result["verdict"] in ("identical", "equivalent"), done.out + done.err
    assert result["target"]["runtime"] == "command"


def test_faults_of_the_file_are_localized(tmp_path):
    done = check(RUNS, tmp_path, command="localize")
    result = json.loads((tmp_path / "r.json").read_text())
    assert done.code == 1 and [fault["pattern"] for fault in result["faults"]] == ["lost-bias"], done.out + done.err


def test_a_device_that_computes_otherwise(tmp_path):
    done = check(RUNS.replace("value for spec", "value * 1.5 + 1 for spec"), tmp_path, target=MODELS / "sim.onnx")
    result = json.loads((tmp_path / "r.json").read_text())
    assert done.code == 1 and "runtime may compute the file otherwise" in result["reason"], done.out + done.err


@pytest.mark.parametrize("script, message", [
    ("import sys; sys.exit(3)", "exit code 3"), ("for _ in open(0): print('error no device', flush=True)", "error no device"),
    ("for _ in open(0): print('ok', flush=True)", "outputs can't be read")])
def test_a_command_that_fails_is_told(script, message, tmp_path):
    done = check(script, tmp_path)
    assert done.code == 5 and message in done.err and not done.out


def test_a_command_that_does_not_end_is_ended(tmp_path):
    mark = str(tmp_path)  # in the command line of the shell and of what it starts
    done = check(RUNS + "import time\ntime.sleep(600)\n", tmp_path, target=MODELS / "sim.onnx")
    assert done.code == 0, done.err
    deadline = time.monotonic() + 20
    while (left := running(mark)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not left


def test_a_repair_needs_the_runtime(tmp_path):
    done = fetafix("repair", MODELS / "right.onnx", BY_HAND, *DATA, "--target-command", "true", "--output", tmp_path / "o.onnx")
    assert done.code == 2
