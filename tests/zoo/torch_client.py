"""The zoo's environment with torch, asked from the one without: starts torch_run.py once and connects to it for each file.

Scripts that are run many times find the server of the process that runs them in ZOO_TORCH_SERVER (share()).
"""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from multiprocessing.connection import Client
from pathlib import Path

PYTHON = Path(sys.prefix).parent / "torch/bin/python"  # beside the environment that runs this
SHARED = "ZOO_TORCH_SERVER"
_servers = []


def share():
    """Processes that this one starts use its server."""
    os.environ[SHARED] = address()


def address():
    """Of the server, which this process, or one that it comes from, started."""
    if os.environ.get(SHARED):
        return os.environ[SHARED]
    if not _servers:
        folder = tempfile.mkdtemp(prefix="zoo_torch_")
        path = f"{folder}/socket"
        process = subprocess.Popen([PYTHON, Path(__file__).with_name("torch_run.py"), path], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if process.stdout.readline() != "ready\n":
            raise RuntimeError(f"{PYTHON} has no torch that runs")
        _servers.append((path, process))
        atexit.register(shutil.rmtree, folder, True)
    return _servers[0][0]


class Refusal(Exception):
    """What torch says of a file that it does not load or run."""


class Session:
    """One loaded file."""

    def __init__(self, path):
        self.connection = Client(address(), "AF_UNIX")
        self.slots = self.ask(str(Path(path).resolve()))

    def ask(self, message):
        self.connection.send(message)
        try:
            answer = self.connection.recv()
        except EOFError:
            raise Refusal("torch ended") from None
        if isinstance(answer, str):
            raise Refusal(answer)
        return answer
