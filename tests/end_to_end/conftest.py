"""What the end-to-end tests share: the real binary, real models, the independent scripts of tests/zoo.

FETAFIX_BUILD names another build folder than build/, FETAFIX_PROGRAM another program than its release/bin/fetafix.
"""

import fcntl
import hashlib
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("FETAFIX_BUILD", ROOT / "build"))
PROGRAM = Path(os.environ.get("FETAFIX_PROGRAM", BUILD / "release/bin/fetafix"))
MODELS = BUILD / "models"
PHOTOS = BUILD / "photos"
DATA = ["--data", PHOTOS, "--preprocess", "efficientnet-lite"]


class Done:
    """A finished run: exit code and texts."""

    def __init__(self, completed):
        self.code, self.out, self.err = completed.returncode, completed.stdout, completed.stderr


def fetafix(*words, **options):
    return Done(subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=120, cwd=ROOT, **options))


def zoo(script, *words):
    """Runs a script of tests/zoo, and gives what it prints."""
    done = subprocess.run([sys.executable, ROOT / "tests/zoo" / script, *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def pytest_configure(config):
    config.addinivalue_line("markers", "heavy: `make end-to-end` runs it, `make test` does not")


def heavy(*values):
    """A parameter set that only `make end-to-end` runs."""
    return pytest.param(*values, marks=pytest.mark.heavy)


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Repaired:
    """A repair of `target` from `source`, and all that it left behind."""

    def __init__(self, source, target, folder, *words):
        self.source, self.target, self.folder = source, target, folder
        self.output = folder / f"fixed{target.suffix}"
        before = digest(source), digest(target)
        self.run = fetafix("repair", source, target, *DATA, "--output", self.output, "--run-dir", folder / "run", *words)
        self.inputs_untouched = before == (digest(source), digest(target))
        result = folder / "run/result.json"
        self.result = json.loads(result.read_text()) if result.exists() else None

    def oracle(self):
        """The independent comparison of the source with the output."""
        return json.loads(zoo("oracle.py", self.source, self.output, "--photos", PHOTOS))

    def surgical(self):
        return json.loads(zoo("surgical.py", self.target, self.output))


def plant(source, folder, fault, seed, *words):
    """A damaged copy in the folder, and the record of what was done to it."""
    damaged, record = folder / f"damaged_{source.name}", folder / "planted.json"
    zoo("plant.py", source, damaged, "--fault", fault, "--seed", seed, "--json", record, *words)
    return damaged, json.loads(record.read_text())


def once(factory, name, make):
    """What `make` gives, called with a new folder: once for all processes of a run (pytest-xdist)."""
    base = factory.getbasetemp()
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    folder = (base.parent / f"shared-{run}" if run else base / "shared") / name
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = folder / "made.pickle"
        if not made.exists():
            (folder / "files").mkdir(exist_ok=True)
            made.write_bytes(pickle.dumps(make(folder / "files")))
        return pickle.loads(made.read_bytes())


@pytest.fixture(scope="session")
def renamed(tmp_path_factory):
    """The simplified model with random names."""

    def make(folder):
        path = folder / "renamed.onnx"
        zoo("rename.py", MODELS / "sim.onnx", path, "--seed", 7)
        return path

    return once(tmp_path_factory, "renamed", make)


@pytest.fixture(scope="session")
def damaged(renamed, tmp_path_factory):
    """One convolution's weights damaged, and repaired: (planted record, repair)."""

    def make(folder):
        target, record = plant(renamed, folder, "weights-noise", 5)
        assert record["op_type"] == "Conv"
        return record, Repaired(MODELS / "right.onnx", target, folder)

    return once(tmp_path_factory, "damaged", make)


@pytest.fixture(scope="session")
def nobias(tmp_path_factory):
    return once(tmp_path_factory, "nobias",
                lambda folder: Repaired(MODELS / "right.onnx", MODELS / "nobias.onnx", folder))


@pytest.fixture(scope="session")
def training(tmp_path_factory):
    return once(tmp_path_factory, "training",
                lambda folder: Repaired(MODELS / "right.onnx", MODELS / "training_still.onnx", folder))
