"""Runs the zoo's scripts on files of Keras and TensorFlow in processes that have imported both already, which takes longer than
all else."""

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

SUFFIXES = (".keras", ".h5", "saved_model")
# Before TensorFlow is imported there: what it says of the machine is no message of a script.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# A child of a process in which TensorFlow has been imported hangs now and then, at a lock that nobody holds any more.
PATIENCE = 120
context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(["keras"])


def is_about_tensorflow(words):
    return any(str(word).endswith(SUFFIXES) for word in words)


def _main(script, words, folder):
    for number, name in ((1, "out"), (2, "error")):
        os.dup2(os.open(Path(folder) / name, os.O_WRONLY | os.O_CREAT), number)
    sys.argv = [str(script), *words]
    sys.path.insert(0, str(script.parent))
    runpy.run_path(str(script), run_name="__main__")


def run(script, words, timeout):
    """As subprocess.run with text."""
    words = [str(word) for word in words]
    with tempfile.TemporaryDirectory() as folder:
        process = context.Process(target=_main, args=(script, words, folder))
        process.start()
        process.join(PATIENCE)
        if process.exitcode is None:
            process.kill()
            return subprocess.run([sys.executable, str(script), *words], capture_output=True, text=True, timeout=timeout)
        texts = [(Path(folder) / name).read_text() if (Path(folder) / name).exists() else "" for name in ("out", "error")]
    return subprocess.CompletedProcess(words, process.exitcode, *texts)
